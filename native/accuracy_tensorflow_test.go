//go:build tensorflow

package native

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/internal/kernel"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// Every vectorised kernel is nearer to float64 than TensorFlow is, on 199 inputs of
// the seed models and in sequences of 1,000 steps: in the mean square, as a single
// greatest error is luck. Of the few inputs of testdata it is only shown.
func TestAccuracyBesideTensorFlow(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		dir := fixture.Dir(t, name)
		tf, err := tfbridge.Open(dir)
		ok(t, err)
		defer tf.Close()
		loaded, err := Load(dir)
		ok(t, err)
		encoder, decoder, err := loaded.Seq2SeqInputs()
		ok(t, err)
		weights, err := loaded.Weights()
		ok(t, err)
		exact, err := NewSeq2Seq64(weights)
		ok(t, err)
		own := fixture.Tensors(t, name, "inputs.npz")
		for _, c := range []struct {
			what string
			x, y *lockstep.Tensor
			held bool
		}{
			{"its own inputs", own[encoder], own[decoder], false},
			{"199 inputs", random(t, 199, 10, 1), random(t, 199, 10, 1), true},
			{"16 inputs of 1,000 steps", random(t, 16, 10, 1), random(t, 16, 1000, 1), true},
		} {
			out, err := tf.Run(t.Context(), map[string]*lockstep.Tensor{encoder: c.x, decoder: c.y})
			ok(t, err)
			if len(out) != 1 {
				t.Fatalf("%d outputs, want 1", len(out))
			}
			x, y, batch := floats(t, c.x), floats(t, c.y), c.x.Shape()[0]
			want := decoded(t, exact, x, y, batch)
			var most, rms float64
			for _, o := range out {
				most, rms = errorsOf(floats(t, o), want)
			}
			t.Logf("%s, %s: TensorFlow is off by at most %.2g, root mean square %.3g", name, c.what, most, rms)
			for _, k := range kernel.Kernels() {
				undo, err := kernel.Use(k)
				ok(t, err)
				m, err := NewSeq2Seq(weights)
				ok(t, err)
				undo()
				ownMost, ownRms := errorsOf(decoded(t, m, x, y, batch), want)
				t.Logf("%s, %s: kernel=%s by at most %.2g, root mean square %.3g", name, c.what, k, ownMost, ownRms)
				if c.held && k != "go" && !(ownRms <= rms) {
					t.Errorf("%s, %s: kernel=%s has an error of %.3g, TensorFlow of %.3g", name, c.what, k, ownRms, rms)
				}
			}
		}
	}
}
