//go:build linux || darwin

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestWide(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	eachVectorised(t, func(t *testing.T) {
		for _, front := range []bool{false, true} {
			for _, n := range lengths() {
				g := &guarded{t: t, front: front}
				x, y := g.of(normal(r, n, 1)), g.of(normal(r, n, 1))
				sum, want := make([]float64, n), make([]float64, n)
				for i := range sum {
					sum[i] = r.NormFloat64()
				}
				copy(want, sum)
				v := float32(r.NormFloat64())
				NewWide().Add(sum, x, v)
				Wide{}.Add(want, x, v)
				for i := range sum {
					if sum[i] != want[i] {
						t.Fatalf("element %d of %d is %v, in plain Go %v", i, n, sum[i], want[i])
					}
				}
				if got, want := NewWide().Dot(x, y), (Wide{}).Dot(x, y); math.Abs(got-want) > 1e-14*float64(n+1) {
					t.Fatalf("dot of %d is %v, in plain Go %v", n, got, want)
				}
				rows := g.of(normal(r, 3*n, 1))
				dots := g.of(make([]float32, 3))
				for _, w := range []Wide{NewWide(), {}} {
					w.Dots(dots, rows, y)
					for i, got := range dots {
						if want := float32(w.Dot(rows[i*n:(i+1)*n], y)); got != want {
							t.Fatalf("dot %d of %d is %v among others, and %v alone", i, n, got, want)
						}
					}
				}
				g.free()
			}
		}
	})
}
