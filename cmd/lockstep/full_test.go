package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// full is a place where nothing can be written. Only Linux has a file for that;
// what is tested does not depend on the system.
func full(t *testing.T) *os.File {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full here")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// callTo runs the program in this process with a standard output of the test's.
func callTo(stdout io.Writer, args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), stdout, &errs)
	return code, errs.String()
}

// An answer that did not arrive is exit code 3, whichever command gave it, in
// every format; one that prints nothing has nothing to lose.
func TestFullDisk(t *testing.T) {
	model, inputs := good(t), fixture.Path("seed_units1_keras3", "inputs.npz")
	dir := t.TempDir()
	recorded := filepath.Join(dir, "m.golden")
	if code, _, stderr := call("golden", "record", model, "--engine", "native", "-o", recorded); code != exitInStep {
		t.Fatal(stderr)
	}
	ones := fixture.Path("seed_units1_keras3", "inputs_ones.npz")
	commands := []struct {
		args       []string
		tensorflow bool
		silent     bool // it prints nothing
	}{
		{args: []string{"help"}}, {args: []string{"--help"}}, {args: []string{"check", "--help"}}, {args: []string{"help", "golden"}}, {args: []string{"golden", "verify", "-h"}},
		{args: []string{"completion", "bash"}},
		{args: []string{"doctor"}}, {args: []string{"version"}}, {args: []string{"version", "--format", "json"}},
		{args: []string{"inspect", model}}, {args: []string{"inspect", model, "--format", "json"}},
		{args: []string{"convert", fixture.Dir(t, "cudnn_seq2seq_keras3"), "-o", filepath.Join(dir, "converted")}},
		{args: []string{"run", model, "--inputs", inputs, "--outputs", filepath.Join(dir, "o.npz")}, silent: true},
		{args: []string{"diff", inputs, inputs}}, {args: []string{"diff", inputs, ones}},
		{args: []string{"diff", inputs, inputs, "--format", "json"}}, {args: []string{"diff", inputs, inputs, "--format", "junit"}},
		{args: []string{"diff", inputs, inputs, "--format", "html"}}, {args: []string{"diff", inputs, inputs, "--format", "github"}},
		{args: []string{"trace", model, "--steps", "2"}}, {args: []string{"trace", model, "--steps", "2", "--format", "npz"}}, {args: []string{"trace", model, "--steps", "2", "--format", "svg"}},
		{args: []string{"forecast", model, "--horizon", "2"}}, {args: []string{"forecast", model, "--horizon", "2", "--format", "csv"}},
		{args: []string{"explain", model, "--steps", "5"}}, {args: []string{"explain", model, "--steps", "5", "--format", "json"}},
		{args: []string{"selftest", model, "--steps", "2"}},
		{args: []string{"bench", model, "--rounds", "0"}}, {args: []string{"bench", model, "--rounds", "0", "--format", "markdown"}},
		{args: []string{"golden", "record", model, "--engine", "native", "-o", filepath.Join(dir, "n.golden")}},
		{args: []string{"golden", "verify", model, recorded, "--engine", "native"}},
		{args: []string{"golden", "verify", model, recorded, "--engine", "native", "--format", "github"}},
		{args: []string{"check", model}, tensorflow: true}, {args: []string{"check", model, "--format", "json"}, tensorflow: true},
		{args: []string{"check", model, "--print", "encoder/state_h"}, tensorflow: true},
	}
	tested := map[string]bool{"batch": true} // another program's
	for _, c := range commands {
		tested[c.args[0]] = true
		if c.args[0] == "golden" {
			tested[c.args[1]] = true
		}
		if c.tensorflow && !tfbridge.Built() {
			continue
		}
		code, stderr := callTo(full(t), c.args...)
		want := exitNotRun
		if c.silent {
			want = exitInStep
		}
		if code != want || !c.silent && !strings.Contains(stderr, syscall.ENOSPC.Error()) {
			t.Errorf("lockstep %s: exit code %d, want %d: %s", strings.Join(c.args, " "), code, want, stderr)
		}
		if n := strings.Count(stderr, syscall.ENOSPC.Error()); n > 1 {
			t.Errorf("lockstep %s says it %d times: %s", strings.Join(c.args, " "), n, stderr)
		}
	}
	for _, c := range slices.Concat(newRoot().Commands(), newGolden().Commands()) {
		if !c.Hidden && !tested[c.Name()] {
			t.Errorf("%s is not among the commands that were tried", c.Name())
		}
	}
}

// A verdict comes out wherever it can: on standard error if standard output is
// broken, on standard output if the file that was asked for cannot be written,
// and in the other files. The exit code is the finding's, or else 3.
func TestVerdictIsNeverSwallowed(t *testing.T) {
	a, b := fixture.Path("seed_units1_keras3", "inputs.npz"), fixture.Path("seed_units1_keras3", "inputs_ones.npz")
	nowhere := filepath.Join(t.TempDir(), "no", "such", "folder", "x")
	for _, c := range []struct {
		what           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"in step, no file", []string{"diff", a, a, "--format", "json=" + nowhere}, exitNotRun, "in step: ", "writing the report: "},
		{"diverged, no file", []string{"diff", a, b, "--format", "json=" + nowhere}, exitDiverged, "diverged: ", "writing the report: "},
		{"one of two files", []string{"diff", a, b, "--format", "json=" + nowhere, "--format", "junit=" + filepath.Join(t.TempDir(), "x.xml")}, exitDiverged, "diverged: ", "writing the report: "},
		{"text and no file", []string{"diff", a, a, "--format", "junit=" + nowhere, "--format", "github"}, exitNotRun, "::notice ", "writing the report: "},
		{"in step, files", []string{"diff", a, a, "--format", "junit=" + filepath.Join(t.TempDir(), "x.xml")}, exitInStep, "", ""},
	} {
		code, stdout, stderr := call(c.args...)
		if code != c.code || !strings.HasPrefix(stdout, c.stdout) || (stdout == "") != (c.stdout == "") || !strings.Contains(stderr, c.stderr) || strings.Count(stdout, c.stdout) > 1 && c.stdout != "" {
			t.Errorf("%s: exit code %d, want %d; standard output %q, error %q", c.what, code, c.code, stdout, stderr)
		}
	}
	if code, stdout, stderr := call("inspect", good(t), "--weights", nowhere+".npz"); code != exitNotRun || !strings.Contains(stdout, "signature serve") || !strings.Contains(stderr, "x.npz") {
		t.Errorf("weights that cannot be written: exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, c := range []struct{ other, want string }{{a, a + ": in step, margin 0"}, {b, b + ": diverged: "}} {
		file := filepath.Join(t.TempDir(), "x.json")
		code, stderr := callTo(full(t), "diff", a, c.other, "--format", "text", "--format", "json="+file, "--format", "junit="+nowhere)
		if code != exitNotRun || !strings.Contains(stderr, "lockstep: "+c.want) || !strings.Contains(stderr, "folder/x: no such file") {
			t.Errorf("nothing to write to: exit code %d: %s, want %q", code, stderr, c.want)
		}
		if b, err := os.ReadFile(file); err != nil || !bytes.Contains(b, []byte(`"schema": 1`)) {
			t.Errorf("the file that can be written: %v", err)
		}
	}
}

// broken fails after a while, as a disk that fills up.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// A command that looks at none of its prints is told too, wherever its answer
// breaks off.
func TestAnswerBreaksOff(t *testing.T) {
	model := good(t)
	var whole bytes.Buffer
	if code, stderr := callTo(&whole, "selftest", model, "--steps", "2"); code != exitInStep {
		t.Fatal(stderr)
	}
	if code, stderr := callTo(full(t), "selftest", model, "--steps", "2"); code != exitNotRun || !strings.Contains(stderr, "lockstep: caught ") {
		t.Errorf("exit code %d, and no line about what was caught: %s", code, stderr)
	}
	for _, n := range []int{0, 1, whole.Len() / 2, whole.Len() - 1} {
		if code, stderr := callTo(&broken{n}, "selftest", model, "--steps", "2"); code != exitNotRun || !strings.Contains(stderr, "the answer could not be written: full") {
			t.Errorf("after %d bytes: exit code %d: %s", n, code, stderr)
		}
	}
	if code, stderr := callTo(&broken{whole.Len()}, "selftest", model, "--steps", "2"); code != exitInStep {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
