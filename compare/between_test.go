package compare_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// verdicts has the comparisons that diverged, by title, with the first tensor
// that did.
func verdicts(r *compare.Report) map[string]string {
	out := map[string]string{}
	for i := range r.Comparisons {
		if k := &r.Comparisons[i]; k.Verdict() != compare.InStep {
			out[k.Title] = k.First().Name
		}
	}
	return out
}

func wantVerdicts(t *testing.T, r *compare.Report, want map[string]string) {
	t.Helper()
	if got := verdicts(r); !maps.Equal(got, want) {
		t.Errorf("the comparisons that diverged are %v, want %v", got, want)
	}
}

// A fault behind the layers is one of the outputs alone.
func TestHeadShowsInOutputs(t *testing.T) {
	sound, inputs := seed(t)
	head := lockstep.Weights(nil)
	weights, err := sound.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range weights {
		if strings.HasPrefix(w.Name, "dense/") {
			head = append(head, w)
		}
	}
	if len(head) != 2 {
		t.Fatalf("the head's weights are %q", lockstep.Names(head))
	}
	for _, w := range head {
		candidate := changed(t, w.Name, 0, func(v float32) float32 { return v + 1e-4 })
		r := check(t, bare{sound}, bare{candidate}, candidate, inputs)
		name := sound.Signature().Outputs[0].Name
		wantVerdicts(t, r, map[string]string{"outputs and states": name})
	}
}

// What goes from one layer to the next by the wrong way shows there, and in no
// step of either.
func TestHandOverShowsBetweenLayers(t *testing.T) {
	sound, inputs := seed(t)
	faulty, err := sound.Edit(fault.Fault{Kind: fault.StatesSwapped, Layer: "decoder"}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	r := check(t, bare{sound}, bare{faulty}, sound, inputs)
	wantVerdicts(t, r, map[string]string{"between the layers": "decoder/initial_h"})
}

// Where the layers take other steps there is a verdict all the same.
func TestLayersOfOtherSteps(t *testing.T) {
	m := load(t, fixture.Dir(t, "misleading_keras3"))
	inputs := fixture.Tensors(t, "misleading_keras3", "inputs.npz")
	names := []string{m.Signature().Inputs[0].Name, m.Signature().Inputs[1].Name}
	swapped, err := m.Edit(fault.Fault{Kind: fault.InputsSwapped, Input: names[0], Other: names[1]}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	r := check(t, bare{m}, bare{swapped}, swapped, inputs)
	free := comparison(t, r, "free running")
	if first := free.First(); first == nil || first.Kind == compare.Measured {
		t.Errorf("the layers are of one shape: %+v", first)
	}
	notes := strings.Join(comparison(t, r, "outputs and states").Notes, "\n")
	if !strings.Contains(notes, "no bound is known of") || !strings.Contains(notes, "decoder/c is float32 (3, 6, 4) in native, and float32 (3, 10, 4) in native") {
		t.Errorf("the notes are %q", notes)
	}
}

// rounds is an engine that computes its outputs by other kernels than the layers
// that it shows.
type rounds struct {
	*native.Model
	by float32
}

func (e rounds) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := e.Model.Trace(ctx, inputs, detail)
	if err != nil {
		return nil, err
	}
	trace.Traced = maps.Clone(trace.Outputs)
	return outputsOff(trace, e.by)
}

func TestOutputsComputedTwice(t *testing.T) {
	m, inputs := seed(t)
	name := m.Signature().Outputs[0].Name
	for by, want := range map[float32]map[string]string{
		1e-6: {},
		0.5:  {"outputs and states": name}, // more than rounding does
	} {
		for _, r := range []*compare.Report{
			check(t, rounds{m, by}, m, m, inputs), check(t, m, rounds{m, by}, m, inputs),
			check(t, rounds{m, by}, rounds{m, -by}, m, inputs),
		} {
			wantVerdicts(t, r, want)
			notes := strings.Join(comparison(t, r, "outputs and states").Notes, "\n")
			if said := strings.Contains(notes, "the two round differently"); said != (len(want) == 0) {
				t.Errorf("by %g: the notes are %q", by, notes)
			}
		}
	}
}

// What a third party expects is compared with the bound of all roundings from
// the inputs on, where that is less than what the default rule lets pass.
func TestExpectedByTheOracle(t *testing.T) {
	m, inputs := seed(t)
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for by, want := range map[float32]compare.Verdict{0: compare.InStep, 0.01: compare.Diverged} {
		expected := fixture.Tensors(t, "seed_keras3", "expected.npz")
		for name, e := range expected {
			d, err := lockstep.Data[float32](e)
			if err != nil {
				t.Fatal(err)
			}
			d[len(d)-1] += by
			expected[name] = e
		}
		c := compare.Check{Model: "seed", Reference: m, NotRun: []compare.EngineFailure{{Engine: "native", Err: errors.New("it is not there")}}, Inputs: inputs, Expected: expected, ExpectedBy: "keras", Oracle: oracle}
		checked, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		k := comparison(t, checked.Report, "expected values")
		if k.Verdict() != want {
			t.Errorf("off by %g: %s, want %s", by, k.Verdict(), want)
		}
		for i := range k.Results {
			if r := &k.Results[i]; !strings.Contains(r.Rule.String(), "from inputs to outputs") {
				t.Errorf("%s is judged by %s", r.Name, r.Rule)
			}
		}
	}
}

// counted is an oracle that counts how often it evaluates a model from its
// inputs on.
type counted struct {
	lockstep.Oracle
	times *int
}

func (o counted) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	if given == nil {
		*o.times++
	}
	return o.Oracle.Run(ctx, inputs, given)
}

// Outputs that were computed twice and what a third party expects are held
// against the same bounds, which are computed once.
func TestBoundsFromTheInputsOnce(t *testing.T) {
	m, inputs := seed(t)
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	expected := fixture.Tensors(t, "seed_keras3", "expected.npz")
	for name, c := range map[string]struct {
		reference lockstep.Tracer
		expected  map[string]*lockstep.Tensor
		want      int
	}{
		"neither": {m, nil, 0}, "twice": {rounds{m, 1e-6}, nil, 1}, "expected": {m, expected, 1}, "both": {rounds{m, 1e-6}, expected, 1},
	} {
		times := 0
		checked, err := compare.Check{
			Model: "seed", Reference: c.reference, Candidate: m, Inputs: inputs, Expected: c.expected, ExpectedBy: "keras", Oracle: counted{oracle, &times},
		}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantVerdicts(t, checked.Report, nil)
		if times != c.want {
			t.Errorf("%s: the oracle evaluated the model %d times from its inputs on, want %d", name, times, c.want)
		}
	}
}
