package kernel

import (
	"math"
	"slices"
	"testing"
)

// formulas are the activations, by what Keras says of each.
var formulas = map[Activation]func(x float64) float64{
	LinearFunction:  func(x float64) float64 { return x },
	TanhFunction:    func(x float64) float64 { return math.Copysign(1-2/(math.Exp(2*math.Abs(x))+1), x) },
	SigmoidFunction: func(x float64) float64 { return math.Exp(x) / (math.Exp(x) + 1) },
	ReluFunction:    func(x float64) float64 { return piecewise(x, 0, 0, x) },
	Relu6Function:   func(x float64) float64 { return math.Min(math.Max(x, 0), 6) },
	LeakyReluFunction: func(x float64) float64 {
		return piecewise(x, 0, 0.2*x, x)
	},
	HardSigmoid2Function: func(x float64) float64 { return math.Min(math.Max(x/5+0.5, 0), 1) },
	HardSigmoid3Function: func(x float64) float64 { return math.Min(math.Max(x/6+0.5, 0), 1) },
	EluFunction:          func(x float64) float64 { return piecewise(x, 0, math.Exp(x)-1, x) },
	SeluFunction: func(x float64) float64 {
		return 1.0507009873554805 * piecewise(x, 0, 1.6732632423543772*(math.Exp(x)-1), x)
	},
	SoftplusFunction:    func(x float64) float64 { return math.Log(math.Exp(x) + 1) },
	SoftsignFunction:    func(x float64) float64 { return x / (math.Abs(x) + 1) },
	GeluFunction:        func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt(2))) / 2 },
	GeluTanhFunction:    func(x float64) float64 { return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) },
	SiluFunction:        func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	HardSiluFunction:    func(x float64) float64 { return x * math.Min(math.Max(x/6+0.5, 0), 1) },
	ExponentialFunction: math.Exp,
	MishFunction:        func(x float64) float64 { return x * math.Tanh(math.Log(1+math.Exp(x))) },
	HardTanhFunction:    func(x float64) float64 { return math.Min(math.Max(x, -1), 1) },
	LogSigmoidFunction:  func(x float64) float64 { return -math.Log(1 + math.Exp(-x)) },
	TanhShrinkFunction:  func(x float64) float64 { return x - math.Tanh(x) },
	SquareplusFunction:  func(x float64) float64 { return (x + math.Sqrt(4+x*x)) / 2 },
	RationalTanhFunction: func(x float64) float64 {
		return piecewise(x, -3, -1, piecewise(x, 3, (27*x+x*x*x)/(27+9*x*x), 1))
	},
	ErfFunction: func(x float64) float64 { return 1 - math.Erfc(x) },
}

func piecewise(x, where, below, above float64) float64 {
	if x < where {
		return below
	}
	return above
}

// Every activation is its formula, in both types; of what is not finite, its
// limit.
func TestActivations(t *testing.T) {
	if len(formulas) != len(scalar) {
		t.Errorf("%d formulas for %d activations", len(formulas), len(scalar))
	}
	for a := range Activation(len(scalar)) {
		testActivation[float32](t, a, 2e-7)
		testActivation[float64](t, a, 1e-14)
	}
}

func testActivation[F Float](t *testing.T, a Activation, tolerance float64) {
	t.Helper()
	var in []F
	for x := -20.0; x <= 20; x += 0.03125 {
		in = append(in, F(x))
	}
	in = append(in, 1e-3, -1e-3, 3, -3, 2.5, -2.5, 6, 6.5, 0)
	got := slices.Clone(in)
	activate(a, got)
	for i, x := range in {
		want := formulas[a](float64(x))
		// The formulas lose digits to cancellation near 0.
		if d := math.Abs(float64(got[i]) - want); !(d <= tolerance*math.Max(1, math.Abs(want))) {
			t.Errorf("%T: activation %d of %v is %v, want %v", x, a, x, got[i], want)
		}
	}
	nan := []F{F(math.NaN())}
	if activate(a, nan); nan[0] == nan[0] {
		t.Errorf("%T: activation %d of NaN is %v", nan[0], a, nan[0])
	}
	far := []F{-1000, 1000}
	activate(a, far)
	want := limits(a)
	for i := range far {
		if got := float64(far[i]); math.Abs(got-want[i]) > 1e-4*math.Abs(want[i]) && got != want[i] {
			t.Errorf("%T: activation %d of %v is %v, want %v", far[0], a, []int{-1000, 1000}[i], got, want[i])
		}
	}
}

// limits are the activations of -1000 and 1000.
func limits(a Activation) [2]float64 {
	switch a {
	case LinearFunction:
		return [2]float64{-1000, 1000}
	case TanhFunction, HardTanhFunction, RationalTanhFunction, ErfFunction:
		return [2]float64{-1, 1}
	case SigmoidFunction, HardSigmoid2Function, HardSigmoid3Function:
		return [2]float64{0, 1}
	case ReluFunction, SoftplusFunction, GeluFunction, GeluTanhFunction, SiluFunction, HardSiluFunction, MishFunction:
		return [2]float64{0, 1000}
	case Relu6Function:
		return [2]float64{0, 6}
	case LeakyReluFunction:
		return [2]float64{-200, 1000}
	case EluFunction:
		return [2]float64{-1, 1000}
	case SeluFunction:
		return [2]float64{-1.7580993408473766, 1050.7009873554805}
	case SoftsignFunction:
		return [2]float64{-1000.0 / 1001, 1000.0 / 1001}
	case ExponentialFunction:
		return [2]float64{0, math.Inf(1)}
	case LogSigmoidFunction:
		return [2]float64{-1000, 0}
	case TanhShrinkFunction:
		return [2]float64{-999, 999}
	}
	return [2]float64{0.001, 1000.001} // squareplus
}
