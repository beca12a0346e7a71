package lockstep

import (
	"math"
	"slices"
	"testing"
)

// Every number of 8 bits is rounded to itself, what lies between two neighbours to
// the nearer one, and the middle to the even one.
func TestRoundFloat8(t *testing.T) {
	for name, f := range map[string]struct {
		number       func(bits uint8) float32
		round        func(float64) uint8
		largest      float64
		infinite     uint8
		numbers      int // of one sign
		above, below float64
	}{
		"float8_e4m3fn": {
			func(b uint8) float32 { return Float8E4M3FNBits(b).Float32() }, func(x float64) uint8 { return uint8(RoundFloat8E4M3FN(x)) },
			448, 0x7f, 127, 464.001, 464,
		},
		"float8_e5m2": {
			func(b uint8) float32 { return Float8E5M2Bits(b).Float32() }, func(x float64) uint8 { return uint8(RoundFloat8E5M2(x)) },
			57344, 0x7c, 124, 61440, 61439,
		},
	} {
		var all []float64
		for b := range uint8(0x80) {
			x := float64(f.number(b))
			if y := float64(f.number(b | 0x80)); math.Signbit(y) != true || !math.IsNaN(x) && y != -x {
				t.Errorf("%s: %#x is %v and %#x is %v", name, b, x, b|0x80, y)
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				continue
			}
			all = append(all, x)
			for _, sign := range []float64{1, -1} {
				if got := f.number(f.round(sign * x)); float64(got) != sign*x || math.Signbit(float64(got)) != (sign < 0) {
					t.Errorf("%s: %v is rounded to %v", name, sign*x, got)
				}
			}
		}
		if len(all) != f.numbers || !slices.IsSorted(all) || all[len(all)-1] != f.largest || all[1] != math.Ldexp(1, map[int]int{127: -9, 124: -16}[f.numbers]) {
			t.Errorf("%s: %d numbers from %v to %v", name, len(all), all[1], all[len(all)-1])
		}
		for i := range all[1:] {
			low, high := all[i], all[i+1]
			even := low
			if i%2 == 1 {
				even = high
			}
			for x, want := range map[float64]float64{low + (high-low)*0.49: low, (low + high) / 2: even, low + (high-low)*0.51: high} {
				if got := float64(f.number(f.round(x))); got != want {
					t.Errorf("%s: %v is rounded to %v, want %v", name, x, got, want)
				}
			}
		}
		for _, x := range []float64{f.above, 1e30, math.Inf(1)} {
			if got := f.round(x); got != f.infinite || f.round(-x) != f.infinite|0x80 {
				t.Errorf("%s: %v is rounded to %#x", name, x, got)
			}
		}
		if got := float64(f.number(f.round(f.below))); got != f.largest {
			t.Errorf("%s: %v is rounded to %v", name, f.below, got)
		}
		if got := f.number(f.round(math.NaN())); got == got {
			t.Errorf("%s: NaN is rounded to %v", name, got)
		}
		if got := f.round(5e-324); got != 0 {
			t.Errorf("%s: the smallest float64 is rounded to %#x", name, got)
		}
	}
}
