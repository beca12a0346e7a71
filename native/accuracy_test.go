package native

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/internal/kernel"
)

// glorotOrthogonal are the weights of the eight-tensor model as Keras draws them:
// kernels by Glorot and Bengio's uniform rule, recurrent ones orthogonal, biases of
// zeros, and of ones for the forget gate.
func glorotOrthogonal(t testing.TB, r *rand.Rand, units int) lockstep.Weights {
	t.Helper()
	var all lockstep.Weights
	add := func(name string, d []float32, shape ...int) {
		x, err := lockstep.New(d, shape...)
		ok(t, err)
		all = append(all, lockstep.NamedTensor{Name: name, Tensor: x})
	}
	glorot := func(name string, in, out int) {
		d := make([]float32, in*out)
		for i := range d {
			d[i] = float32((2*r.Float64() - 1) * math.Sqrt(6/float64(in+out)))
		}
		add(name, d, in, out)
	}
	for _, layer := range []string{"encoder", "decoder"} {
		glorot(layer+"/kernel", 1, 4*units)
		add(layer+"/recurrent_kernel", orthogonal(r, units, 4*units), units, 4*units)
		bias := make([]float32, 4*units)
		for i := range units {
			bias[units+i] = 1
		}
		add(layer+"/bias", bias, 4*units)
	}
	glorot("dense/kernel", units, 1)
	add("dense/bias", []float32{0}, 1)
	return all
}

// orthogonal are rows of length 1 that are orthogonal to each other, by Gram
// and Schmidt.
func orthogonal(r *rand.Rand, rows, columns int) []float32 {
	var done [][]float64
	for range rows {
		v := make([]float64, columns)
		for j := range v {
			v[j] = r.NormFloat64()
		}
		for range 2 { // the second time for what rounding left
			for _, w := range done {
				along := 0.0
				for j := range v {
					along += v[j] * w[j]
				}
				for j := range v {
					v[j] -= along * w[j]
				}
			}
		}
		length := 0.0
		for _, x := range v {
			length += x * x
		}
		for j := range v {
			v[j] /= math.Sqrt(length)
		}
		done = append(done, v)
	}
	d := make([]float32, 0, rows*columns)
	for _, v := range done {
		for _, x := range v {
			d = append(d, float32(x))
		}
	}
	return d
}

// decoded are the outputs of the eight-tensor model.
func decoded[F Float](t testing.TB, m *Seq2Seq[F], x, y []float32, batch int) []F {
	t.Helper()
	widened := func(d []float32) []F {
		out := make([]F, len(d))
		for i, v := range d {
			out[i] = F(v)
		}
		return out
	}
	r := m.NewRunner(batch)
	out := make([]F, len(y))
	ok(t, r.Encode(widened(x), batch))
	ok(t, r.Decode(out, widened(y)))
	return out
}

// errorsOf returns the greatest absolute error and the root of the mean square.
func errorsOf[F Float](got []F, want []float64) (most, rms float64) {
	for i, v := range got {
		d := math.Abs(float64(v) - want[i])
		most = max(most, d)
		rms += d * d / float64(len(got))
	}
	return most, math.Sqrt(rms)
}

// On 200 inputs of a model as Keras makes it, every kernel is within 1e-7 of
// float64.
func TestAccuracyOfAFreshModel(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 41))
	weights := glorotOrthogonal(t, r, 64)
	const batch, steps = 200, 10
	x, y := make([]float32, batch*steps), make([]float32, batch*steps)
	for i := range x {
		x[i], y[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	exact, err := NewSeq2Seq64(weights)
	ok(t, err)
	want := decoded(t, exact, x, y, batch)
	for _, name := range kernel.Kernels() {
		t.Run("kernel="+name, func(t *testing.T) {
			undo, err := kernel.Use(name)
			ok(t, err)
			defer undo()
			m, err := NewSeq2Seq(weights)
			ok(t, err)
			most, rms := errorsOf(decoded(t, m, x, y, batch), want)
			t.Logf("absolute error: at most %.2g, root mean square %.2g", most, rms)
			if !(most <= 1e-7) {
				t.Errorf("absolute error of %.3g, want at most 1e-7", most)
			}
		})
	}
}
