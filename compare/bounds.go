package compare

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// Bounds is a tolerance of its own for every element of one tensor.
type Bounds struct {
	// Each holds the bounds, row-major.
	Each []float64
	// Of says what they are, as in "the rounding of one step".
	Of string
}

// Bound returns the bound of an element, NaN where there is none.
func (b Bounds) Bound(flat int, _ float64) float64 {
	if flat < 0 || flat >= len(b.Each) {
		return math.NaN()
	}
	return b.Each[flat]
}

// String returns what the bounds are.
func (b Bounds) String() string { return b.Of }

// explained bounds how far a candidate may be from a reference, where exact
// arithmetic makes of the candidate's own intermediate values, and of the
// reference's, numbers that are themselves apart, and each engine is within its
// bound of its own: |exact' - exact| + bound' + bound.
func explained(reference, candidate exactly) []float64 {
	out := make([]float64, len(reference.exact))
	for i := range out {
		if i >= len(candidate.exact) {
			out[i] = math.NaN()
			continue
		}
		apart := math.Abs(candidate.exact[i] - reference.exact[i])
		out[i] = (apart + candidate.bound[i] + reference.bound[i]) * (1 + 0x1p-40)
	}
	return out
}

// exactly is what exact arithmetic makes of an engine's own values, and how far
// the engine may be from it.
type exactly struct{ exact, bound []float64 }

func exactlyOf(exact, bound *lockstep.Tensor) (exactly, error) {
	var e exactly
	var err error
	if e.exact, err = exact.Float64s(); err != nil {
		return e, err
	}
	e.bound, err = bound.Float64s()
	return e, err
}
