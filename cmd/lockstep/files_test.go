//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A named pipe where a file should be is refused by every command that reads it
// or writes it: opening one waits for its other end.
func TestPipesAreRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.npz")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	inputs := fixture.Path("seed_units1_keras3", "inputs.npz")
	model := fixture.Dir(t, "seed_units1_keras3")
	good := filepath.Join(dir, "good.golden")
	if code, _, errs := call("golden", "record", model, "--engine", "native", "--inputs", inputs, "-o", good); code != exitInStep {
		t.Fatal(errs)
	}
	// with makes a copy of the model in which one file is the pipe.
	with := func(name string) string {
		dir := fixture.Dir(t, "seed_units1_keras3")
		path := filepath.Join(dir, name)
		os.Remove(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(pipe, path); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	pb, index, data, asset := with("saved_model.pb"), with("variables/variables.index"), with("variables/variables.data-00000-of-00001"), with("assets/words.txt")
	for _, args := range [][]string{
		{"inspect", pb},
		{"inspect", index},
		{"inspect", data, "--weights", filepath.Join(dir, "w.npz")},
		{"run", data, "--engine", "native", "--inputs", inputs, "--outputs", filepath.Join(dir, "o.npz")},
		{"run", model, "--engine", "native", "--inputs", pipe, "--outputs", filepath.Join(dir, "o.npz")},
		{"run", model, "--engine", "native", "--inputs", inputs, "--outputs", pipe},
		{"diff", inputs, pipe},
		{"diff", pipe, inputs},
		{"golden", "verify", "--config", pipe},
		{"check", "--config", pipe},
		{"golden", "record", model, "--engine", "native", "--inputs", pipe, "-o", filepath.Join(dir, "new.golden")},
		{"golden", "record", model, "--engine", "native", "--inputs", inputs, "-o", pipe},
		{"golden", "record", asset, "--engine", "native", "--inputs", inputs, "-o", filepath.Join(dir, "new.golden")},
		{"golden", "verify", asset, good},
		{"golden", "verify", model, good, "--earlier", pipe, "--drift", "1"},
		{"trace", model, "--engine", "native", "--inputs", pipe},
		{"forecast", model, "--engine", "native", "--inputs", pipe},
		{"forecast", model, "--engine", "native", "--series", pipe},
		{"trace", model, "--engine", "native", "--format", "npz=" + pipe},
	} {
		code, stdout, errs := call(args...)
		// inspect shows what it can, and why the model does not run.
		shown := code == exitNotRun || code == exitUsage || args[0] == "inspect" && args[1] == index
		if all := stdout + errs; !shown || !strings.Contains(all, "is a named pipe: not a regular file") {
			t.Errorf("%q: exit code %d:\n%s", args, code, all)
		}
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe has become %v, %v", info, err)
	}
}

// Every command takes names with the letters of patterns.
func TestNamesWithThePatternsLetters(t *testing.T) {
	for _, name := range []string{"a*b", "what?", "[x]", "a[", `a\b`} {
		dir := filepath.Join(t.TempDir(), name)
		model := filepath.Join(dir, name)
		if err := os.CopyFS(model, fixture.FS(t, "seed_units1_keras3")); err != nil {
			t.Fatal(err)
		}
		inputs := filepath.Join(dir, "in"+name+".npz")
		b, err := os.ReadFile(fixture.Path("seed_units1_keras3", "inputs.npz"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(inputs, b, 0o644); err != nil {
			t.Fatal(err)
		}
		out := func(ending string) string { return filepath.Join(dir, "out"+name+ending) }
		for _, args := range [][]string{
			{"inspect", model, "--weights", out(".w.npz")},
			{"run", model, "--engine", "native", "--inputs", inputs, "--outputs", out(".npz")},
			{"diff", out(".npz"), out(".npz")},
			{"golden", "record", model, "--engine", "native", "--inputs", inputs, "-o", out(".golden")},
			{"golden", "verify", model, out(".golden"), "--format", "json=" + out(".json")},
			{"trace", model, "--engine", "native", "--inputs", inputs, "--format", "npz=" + out(".t.npz")},
		} {
			if code, _, errs := call(args...); code != exitInStep {
				t.Errorf("%q: exit code %d:\n%s", args, code, errs)
			}
		}
	}
}
