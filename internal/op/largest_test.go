package op

import (
	"math"
	"slices"
	"testing"
)

// The largest of any count of numbers, wherever it stands, is found, and so is NaN.
func TestLargest(t *testing.T) {
	for n := range 19 {
		for at := range n {
			for _, v := range []float32{3, float32(math.Inf(1)), float32(math.NaN())} {
				x := slices.Repeat([]float32{-2}, n)
				x[at] = v
				if got := largest(x); got != v && !(v != v && got != got) {
					t.Errorf("of %v: %v", x, got)
				}
			}
		}
		x := slices.Repeat([]float32{float32(math.Inf(-1))}, n)
		if got := largest(x); got != float32(math.Inf(-1)) {
			t.Errorf("of %v: %v", x, got)
		}
	}
}
