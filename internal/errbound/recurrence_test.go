package errbound

import (
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// The oracle's cells compute what the loops do that they stand for, exactly, and
// with bounds that allow for what the inputs may be off by.
func TestRecurrencesAreTheirLoops(t *testing.T) {
	for _, name := range []string{"seed_units1_keras3", "gru_masked_keras3", "gru_masked_tfkeras", "lstm_masked_states_tfkeras", "simplernn_masked_zero_keras3", "bidirectional_last_keras3", "cells_mixed_keras3", "states_out_tfkeras"} {
		m, g, found := graphtest.GraphOf(t, name)
		value := graphtest.ValuesOf(m)
		if len(found.Recurrences) == 0 {
			t.Fatalf("%s: no layer is recognised", name)
		}
		cells, err := New(g, engine.Options{Variable: value, Weight: value, Recurrences: found.Recurrences})
		if err != nil {
			t.Fatal(err)
		}
		loops, err := New(g, engine.Options{Variable: value, Weight: value})
		if err != nil {
			t.Fatal(err)
		}
		in := fixture.Tensors(t, name, "inputs.npz")
		for _, off := range []float64{0, 1e-4} {
			bounds := map[string][]float64{}
			for input, x := range in {
				d, err := lockstep.Data[float32](x)
				if err != nil {
					continue
				}
				bounds[input] = make([]float64, len(d))
				for i, v := range d {
					if v != 0 { // a mask is made of what is zero
						bounds[input][i] = off
					}
				}
			}
			a, err := cells.runWith(t, in, bounds)
			if err != nil {
				t.Fatal(err)
			}
			b, err := loops.runWith(t, in, bounds)
			if err != nil {
				t.Fatal(err)
			}
			for output := range g.Outputs {
				if (a.Unknown[output] == nil) != (b.Unknown[output] == nil) {
					t.Errorf("%s, %s: unknown because of %v, and by its loops of %v", name, output, a.Unknown[output], b.Unknown[output])
					continue
				}
				if a.Unknown[output] == nil && (!slices.Equal(a.Exact[output].Shape(), b.Exact[output].Shape()) || !sameNumbers(op.FloatsOf(a.Exact[output]), op.FloatsOf(b.Exact[output]))) {
					t.Errorf("%s, %s: %s", name, output, graphtest.Show(a.Exact[output], b.Exact[output]))
				}
				// They are derived by other rules: of one size they must be.
				x, y := largest(a.Bound[output]), largest(b.Bound[output])
				if !(x > 0) || !(y > 0) || x > 1000*y || y > 1000*x || off > 0 && len(bounds) > 0 && x < off/1000 {
					t.Errorf("%s, %s of inputs off by %v: off by %v, and by its loops by %v", name, output, off, x, y)
				}
			}
		}
	}
}

func sameNumbers(a, b []float64) bool {
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= 1e-12*(1+math.Abs(b[i]))) {
			return false
		}
	}
	return len(a) == len(b) && len(a) > 0
}

func largest(bound *lockstep.Tensor) float64 {
	if d := op.FloatsOf(bound); len(d) > 0 {
		return slices.Max(d)
	}
	return 0
}

// A masked row keeps what was before, with its bound, and a bound that is not a
// number is none.
func TestKeptRows(t *testing.T) {
	now := func() rounding.Values {
		return rounding.Values{V: []float64{1, 2, 3, 4}, E: []float64{0.1, math.NaN(), 0.3, 0.4}}
	}
	before := rounding.Values{V: []float64{5, 6, 7, 8}, E: []float64{0.5, 0.6, 0.7, 0.8}}
	inf := math.Inf(1)
	for _, c := range []struct {
		before rounding.Values
		mask   []bool
		v, e   []float64
	}{
		{before, nil, []float64{1, 2, 3, 4}, []float64{0.1, inf, 0.3, 0.4}},
		{before, []bool{true, false}, []float64{1, 2, 7, 8}, []float64{0.1, inf, 0.7, 0.8}},
		{before, []bool{false, true}, []float64{5, 6, 3, 4}, []float64{0.5, 0.6, 0.3, 0.4}},
		{rounding.Exact(before.V), []bool{false, true}, []float64{5, 6, 3, 4}, []float64{0, 0, 0.3, 0.4}},
	} {
		if got := selectRows(now(), c.before, c.mask, 2); !slices.Equal(got.V, c.v) || !slices.Equal(got.E, c.e) {
			t.Errorf("with the mask %v: %v, want %v off by %v", c.mask, got, c.v, c.e)
		}
	}
	if got := selectRows(rounding.Values{}, before, []bool{true, true}, 2); got.V != nil {
		t.Errorf("of a state that there is not: %v", got)
	}
}

// Steps are laid out by step in a loop, and by row of the batch around it.
func TestLayoutOfSteps(t *testing.T) {
	byRow := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} // two rows of three steps of two units
	if got := atStep(rounding.Exact(byRow), 2, 3, 2, 1); !slices.Equal(got.V, []float64{3, 4, 9, 10}) || got.E != nil {
		t.Errorf("step 1 is %v", got)
	}
	if got := byBatch([]float64{1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12}, 3, 2, 2); !slices.Equal(got, byRow) {
		t.Errorf("by rows: %v", got)
	}
	if byBatch([]float64(nil), 3, 2, 2) != nil || atStep(rounding.Values{}, 2, 3, 2, 1).V != nil {
		t.Error("something is made of nothing")
	}
	v := rounding.Values{V: []float64{1, 2, 3, 4}, E: []float64{5, 6, 7, 8}}
	if got := stretch(v, 1, 2); !slices.Equal(got.V, []float64{2, 3}) || !slices.Equal(got.E, []float64{6, 7}) {
		t.Errorf("two from the second on: %v", got)
	}
	if got := stretch(rounding.Exact(v.V), 2, 2); !slices.Equal(got.V, []float64{3, 4}) || got.E != nil {
		t.Errorf("two exact ones: %v", got)
	}
}

// A loop that takes a tensor apart into its rows leaves what it would have left
// step by step, with the same bounds.
func TestSlicesAreTheirLoops(t *testing.T) {
	for _, name := range []string{"reports/seed_keras313", "seed_keras3_broken"} { // of all rows, and of others
		slicesAreTheirLoops(t, name)
	}
}

func slicesAreTheirLoops(t *testing.T, name string) {
	t.Helper()
	m, g, found := graphtest.GraphOf(t, name)
	if len(found.Slices) == 0 {
		t.Fatal(name + ": no loop of slices is recognised")
	}
	value := graphtest.ValuesOf(m)
	in := fixture.Tensors(t, name, "inputs.npz")
	var results [2]*Result
	for i, slices := range [][]*recurrent.Slices{found.Slices, nil} {
		e, err := New(g, engine.Options{Variable: value, Weight: value, Recurrences: found.Recurrences, Slices: slices})
		if err != nil {
			t.Fatal(err)
		}
		if results[i], err = e.Run(t.Context(), in, nil); err != nil {
			t.Fatal(err)
		}
	}
	for output := range g.Outputs {
		a, b := results[0], results[1]
		if a.Unknown[output] != nil || b.Unknown[output] != nil || !sameNumbers(op.FloatsOf(a.Exact[output]), op.FloatsOf(b.Exact[output])) || !sameNumbers(op.FloatsOf(a.Bound[output]), op.FloatsOf(b.Bound[output])) {
			t.Errorf("%s, %s: %s, unknown because of %v and %v", name, output, graphtest.Show(a.Exact[output], b.Exact[output]), a.Unknown[output], b.Unknown[output])
		}
	}
}
