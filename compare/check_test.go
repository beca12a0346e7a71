package compare

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// engine answers what it was made with.
type engine struct {
	name    string
	outputs map[string]*lockstep.Tensor
	states  map[string]*lockstep.Tensor
	weights lockstep.Weights
	err     error
}

func (e engine) Name() string                  { return e.name }
func (e engine) Signature() lockstep.Signature { return lockstep.Signature{} }
func (e engine) Run(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return e.outputs, e.err
}
func (e engine) Trace(context.Context, map[string]*lockstep.Tensor, lockstep.Detail) (*lockstep.Trace, error) {
	return &lockstep.Trace{Engine: e.name, Layers: []string{"encoder"}, Outputs: e.outputs, States: e.states}, e.err
}
func (e engine) Weights() (lockstep.Weights, error) { return e.weights, e.err }

func named(name string, x *lockstep.Tensor) map[string]*lockstep.Tensor {
	return map[string]*lockstep.Tensor{name: x}
}

func TestCheckVerdicts(t *testing.T) {
	one, two := fixture.Vector[float32](t, 1), fixture.Vector[float32](t, 2)
	w := func(x *lockstep.Tensor) lockstep.Weights {
		return lockstep.Weights{{Name: "encoder/kernel", Tensor: x}}
	}
	tf := engine{name: "tensorflow", outputs: named("y", one), states: named("encoder/state_h", one), weights: w(one)}
	as := func(change func(*engine)) *engine {
		e := tf
		e.name = "native"
		change(&e)
		return &e
	}
	same := as(func(*engine) {})
	for _, c := range []struct {
		name      string
		candidate *engine
		expected  map[string]*lockstep.Tensor
		want      Verdict
		first     string // the tensor that diverges first
		note      string
	}{
		{"same", same, nil, InStep, "", ""},
		{"output", as(func(e *engine) { e.outputs = named("y", two) }), nil, Diverged, "y", ""},
		{"state", as(func(e *engine) { e.states = named("encoder/state_h", two) }), nil, Diverged, "encoder/state_h", ""},
		{"no state", as(func(e *engine) { e.states = nil }), nil, Diverged, "encoder/state_h", ""},
		{"weight", as(func(e *engine) { e.weights = w(two) }), nil, Diverged, "encoder/kernel", ""},
		{"weight's last bit", as(func(e *engine) { e.weights = w(fixture.Vector[float32](t, 1.0000001)) }), nil, Diverged, "encoder/kernel", ""},
		{"expected", same, named("y", one), InStep, "", ""},
		{"export at fault", same, named("y", two), Diverged, "y", "tensorflow and native agree, and differ from keras: the SavedModel does not compute what was predicted"},
		{"native at fault", as(func(e *engine) { e.outputs = named("y", two) }), named("y", one), Diverged, "y", "the fault is in native"},
		{"tensorflow at fault", as(func(e *engine) { e.outputs = named("y", two) }), named("y", two), Diverged, "y", "the fault is in tensorflow"},
		{"all differ", as(func(e *engine) { e.outputs = named("y", two) }), named("y", fixture.Vector[float32](t, 3)), Diverged, "y", "keras, tensorflow and native all differ"},
		{"no candidate, agrees", nil, named("y", one), NoVerdict, "", ""},
		{"no candidate, differs", nil, named("y", two), Diverged, "y", "suspect the export"},
	} {
		check := Check{Model: "m", Reference: tf, Expected: c.expected, ExpectedBy: "keras"}
		if c.candidate != nil {
			check.Candidate = *c.candidate
		} else {
			check.NotRun = []EngineFailure{{"native", errors.New("it is a GRU")}}
		}
		got, err := check.Run(context.Background())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if v := got.Report.Verdict(); v != c.want {
			t.Errorf("%s: %v, want %v", c.name, v, c.want)
		}
		if _, first := got.Report.FirstDivergence(); (first == nil) != (c.first == "") || first != nil && first.Name != c.first {
			t.Errorf("%s: the first divergence is %+v, want %q", c.name, first, c.first)
		}
		if notes := strings.Join(got.Report.Notes, "\n"); !strings.Contains(notes, c.note) {
			t.Errorf("%s: notes %q lack %q", c.name, notes, c.note)
		}
	}
}

func TestCheckWithoutVerdict(t *testing.T) {
	broken := engine{name: "native", err: errors.New("it broke")}
	fine := engine{name: "tensorflow", outputs: named("y", fixture.Vector[float32](t, 1))}
	twice := engine{name: "native", outputs: named("encoder/state_h", fixture.Vector[float32](t, 1)), states: named("encoder/state_h", fixture.Vector[float32](t, 2))}
	for name, c := range map[string]Check{
		"reference fails": {Reference: broken, Candidate: fine},
		"candidate fails": {Reference: fine, Candidate: broken},
		"one engine":      {Reference: fine, NotRun: []EngineFailure{{"native", errors.New("it is a GRU")}}},
		"one name twice":  {Reference: fine, Candidate: twice},
	} {
		if got, err := c.Run(context.Background()); err == nil {
			t.Errorf("%s: %v, want an error", name, got.Report.Verdict())
		}
	}
}

func TestNonFiniteWeightsProveNothing(t *testing.T) {
	notANumber := lockstep.Weights{{Name: "encoder/kernel", Tensor: fixture.Vector[float32](t, float32(nan))}}
	e := engine{name: "tensorflow", outputs: named("y", fixture.Vector[float32](t, 1)), weights: notANumber}
	c := Check{Reference: e, Candidate: e}
	got, err := c.Run(context.Background())
	if err != nil || got.Report.Verdict() != Diverged {
		t.Errorf("NaN among the weights: %v, %v, want a divergence", got.Report.Verdict(), err)
	}
	c.Settings = Settings{{AllowNonFinite: new(true)}}
	if got, err = c.Run(context.Background()); err != nil || got.Report.Verdict() != InStep {
		t.Errorf("NaN among the weights, allowed: %v, %v", got.Report.Verdict(), err)
	}
}

// Two engines that both answer NaN agree, and it is the export that is suspected.
func TestBothNaN(t *testing.T) {
	notANumber := named("y", fixture.Vector[float32](t, float32(nan)))
	check := Check{
		Reference: engine{name: "tensorflow", outputs: notANumber}, Candidate: engine{name: "native", outputs: notANumber},
		Expected: named("y", fixture.Vector[float32](t, 1)), ExpectedBy: "keras",
	}
	got, err := check.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(got.Report.Notes, "\n")
	if got.Report.Verdict() != Diverged || !strings.Contains(notes, "tensorflow and native agree, and differ from keras") || strings.Contains(notes, "all differ") {
		t.Errorf("%s, %s", got.Report.Verdict(), notes)
	}
	for i := range got.Report.Comparisons {
		for _, r := range got.Report.Comparisons[i].Results {
			if r.ShowsFault() != (got.Report.Comparisons[i].Reference == "keras") {
				t.Errorf("%s of %s: shows a fault: %v", r.Name, got.Report.Comparisons[i].Title, r.ShowsFault())
			}
		}
	}
}

// A batch of no rows proves nothing, and that the weights agree does not make up
// for it.
func TestNothingButEmptyTensors(t *testing.T) {
	empty := named("y", fixture.NewTensor[float32](t, nil, 0, 2))
	w := lockstep.Weights{{Name: "dense/kernel", Tensor: fixture.Vector[float32](t, 1)}}
	check := Check{Model: "m", Reference: engine{name: "tensorflow", outputs: empty, weights: w}, Candidate: engine{name: "native", outputs: empty, weights: w}}
	got, err := check.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.Report.Verdict() != Diverged || got.Report.Compared() {
		t.Errorf("%s, %+v", got.Report.Verdict(), got.Report)
	}
}
