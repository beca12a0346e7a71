package parity

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/reduce"
	"github.com/lockstep-go/lockstep/native"
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

// Party is one that shows nothing but answers: what Keras predicted, a golden, an
// engine without a trace.
type Party struct {
	Name string
	// Inputs are what it got, and Values what it answered, by the model's names of
	// outputs and final states.
	Inputs, Values map[string]*lockstep.Tensor
}

// ExplainAnswers adds to a report why a party's answers are not the model's, if a
// known fault explains it: each is supposed in the whole model, and those are
// named with which it gives these answers. Of an engine whose model is not known,
// which is every one but the native, it says nothing.
func ExplainAnswers(ctx context.Context, model lockstep.Engine, p Party, r *compare.Report) {
	m, ok := model.(*native.Model)
	if !ok {
		return
	}
	found, err := diagnose.Answers{Model: m, Inputs: p.Inputs, Values: p.Values}.Run(ctx)
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("no diagnosis from the answers of %s: %v", p.Name, err))
		return
	}
	found.ReportAnswers(r, p.Name)
}

// explainExpected says why the expected values are not what the model computes,
// where an engine differs from them by more than rounding explains.
func (c *check) explainExpected(ctx context.Context, r *compare.Report) {
	if c.options.NoDiagnosis || c.options.Expected == nil || c.meant == nil {
		return
	}
	for i := range r.Comparisons {
		if k := &r.Comparisons[i]; k.Reference == c.check.ExpectedBy && slices.ContainsFunc(k.Results, func(r compare.Result) bool { return r.ShowsFault() }) {
			ExplainAnswers(ctx, c.meant, Party{c.check.ExpectedBy, c.check.Inputs, c.options.Expected}, r)
			return
		}
	}
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
