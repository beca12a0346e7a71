package compare

import "math"

// Smallest holds the smallest tolerances under which tensors pass, each as the
// only rule. They are exact: a Rule of any of them passes, and a Rule of the
// next smaller float64, or ULP, does not. A figure is +Inf where no tolerance
// passes.
type Smallest struct {
	// Given has the Rtol with which Atol was found, and the Atol with which
	// Rtol was.
	Given FixedTolerance
	// Atol is the smallest that passes with Given.Rtol, Rtol the smallest that
	// passes with Given.Atol.
	Atol, Rtol float64
	// AtolAlone is the smallest atol that passes with an rtol of 0.
	AtolAlone float64
	// ULP is the smallest distance that passes as Rule.ULP.
	ULP uint64
}

// smallestPassing returns the smallest tolerances under which d passes, for
// floats only. ok is false where no tolerance would let d pass: tensors that
// were not Measured, NaNs and infinities that do not agree, and, unless they
// are allowed, any in the reference.
func (d *Difference) smallestPassing(given FixedTolerance, allowNonFinite bool) (s Smallest, ok bool) {
	if d.Kind != Measured || d.NonFinite.disagree() > 0 || d.NonFinite.Reference.N > 0 && !allowNonFinite {
		return Smallest{}, false
	}
	ref, ok := floatsOf(d.Reference)
	if !ok {
		return Smallest{}, false
	}
	if d.identical() {
		return Smallest{Given: given}, true
	}
	cand, _ := floatsOf(d.Candidate)
	s = Smallest{Given: given, AtolAlone: d.MaxAbs, ULP: d.MaxULP}
	for i := range d.Elements {
		a, b := cand.at(i), ref.at(i)
		if !finite(b) {
			continue // agrees, or d would not get here
		}
		abs := math.Abs(a - b)
		s.Atol = leastFrom(s.Atol, func(x float64) bool { return abs <= FixedTolerance{Atol: x, Rtol: given.Rtol}.Bound(i, b) })
		s.Rtol = leastFrom(s.Rtol, func(x float64) bool { return abs <= FixedTolerance{Atol: given.Atol, Rtol: x}.Bound(i, b) })
	}
	return s, true
}

// leastFrom returns the least float64 from x on that passes, +Inf for none.
// passes must be monotone.
func leastFrom(x float64, passes func(float64) bool) float64 {
	if math.IsInf(x, 1) || passes(x) {
		return x
	}
	if !passes(math.MaxFloat64) {
		return math.Inf(1)
	}
	// The bits of floats that are not negative are in the floats' order.
	fails, holds := math.Float64bits(x), math.Float64bits(math.MaxFloat64)
	for holds-fails > 1 {
		if mid := fails + (holds-fails)/2; passes(math.Float64frombits(mid)) {
			holds = mid
		} else {
			fails = mid
		}
	}
	return math.Float64frombits(holds)
}

// join returns tolerances under which both pass. Their Given must be the same.
func (s Smallest) join(t Smallest) Smallest {
	return Smallest{
		Given:     s.Given,
		Atol:      max(s.Atol, t.Atol),
		Rtol:      max(s.Rtol, t.Rtol),
		AtolAlone: max(s.AtolAlone, t.AtolAlone),
		ULP:       max(s.ULP, t.ULP),
	}
}

// given is the tolerance that the search for a smaller one starts from: the
// rule's own, or the default where the rule has neither atol nor rtol.
func (rule Rule) given() FixedTolerance {
	if f, ok := rule.Tolerance.(FixedTolerance); ok && f.valid() == nil {
		return f
	}
	return FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}
}
