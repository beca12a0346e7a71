package compare_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// offset is an engine whose outputs are off.
type offset struct {
	*native.Model
	by float32
}

// Trace shows outputs that are off.
func (s offset) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := s.Model.Trace(ctx, inputs, detail)
	if err != nil {
		return nil, err
	}
	return outputsOff(trace, s.by)
}

// outputsOff puts outputs into a trace all of which are off.
func outputsOff(trace *lockstep.Trace, by float32) (*lockstep.Trace, error) {
	all := map[string]float32{}
	for name := range trace.Outputs {
		all[name] = by
	}
	return fixture.Shift(trace, all)
}

// Where a bound at worst proves nothing, outputs are judged by what rounding typically
// does if that takes little work, also where single operations are compared.
func TestTypicalBoundsThatAreCheap(t *testing.T) {
	m, oracle, _ := modelOf(t, "reports/ln_stack", nil)
	for _, times := range []int{1, 64} {
		inputs := map[string]*lockstep.Tensor{}
		for name, x := range fixture.Tensors(t, "reports/ln_stack", "inputs.npz") {
			d, err := lockstep.Data[float32](x)
			if err != nil {
				t.Fatal(err)
			}
			shape := slices.Clone(x.Shape())
			shape[0] *= times
			inputs[name] = fixture.NewTensor(t, slices.Repeat(d, times), shape...)
		}
		for _, same := range []bool{false, true} {
			checked, err := compare.Check{Reference: m, Candidate: m, Oracle: oracle, Inputs: inputs, SameGraph: same}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range comparison(t, checked.Report, "outputs and states").Results {
				b, _ := r.Rule.Tolerance.(compare.BoundTolerance)
				if strings.Contains(r.Name, "/state_") {
					continue // of a layer, by its steps
				}
				if proves := b.Weak == ""; proves == (same && times > 1) || proves != strings.Contains(b.Of, "typically") {
					t.Errorf("%d times as many rows, single operations %v: %s is judged by %s (%s)", times, same, r.Name, b.Of, b.Weak)
				}
			}
		}
	}
}

// Where no bound tells, a difference is what the model is seen to make of a rounding,
// or it is a divergence: nearly constant rows make much of it, and a cell with a
// normalization that is not so fed makes little.
func TestSensitivityIsSeen(t *testing.T) {
	for _, c := range []struct {
		name string
		by   float32
		want compare.Verdict
		says bool
	}{
		{"near_constant_rows", 0, compare.InStep, false},
		{"near_constant_rows", 4e-5, compare.InStep, true},
		{"near_constant_rows", 5e-3, compare.Diverged, false},
		{"ln_cell_tfkeras", 0, compare.InStep, false},
		{"ln_cell_tfkeras", 1e-3, compare.Diverged, false},
		{"ln_cell_keras3", 1e-3, compare.Diverged, false},
		{"ln_stack", 1e-3, compare.Diverged, false},
		{"transformer", 1e-3, compare.Diverged, false},
	} {
		m, oracle, _ := modelOf(t, "reports/"+c.name, nil)
		inputs := fixture.Tensors(t, "reports/"+c.name, "inputs.npz")
		checked, err := compare.Check{Model: c.name, Reference: offset{m, c.by}, Candidate: m, Oracle: oracle, Inputs: inputs}.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(t, checked.Report)
		if checked.Report.Verdict() != c.want || strings.Contains(text, "what rounding typically does from the inputs on") != c.says {
			t.Errorf("%s, %v off: %s\n%s", c.name, c.by, checked.Report.Verdict(), text)
		}
	}
}
