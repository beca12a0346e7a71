package kernel

import "math"

// Activation is a function that a cell applies to every element.
type Activation int

// The activations that a cell may have, by Keras's names.
const (
	LinearFunction Activation = iota
	TanhFunction
	SigmoidFunction
	ReluFunction
	Relu6Function
	LeakyReluFunction    // of the slope 0.2
	HardSigmoid2Function // Keras 2's: clip(0.2x + 0.5, 0, 1)
	HardSigmoid3Function // Keras 3's: clip(x + 3, 0, 6) / 6
	EluFunction
	SeluFunction
	SoftplusFunction
	SoftsignFunction
	GeluFunction     // x·Φ(x)
	GeluTanhFunction // its approximation
	SiluFunction     // x·sigmoid(x)
	HardSiluFunction // x·clip(x + 3, 0, 6) / 6
	ExponentialFunction
	MishFunction // x·tanh(softplus(x))
	HardTanhFunction
	LogSigmoidFunction
	TanhShrinkFunction // x - tanh(x)
	SquareplusFunction // (x + √(x² + 4)) / 2
	RationalTanhFunction
	ErfFunction
)

// Sigmoid is 1/(1+e^-x), by way of float64.
func Sigmoid[F Float](x F) F { return F(1 / (1 + math.Exp(-float64(x)))) }

// Tanh is the hyperbolic tangent, by way of float64.
func Tanh[F Float](x F) F { return F(math.Tanh(float64(x))) }

// scalar are the functions in float64; float32 goes through it.
var scalar = [...]func(x float64) float64{
	LinearFunction:       func(x float64) float64 { return x },
	TanhFunction:         math.Tanh,
	SigmoidFunction:      Sigmoid[float64],
	ReluFunction:         relu,
	Relu6Function:        func(x float64) float64 { return min(relu(x), 6) },
	LeakyReluFunction:    func(x float64) float64 { return max(x, 0) + 0.2*min(x, 0) },
	HardSigmoid2Function: func(x float64) float64 { return clip(0.2*x+0.5, 0, 1) },
	HardSigmoid3Function: hardSigmoid3,
	EluFunction:          Elu,
	SeluFunction:         Selu,
	SoftplusFunction:     Softplus,
	SoftsignFunction:     func(x float64) float64 { return x / (1 + math.Abs(x)) },
	GeluFunction:         func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) },
	GeluTanhFunction: func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	},
	SiluFunction:        func(x float64) float64 { return x * Sigmoid(x) },
	HardSiluFunction:    func(x float64) float64 { return x * hardSigmoid3(x) },
	ExponentialFunction: math.Exp,
	MishFunction:        func(x float64) float64 { return x * math.Tanh(Softplus(x)) },
	HardTanhFunction:    func(x float64) float64 { return clip(x, -1, 1) },
	LogSigmoidFunction:  func(x float64) float64 { return -Softplus(-x) },
	TanhShrinkFunction:  func(x float64) float64 { return x - math.Tanh(x) },
	SquareplusFunction:  func(x float64) float64 { return 0.5 * (x + math.Sqrt(x*x+4)) },
	RationalTanhFunction: func(x float64) float64 {
		x = clip(x, -3, 3)
		return x * (27 + x*x) / (27 + 9*x*x)
	},
	ErfFunction: math.Erf,
}

// relu keeps NaN and -0, as TensorFlow's kernels do.
func relu(x float64) float64 {
	if x < 0 {
		return 0
	}
	return x
}

func hardSigmoid3(x float64) float64 { return clip(x+3, 0, 6) / 6 }

// clip keeps NaN, as TensorFlow's kernels do.
func clip(x, low, high float64) float64 { return min(max(x, low), high) }

// Elu is x where it is positive, e^x - 1 elsewhere.
func Elu(x float64) float64 {
	if x < 0 {
		return math.Expm1(x)
	}
	return x
}

// Selu is the scaled elu, with the constants of
// tensorflow/core/kernels/relu_op_functor.h.
func Selu(x float64) float64 {
	if x < 0 {
		return 1.7580993408473768599402175208123 * math.Expm1(x)
	}
	return 1.0507009873554804934193349852946 * x
}

// Softplus is log(1+e^x) in a form that neither overflows nor loses small x.
func Softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// activate applies a function to every element.
func activate[F Float](a Activation, x []F) {
	switch a {
	case LinearFunction:
	case TanhFunction:
		for i, v := range x {
			x[i] = Tanh(v)
		}
	case SigmoidFunction:
		for i, v := range x {
			x[i] = Sigmoid(v)
		}
	default:
		f := scalar[a]
		for i, v := range x {
			x[i] = F(f(float64(v)))
		}
	}
}
