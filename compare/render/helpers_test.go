package render

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

type set = map[string]*lockstep.Tensor

var (
	nan, inf = math.NaN(), math.Inf(1)
	f32      = func(v ...float32) []float32 { return v }
)

// compared compares two sets of tensors by one rule.
func compared(title, reference, candidate string, ref, cand set, o compare.Options, rule compare.Rule) compare.Comparison {
	return compare.Comparison{Title: title, Reference: reference, Candidate: candidate, Results: compare.Judge(compare.Measure(ref, cand, o), compare.Uniform(rule))}
}

// bound is a tolerance of one bound for each element, as a derived one is.
type bound []float64

func (b bound) Bound(flat int, _ float64) float64 { return b[flat] }
func (b bound) String() string                    { return "bounds of the test" }

// outcomesOf are the outcomes of models that all have reports.
func outcomesOf(reports ...*compare.Report) []compare.Outcome {
	var out []compare.Outcome
	for _, r := range reports {
		out = append(out, compare.Outcome{Model: r.Model, Report: r})
	}
	return out
}
