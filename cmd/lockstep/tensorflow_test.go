//go:build tensorflow

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestScriptsWithTensorFlow(t *testing.T) { scripts(t, "tensorflow") }

// The fixtures that the native engine runs are in step with TensorFlow, from
// made inputs and from their own, and with what Keras predicted.
func TestCheckFixtures(t *testing.T) {
	names := []string{
		"seed_keras3", "seed_tfkeras", "seed_units1_keras3", "seed_units1_tfkeras", "misleading_keras3", "misleading_tfkeras",
		"no_bias_keras3", "no_bias_tfkeras", "states_out_keras3", "states_out_tfkeras", "fixed_steps_keras3",
		"reports/seed_keras313",
	}
	list := "models:\n"
	for _, name := range names {
		dir := fixture.Dir(t, name)
		list += fmt.Sprintf("  - model: %q\n", dir)
		list += fmt.Sprintf("  - {model: %q, inputs: %q, expected: %q}\n", dir, absolute(t, fixture.Path(name, "inputs.npz")), absolute(t, fixture.Path(name, "expected.npz")))
	}
	config := filepath.Join(t.TempDir(), "lockstep.yaml")
	if err := os.WriteFile(config, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call("check", "--config", config)
	if want := fmt.Sprintf("lockstep: %d models: %[1]d in step, 0 diverged, 0 could not be checked\n", 2*len(names)); code != exitInStep || stderr != want {
		t.Errorf("exit code %d, want 0; standard error %q, want %q\n%s", code, stderr, want, stdout)
	}
	if n := strings.Count(stdout, "native agrees with keras"); n < len(names) {
		t.Errorf("%d models were compared with Keras's prediction, want %d\n%s", n, len(names), stdout)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// One weight changed by 1 % in the native engine's copy only is found in every
// tensor, and the report names the tensor and the first step. It is the
// tensor's largest weight, and the tolerance is one that both engines keep on
// the unchanged model: the change of any weight shows in the comparison of
// weights, but the effect of a small one on the outputs can stay inside the
// default. One process of TensorFlow checks them all; the last is checked by the
// command too.
func TestCheckFindsOneChangedWeight(t *testing.T) {
	tight := compare.Settings{{Atol: new(1e-6), Rtol: new(1e-6)}}
	var engines tensorflows
	defer engines.close()
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		dir := fixture.Dir(t, name)
		f := checkFlags{modelFlags: modelFlags{tags: []string{"serve"}}}
		if verdict, report := checked(t, f, &engines, dir, tight); verdict != compare.InStep {
			t.Fatalf("%s unchanged: %s\n%s", name, verdict, report)
		}
		for _, w := range fixture.Ordered(t, name, "weights.npz") {
			f.candidate = fixture.Dir(t, name)
			fixture.ChangeWeight(t, f.candidate, w.Tensor, largest(t, w.Tensor), func(v float32) float32 { return v * 1.01 })
			verdict, report := checked(t, f, &engines, dir, tight)
			if verdict != compare.Diverged {
				t.Errorf("%s, %s changed by 1 %%: %s\n%s", name, w.Name, verdict, report)
				continue
			}
			for _, want := range []string{regexp.QuoteMeta(w.Name), `output(_0)?\b.*step \d+`} {
				if !regexp.MustCompile(want).MatchString(report) {
					t.Errorf("%s, %s changed by 1 %%: the report lacks %s\n%s", name, w.Name, want, report)
				}
			}
		}
		code, stdout, stderr := call("check", dir, "--atol", "1e-6", "--rtol", "1e-6", "--candidate-model", f.candidate)
		if code != exitDiverged || stderr != "" {
			t.Errorf("%s, one weight changed by 1 %%: exit code %d, want %d\n%s%s", name, code, exitDiverged, stdout, stderr)
		}
	}
}

// checked is what check says of a model.
func checked(t *testing.T, f checkFlags, engines *tensorflows, dir string, settings compare.Settings) (compare.Verdict, string) {
	t.Helper()
	result, err := f.check(context.Background(), engines, dir, settings)
	if err != nil {
		t.Fatal(err)
	}
	return result.Report.Verdict(), textOf(t, result.Report)
}

func textOf(t *testing.T, r *compare.Report) string {
	t.Helper()
	var text strings.Builder
	if err := render.Text(&text, r, render.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The yardstick of make bench agrees with what Keras predicted, as both engines
// do, and can be asked to run.
func TestBenchWithYardstick(t *testing.T) {
	cc, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		t.Fatal(err)
	}
	yardstick := filepath.Join(t.TempDir(), "yardstick")
	compile := exec.Command(strings.TrimSpace(string(cc)), "-Wall", "-Werror", "-O1", "-o", yardstick, filepath.Join("..", "..", "bench", "yardstick.c"), "-lm")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"seed_keras3", "seed_units1_tfkeras", "misleading_keras3"} {
		code, stdout, stderr := call("bench", fixture.Dir(t, name), "--inputs", fixture.Path(name, "inputs.npz"), "--expected", fixture.Path(name, "expected.npz"),
			"--rounds", "1", "--slice", "1ms", "--peer", "c="+yardstick)
		if code != exitInStep || !regexp.MustCompile(`(?m)× +tensorflow (.*\n)*.*× +c `).MatchString(stdout) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// largest returns the index of the element farthest from zero.
func largest(t *testing.T, x *lockstep.Tensor) int {
	values, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i, v := range values {
		if math.Abs(v) > math.Abs(values[at]) {
			at = i
		}
	}
	return at
}

// Every bad input gets lines that say what is wrong: what does not fit the model is
// wrong usage, what cannot be read could not be run.
func TestCheckRefusesBadInputs(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	for _, c := range []struct {
		inputs, want string
		code         int
	}{
		{fixture.Path("seed_keras3", "weights.npz"), "no input decoder_input", exitUsage},
		{fixture.Path("states_out_keras3", "inputs.npz"), "want (?, 10, 1): axis 2 is 3", exitUsage},
		{fixture.Path("not_gru", "inputs.npz"), `has no input "x"`, exitUsage},
		{fixture.Path("nowhere.npz"), "no such file", exitNotRun},
		{fixture.Path("seed_keras3", "recipe.json"), "it is not an .npz", exitNotRun},
		{filepath.Join(dir, "saved_model.pb"), "it is not an .npz", exitNotRun},
	} {
		code, stdout, stderr := call("check", dir, "--inputs", c.inputs)
		if code != c.code || stdout != "" || !regexp.MustCompile(regexp.QuoteMeta(c.want)).MatchString(stderr) {
			t.Errorf("%s: exit code %d, want %d; standard output %q; standard error %q, want %q", c.inputs, code, c.code, stdout, stderr, c.want)
		}
	}
}
