package compare

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// stepOf describes the bound of a single step.
const (
	oneStep   = "the rounding of one step"
	freeSteps = "the rounding of each step, and its effect on the difference before it"
)

// apartBytes are from how many bytes of results on single operations are compared
// before the rest: both together would take more memory.
const apartBytes = 512 << 20

// stepTolerances compares the steps of the recurrent layers.
type stepTolerances struct {
	check                *Check
	reference, candidate *lockstep.Trace
	pairs                pairing
	fallback             fallbackRule
	isolated, free       Comparison
	rules                [2]map[string]Rule // for isolated and free
	order                []string
}

// derived adds the comparisons of the derived verdict: two of the layers'
// steps, that of the tensors between layers, and that of outputs and states. In
// the first, isolated, the reference's own states before each step go into the
// candidate's cell, so that nothing accumulates; in the second each engine runs
// freely, and a difference may be the step's effect on the one before it.
func (c Check) derived(ctx context.Context, out *CheckResult) error {
	if err := room(out); err != nil {
		return err
	}
	var operations Comparison
	var failed error
	var single sync.WaitGroup
	alone, err := c.isolate(ctx, out)
	if err != nil {
		return fmt.Errorf("compare: %s: %w", operationsTitle, err)
	}
	switch compareThem := func() { operations, failed = alone.run(ctx) }; {
	case alone == nil:
	case alone.bytes > apartBytes:
		compareThem()
	default: // the reference shows its inner tensors while the steps are compared here
		single.Go(compareThem)
		defer single.Wait()
	}
	s := &stepTolerances{check: &c, reference: out.Reference, candidate: out.Candidate, pairs: out.pairs, fallback: c.fallback(out)}
	for i := range s.rules {
		s.rules[i] = map[string]Rule{}
	}
	references, candidates := [2]map[string]*lockstep.Tensor{{}, {}}, [2]map[string]*lockstep.Tensor{{}, {}}
	for _, layer := range out.Reference.Layers {
		other, ok := s.pairs.counterpart(layer)
		if !ok {
			continue
		}
		if err := s.layer(layer, other, references, candidates); err != nil {
			return fmt.Errorf("compare: the steps of layer %q: %w", layer, err)
		}
	}
	for _, why := range s.pairs.alone {
		s.isolated.Notes = append(s.isolated.Notes, "the steps of a layer could not be compared: "+why)
	}
	for i, k := range []*Comparison{&s.isolated, &s.free} {
		k.Reference, k.Candidate = out.Reference.Engine, out.Candidate.Engine
		k.Stepwise = true
		d := Measure(references[i], candidates[i], Options{Order: s.order, Layout: KerasLayout})
		k.Results = Judge(d, func(name string) Rule { return s.rules[i][name] })
		k.Notes = append(k.Notes, BoundNotes(k.Results)...)
	}
	s.isolated.Title, s.free.Title = "single steps", "free running"
	s.amplification()
	b, err := c.between(ctx, out)
	if err != nil {
		return err
	}
	rules, notes := b.rules(&s.free)
	last, err := c.outputs(out, rules)
	if err != nil {
		return err
	}
	if err := c.sensitive(out, &last); err != nil {
		return err
	}
	last.Notes = append(notes, BoundNotes(last.Results)...)
	around := b.inputs()
	if err := c.sensitive(out, &around); err != nil {
		return err
	}
	around.Notes = BoundNotes(around.Results)
	if single.Wait(); failed != nil {
		return fmt.Errorf("compare: %s: %w", operationsTitle, failed)
	}
	for _, k := range []Comparison{s.isolated, operations, s.free, around, last} {
		if len(k.Results) > 0 {
			out.Report.Comparisons = append(out.Report.Comparisons, k)
		} else if len(k.Notes) > 0 {
			out.Report.Notes = append(out.Report.Notes, k.Notes...)
		}
	}
	return nil
}

func (s *stepTolerances) layer(layer, other string, references, candidates [2]map[string]*lockstep.Tensor) error {
	ref, err := s.reference.Layer(layer).Before()
	if err != nil {
		return err
	}
	cand, err := s.candidate.Layer(other).Before()
	if err != nil {
		return err
	}
	if ref == nil || cand == nil {
		by := s.reference.Engine
		if ref != nil {
			by = s.candidate.Engine
		}
		s.isolated.Notes = append(s.isolated.Notes, fmt.Sprintf("%s shows no steps of the layer %s, so that its outputs alone are judged", by, layer))
		return nil
	}
	exact, bound, err := s.check.Oracle.Step(other, ref)
	if err != nil {
		return err
	}
	ownExact, ownBound, err := s.check.Oracle.Step(other, cand)
	if err != nil {
		return err
	}
	alone := maps.Clone(exact)
	if stepper, ok := s.check.Candidate.(lockstep.Stepper); ok {
		states, err := stepper.Step(other, ref)
		if err != nil {
			return err
		}
		maps.Copy(alone, states)
	}
	mask, otherMask := s.reference.Layer(layer).Mask(), s.candidate.Layer(other).Mask()
	for _, q := range s.reference.Quantities(layer) {
		if exact[q] == nil {
			continue
		}
		name := lockstep.StepName(layer, q)
		s.order = append(s.order, name)
		have := s.reference.Steps[name]
		here, err := exactlyOf(exact[q], bound[q])
		if err != nil {
			return err
		}
		there, err := inTypeOf(alone[q], have)
		if err != nil {
			return err
		}
		if there, err = s.leaveOut(there, q, have, ref, mask, here); err != nil {
			return err
		}
		rounding := 0x1p-24
		if have.DType() == lockstep.Float64 {
			rounding = 0x1p-53
		}
		each := make([]float64, len(here.bound))
		for i, b := range here.bound {
			each[i] = 2*b + rounding*abs(here.exact[i]) // one for each engine; a gate of the candidate's is rounded to be shown
		}
		references[0][name], candidates[0][name] = have, there
		s.rules[0][name] = Rule{Tolerance: BoundTolerance{Each: each, Of: oneStep}.against(have, s.fallback), AllowNonFinite: s.check.Settings.AllowNonFinite()}
		own := s.candidate.Layer(other).Step(q)
		if q != "h" && q != "c" || own == nil {
			continue
		}
		theirs, err := exactlyOf(ownExact[q], ownBound[q])
		if err != nil {
			return err
		}
		if _, err := s.leaveOut(own, q, own, cand, otherMask, theirs); err != nil {
			return err
		}
		references[1][name], candidates[1][name] = have, own
		s.rules[1][name] = Rule{Tolerance: explained(here, theirs, freeSteps).against(have, s.fallback), AllowNonFinite: s.check.Settings.AllowNonFinite()}
	}
	return nil
}
