package kernel

import (
	"math"
	"testing"
)

// Every 977th float32, and all around the ends of the table and of its intervals, is
// within 0.65 units of float64's, and of numbers below the normal ones within one of theirs.
func TestErfcs(t *testing.T) {
	worst, at := 0.0, float32(0)
	check := func(x float32) {
		y := []float32{x}
		Erfcs(y, y)
		want := math.Erfc(float64(x))
		if math.IsNaN(want) {
			if y[0] == y[0] {
				t.Fatalf("of %v: %v", x, y[0])
			}
			return
		}
		unit := math.Ldexp(1, max(math.Ilogb(max(want, 1e-300))-23, -149))
		if d := math.Abs(float64(y[0])-want) / unit; d > worst {
			worst, at = d, x
		}
	}
	for bits := uint64(0); bits < 1<<32; bits += 977 {
		check(math.Float32frombits(uint32(bits)))
	}
	for i := -5 * erfcEach; i < 11*erfcEach; i++ {
		x := float32(i) / erfcEach
		for _, v := range []float32{x, math.Nextafter32(x, -100), math.Nextafter32(x, 100)} {
			check(v)
		}
	}
	if worst > 0.65 {
		t.Errorf("of %v it is off by %.3f units", at, worst)
	}
	t.Logf("at most %.3f units, of %v", worst, at)
}

func BenchmarkErfc(b *testing.B) {
	x, y := make([]float32, 1024), make([]float32, 1024)
	for i := range x {
		x[i] = float32(i%113)/20 - 2.8
	}
	b.Run("table", func(b *testing.B) {
		for range b.N {
			Erfcs(y, x)
		}
	})
	b.Run("math", func(b *testing.B) {
		for range b.N {
			for i, v := range x {
				y[i] = float32(math.Erfc(float64(v)))
			}
		}
	})
}
