package compare

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

// BoundTolerance is a tolerance with a separate bound for every element of a
// tensor.
type BoundTolerance struct {
	// Each holds the bounds, row-major.
	Each []float64
	// Offset, if not nil, is by how much the candidate is above the reference
	// for a known reason: Each bounds what is left of their difference.
	Offset []float64
	// Of says what they are, as in "the rounding of one step".
	Of string

	// Rounding, if not nil, is what rounding may do to each element, where Each
	// is less because that much would prove nothing; +Inf where it is unknown.
	Rounding []float64
	// Weak says why it would prove nothing, as a clause, and Instead what was
	// used; both are "" where Each is what rounding may do.
	Weak, Instead string
}

// Bound returns the bound of an element, NaN where there is none.
func (b BoundTolerance) Bound(flat int, _ float64) float64 {
	if flat < 0 || flat >= len(b.Each) {
		return math.NaN()
	}
	return b.Each[flat]
}

// offset returns the part of an element's difference that has a known reason.
func (b BoundTolerance) offset(flat int) float64 {
	if flat < 0 || flat >= len(b.Offset) {
		return 0
	}
	return b.Offset[flat]
}

// String returns what the bounds are.
func (b BoundTolerance) String() string { return b.Of }

// against returns bounds that can distinguish a reference from another tensor.
// Where one is unknown (infinite or NaN), or wider than a share of the
// reference's range, a thousandth in float32, every bound is at most what the fallback allows. It never
// makes a known bound wider.
func (b BoundTolerance) against(reference *lockstep.Tensor, fallback fallbackRule) BoundTolerance {
	if reference == nil {
		return b
	}
	numbers, ok := floatsOf(reference)
	if !ok {
		return b
	}
	extent := extentOf(numbers, reference.Len())
	widest, unknown := 0.0, 0
	for i := range reference.Len() {
		switch e := b.Bound(i, 0); {
		case !finite(numbers.at(i)): // judged before any bound applies
		case !(e >= 0) || !finite(e) || !finite(b.offset(i)):
			unknown++
		default:
			widest = max(widest, e)
		}
	}
	switch {
	case unknown > 0:
		b.Weak = "no bound of rounding is known"
		if unknown < reference.Len() {
			b.Weak += fmt.Sprintf(" for %d of %s", unknown, format.Plural(reference.Len(), "value"))
		}
	case widest > fallback.telling()*extent.span && b.exceeds(fallback.fixed(extent.largest), numbers, reference.Len()):
		b.Weak = fmt.Sprintf("the bound of rounding, up to %s, is more than %s of the range %s", format.RoundDown(widest, 2), fallback.share(), format.RoundUp(extent.span, 2))
	default:
		return b
	}
	return b.capped(numbers, reference.Len(), extent.largest, fallback)
}

// capped returns bounds that are at most what the fallback allows.
func (b BoundTolerance) capped(numbers floats, n int, largest float64, fallback fallbackRule) BoundTolerance {
	fixed := fallback.fixed(largest)
	out := b
	out.Each, out.Offset, out.Rounding = make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		out.Each[i], out.Rounding[i] = fixed.Bound(i, numbers.at(i)), math.Inf(1)
		if e := b.Bound(i, 0); e >= 0 && finite(e) && finite(b.offset(i)) {
			out.Each[i], out.Offset[i], out.Rounding[i] = min(out.Each[i], e), b.offset(i), e
		}
	}
	out.Instead = fallback.words(largest)
	out.Of = b.Of + ", at most " + out.Instead
	return out
}

// exceeds tells whether a bound allows more than a tolerance does.
func (b BoundTolerance) exceeds(fixed FixedTolerance, numbers floats, n int) bool {
	for i := range n {
		if v := numbers.at(i); finite(v) && b.Bound(i, 0) > fixed.Bound(i, v) {
			return true
		}
	}
	return false
}

// extent is how far the finite numbers of a tensor reach.
type extent struct {
	// span is the largest number less the smallest, or the largest magnitude
	// where all are the same.
	span, largest float64
}

func extentOf(numbers floats, n int) extent {
	least, most := math.Inf(1), math.Inf(-1)
	var e extent
	for i := range n {
		if v := numbers.at(i); finite(v) {
			least, most, e.largest = min(least, v), max(most, v), max(e.largest, math.Abs(v))
		}
	}
	if e.span = most - least; !(e.span > 0) {
		e.span = e.largest
	}
	return e
}

// largestOf is the largest magnitude of a tensor's finite numbers, 0 without one.
func largestOf(t *lockstep.Tensor) float64 {
	if t == nil {
		return 0
	}
	numbers, ok := floatsOf(t)
	if !ok {
		return 0
	}
	return extentOf(numbers, t.Len()).largest
}

// spanOf is the range of a tensor's finite numbers, 0 without one.
func spanOf(t *lockstep.Tensor) float64 {
	numbers, ok := floatsOf(t)
	if !ok {
		return 0
	}
	return extentOf(numbers, t.Len()).span
}

// explained bounds how far a candidate may be from a reference where exact
// arithmetic gives different results for the intermediate values of the two,
// and each engine is within its bound of its own result.
func explained(reference, candidate exactTolerance, of string) BoundTolerance {
	b := BoundTolerance{Each: make([]float64, len(reference.exact)), Offset: make([]float64, len(reference.exact)), Of: of}
	for i := range b.Each {
		if i >= len(candidate.exact) {
			b.Each[i] = math.NaN()
			continue
		}
		b.Offset[i] = candidate.exact[i] - reference.exact[i]
		// The differences are rounded in float64, in the last of 53 bits.
		b.Each[i] = candidate.bound[i] + reference.bound[i] + 0x1p-50*(math.Abs(candidate.exact[i])+math.Abs(reference.exact[i]))
	}
	return b
}

// exactTolerance is the exact result for an engine's own values, and how far
// the engine may be from it.
type exactTolerance struct{ exact, bound []float64 }

func exactlyOf(exact, bound *lockstep.Tensor) (exactTolerance, error) {
	var e exactTolerance
	var err error
	if e.exact, err = exact.Float64s(); err != nil {
		return e, err
	}
	e.bound, err = bound.Float64s()
	return e, err
}
