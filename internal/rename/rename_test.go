package rename

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

func sig(inputs, outputs string) lockstep.Signature {
	specs := func(names string) (out []lockstep.TensorSpec) {
		for _, n := range strings.Fields(names) {
			out = append(out, lockstep.TensorSpec{Name: n, DType: lockstep.Float32})
		}
		return out
	}
	return lockstep.Signature{Inputs: specs(inputs), Outputs: specs(outputs)}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		reference, candidate lockstep.Signature
		layers, others       string
		given                Pairs
		want                 Names
		err                  string
	}{
		{sig("a b", "y z"), sig("b a", "z y"), "lstm", "lstm", nil, Names{}, ""},
		{sig("a", "y"), sig("x", "output_0"), "lstm dense", "lstm_1 dense_4", nil, Names{pairs("a", "x"), pairs("y", "output_0"), pairs("lstm", "lstm_1", "dense", "dense_4")}, ""},
		{sig("a", "lstm"), sig("a", "output_0"), "lstm", "lstm", nil, Names{Outputs: pairs("lstm", "output_0")}, ""}, // as Keras 2 calls it
		{sig("a", "lstm"), sig("a", "output_0"), "lstm", "lstm_1", nil, Names{Outputs: pairs("lstm", "output_0"), Layers: pairs("lstm", "lstm_1")}, ""},
		{sig("a", "lstm"), sig("a", "output_0"), "lstm", "gru rnn", Pairs{"lstm": "rnn"}, Names{Outputs: pairs("lstm", "output_0"), Layers: pairs("lstm", "rnn")}, ""},
		{sig("a b", "y"), sig("b c", "y"), "", "", nil, Names{}, `the input "a" has no counterpart "a" in the candidate, which has ["b" "c"]`},
		{sig("a b", "y"), sig("b c", "y"), "", "", Pairs{"a": "c"}, Names{Inputs: pairs("a", "c")}, ""},
		{sig("a b", "y"), sig("a b", "y"), "", "", Pairs{"a": "b", "b": "a"}, Names{Inputs: pairs("a", "b", "b", "a")}, ""},
		{sig("a", "y z"), sig("a", "y"), "", "", nil, Names{}, `the output "z"`},
		{sig("a", "y"), sig("a", "y z"), "", "", nil, Names{}, `the candidate's output "z" has no counterpart`},
		{sig("a", "y"), sig("a", "y"), "l1 l2", "l2 l1", nil, Names{}, ""},
		{sig("a", "y"), sig("a", "y"), "l1 l2", "l2 l3", nil, Names{}, ""}, // l3 is in l2's place
	} {
		got, err := Match(c.reference, c.candidate, strings.Fields(c.layers), strings.Fields(c.others), c.given)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v and %v: %v, want %s", c.reference, c.candidate, err, c.err)
			}
			continue
		}
		if err != nil || !maps.Equal(got.Inputs, c.want.Inputs) || !maps.Equal(got.Outputs, c.want.Outputs) || !maps.Equal(got.Layers, c.want.Layers) {
			t.Errorf("%v and %v: %v, %v, want %v", c.reference, c.candidate, got, err, c.want)
		}
	}
}

// pairs makes a map of names two by two.
func pairs(names ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(names); i += 2 {
		out[names[i]] = names[i+1]
	}
	return out
}

func TestNamesOfMaps(t *testing.T) {
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "x"}}, Outputs: []lockstep.TensorSpec{{Name: "y"}}}
	other := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "input"}}, Outputs: []lockstep.TensorSpec{{Name: "output"}}}
	layers, others := []string{"lstm"}, []string{"recurrent"}
	if err := (Pairs{"x": "input", "lstm": "recurrent", "y": "output"}).Check(sig, other, layers, others); err != nil {
		t.Error(err)
	}
	err := Pairs{"lstn": "recurrent", "x": "inputs"}.Check(sig, other, layers, others)
	if wrong := (*lockstep.TensorError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), `no input, output or layer "lstn"; it has ["x" "y" "lstm"], the nearest is "lstm"`) ||
		!strings.Contains(err.Error(), `the candidate has no input, output or layer "inputs"; it has ["input" "output" "recurrent"], the nearest is "input"`) {
		t.Error(err)
	}
}

// engine is one whose answers are given.
type engine struct {
	lockstep.Tracer
	name            string
	outputs, states map[string]*lockstep.Tensor
	weights         lockstep.Weights
}

func (e engine) Name() string { return e.name }

func (e engine) Trace(context.Context, map[string]*lockstep.Tensor, lockstep.Detail) (*lockstep.Trace, error) {
	return &lockstep.Trace{Engine: e.name, Outputs: e.outputs, States: e.states}, nil
}

func (e engine) Weights() (lockstep.Weights, error) { return e.weights, nil }

// An engine of other names is checked as if it had the reference's.
func TestEngine(t *testing.T) {
	one, err := lockstep.New([]float32{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) map[string]*lockstep.Tensor { return map[string]*lockstep.Tensor{name: one} }
	tf := engine{name: "tensorflow", outputs: named("y"), states: named("encoder/state_h"), weights: lockstep.Weights{{Name: "encoder/kernel", Tensor: one}}}
	other := engine{name: "native", outputs: named("output_0"), states: named("lstm_7/state_h"), weights: lockstep.Weights{{Name: "lstm_7/kernel", Tensor: one}}}
	check := compare.Check{Model: "m", Reference: tf, Candidate: Engine{other, Names{Outputs: pairs("y", "output_0"), Layers: pairs("encoder", "lstm_7")}}}
	got, err := check.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.Report.Verdict() != compare.InStep {
		t.Errorf("%+v", got.Report)
	}
	check.Candidate = Engine{other, Names{Outputs: pairs("y", "output_0")}}
	if got, err = check.Run(context.Background()); err != nil || got.Report.Verdict() == compare.InStep {
		t.Errorf("the layer's names do not belong together, and the check says nothing: %v", err)
	}
}
