package op

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var unaryOps = Table{
	"Neg":        {Build: numbers1(neg, neg, neg, neg), Shape: NoInput, Bound: steady(neg[float64]), Time: TimeOfFirst, Back: inverseBack(negatedBack), KeepsShape: true},
	"Abs":        {Build: numbers1(via(math.Abs), math.Abs, abs, abs), Shape: NoInput, Bound: unary(absBound), Time: TimeOfFirst, Back: inverseBack(notNegativeBack), KeepsShape: true},
	"Sign":       {Build: numbers1(sign, sign, sign, sign), Shape: NoInput, Bound: steady(sign[float64]), Time: TimeOfFirst, KeepsShape: true},
	"Square":     {Build: numbers1(square, square, square, square), Shape: NoInput, Bound: unary(squareBound), Time: TimeOfFirst, Back: clippedBack(rootOrZero), KeepsShape: true},
	"Relu":       {Build: ByType(with16Bits(numbers(mapActivation(kernel.ReluFunction), Map1(relu[float64]), Map1(relu[int32]), Map1(relu[int64])))), Shape: NoInput, Bound: steady(relu[float64]), Time: TimeOfFirst, Back: inverseBack(notNegativeBack), KeepsShape: true},
	"Relu6":      {Build: ByType(with16Bits(numbers(mapActivation(kernel.Relu6Function), Map1(relu6[float64]), Map1(relu6[int32]), Map1(relu6[int64])))), Shape: NoInput, Bound: steady(relu6[float64]), Time: TimeOfFirst, KeepsShape: true},
	"Softsign":   {Build: inSteps(kernel.SoftsignFunction, softsign, softsignSteps), Shape: NoInput, Bound: activationBound(recurrent.Softsign), Time: TimeOfFirst, KeepsShape: true},
	"IsNan":      {Build: tests(math.IsNaN), Bound: testBound, KeepsShape: true},
	"IsInf":      {Build: tests(func(x float64) bool { return math.IsInf(x, 0) }), Bound: testBound, KeepsShape: true},
	"IsFinite":   {Build: tests(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }), Bound: testBound, KeepsShape: true},
	"LeakyRelu":  {Build: buildLeakyRelu, Float32By: []string{"T"}, Shape: NoInput, Bound: leakyBound, Time: TimeOfFirst, KeepsShape: true},
	"Sqrt":       {Build: function(math.Sqrt), Shape: NoInput, Bound: functionBound(rounding.Sqrt), Time: TimeOfFirst, Domain: definedFrom(0), Back: increasingBack(squareOrZero), KeepsShape: true},
	"Rsqrt":      {Build: function(rsqrt), Shape: NoInput, Bound: unary(rsqrtBound), Time: TimeOfFirst, Domain: definedFrom(0), KeepsShape: true},
	"Reciprocal": {Build: function(reciprocal), Bound: unary(reciprocalBound), KeepsShape: true},
	"Inv":        {Build: function(reciprocal), Bound: unary(reciprocalBound), KeepsShape: true},
	"Exp":        {Build: ByType(with16Bits(floats(mapActivation(kernel.ExponentialFunction), Map1(math.Exp)))), Shape: NoInput, Bound: unary(expBound), Time: TimeOfFirst, Back: clippedBack(logOrLess), KeepsShape: true},
	"Expm1":      {Build: function(math.Expm1), Bound: functionBound(rounding.Expm1), Time: TimeOfFirst, KeepsShape: true},
	"Log":        {Build: function(math.Log), Shape: NoInput, Bound: functionBound(rounding.Log), Time: TimeOfFirst, Domain: definedFrom(0), Back: increasingBack(math.Exp), KeepsShape: true},
	"Log1p":      {Build: function(math.Log1p), Bound: functionBound(rounding.Log1p), Time: TimeOfFirst, Domain: definedFrom(-1), Back: increasingBack(math.Expm1), KeepsShape: true},
	"Tanh":       {Build: ByType(with16Bits(floats(mapActivation(kernel.TanhFunction), Map1(math.Tanh)))), Shape: NoInput, Bound: activationBound(recurrent.Tanh), Time: TimeOfFirst, KeepsShape: true},
	"Sigmoid":    {Build: ByType(stepwise(floats(mapActivation(kernel.SigmoidFunction), Map1(kernel.Sigmoid[float64])), sigmoidSteps)), Shape: NoInput, Bound: activationBound(recurrent.Sigmoid), Time: TimeOfFirst, KeepsShape: true},
	"Sin":        {Build: function(math.Sin), Bound: functionBound(rounding.Sin), KeepsShape: true},
	"Cos":        {Build: function(math.Cos), Bound: functionBound(rounding.Cos), KeepsShape: true},
	"Tan":        {Build: function(math.Tan), KeepsShape: true},
	"Asin":       {Build: function(math.Asin), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Acos":       {Build: function(math.Acos), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Atan":       {Build: function(math.Atan), Bound: functionBound(rounding.Atan), KeepsShape: true},
	"Sinh":       {Build: function(math.Sinh), Bound: functionBound(rounding.Sinh), KeepsShape: true},
	"Cosh":       {Build: function(math.Cosh), KeepsShape: true},
	"Asinh":      {Build: function(math.Asinh), Bound: functionBound(rounding.Asinh), KeepsShape: true},
	"Acosh":      {Build: function(math.Acosh), Domain: definedFrom(1), KeepsShape: true},
	"Atanh":      {Build: function(math.Atanh), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Erf":        {Build: ByType(with16Bits(floats(mapActivation(kernel.ErfFunction), Map1(math.Erf)))), Shape: NoInput, Bound: functionBound(rounding.Erf), Time: TimeOfFirst, KeepsShape: true},
	"Erfc":       {Build: function(math.Erfc), Bound: functionBound(rounding.Erfc), Time: TimeOfFirst, KeepsShape: true},
	"Erfinv":     {Build: function(math.Erfinv), KeepsShape: true},
	"Lgamma":     {Build: function(lgamma), KeepsShape: true},
	"Floor":      {Build: function(math.Floor), Shape: NoInput, Bound: steady(math.Floor), Time: TimeOfFirst, Back: roundedBack(0, 1), KeepsShape: true},
	"Ceil":       {Build: function(math.Ceil), Bound: steady(math.Ceil), Back: roundedBack(1, 0), KeepsShape: true},
	"Round":      {Build: function(math.RoundToEven), Shape: NoInput, Bound: steady(math.RoundToEven), Time: TimeOfFirst, Back: roundedBack(0.5, 0.5), KeepsShape: true},
	"Rint":       {Build: function(math.RoundToEven), Bound: steady(math.RoundToEven), Back: roundedBack(0.5, 0.5), KeepsShape: true},
	"Elu":        {Build: inSteps(kernel.EluFunction, elu, eluSteps), Shape: NoInput, Bound: activationBound(recurrent.Elu), Time: TimeOfFirst, KeepsShape: true},
	"Selu":       {Build: inSteps(kernel.SeluFunction, selu, seluSteps), Shape: NoInput, Bound: activationBound(recurrent.Selu), Time: TimeOfFirst, KeepsShape: true},
	"Softplus":   {Build: inSteps(kernel.SoftplusFunction, softplus, softplusSteps), Shape: NoInput, Bound: activationBound(recurrent.Softplus), Time: TimeOfFirst, KeepsShape: true},
}

// function makes an operation of one function of floats, which is computed in
// float64 and rounded.
func function(f func(float64) float64) Builder {
	return ByType(with16Bits(floats(Map1(via(f)), Map1(f))))
}

// inSteps is function where numbers of 16 bits are rounded at every step.
func inSteps(f32 kernel.Activation, f64 func(float64) float64, f16 func(x float32, s steps) float32) Builder {
	return ByType(stepwise(floats(mapActivation(f32), Map1(f64)), f16))
}

func numbers1(f32 func(float32) float32, f64 func(float64) float64, i32 func(int32) int32, i64 func(int64) int64) Builder {
	return ByType(with16Bits(numbers(Map1(f32), Map1(f64), Map1(i32), Map1(i64))))
}

// tests makes an operation that tests floats of any size.
func tests(f func(float64) bool) Builder {
	t := floats(Map1(func(x float32) bool { return f(float64(x)) }), Map1(f))
	t[lockstep.Float16] = Map1(func(x lockstep.Float16Bits) bool { return f(float64(x.Float32())) })
	t[lockstep.BFloat16] = Map1(func(x lockstep.BFloat16Bits) bool { return f(float64(x.Float32())) })
	return ByType(t)
}

// lgamma is the logarithm of |Γ|, which the C library gives as +∞ at both ends.
func lgamma(x float64) float64 {
	v, _ := math.Lgamma(math.Abs(x))
	if x < 0 && !math.IsInf(x, 0) {
		v, _ = math.Lgamma(x)
	}
	return v
}

func neg[E number](x E) E { return -x }

func square[E number](x E) E { return x * x }

func reciprocal(x float64) float64 { return 1 / x }

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

func abs[E int32 | int64](x E) E {
	if x < 0 {
		return -x
	}
	return x
}

func sign[E number](x E) E {
	switch {
	case x > 0:
		return 1
	case x < 0:
		x = 1
		return -x
	case x == 0:
		return 0 // of -0 too
	}
	return x // NaN
}

// relu keeps NaN and -0, as TensorFlow's kernels do.
func relu[E number](x E) E {
	if x < 0 {
		return 0
	}
	return x
}

func relu6[E number](x E) E { return min(relu(x), 6) }

func elu(x float64) float64 {
	if x < 0 {
		return math.Expm1(x)
	}
	return x
}

// selu's constants are those of tensorflow/core/kernels/relu_op_functor.h.
const (
	seluBelow = 1.7580993408473768599402175208123
	seluAbove = 1.0507009873554804934193349852946
)

func selu(x float64) float64 {
	if x < 0 {
		return seluBelow * math.Expm1(x)
	}
	return seluAbove * x
}

// softplus is log(1+e^x) in a form that neither overflows nor loses small x.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// softsign of an infinity is NaN, as in TensorFlow.
func softsign(x float64) float64 { return x / (1 + math.Abs(x)) }

func buildLeakyRelu(n *savedmodel.Node) (Exec, error) {
	alpha := FloatOr(n, "alpha", 0.2)
	return stepwise(floats(Map1(leaky(alpha)), Map1(leaky(float64(alpha)))), func(x float32, s steps) float32 {
		return leaky(s.round(alpha))(x)
	}).chooseOr(n, "T", lockstep.Float32)
}

func leaky[E float](alpha E) func(E) E {
	return func(x E) E {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}

// The functions that TensorFlow computes in steps where their numbers have 16
// bits (tensorflow/core/kernels/{relu,softplus,softsign}_op.h and Eigen's logistic
// function).

func sigmoidSteps(x float32, s steps) float32 {
	power := s.round(exp32(x))
	if math.IsInf(float64(power), 0) {
		return 1
	}
	return power / s.round(1+power)
}

func eluSteps(x float32, s steps) float32 {
	if x < 0 {
		return s.round(exp32(x)) - 1
	}
	return x
}

func seluSteps(x float32, s steps) float32 {
	if x < 0 {
		return s.round(seluBelow) * s.round(s.round(exp32(x))-1)
	}
	return s.round(seluAbove) * x
}

func softplusSteps(x float32, s steps) float32 {
	bound := s.round(s.round(float32(math.Log(s.epsilon))) + 2)
	power := s.round(exp32(x))
	switch {
	case x > -bound:
		return x
	case x < bound:
		return power
	}
	return float32(math.Log1p(float64(power)))
}

func softsignSteps(x float32, s steps) float32 {
	return x / s.round(1+float32(math.Abs(float64(x))))
}

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

// Operations on each element of one tensor.

// unary makes a rule of one for each element x, off by e, with its result v.
func unary(f func(o *BoundInput, x, e, v float64) float64) BoundRule {
	return func(o *BoundInput) error {
		d, errs, v := o.v(0), o.e(0), FloatsOf(o.Out[0].Tensor)
		out := make([]float64, len(v))
		for i := range v {
			e := 0.0
			if errs != nil {
				e = errs[i]
			}
			out[i] = f(o, d[i], e, v[i])
		}
		return o.set(0, out)
	}
}

// functionBound makes the rule of a function that the oracle knows.
func functionBound(f rounding.Function) BoundRule { return unary(ofFunction(f)) }

func ofFunction(f rounding.Function) func(o *BoundInput, x, e, v float64) float64 {
	return func(o *BoundInput, x, e, v float64) float64 {
		y, bound := f.Apply(o.Unit, x, e)
		if o.Typical {
			y, bound = f.Typical(o.Unit, x)
		}
		// The program's formula may differ from the oracle's in its own rounding.
		return bound + math.Abs(y-v)
	}
}

// activationBound is functionBound of an activation.
func activationBound(a recurrent.Activation) BoundRule {
	f, ok := rounding.FunctionOf(a)
	if !ok {
		panic(fmt.Sprintf("the oracle does not know %s", a))
	}
	return functionBound(f)
}

// expBound: Eigen's function ends before float32 does.
func expBound(o *BoundInput, x, e, v float64) float64 {
	if o.Unit == rounding.Float32 && x+e > 88 {
		return math.Inf(1)
	}
	return ofFunction(rounding.Exp)(o, x, e, v)
}

func absBound(_ *BoundInput, _, e, _ float64) float64 { return e }

// steady makes the rule of a monotone function without rounding.
func steady(f func(float64) float64) BoundRule {
	return unary(func(_ *BoundInput, x, e, v float64) float64 {
		if e == 0 {
			return 0
		}
		return max(math.Abs(f(x+e)-v), math.Abs(v-f(x-e))) * rounding.Slack
	})
}

func squareBound(o *BoundInput, x, e, v float64) float64 {
	if o.exactly(pair{x: x, y: x, ex: e}, v) {
		return 0
	}
	return o.rounded(v, e*(2*math.Abs(x)+e), 1)
}

func reciprocalBound(o *BoundInput, x, e, v float64) float64 {
	room := math.Abs(x) - e
	if !(room > 0) {
		return math.Inf(1)
	}
	return o.rounded(v, math.Abs(v)*e/room, 3)
}

// rsqrtBound: Eigen uses an estimate and Newton steps, to 2 units.
func rsqrtBound(o *BoundInput, x, e, v float64) float64 {
	if !(x-e > 0) {
		return math.Inf(1)
	}
	return o.rounded(v, max(1/math.Sqrt(x-e)-v, v-1/math.Sqrt(x+e)), 5)
}

func leakyBound(x *BoundInput) error {
	alpha := float64(FloatOr(x.Node, "alpha", 0.2))
	slope := max(1, math.Abs(alpha))
	return unary(func(o *BoundInput, x, e, v float64) float64 {
		if x-e >= 0 {
			return e
		}
		return o.rounded(v, slope*e, 1)
	})(x)
}

// testBound: a value with a bound is a number.
func testBound(x *BoundInput) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	for i, bound := range x.e(0) {
		if math.IsInf(bound, 0) {
			e[i] = 1
		}
	}
	var err error
	x.Out[0].Bound, err = BoundOf(e, x.shape())
	return err
}
