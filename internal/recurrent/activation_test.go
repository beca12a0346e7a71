package recurrent

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// anySum is a cell's sum of elements of a type.
func anySum(ev *evaluator, dtype lockstep.DType) *expr {
	w := &tensor{id: ev.count, shape: []int{2, 3}, dtype: dtype}
	return ev.sum([]term{{v: ev.variable(opItem, 0), w: w.whole()}})
}

// Each activation is read as itself alone, in both types of elements, and
// named.
func TestActivations(t *testing.T) {
	named := map[string]bool{}
	for _, dtype := range []lockstep.DType{lockstep.Float32, lockstep.Float64} {
		found := map[Activation]bool{Linear: true, RationalTanh: true} // which no layer has
		for i, f := range forms {
			ev := newEvaluator(nil, nil)
			x := anySum(ev, dtype)
			e := f.of(ev, x)
			if e.op != f.ends || e.dtype != dtype {
				t.Errorf("form %d (%s) ends with %s of %s, want %s of %s", i, f.activation, e.op, e.dtype, f.ends, dtype)
			}
			if got := ev.activations(e, bare); len(got) != 1 || got[0] != (applied{f.activation, x, e}) {
				t.Errorf("form %d (%s) of %s is read as %v", i, f.activation, dtype, got)
			}
			if got := ev.activations(ev.call("Neg", e), bare); len(got) != 0 {
				t.Errorf("form %d (%s), negated, is read as %v", i, f.activation, got)
			}
			found[f.activation] = true
		}
		for a := range Activation(len(activationNames)) {
			if !found[a] {
				t.Errorf("no form is %s", a)
			}
			named[a.String()] = true
		}
	}
	if len(named) != len(activationNames) {
		t.Errorf("two of the activations are called the same: %v", activationNames)
	}
}

// Constants of a form in another type than its argument's are other constants:
// what Keras rounds to float32 is not 0.2 in float64. Of a type that Keras has
// no cells of, or that is not known, nothing is proven.
func TestConstantsHaveTheirType(t *testing.T) {
	at := slices.IndexFunc(forms, func(f form) bool { return f.activation == HardSigmoid2 })
	ev := newEvaluator(nil, nil)
	x := anySum(ev, lockstep.Float64)
	rounded := ev.clip(ev.add(ev.mul(x, ev.constant(float64(float32(0.2)), lockstep.Float64)), ev.num(0.5, x)), 0, 1)
	if got := ev.activations(rounded, bare); len(got) != 0 || rounded == forms[at].of(ev, x) {
		t.Errorf("0.2 in float32 passes as 0.2 in float64: %v", got)
	}
	mixed := ev.mul(x, ev.num(1, anySum(ev, lockstep.Float32)))
	if mixed.op != opUnknown {
		t.Errorf("a product of two types is %s", mixed.describe())
	}
	for _, dtype := range []lockstep.DType{lockstep.Float16, lockstep.Invalid} {
		x := anySum(ev, dtype)
		if e := forms[at].of(ev, x); len(ev.activations(e, bare)) != 0 {
			t.Errorf("a hard sigmoid of %s is read as %v", dtype, ev.activations(e, bare))
		}
	}
}
