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
	"Neg":        {Stage: negStage, Own: true, Types: ofT, Build: numbers1(neg, neg, neg, neg, unsigned...), Shape: NoInput, Bound: steady(neg[float64]), Time: TimeOfFirst, Back: inverseBack(negatedBack), KeepsShape: true},
	"Abs":        {Types: ofT, Build: numbers1(via(math.Abs), math.Abs, abs[int64], abs[uint64], unsigned...), Shape: NoInput, Bound: Unary(absBound), Time: TimeOfFirst, Back: inverseBack(notNegativeBack), KeepsShape: true},
	"Sign":       {Types: ofT, Build: numbers1(sign, sign, sign, sign, unsigned...), Shape: NoInput, Bound: steady(sign[float64]), Time: TimeOfFirst, KeepsShape: true},
	"Square":     {Stage: squareStage, Own: true, Types: ofT, Build: numbers1(square, square, square, square), Shape: NoInput, Bound: Unary(squareBound), Time: TimeOfFirst, Back: clippedBack(rootOrZero), KeepsShape: true},
	"Relu":       {Stage: stageOne(kernel.ReluFunction), Own: true, Types: ofT, Build: ByType(With16Bits(Floats(mapActivation(kernel.ReluFunction), Map1(relu[float64]))).and(wholes1(relu, relu))), Shape: NoInput, Bound: steady(relu[float64]), Time: TimeOfFirst, Back: inverseBack(notNegativeBack), KeepsShape: true},
	"Relu6":      {Stage: stageOne(kernel.Relu6Function), Own: true, Types: ofT, Build: ByType(With16Bits(Floats(mapActivation(kernel.Relu6Function), Map1(relu6[float64]))).and(wholes1(relu6, relu6))), Shape: NoInput, Bound: steady(relu6[float64]), Time: TimeOfFirst, KeepsShape: true},
	"Softsign":   {Stage: stageOne(kernel.SoftsignFunction), Own: true, Build: inSteps(kernel.SoftsignFunction, softsign, softsignSteps), Shape: NoInput, Bound: inStepsBound(recurrent.Softsign, softsignSteps), Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
	"IsNan":      {Build: tests(math.IsNaN), Bound: testBound, KeepsShape: true},
	"IsInf":      {Build: tests(func(x float64) bool { return math.IsInf(x, 0) }), Bound: testBound, KeepsShape: true},
	"IsFinite":   {Build: tests(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }), Bound: testBound, KeepsShape: true},
	"LeakyRelu":  {Build: buildLeakyRelu, Float32By: []string{"T"}, Shape: NoInput, Bound: leakyBound, Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
	"Sqrt":       {Stage: stageBy(via(math.Sqrt)), Own: true, Build: Function(math.Sqrt), Shape: NoInput, Bound: FunctionBound(rounding.Sqrt), Time: TimeOfFirst, Domain: definedFrom(0), Back: increasingBack(squareOrZero), KeepsShape: true},
	"Rsqrt":      {Stage: stageBy(via(rsqrt)), Own: true, Build: Function(rsqrt), Shape: NoInput, Bound: Unary(rsqrtBound), Stepwise: true, Time: TimeOfFirst, Domain: definedFrom(0), KeepsShape: true},
	"Reciprocal": {Build: Function(reciprocal), Bound: Unary(reciprocalBound), KeepsShape: true},
	"Inv":        {Build: Function(reciprocal), Bound: Unary(reciprocalBound), KeepsShape: true},
	"Exp":        {Stage: stageOne(kernel.ExponentialFunction), Own: true, Build: ByType(With16Bits(Floats(mapActivation(kernel.ExponentialFunction), Map1(math.Exp)))), Shape: NoInput, Bound: Unary(expBound), Time: TimeOfFirst, Back: clippedBack(logOrLess), KeepsShape: true},
	"Expm1":      {Build: Function(math.Expm1), Bound: FunctionBound(rounding.Expm1), Time: TimeOfFirst, KeepsShape: true},
	"Log":        {Build: Function(math.Log), Shape: NoInput, Bound: FunctionBound(rounding.Log), Time: TimeOfFirst, Domain: definedFrom(0), Back: increasingBack(math.Exp), KeepsShape: true},
	"Log1p":      {Build: Function(math.Log1p), Bound: FunctionBound(rounding.Log1p), Time: TimeOfFirst, Domain: definedFrom(-1), Back: increasingBack(math.Expm1), KeepsShape: true},
	"Tanh":       {Stage: stageOne(kernel.TanhFunction), Own: true, Build: ByType(With16Bits(Floats(mapActivation(kernel.TanhFunction), Map1(math.Tanh)))), Shape: NoInput, Bound: activationBound(recurrent.Tanh), Time: TimeOfFirst, KeepsShape: true},
	"Sigmoid":    {Stage: stageOne(kernel.SigmoidFunction), Own: true, Build: inSteps(kernel.SigmoidFunction, kernel.Sigmoid[float64], sigmoidSteps), Shape: NoInput, Bound: inStepsBound(recurrent.Sigmoid, sigmoidSteps), Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
	"Sin":        {Build: Function(math.Sin), Bound: FunctionBound(rounding.Sin), KeepsShape: true},
	"Cos":        {Build: Function(math.Cos), Bound: FunctionBound(rounding.Cos), KeepsShape: true},
	"Tan":        {Build: Function(math.Tan), KeepsShape: true},
	"Asin":       {Build: Function(math.Asin), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Acos":       {Build: Function(math.Acos), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Atan":       {Build: Function(math.Atan), Bound: FunctionBound(rounding.Atan), KeepsShape: true},
	"Sinh":       {Build: Function(math.Sinh), Bound: FunctionBound(rounding.Sinh), KeepsShape: true},
	"Cosh":       {Build: Function(math.Cosh), KeepsShape: true},
	"Asinh":      {Build: Function(math.Asinh), Bound: FunctionBound(rounding.Asinh), KeepsShape: true},
	"Acosh":      {Build: Function(math.Acosh), Domain: definedFrom(1), KeepsShape: true},
	"Atanh":      {Build: Function(math.Atanh), Domain: definedBetween(-NearlyOne, NearlyOne), KeepsShape: true},
	"Erf":        {Build: ByType(With16Bits(Floats(mapActivation(kernel.ErfFunction), Map1(math.Erf)))), Shape: NoInput, Bound: FunctionBound(rounding.Erf), Time: TimeOfFirst, KeepsShape: true, Stage: stageOne(kernel.ErfFunction), Own: true},
	"Erfc":       {Build: ByType(With16Bits(Floats(mapAll(kernel.Erfcs), Map1(math.Erfc)))), Bound: FunctionBound(rounding.Erfc), Time: TimeOfFirst, KeepsShape: true, Stage: erfcStage, Own: true, Shape: NoInput},
	"Floor":      {Build: Function(math.Floor), Shape: NoInput, Bound: steady(math.Floor), Time: TimeOfFirst, Back: roundedBack(0, 1), KeepsShape: true},
	"Ceil":       {Build: Function(math.Ceil), Bound: steady(math.Ceil), Back: roundedBack(1, 0), KeepsShape: true},
	"Round":      {Build: Function(math.RoundToEven), Shape: NoInput, Bound: steady(math.RoundToEven), Time: TimeOfFirst, Back: roundedBack(0.5, 0.5), KeepsShape: true},
	"Rint":       {Build: Function(math.RoundToEven), Bound: steady(math.RoundToEven), Back: roundedBack(0.5, 0.5), KeepsShape: true},
	"Elu":        {Stage: stageOne(kernel.EluFunction), Own: true, Build: inSteps(kernel.EluFunction, elu, eluSteps), Shape: NoInput, Bound: inStepsBound(recurrent.Elu, eluSteps), Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
	"Selu":       {Stage: stageOne(kernel.SeluFunction), Own: true, Build: inSteps(kernel.SeluFunction, selu, seluSteps), Shape: NoInput, Bound: inStepsBound(recurrent.Selu, seluSteps), Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
	"Softplus":   {Stage: stageOne(kernel.SoftplusFunction), Own: true, Build: inSteps(kernel.SoftplusFunction, softplus, softplusSteps), Shape: NoInput, Bound: inStepsBound(recurrent.Softplus, softplusSteps), Stepwise: true, Time: TimeOfFirst, KeepsShape: true},
}

func negStage(*savedmodel.Node) Stage {
	return Stage{One: func(y, x []float32) {
		for i, v := range x {
			y[i] = -v
		}
	}}
}

func squareStage(*savedmodel.Node) Stage {
	return Stage{One: func(y, x []float32) {
		for i, v := range x {
			y[i] = v * v
		}
	}}
}

func erfcStage(*savedmodel.Node) Stage { return Stage{One: kernel.Erfcs} }

// Function makes an operation of one function of floats, which is computed in
// float64 and rounded.
func Function(f func(float64) float64) Builder {
	return ByType(With16Bits(Floats(Map1(via(f)), Map1(f))))
}

// inSteps is Function where numbers of 16 bits are rounded at every step.
func inSteps(f32 kernel.Activation, f64 func(float64) float64, f16 func(x float32, s steps) float32) Builder {
	return ByType(stepwise(Floats(mapActivation(f32), Map1(f64)), f16))
}

// numbers1 is for every type of numbers, but those that TensorFlow lacks.
func numbers1(f32 func(float32) float32, f64 func(float64) float64, i64 func(int64) int64, u64 func(uint64) uint64, lacks ...lockstep.DType) Builder {
	return ByType(With16Bits(Floats(Map1(f32), Map1(f64))).and(wholes1(i64, u64)).without(lacks...))
}

// tests makes an operation that tests floats of any size.
func tests(f func(float64) bool) Builder {
	t := Floats(Map1(func(x float32) bool { return f(float64(x)) }), Map1(f))
	t[lockstep.Float16] = Map1(func(x lockstep.Float16Bits) bool { return f(float64(x.Float32())) })
	t[lockstep.BFloat16] = Map1(func(x lockstep.BFloat16Bits) bool { return f(float64(x.Float32())) })
	return ByType(t)
}

func neg[E number](x E) E { return -x }

func square[E number](x E) E { return x * x }

func reciprocal(x float64) float64 { return 1 / x }

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

func abs[E integer](x E) E {
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
	return stepwise(Floats(Map1(leaky(alpha)), Map1(leaky(float64(alpha)))), func(x float32, s steps) float32 {
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

// Unary makes a rule of one for each element x, off by e, with its result v.
func Unary(f func(o *BoundInput, x, e, v float64) float64) BoundRule {
	return func(o *BoundInput) error {
		d, errs, v := o.V(0), o.E(0), FloatsOf(o.Out[0].Tensor)
		out := make([]float64, len(v))
		for i := range v {
			e := 0.0
			if errs != nil {
				e = errs[i]
			}
			out[i] = f(o, d[i], e, v[i])
		}
		return o.Set(0, out)
	}
}

// FunctionBound makes the rule of a function that the oracle knows.
func FunctionBound(f rounding.Function) BoundRule { return Unary(ofFunction(f)) }

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

// activationBound is FunctionBound of an activation.
func activationBound(a recurrent.Activation) BoundRule {
	f, ok := rounding.FunctionOf(a)
	if !ok {
		panic(fmt.Sprintf("the oracle does not know %s", a))
	}
	return FunctionBound(f)
}

// inStepsBound is activationBound of a function that is computed in steps where its
// numbers have 16 bits. Of exact numbers, each step's rounding counts by what it
// does to the result, and so does what the steps would be without rounding.
func inStepsBound(a recurrent.Activation, inSteps func(x float32, s steps) float32) BoundRule {
	whole := activationBound(a)
	return func(o *BoundInput) error {
		if !o.Unit.IsCoarse() || o.E(0) != nil {
			return whole(o)
		}
		return Unary(func(o *BoundInput, x, _, v float64) float64 { return o.ofSteps(inSteps, float32(x), v) })(o)
	}
}

// ofSteps is the bound, or the deviation, of the result v of steps that are each
// rounded to the unit.
func (o *BoundInput) ofSteps(inSteps func(x float32, s steps) float32, x float32, v float64) float64 {
	u := float64(o.Unit)
	run := func(rounded int) (y float64, roundings int) {
		s := steps{epsilon: 2 * u, round: func(y float32) float32 {
			if roundings++; roundings-1 == rounded {
				y *= 1 + float32(u)
			}
			return y
		}}
		y = float64(inSteps(x, s))
		return y, roundings
	}
	plain, n := run(-1)
	sum := u * math.Abs(v)
	for k := range n {
		y, _ := run(k)
		if o.Typical {
			sum = math.Hypot(sum, y-plain)
		} else {
			sum += math.Abs(y - plain)
		}
	}
	if o.Typical {
		return math.Abs(plain-v) + max(sum/math.Sqrt(3), o.Unit.Tiny())
	}
	return (math.Abs(plain-v)+sum)*(1+8*u) + o.Unit.Tiny()
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
	return Unary(func(_ *BoundInput, x, e, v float64) float64 {
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
	return o.Rounded(v, e*(2*math.Abs(x)+e), 1)
}

func reciprocalBound(o *BoundInput, x, e, v float64) float64 {
	room := math.Abs(x) - e
	if !(room > 0) {
		return math.Inf(1)
	}
	return o.Rounded(v, math.Abs(v)*e/room, 3)
}

// rsqrtBound: Eigen uses an estimate and Newton steps, to 2 units.
func rsqrtBound(o *BoundInput, x, e, v float64) float64 {
	if !(x-e > 0) {
		return math.Inf(1)
	}
	return o.Rounded(v, max(1/math.Sqrt(x-e)-v, v-1/math.Sqrt(x+e)), 5)
}

func leakyBound(x *BoundInput) error {
	alpha := float64(FloatOr(x.Node, "alpha", 0.2))
	slope, roundings := max(1, math.Abs(alpha)), 1
	if x.Unit.IsCoarse() {
		roundings = 2 // alpha too
	}
	return Unary(func(o *BoundInput, x, e, v float64) float64 {
		if x-e >= 0 {
			return e
		}
		return o.Rounded(v, slope*e, roundings)
	})(x)
}

// testBound: a value with a bound is a number.
func testBound(x *BoundInput) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	for i, bound := range x.E(0) {
		if math.IsInf(bound, 0) {
			e[i] = 1
		}
	}
	var err error
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}
