package lockstep_test

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// Sums stand before gates and gates before states, each in the kernels' order;
// other layers, and what no step computes, are left out.
func TestQuantities(t *testing.T) {
	trace := lockstep.Trace{Steps: map[string]*lockstep.Tensor{}}
	for _, name := range []string{
		"a/h", "a/c", "a/o", "a/g", "a/f", "a/i", "a/sum_o", "a/sum_g", "a/sum_f", "a/sum_i", "a/x", "a/mask", "a/output", "a/initial_h", "a/initial_c",
		"b/h", "b/g", "b/r", "b/z", "b/sum_g", "b/sum_r", "b/sum_z", "a/b/h",
	} {
		trace.Steps[name] = nil
	}
	for layer, want := range map[string][]string{
		"a": {"sum_i", "sum_f", "sum_g", "sum_o", "i", "f", "g", "o", "c", "h"}, "b": {"sum_z", "sum_r", "sum_g", "z", "r", "g", "h"}, "a/b": {"h"}, "c": nil,
	} {
		if got := trace.Quantities(layer); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", layer, got, want)
		}
	}
}
