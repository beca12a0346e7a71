package native

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A trace of every step computes what Run does, each step is one of the cell
// that Step takes alone, bit for bit, and both are as near to the oracle as its
// bound says. Rows that a mask leaves out keep their states.
func TestTraceSteps(t *testing.T) {
	steps, worst := 0, 0.0
	for _, name := range append(fixture.Names(t), fixture.MadeNames(t)...) {
		recipe := fixture.ReadRecipe(t, name)
		models := map[string]*Model{}
		for _, c := range fixture.Cases(t, name) {
			signature := recipe.SignatureOf(c)
			m := models[signature]
			if m == nil {
				var err error
				if m, err = Load(fixture.Dir(t, name), WithSignature(signature)); err != nil {
					break // TestZoo and TestUnsupported say which are refused
				}
				models[signature] = m
			}
			inputs := fixture.Tensors(t, name, "inputs"+c+".npz")
			trace, err := m.Trace(context.Background(), inputs, lockstep.Steps)
			if err != nil {
				if !recipe.ExportsWrong {
					t.Errorf("%s, case %q: %v", name, c, err)
				}
				continue
			}
			out, err := m.Run(context.Background(), inputs)
			if err != nil {
				t.Fatal(err)
			}
			for o := range out {
				if !out[o].BitEqual(trace.Outputs[o]) {
					t.Errorf("%s, case %q: the trace's output %q is not Run's", name, c, o)
				}
			}
			for _, layer := range trace.Layers { // each run of one inside a loop
				x := trace.Layer(layer).X()
				if x == nil || x.Len() == 0 {
					continue // interpreted, or no rows
				}
				steps += x.Shape()[1]
				far := checkSteps(t, name+c, m, layer, trace)
				worst = max(worst, far)
			}
		}
	}
	t.Logf("%d steps, at most %.3g of the bound away from the oracle", steps, worst)
	if steps < 100 || worst == 0 || worst > 1 {
		t.Errorf("%d steps, at most %g of the bound away from the oracle", steps, worst)
	}
}

// checkSteps returns how far the layer's steps are from the oracle, as a part of
// its bound.
func checkSteps(t *testing.T, name string, m *Model, layer string, trace *lockstep.Trace) float64 {
	t.Helper()
	from := map[string]*lockstep.Tensor{"x": trace.Layer(layer).X()}
	for _, s := range []string{"h", "c"} {
		if after := trace.Layer(layer).Step(s); after != nil {
			var err error
			if from[s], err = before(after, trace.Layer(layer).Initial(s)); err != nil {
				t.Fatal(err)
			}
		}
	}
	alone, err := m.Step(layer, from)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	o, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	exact, bound, err := o.Step(layer, from)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	var mask []bool
	if k := trace.Layer(layer).Mask(); k != nil {
		mask, _ = lockstep.Data[bool](k)
	}
	worst := 0.0
	for s, a := range alone {
		have, want, e, old, single := values(t, trace.Layer(layer).Step(s)), values(t, exact[s]), values(t, bound[s]), values(t, from[s]), values(t, a)
		units := a.Shape()[a.Rank()-1]
		for i := range have {
			if mask != nil && !mask[i/units] {
				if have[i] != old[i] {
					t.Errorf("%s: %s/%s: element %d is left out and becomes %g from %g", name, layer, s, i, have[i], old[i])
				}
				continue
			}
			if have[i] != single[i] && !(math.IsNaN(have[i]) && math.IsNaN(single[i])) && (mask == nil || !strings.Contains(name, "stacked")) {
				t.Errorf("%s: %s/%s: element %d is %g in a run and %g alone", name, layer, s, i, have[i], single[i])
				return worst
			}
			far := math.Abs(have[i] - want[i])
			if far > e[i] {
				t.Errorf("%s: %s/%s: element %d is %g, the oracle's is %g ± %g", name, layer, s, i, have[i], want[i], e[i])
				return math.Inf(1)
			}
			if far > 0 {
				worst = max(worst, far/e[i])
			}
		}
	}
	return worst
}

func values(t *testing.T, x *lockstep.Tensor) []float64 {
	t.Helper()
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
