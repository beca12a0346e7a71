//go:build linux || darwin

package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Products of all lengths, of some rows and panels, separate from what they begin
// with and instead of it, between pages that are not there: by every kernel the
// same bits, which are those of one chain of fused multiply-adds.
func TestProductLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	eachVectorised(t, func(t *testing.T) {
		for i, n := range lengths() {
			rows, count := 1+i%13, 1+i%5
			checkProduct(t, i%2 == 0, n, rows, count, r)
			checkProduct(t, i%2 == 1, n, 1, count, r)
		}
	})
}

func checkProduct(t *testing.T, front bool, n, rows, count int, r *rand.Rand) {
	t.Helper()
	g := &guarded{t: t, front: front}
	defer g.free()
	width := count * panel
	matrix := normal(r, n*width, 1)
	w := packPanels(chosen == avx512, width, width, itself, matrix)
	w.data = g.of(w.data)
	x, bias := g.of(normal(r, rows*n, 1)), g.of(normal(r, width, 1))
	want := make([]float32, 0, rows*width)
	for row := range rows {
		for j := range width {
			sum := bias[j]
			for k := range n {
				sum = fused(x[row*n+k], matrix[k*width+j], sum)
			}
			want = append(want, sum)
		}
	}
	separate := g.of(make([]float32, rows*width))
	w.product(rowsOf{separate, width}, rowsOf{x, n}, rowsOf{bias, 0}, n, rows)
	within := g.of(slices.Repeat(bias, rows))
	w.product(rowsOf{within, width}, rowsOf{x, n}, rowsOf{within, width}, n, rows)
	for i, v := range want {
		if math.Float32bits(separate[i]) != math.Float32bits(v) || math.Float32bits(within[i]) != math.Float32bits(v) {
			t.Fatalf("%d rows of %d, %d panels: sum %d is %v, in place %v, want %v", rows, n, count, i, separate[i], within[i], v)
		}
	}
}

// fused is x·y + z, rounded once: exact in float64 but for the sum, whose
// rounding to odd keeps the second one from going wrong.
func fused(x, y, z float32) float32 {
	product := float64(x) * float64(y)
	sum := product + float64(z)
	// The error of the sum (D. E. Knuth's two-sum).
	back := sum - product
	if lost := (product - (sum - back)) + (float64(z) - back); lost != 0 && math.Float64bits(sum)&1 == 0 {
		sum = math.Nextafter(sum, math.Copysign(math.Inf(1), lost))
	}
	return float32(sum)
}

func FuzzActivations(f *testing.F) {
	f.Add(uint32(0x3f800000), uint32(0xc2b00000), uint32(1), byte(9))
	f.Add(uint32(0x7f800001), uint32(0x80000000), uint32(0x41200000), byte(130))
	f.Fuzz(func(t *testing.T, a, b, c uint32, n byte) {
		in := make([]float32, n)
		for i := range in {
			in[i] = math.Float32frombits([]uint32{a, b, c}[i%3] + uint32(i/3)*2654435761)
		}
		eachVectorised(t, func(t *testing.T) {
			for a := range Activation(len(scalar)) {
				g := &guarded{t: t, front: n%2 == 0}
				want := slices.Clone(in)
				activate(a, want)
				x, y := g.of(in), g.of(make([]float32, n))
				activate32(a, y, x, chosen == avx512)
				activate32(a, x, x, chosen == avx512)
				for i, v := range y {
					if v == v && math.Float32bits(x[i]) != math.Float32bits(v) {
						t.Errorf("activation %d of %v is %v, and in place %v", a, in[i], v, x[i])
					}
					if !within(a, in[i], v, float64(want[i]), 4) {
						t.Errorf("activation %d of %v is %v, in plain Go %v", a, in[i], v, want[i])
					}
				}
				g.free()
			}
		})
	})
}
