package compare_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// The native engine is on both sides here, so that these tests run without
// TensorFlow: the reference is the model as it is.
func seed(t *testing.T) (sound *native.Model, inputs map[string]*lockstep.Tensor) {
	t.Helper()
	return load(t, fixture.Dir(t, "seed_keras3")), fixture.Tensors(t, "seed_keras3", "inputs.npz")
}

func load(t *testing.T, dir string) *native.Model {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// changed is the seed model with one element of a weight changed.
func changed(t *testing.T, name string, index int, change func(float32) float32) *native.Model {
	t.Helper()
	dir := fixture.Dir(t, "seed_keras3")
	weights, err := load(t, dir).Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, lockstep.ByName(weights)[name], index, change)
	return load(t, dir)
}

// bare hides that an engine can show its weights, as a foreign one may.
type bare struct{ lockstep.Tracer }

func (b bare) Step(layer string, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return b.Tracer.(lockstep.Stepper).Step(layer, from)
}

func check(t *testing.T, reference, candidate lockstep.Tracer, of *native.Model, inputs map[string]*lockstep.Tensor) *compare.Report {
	t.Helper()
	oracle, err := of.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	c := compare.Check{Model: "seed", Reference: reference, Candidate: candidate, Inputs: inputs, Oracle: oracle}
	checked, err := c.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return checked.Report
}

func comparison(t *testing.T, r *compare.Report, title string) *compare.Comparison {
	t.Helper()
	i := slices.IndexFunc(r.Comparisons, func(c compare.Comparison) bool { return c.Title == title })
	if i < 0 {
		t.Fatalf("the report has no comparison of %s", title)
	}
	return &r.Comparisons[i]
}

func TestStepsOfTheSameModel(t *testing.T) {
	m, inputs := seed(t)
	r := check(t, m, m, m, inputs)
	if r.Verdict() != compare.InStep {
		t.Fatalf("a model is not in step with itself: %+v", r)
	}
	steps, free := comparison(t, r, "single steps"), comparison(t, r, "free running")
	var names []string
	for _, result := range steps.Results {
		names = append(names, result.Name)
	}
	want := strings.Fields("encoder/sum_i encoder/sum_f encoder/sum_g encoder/sum_o encoder/i encoder/f encoder/g encoder/o encoder/c encoder/h " +
		"decoder/sum_i decoder/sum_f decoder/sum_g decoder/sum_o decoder/i decoder/f decoder/g decoder/o decoder/c decoder/h")
	if !slices.Equal(names, want) || len(free.Results) != 4 {
		t.Errorf("single steps of %q, and %d results of free running", names, len(free.Results))
	}
}

// A fault shows at the layer, the step, the gate and the unit where it is made,
// and nowhere before, by what one weight does to its gate's sum. The weights
// are hidden, so that the steps alone tell.
func TestOneWeightShowsWhereItIs(t *testing.T) {
	const units = 64
	for _, c := range []struct {
		weight       string
		row, gate, k int
		layer, sum   string
		step         int
	}{
		{"encoder/bias", 0, 0, 5, "encoder", "sum_i", 0},
		{"encoder/kernel", 0, 1, 63, "encoder", "sum_f", 0},
		{"encoder/recurrent_kernel", 17, 2, 40, "encoder", "sum_g", 1}, // it begins with h = 0
		{"decoder/recurrent_kernel", 3, 3, 0, "decoder", "sum_o", 0},   // it does not
		{"decoder/bias", 0, 1, 31, "decoder", "sum_f", 0},
	} {
		sound, inputs := seed(t)
		at := c.row*4*units + c.gate*units + c.k
		candidate := changed(t, c.weight, at, func(v float32) float32 { return v + 0.01 })
		r := check(t, bare{sound}, bare{candidate}, candidate, inputs)
		lead, first := r.FirstDivergence()
		if lead == nil || first == nil || first.First == nil {
			t.Fatalf("%s: nothing diverged", c.weight)
		}
		got := fmt.Sprintf("%s: %s, step %d, unit %d", lead.Title, first.Name, first.First.Step, first.First.Unit)
		if want := fmt.Sprintf("single steps: %s/%s, step %d, unit %d", c.layer, c.sum, c.step, c.k); got != want {
			t.Errorf("%s: the engines part first at %s, want %s", c.weight, got, want)
		}
		for _, result := range lead.Results {
			if strings.HasPrefix(result.Name, "encoder/") && c.layer == "decoder" && result.Verdict != compare.InStep {
				t.Errorf("%s: %s diverges", c.weight, result.Name)
			}
		}
	}
}

// What a hand-picked tolerance lets pass: sixteen units in the last place of
// one weight, which the weights show bit for bit.
func TestSixteenUlpOfAWeight(t *testing.T) {
	sound, inputs := seed(t)
	candidate := changed(t, "encoder/recurrent_kernel", 1000, func(v float32) float32 { return v * (1 + 0x1p-20) })
	r := check(t, sound, candidate, candidate, inputs)
	lead, first := r.FirstDivergence()
	if lead == nil || lead.Title != "weights" || first.Name != "encoder/recurrent_kernel" {
		t.Errorf("the first divergence is of %+v", lead)
	}
}

// slips is an engine whose own run carries a wrong state from one step to the
// next, though its cell is sound.
type slips struct {
	*native.Model
	row, step, unit int
}

func (s slips) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := s.Model.Trace(ctx, inputs, detail)
	if err != nil || detail < lockstep.Steps {
		return trace, err
	}
	h, err := lockstep.Data[float32](trace.Steps["decoder/h"])
	if err != nil {
		return nil, err
	}
	shape := trace.Steps["decoder/h"].Shape()
	h[(s.row*shape[1]+s.step)*shape[2]+s.unit] += 1e-3
	return trace, nil
}

func TestFreeRunningShowsASlip(t *testing.T) {
	m, inputs := seed(t)
	r := check(t, m, slips{m, 1, 4, 9}, m, inputs)
	if v := comparison(t, r, "single steps").Verdict(); v != compare.InStep {
		t.Errorf("single steps are %s", v)
	}
	first := comparison(t, r, "free running").First()
	if first == nil || first.Name != "decoder/h" || first.First.Step != 4 || first.First.Unit != 9 || first.First.Batch != 1 {
		t.Fatalf("free running diverges first at %+v", first)
	}
}

// Where a trace does not show the steps of a layer, the report says so, and the
// outputs are judged all the same.
type stateless struct{ *native.Model }

func (s stateless) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	return s.Model.Trace(ctx, inputs, min(detail, lockstep.States))
}

func TestNoStepsAreSaid(t *testing.T) {
	m, inputs := seed(t)
	r := check(t, stateless{m}, m, m, inputs)
	if len(r.Comparisons) != 2 || r.Verdict() != compare.InStep {
		t.Errorf("%d comparisons, %s", len(r.Comparisons), r.Verdict())
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "native shows no steps of the layer encoder") {
		t.Errorf("the notes are %q", notes)
	}
}
