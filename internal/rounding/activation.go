package rounding

import (
	"math"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// activation is a function of one number, and its properties.
type activation struct {
	f func(x float64) float64
	// monotone says that it never falls; of others lipschitz bounds the slope.
	monotone  bool
	lipschitz float64
	// The bounds of an engine's own error, in units: relative to the result, to
	// the argument, and to one. rough[0] of tanh and sigmoid is above the
	// errors measured in TensorFlow over the floats (5.5 and 8.1 units); elu
	// and selu are exp(x)-1 there; those of the composed ones count the
	// roundings of their parts, each a function of at most 10 units.
	rough [3]float64
	// share, if not 0, replaces typicalShare.
	share float64
}

const libm = 10

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func clip(x, low, high float64) float64 { return min(max(x, low), high) }

func elu(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.Expm1(x)
}

func selu(x float64) float64 {
	const scale, alpha = 1.0507009873554805, 1.6732632423543772
	if x > 0 {
		return scale * x
	}
	return scale * alpha * math.Expm1(x)
}

func gelu(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }

func geluTanh(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func rationalTanh(x float64) float64 {
	x = clip(x, -3, 3)
	return x * (27 + x*x) / (27 + 9*x*x)
}

func hardSigmoid3(x float64) float64 { return clip(x+3, 0, 6) / 6 }

// activationOf returns a function in the floats of the engines, whose constants
// are rounded to them.
func activationOf(a recurrent.Activation, u Unit) (f activation, known bool) {
	f, known = activations[a]
	if a == recurrent.HardSigmoid2 && u == Float64 {
		f.f = func(x float64) float64 { return clip(0.2*x+0.5, 0, 1) }
	}
	return f, known
}

var activations = map[recurrent.Activation]activation{
	recurrent.Linear:       {f: func(x float64) float64 { return x }, monotone: true},
	recurrent.Tanh:         {f: math.Tanh, monotone: true, rough: [3]float64{8, 0, 0}},
	recurrent.Sigmoid:      {f: sigmoid, monotone: true, rough: [3]float64{libm, 0, 0}},
	recurrent.Relu:         {f: func(x float64) float64 { return max(x, 0) }, monotone: true},
	recurrent.Relu6:        {f: func(x float64) float64 { return clip(x, 0, 6) }, monotone: true},
	recurrent.LeakyRelu:    {f: func(x float64) float64 { return max(x, 0) + float64(float32(0.2))*min(x, 0) }, monotone: true, rough: [3]float64{2, 0, 0}},
	recurrent.HardSigmoid2: {f: func(x float64) float64 { return clip(float64(float32(0.2))*x+0.5, 0, 1) }, monotone: true, rough: [3]float64{1, 1, 1}},
	recurrent.HardSigmoid3: {f: hardSigmoid3, monotone: true, rough: [3]float64{2, 1, 4}},
	recurrent.Elu:          {f: elu, monotone: true, rough: [3]float64{1, 0, libm}},
	recurrent.Celu:         {f: elu, monotone: true, rough: [3]float64{1, 0, libm}},
	recurrent.Selu:         {f: selu, monotone: true, rough: [3]float64{4, 0, 2 * libm}},
	recurrent.Softplus:     {f: softplus, monotone: true, rough: [3]float64{libm, 0, 2}},
	recurrent.Softsign:     {f: func(x float64) float64 { return x / (1 + math.Abs(x)) }, monotone: true, rough: [3]float64{4, 0, 0}},
	recurrent.Gelu:         {f: gelu, lipschitz: 1.13, rough: [3]float64{0, libm + 4, 0}},
	recurrent.GeluTanh:     {f: geluTanh, lipschitz: 1.13, rough: [3]float64{0, 2*libm + 8, 0}},
	recurrent.Silu:         {f: func(x float64) float64 { return x * sigmoid(x) }, lipschitz: 1.1, rough: [3]float64{libm + 2, 0, 0}},
	recurrent.HardSilu:     {f: func(x float64) float64 { return x * hardSigmoid3(x) }, lipschitz: 1.5, rough: [3]float64{4, 6, 0}},
	recurrent.Exponential:  {f: math.Exp, monotone: true, rough: [3]float64{libm, 0, 0}},
	recurrent.Mish:         {f: func(x float64) float64 { return x * math.Tanh(softplus(x)) }, lipschitz: 1.1, rough: [3]float64{0, 2*libm + 8, 0}},
	recurrent.HardTanh:     {f: func(x float64) float64 { return clip(x, -1, 1) }, monotone: true},
	recurrent.LogSigmoid:   {f: func(x float64) float64 { return -softplus(-x) }, monotone: true, rough: [3]float64{libm, 0, 2}},
	recurrent.TanhShrink:   {f: func(x float64) float64 { return x - math.Tanh(x) }, monotone: true, rough: [3]float64{1, libm, 0}},
	recurrent.RationalTanh: {f: rationalTanh, monotone: true, rough: [3]float64{8, 0, 0}},
	recurrent.Squareplus:   {f: func(x float64) float64 { return (x + math.Sqrt(x*x+4)) / 2 }, monotone: true, rough: [3]float64{2, 3, 6}},
}

// apply computes the activation of one number that is off by at most e.
func (a activation) apply(u Unit, x, e float64) (y, bound float64) {
	y = a.f(x)
	switch {
	case e == 0:
	case a.monotone:
		bound = max(a.f(x+e)-y, y-a.f(x-e))
	default:
		bound = a.lipschitz * e
	}
	return y, (bound + float64(u)*(a.rough[0]*(math.Abs(y)+bound)+a.rough[1]*(math.Abs(x)+e)+a.rough[2]) + u.tiny()*(1+math.Abs(x))) * slack
}
