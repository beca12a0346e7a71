package diagnose

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

// wholeRuns supposes faults in what the layers read over a sequence, and in what no
// single step shows, by running the model with each.
func (s *search) wholeRuns(ctx context.Context) ([]Cause, error) {
	before := traceMargin(s.Candidate, s.Reference)
	if before <= 1 {
		s.found.Agree, s.found.Left = true, before
		return nil, nil
	}
	var out []Cause
	for _, side := range []Side{InCandidate, InReference} {
		for _, f := range fault.List(s.model(side).Source()) {
			if !f.SequenceLevel() && f.Kind != fault.HalfWeights {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			trace, err := s.run(ctx, side, f)
			if err != nil {
				continue // these inputs cannot be what the fault makes of them
			}
			s.found.Tried++
			run := s.Candidate
			if side == InReference {
				run = s.Reference
			}
			out = append(out, Cause{Faults: []fault.Fault{f}, Side: side, WholeRun: true, Before: before, Margin: traceMargin(run, trace)})
		}
	}
	return out, nil
}

// run runs a side's model with a fault, and shows what it did by the
// reference's names.
func (s *search) run(ctx context.Context, side Side, f fault.Fault) (*lockstep.Trace, error) {
	bad, err := s.model(side).Edit(f.Plant)
	if err != nil {
		return nil, err
	}
	if side == InCandidate {
		return bad.TraceStates(ctx, s.Inputs)
	}
	return rename.Engine{Of: withoutGates{bad}, Names: s.Names}.Trace(ctx, s.Inputs, lockstep.Steps)
}

// withoutGates shows no gates: nothing of a whole run is compared with them.
type withoutGates struct{ *native.Model }

// Trace is the model's, without gates.
func (m withoutGates) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, _ lockstep.Detail) (*lockstep.Trace, error) {
	return m.TraceStates(ctx, inputs)
}

// reads are what a trace shows of what layers read and leave.
var reads = []string{"initial_h", "initial_c", "mask", "x", "output"}

// traceMargin returns how far two runs are from each other by what the layers read and
// leave, and by the outputs: the largest difference as a part of the default
// tolerance.
func traceMargin(run, other *lockstep.Trace) float64 {
	most := 0.0
	see := func(have, want *lockstep.Tensor) {
		if have != nil || want != nil {
			most = max(most, differ(have, want))
		}
	}
	for _, layer := range other.Layers {
		for _, q := range reads {
			name := lockstep.StepName(layer, q)
			a, b := run.Steps[name], other.Steps[name]
			if q == "mask" && (a == nil) != (b == nil) {
				a, b = everything(a, b), everything(b, a)
			}
			if q == "x" {
				a, b = read(a, run.Layer(layer).Mask()), read(b, other.Layer(layer).Mask())
			}
			see(a, b)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(other.Outputs)) {
		see(run.Outputs[name], other.Outputs[name])
	}
	return most
}

// everything returns a mask that leaves nothing out instead of one that is not
// there.
func everything(mask, like *lockstep.Tensor) *lockstep.Tensor {
	if mask != nil {
		return mask
	}
	d := make([]bool, like.Len())
	for i := range d {
		d[i] = true
	}
	t, err := lockstep.New(d, slices.Clone(like.Shape())...)
	if err != nil {
		return nil
	}
	return t
}

// differ is the largest difference of two tensors as a part of the default
// tolerance, infinite where they cannot be compared.
func differ(a, b *lockstep.Tensor) float64 {
	if a == nil || b == nil {
		return math.Inf(1)
	}
	return judged(b, a, nil).Margin
}

// judged holds two tensors against each other by the default tolerance.
func judged(reference, candidate *lockstep.Tensor, layout func(string, []int) compare.Layout) compare.Result {
	named := func(t *lockstep.Tensor) map[string]*lockstep.Tensor { return map[string]*lockstep.Tensor{"": t} }
	rule := compare.DefaultRule()
	rule.AllowNonFinite = true
	return compare.Judge(compare.Measure(named(reference), named(candidate), compare.Options{Layout: layout}), compare.Uniform(rule))[0]
}
