package engine

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func init() {
	register(numbers1(neg, neg, neg, neg), "Neg")
	register(numbers1(via(math.Abs), math.Abs, abs, abs), "Abs")
	register(numbers1(sign, sign, sign, sign), "Sign")
	register(numbers1(square, square, square, square), "Square")
	register(numbers1(relu, relu, relu, relu), "Relu")
	register(numbers1(relu6, relu6, relu6, relu6), "Relu6")
	for op, f := range map[string]func(float64) float64{
		"Sqrt":       math.Sqrt,
		"Rsqrt":      func(x float64) float64 { return 1 / math.Sqrt(x) },
		"Reciprocal": reciprocal, "Inv": reciprocal,
		"Exp": math.Exp, "Expm1": math.Expm1, "Log": math.Log, "Log1p": math.Log1p,
		"Tanh": math.Tanh, "Sigmoid": kernel.Sigmoid[float64],
		"Sin": math.Sin, "Cos": math.Cos, "Tan": math.Tan,
		"Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
		"Sinh": math.Sinh, "Cosh": math.Cosh,
		"Asinh": math.Asinh, "Acosh": math.Acosh, "Atanh": math.Atanh,
		"Erf": math.Erf, "Erfc": math.Erfc, "Erfinv": math.Erfinv, "Lgamma": lgamma,
		"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven, "Rint": math.RoundToEven,
		"Elu": elu, "Selu": selu, "Softplus": softplus,
	} {
		v := floats(map1(via(f)), map1(f))
		if step, ok := unarySteps[op]; ok {
			v = stepwise(v, step)
		} else {
			v = halved(v)
		}
		register(byType(v), op)
	}
	register(byType(stepwise(floats(map1(softsign[float32]), map1(softsign[float64])), unarySteps["Softsign"])), "Softsign")
	register(tests(math.IsNaN), "IsNan")
	register(tests(func(x float64) bool { return math.IsInf(x, 0) }), "IsInf")
	register(tests(func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }), "IsFinite")
	register(buildLeakyRelu, "LeakyRelu")
}

func numbers1(f32 func(float32) float32, f64 func(float64) float64, i32 func(int32) int32, i64 func(int64) int64) builder {
	return byType(halved(numbers(map1(f32), map1(f64), map1(i32), map1(i64))))
}

// tests makes an operation that asks something of floats of any size.
func tests(f func(float64) bool) builder {
	t := floats(map1(func(x float32) bool { return f(float64(x)) }), map1(f))
	t[lockstep.Float16] = map1(func(x lockstep.Float16Bits) bool { return f(float64(x.Float32())) })
	t[lockstep.BFloat16] = map1(func(x lockstep.BFloat16Bits) bool { return f(float64(x.Float32())) })
	return byType(t)
}

// lgamma is the logarithm of |Γ|, which the C library takes for +∞ at both ends.
func lgamma(x float64) float64 {
	v, _ := math.Lgamma(math.Abs(x))
	if x < 0 && !math.IsInf(x, 0) {
		v, _ = math.Lgamma(x)
	}
	return v
}

func neg[E number](x E) E          { return -x }
func square[E number](x E) E       { return x * x }
func reciprocal(x float64) float64 { return 1 / x }

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

// relu keeps NaN, as TensorFlow's kernels do.
func relu[E number](x E) E {
	if x < 0 {
		return 0
	}
	return x
}

func relu6[E number](x E) E {
	if x > 6 {
		return 6
	}
	return relu(x)
}

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
func softsign[E float](x E) E { return x / (1 + E(math.Abs(float64(x)))) }

func buildLeakyRelu(_ *compiler, n *savedmodel.Node) (exec, error) {
	alpha := floatOr(n, "alpha", 0.2)
	return stepwise(floats(map1(leaky(alpha)), map1(leaky(float64(alpha)))), func(x float32, s steps) float32 {
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

// unarySteps are the functions that TensorFlow computes in steps where their
// numbers have 16 bits (tensorflow/core/kernels/{relu,softplus,softsign}_op.h
// and Eigen's logistic function).
var unarySteps = map[string]func(x float32, s steps) float32{
	"Sigmoid": func(x float32, s steps) float32 {
		power := s.round(exp32(x))
		if math.IsInf(float64(power), 0) {
			return 1
		}
		return power / s.round(1+power)
	},
	"Elu": func(x float32, s steps) float32 {
		if x < 0 {
			return s.round(exp32(x)) - 1
		}
		return x
	},
	"Selu": func(x float32, s steps) float32 {
		if x < 0 {
			return s.round(seluBelow) * s.round(s.round(exp32(x))-1)
		}
		return s.round(seluAbove) * x
	},
	"Softplus": func(x float32, s steps) float32 {
		bound := s.round(s.round(float32(math.Log(s.epsilon))) + 2)
		power := s.round(exp32(x))
		switch {
		case x > -bound:
			return x
		case x < bound:
			return power
		}
		return float32(math.Log1p(float64(power)))
	},
	"Softsign": func(x float32, s steps) float32 {
		return x / s.round(1+float32(math.Abs(float64(x))))
	},
}

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }
