// Package reporttest has reports for tests: one for every way in which two sets of
// tensors can agree or diverge.
package reporttest

import (
	"math"
	"path"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

type set = map[string]*lockstep.Tensor

var (
	nan, inf = math.NaN(), math.Inf(1)
	f32      = func(v ...float32) []float32 { return v }
)

func seed(t testing.TB) (ref, cand set, o compare.Options) {
	o.Order = []string{"output_0", "encoder/state_h", "encoder/state_c", "decoder/state_h", "decoder/state_c"}
	ref, cand = set{}, set{}
	for k, name := range o.Order {
		shape := []int{8, 16}
		if k == 0 {
			shape = []int{8, 10, 1}
		}
		ref[name] = fixture.Ramp(t, shape...)
		cand[name] = fixture.Nudged(t, ref[name], func(i int) int { return i % (k + 3) })
	}
	return ref, cand, o
}

// drifted is seed with a candidate whose output leaves the tolerance in row 2
// at step 3, and in other rows later.
func drifted(t testing.TB) (ref, cand set, o compare.Options) {
	ref, cand, o = seed(t)
	cand["output_0"] = fixture.Nudged(t, ref["output_0"], func(i int) int {
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

// Reports are reports, named by what is special about them.
func Reports(t testing.TB) map[string]*compare.Report {
	ref, cand, o := seed(t)
	_, off, _ := drifted(t)
	weights := set{"encoder/kernel": fixture.Ramp(t, 1, 64), "encoder/bias": fixture.Ramp(t, 64)}
	negativeZero := set{"encoder/kernel": weights["encoder/kernel"], "encoder/bias": fixture.Nudged(t, weights["encoder/bias"], func(i int) int { return i / 40 })}
	const model = "testdata/seed_keras3"
	one := func(c compare.Comparison) *compare.Report {
		return &compare.Report{Model: model, Comparisons: []compare.Comparison{c}}
	}

	hostileRef, hostileCand := hostile(t)
	const condition, first, second, loop = "rnn/while/Less:0", "rnn/while/cell/MatMul:0", "rnn/while/cell/Tanh:0", "rnn/while:2"
	holds, product := fixture.NewTensor(t, []bool{true}), fixture.Ramp(t, 2, 3)
	looped := compared("single operations", "tensorflow", "native", set{condition: holds, first: product, second: ref["output_0"], loop: product},
		set{condition: holds, first: product, second: off["output_0"], loop: product}, compare.Options{Order: []string{condition, first, second, loop}}, compare.DefaultRule())
	for i := range looped.Results {
		r := &looped.Results[i]
		if r.Operation, _, _ = strings.Cut(path.Base(r.Name), ":"); r.Name != loop {
			r.Iteration = &compare.Iteration{Loop: "rnn/while", Number: 6, Condition: r.Name == condition, Compared: 12}
		}
	}
	looped.Results[2].Iteration.Diverged = 5
	return map[string]*compare.Report{
		"pass":     one(compared("", "tensorflow", "native", ref, cand, o, compare.DefaultRule())),
		"diverged": one(compared("", "tensorflow", "native", ref, off, o, compare.DefaultRule())),
		"loop":     one(looped),
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
		"not_finite":    one(compared("", "tensorflow", "native", set{"x": fixture.Vector(t, f32(1, float32(nan), 2)...)}, set{"x": fixture.Vector(t, f32(1, float32(nan), 2)...)}, o, compare.DefaultRule())),
		"missing":       one(compared("", "tensorflow", "native", ref, set{"output_0": cand["output_0"]}, compare.Options{Order: []string{"encoder/state_c", "output_0"}}, compare.DefaultRule())),
		"nothing":       one(compared("", "tensorflow", "native", nil, nil, o, compare.DefaultRule())),
		"no_comparison": {Model: model},
	}
}

// hostile has one tensor for every way in which two can differ.
func hostile(t testing.TB) (ref, cand set) {
	nan, inf := float32(nan), float32(inf)
	ref, cand = set{}, set{}
	add := func(name string, r, c *lockstep.Tensor) { ref[name], cand[name] = r, c }
	add("nan", fixture.NewTensor(t, f32(1, nan, 3, nan, 5, inf), 2, 3), fixture.NewTensor(t, f32(1, nan, nan, 4, inf, -inf), 2, 3))
	add("nan everywhere", fixture.Vector(t, nan, nan), fixture.Vector(t, nan, nan))
	add("type", fixture.Vector[float32](t, 1), fixture.Vector[float64](t, 1))
	add("shape", fixture.NewTensor(t, f32(1, 2), 1, 2), fixture.NewTensor(t, f32(1, 2), 2, 1))
	add("empty", fixture.NewTensor[float32](t, nil, 3, 0), fixture.NewTensor[float32](t, nil, 3, 0))
	add("scalar", fixture.NewTensor(t, f32(1)), fixture.NewTensor(t, f32(2)))
	add("overflow", fixture.Vector(t, 1.5e308, 0), fixture.Vector(t, -1.5e308, 0))
	add("zero reference", fixture.Vector[float32](t, 0, 1), fixture.Vector[float32](t, 1, 1))
	add("int64", fixture.Vector[int64](t, -1<<63, 1<<53), fixture.Vector[int64](t, 1<<63-1, 1<<53+1))
	add("bool", fixture.Vector(t, true, false), fixture.Vector(t, true, true))
	add("string", fixture.Vector(t, "a", strings.Repeat("long ", 20)+"end"), fixture.Vector(t, "a", strings.Repeat("long ", 20)+"END"))
	add("high rank", fixture.Ramp(t, 1, 2, 1, 3), fixture.Nudged(t, fixture.Ramp(t, 1, 2, 1, 3), func(i int) int { return i << 16 }))
	add("nil", nil, nil)
	add("a/name/that/is/so/long/that/no/table/of/a/hundred/columns/could/ever/show/it/in/one/piece/state_h", fixture.Ramp(t, 1, 1, 1, 1, 1, 1, 1, 1), fixture.Ramp(t, 1, 1, 1, 1, 1, 1, 1, 1))
	ref["only in a\x07"] = fixture.Vector[int32](t, 1)
	cand["only in b"] = fixture.Vector[int32](t, 1)
	return ref, cand
}
