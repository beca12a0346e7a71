package parity

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/reduce"
)

// diagnose adds a diagnosis to a report that diverged, or why there is none:
// the verdict does not need one.
func (c *check) diagnose(ctx context.Context, out *Result) {
	if c.options.NoDiagnosis || out.Report.Verdict() == compare.InStep || c.engine == nil || !c.enginesDiverged(out.Report) {
		return
	}
	if err := c.suppose(ctx, out); err != nil {
		out.Report.Explain("no diagnosis: " + err.Error())
	}
}

func (c *check) suppose(ctx context.Context, out *Result) error {
	if c.meant == nil {
		return fmt.Errorf("the native engine refuses the reference's model: %w", c.refused)
	}
	reference, candidate := out.Reference, out.Candidate
	var err error
	if reference.Steps == nil {
		if reference, err = c.check.Reference.Trace(ctx, c.check.Inputs, lockstep.Steps); err != nil {
			return err
		}
	}
	if candidate.Steps == nil {
		if candidate, err = c.check.Candidate.Trace(ctx, c.check.Inputs, lockstep.Steps); err != nil {
			return err
		}
	}
	problem := diagnose.Problem{Inputs: c.check.Inputs, Reference: reference, Candidate: candidate, ReferenceModel: c.meant, CandidateModel: c.engine, Names: c.names}
	problem.Stepper, _ = c.check.Candidate.(lockstep.Stepper)
	found, err := problem.Run(ctx)
	if err != nil {
		return err
	}
	found.Report(out.Report, reference.Engine, candidate.Engine)
	return nil
}

// enginesDiverged tells whether the engines differ from each other, and not
// only from a third party, by more than rounding explains.
func (c *check) enginesDiverged(r *compare.Report) bool {
	for i := range r.Comparisons {
		k := &r.Comparisons[i]
		if !c.ofEngines(k) {
			continue
		}
		if len(k.Results) == 0 {
			return true
		}
		for j := range k.Results {
			if k.Results[j].ShowsFault() {
				return true
			}
		}
	}
	return false
}

// ofEngines tells whether a comparison is between the two engines.
func (c *check) ofEngines(k *compare.Comparison) bool {
	return k.Reference == c.check.Reference.Name() && k.Candidate == c.check.Candidate.Name()
}

// reduce shrinks inputs with which the engines' results diverge: differing
// weights do not depend on inputs.
func (c *check) reduce(ctx context.Context, out *Result) error {
	if !c.options.Reduce {
		return nil
	}
	title := c.computed(out.Report)
	if title == "" {
		if out.Report.Verdict() != compare.InStep {
			out.Report.Notes = append(out.Report.Notes, "nothing to reduce: what the engines compute from the inputs agrees")
		}
		return nil
	}
	fails := func(ctx context.Context, inputs map[string]*lockstep.Tensor) bool {
		smaller := c.check
		smaller.Inputs, smaller.Expected = inputs, nil
		got, err := smaller.Run(ctx)
		return err == nil && c.computed(got.Report) == title
	}
	least, err := reduce.Run(ctx, c.check.Reference.Signature(), c.check.Inputs, fails, reduce.Options{})
	if err != nil {
		out.Report.Notes = append(out.Report.Notes, "the inputs were not reduced: "+err.Error())
		return err
	}
	out.Reduced = &Reduced{least.Inputs, title, least.Runs, least.Done}
	return nil
}

// computed is the title of the first comparison of what the two engines compute that
// diverged, "" if none did.
func (c *check) computed(r *compare.Report) string {
	for i := range r.Comparisons {
		if k := &r.Comparisons[i]; k.Title != "weights" && k.Verdict() != compare.InStep && c.ofEngines(k) {
			return k.Title
		}
	}
	return ""
}
