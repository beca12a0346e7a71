package compare

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// Bounds is a tolerance of its own for every element of one tensor.
type Bounds struct {
	// Each holds the bounds, row-major.
	Each []float64
	// Apart, if not nil, is by how much the candidate is above the reference
	// for a known reason: Each bounds what is left of their difference.
	Apart []float64
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

// apart returns the part of an element's difference that has a known reason.
func (b Bounds) apart(flat int) float64 {
	if flat < 0 || flat >= len(b.Apart) {
		return 0
	}
	return b.Apart[flat]
}

// String returns what the bounds are.
func (b Bounds) String() string { return b.Of }

// explained bounds how far a candidate may be from a reference where exact
// arithmetic makes of the candidate's own intermediate values, and of the
// reference's, numbers that are themselves apart, and each engine is within its
// bound of its own.
func explained(reference, candidate exactly, of string) Bounds {
	b := Bounds{make([]float64, len(reference.exact)), make([]float64, len(reference.exact)), of}
	for i := range b.Each {
		if i >= len(candidate.exact) {
			b.Each[i] = math.NaN()
			continue
		}
		b.Apart[i] = candidate.exact[i] - reference.exact[i]
		// The differences are rounded in float64, in the last of 53 bits.
		b.Each[i] = candidate.bound[i] + reference.bound[i] + 0x1p-50*(math.Abs(candidate.exact[i])+math.Abs(reference.exact[i]))
	}
	return b
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
