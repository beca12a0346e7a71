package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// A golden without a trace whose answers have a known fault says which, in every
// format; --diagnose=false leaves it out.
func TestVerifyExplainsAnswers(t *testing.T) {
	const name = "seed_units1_keras3"
	dir := fixture.Dir(t, name)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := m.Edit(fault.Fault{Kind: fault.BiasMissing, Layer: "encoder"}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	g, err := golden.Record(t.Context(), bad, golden.Recording{Inputs: fixture.Tensors(t, name, "inputs.npz"), Files: os.DirFS(dir)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "m.golden")
	if err := g.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	const cause = "bias missing in layer encoder"
	for format, wants := range map[string][]string{
		"text":   {"why: from answers alone: the values of the golden of native", cause},
		"json":   {`"answers_diagnosis": {`, `"kind": "bias missing"`, `"in": "answers"`, `"text": "` + cause + `"`},
		"github": {"from answers alone", cause},
		"html":   {"from its answers alone", cause},
	} {
		code, out, stderr := call("golden", "verify", dir, file, "--engine", "native", "--format", format)
		if code != exitDiverged {
			t.Fatalf("%s: exit code %d: %s", format, code, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %q:\n%s", format, want, out)
			}
		}
	}
	if code, out, _ := call("golden", "verify", dir, file, "--engine", "native", "--diagnose=false"); code != exitDiverged || strings.Contains(out, cause) {
		t.Errorf("exit code %d without a diagnosis:\n%s", code, out)
	}
}

// What Keras is said to have predicted is explained where TensorFlow did not run,
// too.
func TestCheckExplainsExpectedValues(t *testing.T) {
	const name = "gru_states_keras3"
	dir := fixture.Dir(t, name)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := m.Edit(fault.Fault{Kind: fault.ResetAfter, Layer: m.Layers()[0].Name, From: "True", To: "False"}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	inputs := fixture.Tensors(t, name, "inputs.npz")
	values, err := bad.Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	in, expected := filepath.Join(t.TempDir(), "in.npz"), filepath.Join(t.TempDir(), "keras.npz")
	for file, tensors := range map[string]map[string]*lockstep.Tensor{in: inputs, expected: values} {
		if err := writeInputs(file, tensors); err != nil {
			t.Fatal(err)
		}
	}
	code, out, stderr := call("check", dir, "--inputs", in, "--expected", expected)
	if code != exitDiverged || !strings.Contains(out, "from answers alone: the values of keras are what the model computes with this fault") || !strings.Contains(out, "reset_after=False instead of True") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
}
