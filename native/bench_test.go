package native

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/kernel"
)

// BenchmarkSeq2Seq is a call of the eight-tensor model at the sizes that the
// kernels are made for: steps of the encoder and as many of the decoder.
func BenchmarkSeq2Seq(b *testing.B) {
	for _, size := range []struct{ units, batch, encoder, decoder int }{
		{64, 1, 10, 10}, {1, 1, 10, 10}, {64, 32, 10, 10}, {64, 199, 10, 10}, {256, 1, 10, 10}, {256, 32, 10, 10}, {64, 1, 10, 1000},
	} {
		for _, name := range kernel.Kernels() {
			b.Run(fmt.Sprintf("units=%d/batch=%d/steps=%d/kernel=%s", size.units, size.batch, size.decoder, name), func(b *testing.B) {
				undo, err := kernel.Use(name)
				ok(b, err)
				defer undo()
				m, err := NewSeq2Seq(randomWeights(b, size.units))
				ok(b, err)
				r := m.NewRunner(size.batch)
				x := make([]float32, size.batch*size.encoder)
				d := make([]float32, size.batch*size.decoder)
				y := make([]float32, len(d))
				for i := range x {
					x[i] = float32(i%7) / 7
				}
				for b.Loop() {
					err := r.Encode(x, size.batch)
					if err == nil {
						err = r.Decode(y, d)
					}
					if err != nil {
						b.Fatal(err) // ok would take as long as a call of one unit
					}
				}
			})
		}
	}
}

// BenchmarkDoubles is a call of the eight-tensor model computed in float64.
func BenchmarkDoubles(b *testing.B) {
	for _, size := range [][2]int{{64, 1}, {64, 32}, {256, 1}} {
		units, batch := size[0], size[1]
		for _, name := range kernel.Kernels() {
			b.Run(fmt.Sprintf("units=%d/batch=%d/kernel=%s", units, batch, name), func(b *testing.B) {
				undo, err := kernel.Use(name)
				ok(b, err)
				defer undo()
				m, err := NewSeq2Seq64(randomWeights(b, units))
				ok(b, err)
				r := m.NewRunner(batch)
				x, y := make([]float64, 10*batch), make([]float64, 10*batch)
				for i := range x {
					x[i] = float64(i%7) / 7
				}
				for b.Loop() {
					ok(b, r.Encode(x, batch))
					ok(b, r.Decode(y, x))
				}
			})
		}
	}
}

// BenchmarkWorkers is a call of the eight-tensor model whose rows goroutines share.
func BenchmarkWorkers(b *testing.B) {
	for _, size := range [][2]int{{64, 8}, {64, 16}, {64, 32}, {64, 199}, {256, 8}, {256, 32}, {256, 199}} {
		units, batch := size[0], size[1]
		for workers := 1; workers <= runtime.GOMAXPROCS(0); workers++ {
			b.Run(fmt.Sprintf("units=%d/batch=%d/workers=%d", units, batch, workers), func(b *testing.B) {
				m, err := NewSeq2Seq(randomWeights(b, units))
				ok(b, err)
				r := m.NewRunner(batch)
				r.SetWorkers(workers)
				x, y := make([]float32, 10*batch), make([]float32, 10*batch)
				for i := range x {
					x[i] = float32(i%7) / 7
				}
				for b.Loop() {
					ok(b, r.Encode(x, batch))
					ok(b, r.Decode(y, x))
				}
			})
		}
	}
}

// BenchmarkGraph is a call of the seed model by its graph.
func BenchmarkGraph(b *testing.B) {
	all := fixture.Tensors(b, "seed_keras3", "inputs.npz")
	for _, batch := range []int{1, 32} {
		inputs := map[string]*lockstep.Tensor{}
		for _, name := range []string{"encoder_input", "decoder_input"} {
			x, d := make([]float32, 10*batch), floats(b, all[name])
			for i := range x {
				x[i] = d[i%len(d)]
			}
			var err error
			inputs[name], err = lockstep.New(x, batch, 10, 1)
			ok(b, err)
		}
		for _, name := range kernel.Kernels() {
			b.Run(fmt.Sprintf("batch=%d/kernel=%s", batch, name), func(b *testing.B) {
				undo, err := kernel.Use(name)
				ok(b, err)
				defer undo()
				r := load1(b, "seed_keras3").NewRunner()
				for b.Loop() {
					_, err := r.Run(context.Background(), inputs)
					ok(b, err)
				}
			})
		}
	}
}

// randomWeights are those of a model with one feature.
func randomWeights(t testing.TB, units int) lockstep.Weights {
	t.Helper()
	r := rand.New(rand.NewPCG(5, uint64(units)))
	var w lockstep.Weights
	for _, s := range []struct {
		name  string
		shape []int
	}{
		{"encoder/kernel", []int{1, 4 * units}}, {"encoder/recurrent_kernel", []int{units, 4 * units}}, {"encoder/bias", []int{4 * units}},
		{"decoder/kernel", []int{1, 4 * units}}, {"decoder/recurrent_kernel", []int{units, 4 * units}}, {"decoder/bias", []int{4 * units}},
		{"dense/kernel", []int{units, 1}}, {"dense/bias", []int{1}},
	} {
		n := 1
		for _, l := range s.shape {
			n *= l
		}
		d := make([]float32, n)
		for i := range d {
			d[i] = float32(r.NormFloat64() / 8)
		}
		x, err := lockstep.New(d, s.shape...)
		ok(t, err)
		w = append(w, lockstep.NamedTensor{Name: s.name, Tensor: x})
	}
	return w
}
