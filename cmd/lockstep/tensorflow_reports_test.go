//go:build tensorflow

package main

import (
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// reported checks a model after a public report, with Keras's own predictions.
func reported(t *testing.T, name string, more ...string) (code int, report, stderr string) {
	t.Helper()
	name = "reports/" + name
	args := append([]string{"check", fixture.Dir(t, name), "--inputs", fixture.Path(name, "inputs.npz"), "--expected", fixture.Path(name, "expected.npz")}, more...)
	code, stdout, stderr := call(args...)
	return code, strings.Join(strings.Fields(stdout), " "), stderr
}

// Sound models, of which no bound at worst is known, or none that proves anything, are
// in step, and the report says by what they were judged.
func TestSoundReports(t *testing.T) {
	for name, want := range map[string]string{
		"default":         "judged by what rounding typically does from inputs to outputs",
		"transformer":     "judged by what rounding typically does from inputs to outputs",
		"ln_stack":        "judged by what rounding typically does from inputs to outputs",
		"ln_cell_keras3":  "judged by what rounding typically does from inputs to outputs",
		"ln_cell_tfkeras": "judged by what rounding typically does from inputs to outputs",
		"float16":         "judged by what rounding typically does from inputs to outputs",
		"mixed_float16":   "judged by what rounding typically does from inputs to outputs",
		"stateful":        "judged by the rounding of one step",
	} {
		code, report, stderr := reported(t, name, "--verbose")
		if code != exitInStep || !strings.Contains(report, want) || strings.Contains(report, "Infinity") {
			t.Errorf("%s: exit code %d, wanted %q\n%s\n%s", name, code, want, report, stderr)
		}
	}
	for _, name := range []string{"float16", "mixed_float16"} { // with inputs that check makes
		if code, stdout, stderr := call("check", fixture.Dir(t, "reports/"+name)); code != exitInStep {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// A bound as wide as the outputs themselves hid that they were 87 % off.
func TestWideBoundsHideNothing(t *testing.T) {
	const name = "reports/ln_cell_tfkeras"
	changed := fixture.Dir(t, name)
	d, err := native.Inspect(changed)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := d.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range weights {
		if strings.Contains(w.Name, "gamma") {
			was, err := lockstep.Data[float32](w.Tensor)
			if err != nil {
				t.Fatal(err)
			}
			is := make([]float32, len(was))
			for i, v := range was {
				is[i] = v * 1.1
			}
			x, err := lockstep.New(is, w.Tensor.Shape()...)
			if err != nil {
				t.Fatal(err)
			}
			if err := fixture.ReplaceWeights(changed, []*lockstep.Tensor{w.Tensor}, []*lockstep.Tensor{x}); err != nil {
				t.Fatal(err)
			}
		}
	}
	code, stdout, stderr := call("check", fixture.Dir(t, name), "--candidate-model", changed, "--inputs", fixture.Path(name, "inputs.npz"))
	if report := strings.Join(strings.Fields(stdout), " "); code != exitDiverged || !strings.Contains(report, "diverged: outputs and states") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// What TensorFlow's graph optimizer makes of a channels-first convolution is not
// the native engine's fault, and is called what it is.
func TestOptimizerIsNamed(t *testing.T) {
	code, report, stderr := reported(t, "channels_first")
	for _, want := range []string{"tensorflow's graph optimizer changes what this model computes", "without it agrees with native", "keras agrees with tensorflow: it computed what the optimizer made of the graph"} {
		if code != exitDiverged || !strings.Contains(report, want) || strings.Contains(report, "the fault is in") || strings.Contains(report, "diagnosis") {
			t.Errorf("exit code %d, wanted %q\n%s\n%s", code, want, report, stderr)
		}
	}
}

// On processors for which TensorFlow does not use oneDNN it cannot run every
// graph that shows more than the outputs. A model that it runs is compared all the
// same; of one that it does not run, the error says what helps.
func TestCheckWithoutOneDNN(t *testing.T) {
	t.Setenv("TF_ENABLE_ONEDNN_OPTS", "0")
	code, _, stderr := call("check", fixture.Dir(t, "reports/channels_first"))
	if code != exitNotRun || !strings.Contains(stderr, "with TF_ENABLE_ONEDNN_OPTS=1 in the environment it may run") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	fixture.Made(t)
	code, stdout, stderr := call("check", fixture.Dir(t, "conv_groups_keras3"))
	if code != exitInStep || !strings.Contains(stdout, "in step: single operations") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// Nobody is blamed for what rounding does, and where the model is seen to be as
// sensitive, it is in step.
func TestRoundingBlamesNobody(t *testing.T) {
	code, report, stderr := reported(t, "near_constant_rows", "--verbose")
	for _, not := range []string{"the fault is in", "suspect the export", "diagnosis"} {
		if strings.Contains(report, not) {
			t.Errorf("the report says %q\n%s\n%s", not, report, stderr)
		}
	}
	if code != exitInStep || !strings.Contains(report, "what rounding typically does from the inputs on") {
		t.Errorf("exit code %d: the report does not say how sensitive the model is\n%s", code, report)
	}
}

// An engine that cannot run leaves no verdict, whatever else agrees; what was
// compared is shown.
func TestNativeThatDidNotRun(t *testing.T) {
	dir := fixture.Dir(t, "reports/transformer")
	refuse(t, dir)
	inputs, expected := fixture.Path("reports/transformer", "inputs.npz"), fixture.Path("reports/transformer", "expected.npz")
	code, stdout, stderr := call("check", dir, "--inputs", inputs, "--expected", expected)
	for _, want := range []string{"no verdict: native did not run", "in step: expected values: tensorflow agrees with keras"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) || code != exitNotRun || !strings.Contains(stderr, "DebugGradientIdentity") {
			t.Errorf("exit code %d, the report lacks %q\n%s%s", code, want, stdout, stderr)
		}
	}
}

// refuse has a model use an operation that the native engine lacks, and that
// computes nothing in TensorFlow.
func refuse(t *testing.T, dir string) {
	t.Helper()
	fixture.EditGraph(t, dir, func(m *pb.SavedModel) {
		for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range f.NodeDef {
				if n.Op == "Identity" && !strings.Contains(f.Signature.Name, "restore") {
					n.Op = "DebugGradientIdentity"
				}
			}
		}
	})
}

// A golden of a stateful model is the model's, whoever verifies it, though a call of
// TensorFlow's changes the states.
func TestGoldenOfAStatefulModel(t *testing.T) {
	dir, file := fixture.Dir(t, "reports/stateful"), filepath.Join(t.TempDir(), "stateful.golden")
	for _, args := range [][]string{{}, {"--trace"}} {
		if code, stdout, stderr := call(append([]string{"golden", "record", dir, "-o", file}, args...)...); code != exitInStep {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
		code, stdout, stderr := call("golden", "verify", dir, file, "--engine", "both")
		if code != exitInStep || strings.Contains(stdout, "amplified 1.1e+06") {
			t.Errorf("%q: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// A candidate whose recurrent layer is not recognised has a verdict, by weights and
// outputs, and the report says which loop that is and why.
func TestCandidateBuiltOtherwise(t *testing.T) {
	const name = "gru_states_keras3"
	turned := fixture.Dir(t, name)
	fixture.EditGraph(t, turned, func(m *pb.SavedModel) {
		for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range f.NodeDef {
				if n.Op == "Sub" && strings.Contains(f.Signature.Name, "while_body") {
					n.Input[0], n.Input[1] = n.Input[1], n.Input[0]
				}
			}
		}
	})
	code, stdout, stderr := call("check", fixture.Dir(t, name), "--candidate-model", turned)
	report := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{"in step: weights", "the steps of a layer could not be compared", "a loop is no known layer", "diverged: outputs and states"} {
		if code != exitDiverged || !strings.Contains(report, want) {
			t.Errorf("exit code %d, the report lacks %q\n%s%s", code, want, stdout, stderr)
		}
	}
}

// Keras 2 calls an output by the layer that makes it: paired with another export's
// output, it is not recognised as the layer.
func TestCandidateOfTheOtherKeras(t *testing.T) {
	for _, name := range []string{"gru_masked", "no_bias"} {
		code, stdout, stderr := call("check", fixture.Dir(t, name+"_tfkeras"), "--candidate-model", fixture.Dir(t, name+"_keras3"))
		if code != exitInStep || !strings.Contains(stdout, "in step: single steps") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}
