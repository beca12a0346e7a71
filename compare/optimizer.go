package compare

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/internal/format"
)

// optimized finds out whether the reference's graph optimizer makes the engines
// differ: without it, the reference then agrees with the candidate.
func (c Check) optimized(ctx context.Context, out *CheckResult) error {
	if c.Unoptimized == nil || !answersDiffer(out) {
		return nil
	}
	checked, err := c.unoptimized(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		out.Report.Notes = append(out.Report.Notes, fmt.Sprintf("whether %s's graph optimizer makes the difference could not be found out: %v", out.Reference.Engine, err))
		return nil
	}
	if checked.Report.Verdict() != InStep {
		return nil
	}
	out.optimizer = true
	out.Report.Explain(fmt.Sprintf(
		"%[1]s's graph optimizer changes what this model computes: the same graph run by %[1]s without it agrees with %[2]s (margin %[3]s). %[2]s computes the graph as the exporter wrote it; a %[1]s session, and Keras's predict, compute what the optimizer made of it",
		out.Reference.Engine, out.Candidate.Engine, format.RoundUp(checked.Report.Margin(), 2)))
	return nil
}

// unoptimized checks the candidate against the reference without its optimizer.
func (c Check) unoptimized(ctx context.Context) (checked *CheckResult, err error) {
	plain, done, err := c.Unoptimized(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c.Reference, c.Expected, c.Unoptimized = plain, nil, nil
	return c.Run(ctx)
}

// ByOptimizer tells whether the reference's graph optimizer makes the engines
// differ.
func (c *CheckResult) ByOptimizer() bool { return c.optimizer }

// answersDiffer tells whether the engines differ outside the layers' steps,
// where an optimizer changes the graph.
func answersDiffer(out *CheckResult) bool {
	for i := range out.Report.Comparisons {
		k := &out.Report.Comparisons[i]
		if k.Stepwise || k.Title == weightsTitle {
			continue
		}
		for j := range k.Results {
			if k.Results[j].ShowsFault() {
				return true
			}
		}
	}
	return false
}
