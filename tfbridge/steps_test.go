//go:build tensorflow

package tfbridge

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// The steps that are taken one by one end in the states that the model's own
// loop ends in, or as near as TensorFlow's choice of kernels, which in a loop
// may be another, leaves them.
func checkSteps(t *testing.T, trace *lockstep.Trace) {
	t.Helper()
	for state, final := range trace.States {
		last := lastStep(t, trace.Steps, state)
		if last == nil {
			t.Errorf("no steps of %s in the trace", state)
			continue
		}
		if far := distance(t, last, final); far > 1e-6 {
			t.Errorf("the steps of %s end %g away from where the loop does", state, far)
		}
	}
}

// What one step of TensorFlow's gates makes is what the next one begins with,
// and the gates are those of Keras's equation: c' = f∘c + i∘g, h' = o∘tanh(c').
func TestGatesMakeTheStates(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		m := openFixture(t, name)
		trace, err := m.Trace(context.Background(), fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range trace.Layers {
			get := func(name string) []float64 {
				x := trace.Layer(layer).Step(name)
				if x == nil {
					t.Fatalf("%s: no %s/%s in the trace", name, layer, name)
				}
				values, err := x.Float64s()
				if err != nil {
					t.Fatal(err)
				}
				return values
			}
			shape := trace.Layer(layer).Step("h").Shape()
			batch, steps, units := shape[0], shape[1], shape[2]
			before := map[string][]float64{"c": get("initial_c")}
			c, h := get("c"), get("h")
			gate := map[string][]float64{}
			for _, g := range []string{"i", "f", "g", "o"} {
				gate[g] = get(g)
				sum := get("sum_" + g)
				for k, v := range gate[g] {
					want := 1 / (1 + math.Exp(-sum[k]))
					if g == "g" {
						want = math.Tanh(sum[k])
					}
					if math.Abs(v-want) > 5e-7 {
						t.Fatalf("%s/%s: element %d is %g, and its sum %g", layer, g, k, v, sum[k])
					}
				}
			}
			for row := range batch {
				for step := range steps {
					for u := range units {
						k := (row*steps+step)*units + u
						old := before["c"][row*units+u]
						if step > 0 {
							old = c[k-units]
						}
						if want := gate["f"][k]*old + gate["i"][k]*gate["g"][k]; math.Abs(c[k]-want) > 1e-6*(1+math.Abs(want)) {
							t.Fatalf("%s/c at row %d, step %d, unit %d is %g, want %g", layer, row, step, u, c[k], want)
						}
						if want := gate["o"][k] * math.Tanh(c[k]); math.Abs(h[k]-want) > 1e-6 {
							t.Fatalf("%s/h at row %d, step %d, unit %d is %g, want %g", layer, row, step, u, h[k], want)
						}
					}
				}
			}
		}
	}
}

// lastStep is what a trace's steps end with, for the name of a final state.
func lastStep(t *testing.T, steps map[string]*lockstep.Tensor, state string) *lockstep.Tensor {
	t.Helper()
	n := len(state) - len("state_h")
	x, first := steps[state[:n]+state[len(state)-1:]], steps[state[:n]+"initial_"+state[len(state)-1:]]
	if x == nil {
		return first // of no steps
	}
	values, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	batch, count, units := x.Shape()[0], x.Shape()[1], x.Shape()[2]
	var out []float64
	for i := range batch {
		out = append(out, values[((i+1)*count-1)*units:][:units]...)
	}
	last, err := lockstep.New(out, batch, units)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// distance is the largest |a-b|.
func distance(t *testing.T, a, b *lockstep.Tensor) float64 {
	t.Helper()
	x, err := a.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Float64s()
	if err != nil || !slices.Equal(a.Shape(), b.Shape()) {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	far := 0.0
	for i := range x {
		far = max(far, math.Abs(x[i]-y[i]))
	}
	return far
}

// Exports of the same weights by Keras 3 and Keras 2 are different graphs, and
// compute the same at every step, to the last few units: gate by gate.
func TestBothKerasesTraceTheSame(t *testing.T) {
	pairs := [][2]string{
		{"gru_masked_keras3", "gru_masked_tfkeras"},
		{"misleading_keras3", "misleading_tfkeras"},
		{"no_bias_keras3", "no_bias_tfkeras"},
		{"states_out_keras3", "states_out_tfkeras"},
	}
	if made := fixture.MadeNames(t); len(made) > 0 {
		pairs = append(pairs,
			[2]string{"lstm_states_keras3", "lstm_states_tfkeras"},
			[2]string{"lstm_backwards_keras3", "lstm_backwards_tfkeras"},
			[2]string{"gru_backwards_keras3", "gru_backwards_tfkeras"},
			[2]string{"gru_before_masked_keras3", "gru_before_masked_tfkeras"},
			[2]string{"simplernn_masked_keras3", "simplernn_masked_tfkeras"},
			[2]string{"bidirectional_concat_keras3", "bidirectional_concat_tfkeras"},
			[2]string{"bidirectional_masked_keras3", "bidirectional_masked_tfkeras"},
			[2]string{"cells_two_lstm_keras3", "cells_two_lstm_tfkeras"},
			[2]string{"cells_mixed_keras3", "cells_mixed_tfkeras"},
			[2]string{"float64_lstm_keras3", "float64_lstm_tfkeras"},
			[2]string{"stacked_kinds_keras3", "stacked_kinds_tfkeras"},
			[2]string{"shared_lstm_keras3", "shared_lstm_tfkeras"},
		)
	}
	for _, pair := range pairs {
		var traces [2]*lockstep.Trace
		for i, name := range pair {
			m := openFixture(t, name)
			inputs := fixture.Tensors(t, name, "inputs.npz")
			var err error
			if traces[i], err = m.Trace(context.Background(), inputs, lockstep.Steps); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		sameSteps(t, pair[0], traces[0], traces[1])
	}
}

// sameSteps compares the steps of two traces, whose layers may run in another
// order.
func sameSteps(t *testing.T, name string, a, b *lockstep.Trace) {
	t.Helper()
	if len(a.Layers) != len(b.Layers) || len(a.Layers) == 0 {
		t.Errorf("%s: layers %q and %q", name, a.Layers, b.Layers)
		return
	}
	for _, layer := range a.Layers {
		nearest, compared := math.Inf(1), 0
		for _, other := range b.Layers {
			far, n := 0.0, 0
			for q, x := range a.Steps {
				quantity, ok := strings.CutPrefix(q, layer+"/")
				if !ok {
					continue
				}
				y := b.Layer(other).Step(quantity)
				if y == nil || !slices.Equal(x.Shape(), y.Shape()) {
					far = math.Inf(1)
					break
				}
				if n++; x.DType().IsFloat() {
					far = max(far, distance(t, x, y))
				}
			}
			if far < nearest {
				nearest, compared = far, n
			}
		}
		if nearest > 1e-6 || compared < 6 {
			t.Errorf("%s: %s of Keras 3 is %g away from any layer of Keras 2, by %d quantities", name, layer, nearest, compared)
		}
	}
}
