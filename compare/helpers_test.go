package compare

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
)

type set = map[string]*lockstep.Tensor

var (
	nan, inf = math.NaN(), math.Inf(1)
	f32      = func(v ...float32) []float32 { return v }
)

// tensor makes a tensor that the test is sure of.
func tensor[E lockstep.Element](t testing.TB, data []E, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.New(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// vec is a tensor of one axis.
func vec[E lockstep.Element](t testing.TB, data ...E) *lockstep.Tensor {
	t.Helper()
	return tensor(t, data, len(data))
}

// measureOne measures two tensors.
func measureOne(ref, cand *lockstep.Tensor) Difference {
	return Measure(set{"x": ref}, set{"x": cand}, Options{})[0]
}

// judgeOne judges two tensors by a rule.
func judgeOne(ref, cand *lockstep.Tensor, rule Rule) Result {
	return Judge([]Difference{measureOne(ref, cand)}, Uniform(rule))[0]
}

// passes tells whether two tensors are in step.
func passes(ref, cand *lockstep.Tensor, rule Rule) bool {
	return judgeOne(ref, cand, rule).Verdict == InStep
}

// bound is a tolerance of one bound for each element, as a derived one is.
type bound []float64

func (b bound) Bound(flat int, _ float64) float64 { return b[flat] }
func (b bound) String() string                    { return "bounds of the test" }

// compared compares two sets of tensors by one rule.
func compared(title, reference, candidate string, ref, cand set, o Options, rule Rule) Comparison {
	return Comparison{Title: title, Reference: reference, Candidate: candidate, Results: Judge(Measure(ref, cand, o), Uniform(rule))}
}

// ramp makes values that every machine computes alike: multiples of 1/1024.
func ramp(t testing.TB, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32((i*37)%512-256)/1024 + 1.0/2048
	}
	return tensor(t, data, shape...)
}

// nudged is a copy of x with steps, in units in the last place, added to every
// element: n(i) for the element i.
func nudged(t testing.TB, x *lockstep.Tensor, n func(i int) int) *lockstep.Tensor {
	t.Helper()
	ref, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, len(ref))
	for i := range ref {
		data[i] = moveULP(ref[i], n(i))
	}
	return tensor(t, data, x.Shape()...)
}
