package compare

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

type set = map[string]*lockstep.Tensor

var (
	nan, inf = math.NaN(), math.Inf(1)
	f32      = func(v ...float32) []float32 { return v }
)

// measureOne measures two tensors.
func measureOne(ref, cand *lockstep.Tensor) Difference {
	return Measure(set{"x": ref}, set{"x": cand}, Options{})[0]
}

// judgeOne judges two tensors by a rule.
func judgeOne(ref, cand *lockstep.Tensor, rule Rule) Result {
	return Judge([]Difference{measureOne(ref, cand)}, Uniform(rule))[0]
}

// passes tells whether two tensors are in step.
func passes(ref, cand *lockstep.Tensor, rule Rule) bool {
	return judgeOne(ref, cand, rule).Verdict == InStep
}

// bound is a tolerance of one bound for each element, as a derived one is.
type bound []float64

func (b bound) Bound(flat int, _ float64) float64 { return b[flat] }
func (b bound) String() string                    { return "bounds of the test" }

// compared compares two sets of tensors by one rule.
func compared(title, reference, candidate string, ref, cand set, o Options, rule Rule) Comparison {
	return Comparison{Title: title, Reference: reference, Candidate: candidate, Results: Judge(Measure(ref, cand, o), Uniform(rule))}
}
