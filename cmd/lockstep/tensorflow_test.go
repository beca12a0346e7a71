//go:build tensorflow

package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestScriptsWithTensorFlow(t *testing.T) { scripts(t, "tensorflow") }

// The fixtures that the native engine runs are in step with TensorFlow, from
// made inputs and from their own, and with what Keras predicted.
func TestCheckFixtures(t *testing.T) {
	for _, name := range []string{
		"seed_keras3", "seed_tfkeras", "seed_units1_keras3", "seed_units1_tfkeras", "misleading_keras3", "misleading_tfkeras",
		"no_bias_keras3", "no_bias_tfkeras", "states_out_keras3", "states_out_tfkeras", "fixed_steps_keras3",
		"reports/seed_keras313",
	} {
		dir := fixture.Dir(t, name)
		if code, stdout, stderr := call("check", dir); code != exitInStep {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
		code, stdout, stderr := call("check", dir, "--inputs", fixture.Path(name, "inputs.npz"), "--expected", fixture.Path(name, "expected.npz"))
		if code != exitInStep || stderr != "" {
			t.Errorf("%s with Keras's prediction: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// One weight changed by 1 % in the native engine's copy only is found in every
// tensor, and the report names the tensor and the first step. It is the
// tensor's largest weight, and the tolerance is one that both engines keep on
// the unchanged model: the change of any weight shows in the comparison of
// weights, but the effect of a small one on the outputs can stay inside the
// default.
func TestCheckFindsOneChangedWeight(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		dir := fixture.Dir(t, name)
		tight := []string{"check", dir, "--atol", "1e-6", "--rtol", "1e-6"}
		if code, stdout, stderr := call(tight...); code != exitInStep {
			t.Fatalf("%s unchanged: exit code %d\n%s%s", name, code, stdout, stderr)
		}
		for _, w := range fixture.Ordered(t, name, "weights.npz") {
			changed := fixture.Dir(t, name)
			fixture.ChangeWeight(t, changed, w.Tensor, largest(t, w.Tensor), func(v float32) float32 { return v * 1.01 })
			code, stdout, stderr := call(append(tight, "--candidate-model", changed)...)
			if code != exitDiverged || stderr != "" {
				t.Errorf("%s, %s changed by 1 %%: exit code %d, want %d\n%s%s", name, w.Name, code, exitDiverged, stdout, stderr)
				continue
			}
			for _, want := range []string{regexp.QuoteMeta(w.Name), `output(_0)?\b.*step \d+`} {
				if !regexp.MustCompile(want).MatchString(stdout) {
					t.Errorf("%s, %s changed by 1 %%: the report lacks %s\n%s", name, w.Name, want, stdout)
				}
			}
		}
	}
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
