package rounding

import (
	"math"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// The parts of the analysis for operations outside of cells.

// Slack is the factor on a bound that covers the roundings of the analysis
// itself.
const Slack = slack

// Gamma bounds the relative error of n roundings: n·u/(1-n·u).
func (u Unit) Gamma(n int) float64 { return u.gamma(n) }

// Tiny bounds an operation's error where the result is subnormal.
func (u Unit) Tiny() float64 { return u.tiny() }

// Largest is the largest finite number of the format.
func (u Unit) Largest() float64 {
	switch u {
	case Float32:
		return math.MaxFloat32
	case Float16:
		return 65504
	case BFloat16:
		return 0x1.fep127
	}
	return math.MaxFloat64
}

// Function is a function of one number, and how exactly engines compute it.
type Function struct{ of activation }

// FunctionOf returns the function of an activation.
func FunctionOf(a recurrent.Activation) (Function, bool) {
	f, ok := activations[a]
	return Function{f}, ok
}

// Apply computes the function of a number that is off by at most e, and a bound
// on how far an engine may be from that. It is NaN or infinite where there is
// none: where a number within e of x is outside of the function's domain.
func (f Function) Apply(u Unit, x, e float64) (y, bound float64) { return f.of.apply(u, x, e) }

// Functions of TensorFlow's operations of one number that are no layer's
// activation. Those of the C library and of Eigen are off by at most 4 units, in
// their documentation; libm leaves as much room as for the activations. Near
// zeros at a place other than 0, such as Log's at 1, the error is relative to
// the argument too. Sin and Cos reduce theirs to a period, for which a unit of
// it is allowed.
var (
	Sqrt  = Function{activation{f: math.Sqrt, monotone: true, rough: [3]float64{3, 0, 0}}}
	Exp   = Function{activation{f: math.Exp, monotone: true, rough: [3]float64{libm, 0, 0}, share: exactShare}}
	Expm1 = Function{activation{f: math.Expm1, monotone: true, rough: [3]float64{libm, 0, 0}}}
	Log   = Function{activation{f: math.Log, monotone: true, rough: [3]float64{libm, 0, 1}}}
	Log1p = Function{activation{f: math.Log1p, monotone: true, rough: [3]float64{libm, 0, 0}}}
	Erf   = Function{activation{f: math.Erf, monotone: true, rough: [3]float64{libm, 0, 0}, share: exactShare}}
	// Engines may compute it as 1-erf(x).
	Erfc  = Function{activation{f: math.Erfc, lipschitz: 1.13, rough: [3]float64{libm, 0, libm}, share: exactShare}}
	Atan  = Function{activation{f: math.Atan, monotone: true, rough: [3]float64{libm, 0, 0}}}
	Sinh  = Function{activation{f: math.Sinh, monotone: true, rough: [3]float64{libm, 0, 1}}}
	Asinh = Function{activation{f: math.Asinh, monotone: true, rough: [3]float64{libm, 0, 1}}}
	Sin   = Function{activation{f: math.Sin, lipschitz: 1, rough: [3]float64{libm, 1, 1}}}
	Cos   = Function{activation{f: math.Cos, lipschitz: 1, rough: [3]float64{libm, 1, 1}}}
)
