package compare

import (
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

// tellingShare is that of fallbackRule.telling, tellingRoundings how many roundings
// of a type of 16 bits it is at least: a few operations in such a type leave no
// number that is known to a thousandth.
const (
	tellingShare     = 1e-3
	tellingRoundings = 32
)

// fallbackOf is the fallback of a model that computes these tensors, and of which the
// oracle, if there is one, knows what is between them.
func fallbackOf(oracle lockstep.Oracle, sets ...map[string]*lockstep.Tensor) fallbackRule {
	var f fallbackRule
	if oracle != nil {
		f.coarsest = oracle.Coarsest()
	}
	for _, set := range sets {
		for _, t := range set {
			if t != nil {
				f = f.coarsened(t.DType())
			}
		}
	}
	return f
}

// coarsened is the fallback for a tensor that was rounded to a type.
func (f fallbackRule) coarsened(d lockstep.DType) fallbackRule {
	if roundoff(d) > roundoff(f.coarsest) {
		f.coarsest = d
	}
	return f
}

// telling is the share of a tensor's range that a bound may not exceed: one that is
// wider could not tell the tensor from another one.
func (f fallbackRule) telling() float64 {
	return max(tellingShare, tellingRoundings*roundoff(f.coarsest))
}

// share says what telling is.
func (f fallbackRule) share() string {
	if share := f.telling(); share > tellingShare {
		return fmt.Sprintf("%s %%", format.RoundDown(100*share, 2))
	}
	return "a thousandth"
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
