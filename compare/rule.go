package compare

import (
	"fmt"
	"math"
	"strconv"

	"github.com/lockstep-go/lockstep/internal/format"
)

// Tolerance bounds how far the candidate may be from the reference. Bounds that
// were derived for every element are one too.
type Tolerance interface {
	// Bound returns the largest |candidate-reference| that passes at the
	// element of that flat index, at which the reference is a finite number.
	// Where it is NaN, negative or infinite there is no bound, and only the
	// same number passes.
	Bound(flat int, reference float64) float64
	// String names the tolerance in reports.
	String() string
}

// DefaultAtol and DefaultRtol are the default tolerance.
const (
	DefaultAtol = 1e-5
	DefaultRtol = 1e-4
)

// FixedTolerance is numpy's rule, Atol + Rtol*|reference|. It is computed in float64,
// the product and the sum each rounded once to nearest, and so never falls when
// Atol or Rtol grows. A sum beyond float64 counts as its largest number, so
// that a difference beyond float64 is outside every FixedTolerance.
type FixedTolerance struct {
	Atol, Rtol float64
}

// Bound returns the bound where the reference is b. It is NaN if Atol or Rtol is
// negative or not finite.
func (f FixedTolerance) Bound(_ int, b float64) float64 {
	if f.valid() != nil {
		return math.NaN()
	}
	// The conversion keeps a compiler from fusing the product into the sum.
	return min(f.Atol+float64(f.Rtol*math.Abs(b)), math.MaxFloat64)
}

// valid tells whether Atol and Rtol are finite and not negative.
func (f FixedTolerance) valid() error {
	if !(f.Atol >= 0 && finite(f.Atol)) {
		return fmt.Errorf("compare: atol is %v, want a finite number that is not negative", f.Atol)
	}
	if !(f.Rtol >= 0 && finite(f.Rtol)) {
		return fmt.Errorf("compare: rtol is %v, want a finite number that is not negative", f.Rtol)
	}
	return nil
}

// String writes f with all its digits, as in "atol 1e-05, rtol 0.0001".
func (f FixedTolerance) String() string {
	return "atol " + format.Exact(f.Atol) + ", rtol " + format.Exact(f.Rtol)
}

// Rule is how a tensor of floats is judged: an element agrees if Tolerance or
// ULP lets it. The zero Rule requires equal numbers. Other types must always be
// equal.
type Rule struct {
	// Tolerance is nil for none.
	Tolerance Tolerance
	// ULP is the distance in units in the last place up to which numbers agree.
	ULP uint64
	// Bits requires every bit to be the same, whatever Tolerance and ULP are: 0
	// is not -0, and one NaN is not another.
	Bits bool
	// AllowNonFinite accepts NaNs and infinities in the reference where the
	// candidate has the same ones.
	AllowNonFinite bool
}

// DefaultRule is the rule of DefaultAtol and DefaultRtol.
func DefaultRule() Rule { return Rule{Tolerance: FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}} }

// String says what the rule allows, as in "atol 1e-05, rtol 0.0001".
func (r Rule) String() string {
	ulp := strconv.FormatUint(r.ULP, 10) + " ulp"
	switch {
	case r.Bits:
		return "bit for bit"
	case r.Tolerance == nil && r.ULP == 0:
		return "equality"
	case r.Tolerance == nil:
		return ulp
	case r.ULP == 0:
		return r.Tolerance.String()
	}
	return r.Tolerance.String() + ", or " + ulp
}

// Rules choose every tensor's rule by its name.
type Rules func(name string) Rule

// Uniform judges every tensor by the same rule.
func Uniform(r Rule) Rules { return func(string) Rule { return r } }
