package errbound

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

// evaluatorOf makes the evaluation of a committed model, with or without cells.
func evaluatorOf(t *testing.T, name string, cells bool) *Evaluator {
	t.Helper()
	m, g, found := graphtest.GraphOf(t, name)
	o := engine.Options{Variable: graphtest.ValuesOf(m), Weight: graphtest.ValuesOf(m)}
	if cells {
		o.Recurrences = found.Recurrences
	}
	e, err := New(g, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What Keras computed is within the typical bounds of exact results, which are
// no wider than they need to be, by cells and by the loops' own operations; the
// same inputs have the same bounds.
func TestTypicalBoundsOfModels(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_units1_keras3", "gru_masked_keras3", "gru_masked_tfkeras", "lstm_masked_states_tfkeras", "simplernn_masked_zero_keras3", "bidirectional_last_keras3", "cells_mixed_keras3", "states_out_tfkeras"} {
		in := fixture.Tensors(t, name, "inputs.npz")
		keras := fixture.Tensors(t, name, "expected.npz")
		maps.DeleteFunc(keras, func(name string, _ *lockstep.Tensor) bool { return strings.Contains(name, "/state_") }) // loops name none
		var by [2]*Result
		for i, cells := range []bool{true, false} {
			r, err := evaluatorOf(t, name, cells).Typical(t.Context(), in, 0)
			if err != nil {
				t.Fatal(err)
			}
			by[i] = r
			for output, y := range keras {
				if r.Bound[output] == nil {
					t.Errorf("%s: no bound of %s: %v", name, output, r.Unknown[output])
					continue
				}
				v, err := y.Float64s()
				if err != nil {
					t.Fatal(err)
				}
				largest, widest, reach := 0.0, 0.0, 0.0
				for k, e := range op.FloatsOf(r.Bound[output]) {
					largest, widest = max(largest, math.Abs(v[k])), max(widest, e)
					if d := math.Abs(v[k] - op.FloatsOf(r.Exact[output])[k]); d > 0 {
						reach = max(reach, d/e)
					}
				}
				t.Logf("%s, %s: at most %.2g of %.2g; Keras reaches %.2f", name, output, widest, largest, reach)
				if reach > 0.7 || reach < 0.01 || widest > 1e-5*largest {
					t.Errorf("%s, %s, cells %v: Keras reaches %.2f of the bounds, which are up to %.2g at values up to %.2g", name, output, cells, reach, widest, largest)
				}
			}
		}
		again, err := evaluatorOf(t, name, true).Typical(t.Context(), in, 0)
		if err != nil {
			t.Fatal(err)
		}
		for output := range keras {
			if !slices.Equal(op.FloatsOf(again.Bound[output]), op.FloatsOf(by[0].Bound[output])) {
				t.Errorf("%s, %s: other bounds at a second call", name, output)
			}
			for k, e := range op.FloatsOf(by[0].Bound[output]) {
				if loop := op.FloatsOf(by[1].Bound[output])[k]; e > 4*loop+1e-30 || loop > 4*e+1e-30 {
					t.Errorf("%s, %s[%d]: the bound is %.3g by cells and %.3g by loops", name, output, k, e, loop)
				}
			}
		}
	}
}

// A ReLU whose argument is a little below 0 may pass in an engine: there is a bound
// for that, and none where it is far below.
func TestTypicalBoundsBeforeAKink(t *testing.T) {
	const n = 64
	random := rand.New(rand.NewPCG(1, 1))
	x, w := normals(random, n, 1, 0), normals(random, n, 1, 0)
	sum := 0.0
	for i := range x {
		sum += float64(x[i]) * float64(w[i])
	}
	typical := func(below float64) (argument, bound float64) {
		x, w := append(slices.Clone(x), 1), append(slices.Clone(w), float32(-sum-below))
		exact := 0.0
		for i := range x {
			exact += float64(x[i]) * float64(w[i])
		}
		d := graphtest.Draw(t)
		_, g := d.Flatten(map[string]string{"y": d.Op("Relu", nil, d.Op("MatMul", nil, d.Input("x", lockstep.Float32), d.Floats([]int{n + 1, 1}, w...)))})
		e, err := New(g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Typical(t.Context(), map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, x, 1, n+1)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return exact, op.FloatsOf(r.Bound["y"])[0]
	}
	argument, bound := typical(3e-6)
	if argument >= 0 || bound < 2e-7 {
		t.Errorf("the bound of ReLU(%g) is %g", argument, bound)
	}
	if argument, bound = typical(1); argument >= -0.5 || bound != 0 {
		t.Errorf("the bound of ReLU(%g) is %g, want 0", argument, bound)
	}
}

// How long the typical bounds of a call take, beside those at worst.
func BenchmarkTypical(b *testing.B) {
	for _, name := range []string{"seed_keras3", "reports/transformer"} {
		m, g, found := graphtest.GraphOf(b, name)
		e, err := New(g, engine.Options{Variable: graphtest.ValuesOf(m), Weight: graphtest.ValuesOf(m), Recurrences: found.Recurrences, Slices: found.Slices})
		if err != nil {
			b.Fatal(err)
		}
		in := fixture.Tensors(b, name, "inputs.npz")
		b.Run(name+"/typical", func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Typical(b.Context(), in, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/worst", func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Run(b.Context(), in, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Little work is enough for no bounds, and more is for the same as any.
func TestTypicalBoundsOfLittleWork(t *testing.T) {
	e, in := evaluatorOf(t, "seed_units1_keras3", true), fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	if _, err := e.Typical(t.Context(), in, 1000); !errors.Is(err, lockstep.ErrWork) {
		t.Errorf("%v, want more work than allowed", err)
	}
	some, err := e.Typical(t.Context(), in, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	any, err := e.Typical(t.Context(), in, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(some.Bound) == 0 || !maps.EqualFunc(some.Bound, any.Bound, func(a, b *lockstep.Tensor) bool { return a.BitEqual(b) }) {
		t.Errorf("%v, want %v", some.Bound, any.Bound)
	}
}

// A few samples find bounds whose mean square is about that of many.
func TestRough(t *testing.T) {
	for _, name := range []string{"seed_units1_keras3", "gru_masked_keras3", "bidirectional_last_keras3"} {
		e, in := evaluatorOf(t, name, true), fixture.Tensors(t, name, "inputs.npz")
		rough, err := e.Rough(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		typical, err := e.Typical(t.Context(), in, 0)
		if err != nil {
			t.Fatal(err)
		}
		for output, bound := range typical.Bound {
			square := func(d []float64) (sum float64) {
				for _, v := range d {
					sum += v * v
				}
				return sum
			}
			if ratio := math.Sqrt(square(op.FloatsOf(rough.Bound[output])) / square(op.FloatsOf(bound))); square(op.FloatsOf(bound)) > 0 && !(ratio > 0.4 && ratio < 2.5) {
				t.Errorf("%s: %s: %g times the bounds", name, output, ratio)
			}
		}
	}
}

// Without bounds the values are the same.
func TestExact(t *testing.T) {
	for _, name := range []string{"seed_units1_keras3", "gru_masked_keras3"} {
		e, in := evaluatorOf(t, name, true), fixture.Tensors(t, name, "inputs.npz")
		exact, err := e.Exact(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		typical, err := e.Typical(t.Context(), in, 0)
		if err != nil {
			t.Fatal(err)
		}
		if exact.Bound != nil || len(exact.Exact) == 0 || !maps.EqualFunc(exact.Exact, typical.Exact, func(a, b *lockstep.Tensor) bool { return a.BitEqual(b) }) {
			t.Errorf("%s: %v, want %v", name, exact.Exact, typical.Exact)
		}
	}
}
