package diagnose

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

// wholeRuns tries faults in what the layers read over a sequence, and those
// that no single step shows, by running the model with each.
func (s *search) wholeRuns(ctx context.Context) ([]Cause, error) {
	before := traceMargin(s.Candidate, s.Reference)
	if before <= 1 {
		causes, err := s.byOutputs(ctx)
		s.found.Agree, s.found.Left = len(causes) == 0, before
		return causes, err
	}
	var out []Cause
	deadline := time.Now().Add(patience)
	for _, side := range []Side{InCandidate, InReference} {
		run := s.Candidate
		if side == InReference {
			run = s.Reference
		}
		if sound, err := s.run(ctx, side, nil); err == nil && traceMargin(run, sound) <= 1 {
			continue // this side computes what it should: a small fault would explain nothing
		}
		for _, f := range fault.List(s.model(side).Source()) {
			if !f.OutsideSteps() && (f.Kind != fault.HalfWeights || f.Layer != "") {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if time.Now().After(deadline) {
				s.found.Untried++
				continue
			}
			trace, err := s.run(ctx, side, f.Plant)
			if err != nil {
				continue // these inputs cannot have the fault
			}
			s.found.Tried++
			out = append(out, Cause{Faults: []fault.Fault{f}, Side: side, WholeRun: true, Before: before, Margin: traceMargin(run, trace)})
		}
	}
	return out, nil
}

// byOutputs tries faults by the candidate's outputs alone: the bounds of rounding show
// what is too small for the default tolerance.
func (s *search) byOutputs(ctx context.Context) ([]Cause, error) {
	found, err := Answers{Model: s.ReferenceModel, Inputs: s.Inputs, Values: s.Candidate.Outputs}.run(ctx, false)
	if err != nil {
		return nil, ctx.Err() // there are no bounds
	}
	s.found.Tried, s.found.Untried = found.Tried, found.Untried
	for i := range found.Causes {
		found.Causes[i].Side, found.Causes[i].ByOutputs = InCandidate, true
	}
	return found.Causes, nil
}

// run runs a side's model with a fault, or without one, and returns a trace by the
// reference's names.
func (s *search) run(ctx context.Context, side Side, plant func(*source.Source) error) (*lockstep.Trace, error) {
	bad := s.model(side)
	if plant != nil {
		var err error
		if bad, err = bad.Edit(plant); err != nil {
			return nil, err
		}
	}
	if side == InCandidate {
		return bad.TraceStates(ctx, s.Inputs)
	}
	return rename.Engine{Of: withoutGates{bad}, Names: s.Names}.Trace(ctx, s.Inputs, lockstep.Steps)
}

// withoutGates omits the gates, which are not compared for whole runs.
type withoutGates struct{ *native.Model }

// Trace is the model's, without gates.
func (m withoutGates) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, _ lockstep.Detail) (*lockstep.Trace, error) {
	return m.TraceStates(ctx, inputs)
}

// reads are the tensors in a trace that layers read and leave.
var reads = []string{"initial_h", "initial_c", "mask", "x", "output"}

// traceMargin compares two runs by what the layers read and leave, and by the
// outputs: the largest difference as a share of the default tolerance.
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

// everything returns a mask that leaves no step out, for a layer without one.
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

// differ is the largest difference of two tensors as a share of the default
// tolerance, infinite where they cannot be compared.
func differ(a, b *lockstep.Tensor) float64 {
	if a == nil || b == nil {
		return math.Inf(1)
	}
	return judged(b, a, nil).Margin
}

// judged compares two tensors by the default tolerance.
func judged(reference, candidate *lockstep.Tensor, layout func(string, []int) compare.Layout) compare.Result {
	named := func(t *lockstep.Tensor) map[string]*lockstep.Tensor { return map[string]*lockstep.Tensor{"": t} }
	rule := compare.DefaultRule()
	rule.AllowNonFinite = true
	return compare.Judge(compare.Measure(named(reference), named(candidate), compare.Options{Layout: layout}), compare.Uniform(rule))[0]
}
