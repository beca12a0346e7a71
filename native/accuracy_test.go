package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
)

// kerasInitialised makes weights as Keras does by default: kernels by Glorot's
// uniform distribution, recurrent kernels orthogonal, biases 0, and 1 for the
// forget gate.
func kerasInitialised(t *testing.T, units int) lockstep.Weights {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 64))
	uniform := func(rows, columns int) []float32 {
		limit := math.Sqrt(6 / float64(rows+columns))
		out := make([]float32, rows*columns)
		for i := range out {
			out[i] = float32((2*rng.Float64() - 1) * limit)
		}
		return out
	}
	orthogonal := func() []float32 {
		rows := make([][]float64, units)
		out := make([]float32, 0, units*4*units)
		for i := range rows { // Gram and Schmidt, twice for the sake of rounding
			row := make([]float64, 4*units)
			for j := range row {
				row[j] = rng.NormFloat64()
			}
			for range 2 {
				for _, other := range rows[:i] {
					dot := 0.0
					for j, v := range row {
						dot += v * other[j]
					}
					for j := range row {
						row[j] -= dot * other[j]
					}
				}
			}
			size := 0.0
			for _, v := range row {
				size += v * v
			}
			for j := range row {
				row[j] /= math.Sqrt(size)
				out = append(out, float32(row[j]))
			}
			rows[i] = row
		}
		return out
	}
	bias := func() []float32 {
		out := make([]float32, 4*units)
		for i := units; i < 2*units; i++ {
			out[i] = 1
		}
		return out
	}
	var w lockstep.Weights
	add := func(name string, data []float32, shape ...int) {
		x, err := lockstep.New(data, shape...)
		ok(t, err)
		w = append(w, lockstep.NamedTensor{Name: name, Tensor: x})
	}
	for _, layer := range []string{"encoder", "decoder"} {
		add(layer+"/kernel", uniform(1, 4*units), 1, 4*units)
		add(layer+"/recurrent_kernel", orthogonal(), units, 4*units)
		add(layer+"/bias", bias(), 4*units)
	}
	add("dense/kernel", uniform(units, 1), units, 1)
	add("dense/bias", make([]float32, 1), 1)
	return w
}

// On 200 inputs of a model as Keras initialises it the outputs are within 1e-7 of what
// float64 computes from the same weights.
func TestAccuracy(t *testing.T) {
	const batch, steps, units = 200, 10, 64
	weights := kerasInitialised(t, units)
	rng := rand.New(rand.NewPCG(1, 200))
	x, d := make([]float32, batch*steps), make([]float32, batch*steps)
	for i := range x {
		x[i], d[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	exact, err := NewSeq2Seq64(weights)
	ok(t, err)
	want := runAll(t, exact, widened(x), widened(d), batch)
	for _, name := range kernel.Kernels() {
		undo, err := kernel.Use(name)
		ok(t, err)
		m, err := NewSeq2Seq(weights)
		undo()
		ok(t, err)
		var worst [5]float64
		for i, got := range runAll(t, m, x, d, batch) {
			for j, v := range got {
				worst[i] = max(worst[i], math.Abs(float64(v)-want[i][j]))
			}
		}
		t.Logf("kernel=%s: off from float64 by at most: encoder h %.2g, c %.2g; outputs %.2g; decoder h %.2g, c %.2g", name, worst[0], worst[1], worst[2], worst[3], worst[4])
		limit := 1e-7
		if name == "go" {
			limit = 2e-7 // it rounds each product
		}
		if worst[2] > limit {
			t.Errorf("kernel=%s: the outputs are off from float64 by %.3g", name, worst[2])
		}
	}
}

// runAll returns outputs and final states of both layers.
func runAll[F Float](t *testing.T, m *Seq2Seq[F], x, d []F, batch int) [][]F {
	t.Helper()
	r := m.NewRunner(batch)
	ok(t, r.Encode(x, batch))
	h, c := r.State()
	all := [][]F{slices.Clone(h), slices.Clone(c)}
	y := make([]F, len(d))
	ok(t, r.Decode(y, d))
	h, c = r.State()
	return append(all, y, slices.Clone(h), slices.Clone(c))
}

func widened(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
