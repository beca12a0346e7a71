package compare

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

// fallbackRule judges tensors where rounding has no bound that would prove
// anything: atol 1e-5 + rtol 1e-4 in float32 and wider types, and the typical
// rounding of the coarsest type that a model computes in, where that is coarser.
type fallbackRule struct{ coarsest lockstep.DType }

// typicalRoundings is how many roundings of a 16-bit type a value typically
// goes through: engines that round less often, as TensorFlow's fused kernels
// do, differ by as much.
const typicalRoundings = 8

// fallbackOf is the fallback of a model that computes these tensors.
func fallbackOf(sets ...map[string]*lockstep.Tensor) fallbackRule {
	var f fallbackRule
	for _, set := range sets {
		for _, t := range set {
			if t != nil && roundoff(t.DType()) > roundoff(f.coarsest) {
				f.coarsest = t.DType()
			}
		}
	}
	return f
}

// coarsened is the fallback for a tensor without a bound for that reason: it
// may come from numbers of a coarser type than any that is shown.
func (f fallbackRule) coarsened(why error) fallbackRule {
	var coarse lockstep.CoarseError
	if errors.As(why, &coarse) && roundoff(coarse.DType) > roundoff(f.coarsest) {
		f.coarsest = coarse.DType
	}
	return f
}

// roundoff is the largest relative error of one rounding to a type of 16 bits; 0
// for all other types, whose tolerance it does not change.
func roundoff(d lockstep.DType) float64 {
	if d == lockstep.Float16 || d == lockstep.BFloat16 {
		return math.Ldexp(1, -digits(d)-1)
	}
	return 0
}

// parts are the tolerance for numbers of magnitude 1.
func (f fallbackRule) parts() FixedTolerance {
	if u := roundoff(f.coarsest); u > 0 {
		return FixedTolerance{Atol: typicalRoundings * u, Rtol: typicalRoundings * u}
	}
	return FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}
}

// fixed is the tolerance for a tensor of that largest magnitude. A small number
// among large ones carries their rounding, so that atol grows with them.
func (f fallbackRule) fixed(largest float64) FixedTolerance {
	fixed := f.parts()
	fixed.Atol = min(fixed.Atol*max(1, largest), math.MaxFloat64)
	return fixed
}

// words say what fixed allows, as in "atol 1e-05, rtol 0.0001".
func (f fallbackRule) words(largest float64) string {
	fixed, times := f.parts(), ""
	if largest > 1 {
		times = fmt.Sprintf(" times the largest magnitude, %s", format.RoundDown(largest, 3))
	}
	s := fmt.Sprintf("atol %s%s, rtol %s", format.Exact(fixed.Atol), times, format.Exact(fixed.Rtol))
	if roundoff(f.coarsest) > 0 {
		s += fmt.Sprintf(" (%d roundings of %s)", typicalRoundings, f.coarsest)
	}
	return s
}
