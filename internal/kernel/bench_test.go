package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// eachBench runs a benchmark under each of the kernels, by names that benchstat
// sets side by side.
func eachBench(b *testing.B, name string, bench func(b *testing.B)) {
	for _, k := range Kernels() {
		b.Run(fmt.Sprintf("%s/kernel=%s", name, k), func(b *testing.B) {
			use(b, k)
			bench(b)
		})
	}
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() / 8)
	}
	return x
}

// A step of a cell of one feature.
func BenchmarkStep(b *testing.B) {
	for _, k := range kinds {
		for _, size := range [][2]int{{1, 1}, {64, 1}, {64, 32}, {64, 199}, {256, 1}, {256, 32}} {
			u, rows := size[0], size[1]
			eachBench(b, fmt.Sprintf("cell=%s/units=%d/batch=%d", k.short, u, rows), func(b *testing.B) {
				n := k.gates * u
				cell := k.make32(random(n), random(u*n), random(n), random(n), 1, u, TanhFunction, SigmoidFunction)
				h, c, x := random(rows*u), random(rows*u), random(rows)
				z := make([]float32, rows*cell.Width())
				scratch := make([]float32, cell.Scratch(rows))
				for b.Loop() {
					cell.Next(h, c, x, z, scratch, rows)
				}
				b.ReportMetric(2*float64(rows*u*n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

func BenchmarkProject(b *testing.B) {
	for _, size := range [][3]int{{1, 64, 1}, {1, 64, 10}, {1, 64, 320}, {64, 64, 10}, {256, 256, 10}} {
		f, u, rows := size[0], size[1], size[2]
		eachBench(b, fmt.Sprintf("features=%d/units=%d/rows=%d", f, u, rows), func(b *testing.B) {
			cell := NewLSTM(random(f*4*u), random(u*4*u), random(4*u), f, u, TanhFunction, SigmoidFunction)
			z, x := make([]float32, rows*cell.Width()), random(rows*f)
			for b.Loop() {
				cell.Project(z, x, rows)
			}
		})
	}
}

func BenchmarkDense(b *testing.B) {
	for _, size := range [][3]int{{64, 1, 1}, {64, 1, 320}, {64, 10, 1}, {64, 10, 32}, {256, 256, 1}, {256, 256, 32}} {
		in, out, rows := size[0], size[1], size[2]
		eachBench(b, fmt.Sprintf("in=%d/out=%d/rows=%d", in, out, rows), func(b *testing.B) {
			d := NewDense(random(in*out), random(out), in, out)
			x, y := random(rows*in), make([]float32, rows*out)
			for b.Loop() {
				d.Apply(y, x, rows)
			}
		})
	}
}

func BenchmarkActivation(b *testing.B) {
	for _, f := range []struct {
		name string
		a    Activation
	}{{"sigmoid", SigmoidFunction}, {"tanh", TanhFunction}, {"exponential", ExponentialFunction}, {"elu", EluFunction}, {"silu", SiluFunction}, {"softplus", SoftplusFunction}, {"mish", MishFunction}, {"erf", ErfFunction}} {
		x, y := random(1024), make([]float32, 1024)
		eachBench(b, "of="+f.name, func(b *testing.B) {
			b.SetBytes(4 * int64(len(x)))
			for b.Loop() {
				if chosen == plain {
					copy(y, x)
					activate(f.a, y)
				} else {
					activate32(f.a, y, x, chosen == avx512)
				}
			}
		})
	}
}

// Products in float64 as a convolution has them: rows of pixels times a filter, and
// taps of each channel.
func BenchmarkDoubles(b *testing.B) {
	wide := func(n int) []float64 {
		x := make([]float64, n)
		for i, v := range random(n) {
			x[i] = float64(v)
		}
		return x
	}
	for _, size := range [][3]int{{196, 576, 160}, {49, 960, 320}} {
		rows, n, m := size[0], size[1], size[2]
		eachBench(b, fmt.Sprintf("product/rows=%d/n=%d/m=%d", rows, n, m), func(b *testing.B) {
			z, x, w := make([]float64, rows*m), wide(rows*n), wide(n*m)
			for b.Loop() {
				addProduct(z, x, w, rows, n, m)
			}
		})
	}
	eachBench(b, "taps/rows=112/n=96", func(b *testing.B) {
		const n, rows = 96, 112
		z, x, w := make([]float64, rows*n), wide((rows+9)*n), wide(9*n)
		var taps []Tap
		for k := range 9 {
			taps = append(taps, Tap{X: k * n, W: k * n})
		}
		for b.Loop() {
			AddTaps(Rows[float64]{z, n}, Rows[float64]{x, n}, w, taps, n, rows)
		}
	})
}
