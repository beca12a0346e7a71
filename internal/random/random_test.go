package random

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func TestInputs(t *testing.T) {
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{
		{Name: "f", DType: lockstep.Float32, Shape: []int{-1, -1, 2}},
		{Name: "i", DType: lockstep.Int64, Shape: []int{-1, 7}},
		{Name: "s", DType: lockstep.Float64, Shape: []int{}},
		{Name: "b", DType: lockstep.Bool, Shape: []int{-1}},
		{Name: "w", DType: lockstep.String, Shape: []int{-1, 2}},
	}}
	a, err := Inputs(sig, 7, Sizes{Batch: 3, Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Inputs(sig, 7, Sizes{Batch: 3, Steps: 5})
	other, _ := Inputs(sig, 8, Sizes{Batch: 3, Steps: 5})
	for name, shape := range map[string][]int{"f": {3, 5, 2}, "i": {3, 7}, "s": {}, "b": {3}, "w": {3, 2}} {
		if !slices.Equal(a[name].Shape(), shape) || !a[name].BitEqual(again[name]) {
			t.Errorf("%s: %s, want the shape %v and the same again", name, a[name], shape)
		}
	}
	if a["f"].BitEqual(other["f"]) {
		t.Error("another seed, and the same inputs")
	}
	if err := sig.CheckInputs(a); err != nil {
		t.Error(err)
	}
	for _, d := range lockstep.DTypes() { // integers of every type are 0 or 1, and both
		if !d.IsInt() {
			continue
		}
		sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "x", DType: d, Shape: []int{-1, -1}}}}
		made, err := Inputs(sig, 1, Sizes{Batch: 5, Steps: 5})
		if err != nil {
			t.Fatal(err)
		}
		values, err := made["x"].Float64s()
		if err != nil || sig.CheckInputs(made) != nil || !slices.Contains(values, 0) || !slices.Contains(values, 1) || slices.Max(values) > 1 {
			t.Errorf("%s: %v, %v", d, values, err)
		}
	}
	for _, bad := range []lockstep.TensorSpec{{Name: "x", DType: lockstep.Float32, UnknownRank: true}, {Name: "x", DType: lockstep.String, UnknownRank: true}} {
		if _, err := Inputs(lockstep.Signature{Inputs: []lockstep.TensorSpec{bad}}, 1, Sizes{1, 1}); err == nil || !strings.Contains(err.Error(), "give inputs") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}
