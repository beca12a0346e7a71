//go:build tensorflow

package main

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// The native engine is no further from float64 than TensorFlow is, on the seed
// models and on long sequences: in the mean square of outputs and final states,
// for which of two engines is unluckiest in one number says little.
func TestNativeIsAsAccurateAsTensorFlow(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		dir := fixture.Dir(t, name)
		m, err := native.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		oracle, err := m.Oracle()
		if err != nil {
			t.Fatal(err)
		}
		tf, err := tfbridge.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tf.Close()
		long, err := random.Inputs(m.Signature(), 1, random.Sizes{Batch: 8, Steps: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for what, inputs := range map[string]map[string]*lockstep.Tensor{"its inputs": fixture.Tensors(t, name, "inputs.npz"), "1,000 steps": long} {
			exact, _, _, err := oracle.Run(t.Context(), inputs, nil)
			if err != nil {
				t.Fatal(err)
			}
			var mean, most [2]float64
			for i, e := range []lockstep.Tracer{m, tf} {
				trace, err := e.Trace(t.Context(), inputs, lockstep.States)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, tensors := range []map[string]*lockstep.Tensor{trace.Outputs, trace.States} {
					for key, x := range tensors {
						got, err := x.Float64s()
						if err != nil {
							t.Fatal(err)
						}
						want, err := exact[key].Float64s()
						if err != nil || len(want) != len(got) {
							t.Fatalf("%s: %d values, want %d: %v", key, len(got), len(want), err)
						}
						for j := range got {
							d := math.Abs(got[j] - want[j])
							most[i] = max(most[i], d)
							mean[i] += d * d
							n++
						}
					}
				}
				mean[i] = math.Sqrt(mean[i] / float64(n))
			}
			t.Logf("%s, %s: off from float64: native %.2g in the mean square and %.2g at most, TensorFlow %.2g and %.2g", name, what, mean[0], most[0], mean[1], most[1])
			if mean[0] > mean[1]*1.05 {
				t.Errorf("%s, %s: native is off from float64 by %.3g in the mean square, TensorFlow by %.3g", name, what, mean[0], mean[1])
			}
		}
	}
}
