// Package reporttest has reports for tests: one for every way in which two sets of
// tensors can agree or diverge.
package reporttest

import (
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
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

// Nudged is a copy of x with steps, in units in the last place, added to every
// element: n(i) for the element i.
func Nudged(t testing.TB, x *lockstep.Tensor, n func(i int) int) *lockstep.Tensor {
	t.Helper()
	ref, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, len(ref))
	for i := range ref {
		data[i] = moved(ref[i], n(i))
	}
	return tensor(t, data, x.Shape()...)
}

// moved is x, that many units in the last place further.
func moved(x float32, n int) float32 {
	to := float32(inf)
	if n < 0 {
		to, n = -to, -n
	}
	for range n {
		x = math.Nextafter32(x, to)
	}
	return x
}

func seed(t testing.TB) (ref, cand set, o compare.Options) {
	o.Order = []string{"output_0", "encoder/state_h", "encoder/state_c", "decoder/state_h", "decoder/state_c"}
	ref, cand = set{}, set{}
	for k, name := range o.Order {
		shape := []int{8, 16}
		if k == 0 {
			shape = []int{8, 10, 1}
		}
		ref[name] = ramp(t, shape...)
		cand[name] = Nudged(t, ref[name], func(i int) int { return i % (k + 3) })
	}
	return ref, cand, o
}

// drifted is seed with a candidate whose output leaves tolerance in the row 2
// at step 3, and in others later.
func drifted(t testing.TB) (ref, cand set, o compare.Options) {
	ref, cand, o = seed(t)
	cand["output_0"] = Nudged(t, ref["output_0"], func(i int) int {
		if row, step := i/10, i%10; row >= 2 && step >= 3 && row*step%2 == 0 {
			return 1000 << step
		}
		return 1
	})
	return ref, cand, o
}

func compared(title, reference, candidate string, ref, cand set, o compare.Options, rule compare.Rule) compare.Comparison {
	return compare.Comparison{Title: title, Reference: reference, Candidate: candidate, Results: compare.Judge(compare.Measure(ref, cand, o), compare.Uniform(rule))}
}

// Reports are reports by what is special about them.
func Reports(t testing.TB) map[string]*compare.Report {
	ref, cand, o := seed(t)
	_, off, _ := drifted(t)
	weights := set{"encoder/kernel": ramp(t, 1, 64), "encoder/bias": ramp(t, 64)}
	negativeZero := set{"encoder/kernel": weights["encoder/kernel"], "encoder/bias": Nudged(t, weights["encoder/bias"], func(i int) int { return i / 40 })}
	const model = "testdata/seed_keras3"
	one := func(c compare.Comparison) *compare.Report {
		return &compare.Report{Model: model, Comparisons: []compare.Comparison{c}}
	}

	hostileRef, hostileCand := hostile(t)
	return map[string]*compare.Report{
		"pass":     one(compared("", "tensorflow", "native", ref, cand, o, compare.DefaultRule())),
		"diverged": one(compared("", "tensorflow", "native", ref, off, o, compare.DefaultRule())),
		"ulp":      one(compared("outputs", "tensorflow", "native", ref, cand, o, compare.Rule{ULP: 4})),
		"several": {Model: model, Notes: []string{"the random seed was 1"}, Comparisons: []compare.Comparison{
			compared("outputs and states", "tensorflow", "native", ref, cand, o, compare.DefaultRule()),
			compared("outputs", "keras", "tensorflow", set{"output_0": ref["output_0"]}, set{"output_0": ref["output_0"]}, o, compare.DefaultRule()),
			compared("weights", "libtensorflow", "file", weights, weights, compare.Options{Layout: compare.PlainLayout}, compare.Rule{Bits: true}),
		}},
		"several_diverged": {Model: model, Notes: []string{"the random seed was 1"}, Comparisons: []compare.Comparison{
			compared("outputs and states", "tensorflow", "native", ref, cand, o, compare.DefaultRule()),
			compared("outputs", "keras", "native", set{"output_0": ref["output_0"]}, set{"output_0": off["output_0"]}, o, compare.DefaultRule()),
			compared("weights", "libtensorflow", "file", weights, negativeZero, compare.Options{Layout: compare.PlainLayout}, compare.Rule{Bits: true}),
		}},
		"hostile": {Comparisons: []compare.Comparison{{
			Reference: "a.npz", Candidate: "b.npz",
			Results: compare.Judge(compare.Measure(hostileRef, hostileCand, compare.Options{}), compare.Uniform(compare.DefaultRule())),
			Notes:   []string{"written by a test\x1b[31m"},
		}}},
		"not_finite":    one(compared("", "tensorflow", "native", set{"x": vec(t, f32(1, float32(nan), 2)...)}, set{"x": vec(t, f32(1, float32(nan), 2)...)}, o, compare.DefaultRule())),
		"missing":       one(compared("", "tensorflow", "native", ref, set{"output_0": cand["output_0"]}, compare.Options{Order: []string{"encoder/state_c", "output_0"}}, compare.DefaultRule())),
		"nothing":       one(compared("", "tensorflow", "native", nil, nil, o, compare.DefaultRule())),
		"no_comparison": {Model: model},
	}
}

// hostile has one tensor for every way in which two can part.
func hostile(t testing.TB) (ref, cand set) {
	nan, inf := float32(nan), float32(inf)
	ref, cand = set{}, set{}
	add := func(name string, r, c *lockstep.Tensor) { ref[name], cand[name] = r, c }
	add("nan", tensor(t, f32(1, nan, 3, nan, 5, inf), 2, 3), tensor(t, f32(1, nan, nan, 4, inf, -inf), 2, 3))
	add("nan everywhere", vec(t, nan, nan), vec(t, nan, nan))
	add("type", vec[float32](t, 1), vec[float64](t, 1))
	add("shape", tensor(t, f32(1, 2), 1, 2), tensor(t, f32(1, 2), 2, 1))
	add("empty", tensor[float32](t, nil, 3, 0), tensor[float32](t, nil, 3, 0))
	add("scalar", tensor(t, f32(1)), tensor(t, f32(2)))
	add("overflow", vec(t, 1.5e308, 0), vec(t, -1.5e308, 0))
	add("zero reference", vec[float32](t, 0, 1), vec[float32](t, 1, 1))
	add("int64", vec[int64](t, -1<<63, 1<<53), vec[int64](t, 1<<63-1, 1<<53+1))
	add("bool", vec(t, true, false), vec(t, true, true))
	add("string", vec(t, "a", strings.Repeat("long ", 20)+"end"), vec(t, "a", strings.Repeat("long ", 20)+"END"))
	add("high rank", ramp(t, 1, 2, 1, 3), Nudged(t, ramp(t, 1, 2, 1, 3), func(i int) int { return i << 16 }))
	add("nil", nil, nil)
	add("a/name/that/is/so/long/that/no/table/of/a/hundred/columns/could/ever/show/it/in/one/piece/state_h", ramp(t, 1, 1, 1, 1, 1, 1, 1, 1), ramp(t, 1, 1, 1, 1, 1, 1, 1, 1))
	ref["only in a\x07"] = vec[int32](t, 1)
	cand["only in b"] = vec[int32](t, 1)
	return ref, cand
}
