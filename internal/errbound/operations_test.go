package errbound

import (
	"errors"
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

// What the engine computes of a single operation is within its bound of the exact
// result, and the bound is one of a single operation: behind many it is as narrow.
func TestOperationsWithinBounds(t *testing.T) {
	for _, name := range []string{"seed_keras3", "gru_masked_tfkeras", "guide_attention_seq2seq_keras3", "reports/transformer", "reports/ln_stack", "reports/float16", "module_autograph_lstm", "reports/ln_cell_keras3"} {
		p, e, in, own := operationsOf(t, name)
		exact, err := e.Operations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		bounded, unknown, iterated := 0, 0, 0
		for _, is := range own.All {
			if is.Loop != nil {
				iterated += iterationsWithin(t, name, is, own, exact)
				theirs, err := p.Inner(t.Context(), in, nil, is.Results)
				if err == nil {
					err = errors.Join(own.Take(theirs), exact.Take(theirs))
				}
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			a, err := own.Next()
			if err != nil {
				t.Fatal(err)
			}
			b, err := exact.Next(is)
			if err != nil {
				t.Fatal(err)
			}
			theirs := a
			if is.Recurrent {
				if theirs, err = p.Inner(t.Context(), in, nil, is.Results); err != nil {
					t.Fatal(err)
				}
			}
			for i, r := range b {
				if r.Unknown != nil {
					unknown++
					continue
				}
				if r.Bound == nil {
					continue
				}
				bounded++
				if err := inBounds(a[i], r.Exact, r.Bound); err != nil {
					t.Errorf("%s: %s: %v", name, is.Results[i].Name(), err)
				}
				for k, v := range op.FloatsOf(r.Exact) {
					if limit := op.FloatsOf(r.Bound)[k]; is.Op != "While" && limit > 1e-3*(1+math.Abs(v)) {
						t.Errorf("%s: %s (%s)[%d]: a bound of %g at %g", name, is.Results[i].Name(), is.Op, k, limit, v)
						break
					}
				}
			}
			if err := exact.Take(append(theirs, nil)); err == nil {
				t.Errorf("%s: %s takes too many results", name, is.Node)
			}
			if err := own.Take(theirs); err != nil {
				t.Fatal(err)
			}
			if err := exact.Take(theirs); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := exact.Next(lockstep.Operation{Node: "none"}); err == nil {
			t.Errorf("%s: there is a node none", name)
		}
		if loop := name == "module_autograph_lstm" || name == "reports/ln_cell_keras3"; loop != (iterated > 40) {
			t.Errorf("%s: %d results of iterations with a bound", name, iterated)
		}
		if bounded == 0 || unknown > 0 {
			t.Errorf("%s: %d results with a bound, %d without", name, bounded, unknown)
		}
	}
	if _, err := (&Evaluator{inputs: []engine.Port{{Name: "x"}}, body: &body{Body: &engine.Body{}}}).Operations(t.Context(), nil); err == nil {
		t.Error("no error without the input")
	}
}

// iterationsWithin runs the first iterations of a loop in both on the engine's own
// results, and returns how many of them have a bound.
func iterationsWithin(t *testing.T, name string, is lockstep.Operation, own *engine.Operations, exact *Operations) (bounded int) {
	t.Helper()
	a, err := own.Loop()
	if err != nil {
		t.Fatal(err)
	}
	b, err := exact.Loop(is)
	if err != nil {
		t.Fatal(err)
	}
	function := func(all []lockstep.Operation, begin func() (*engine.Operations, error), beginExact func() (*Operations, error)) {
		x, err := begin()
		y, other := beginExact()
		if err := errors.Join(err, other); err != nil {
			t.Fatal(err)
		}
		for _, is := range all {
			theirs, err := x.Next()
			if err != nil {
				t.Fatal(err)
			}
			results, err := y.Next(is)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if r.Unknown != nil {
					t.Errorf("%s: %s: %v", name, is.Results[i].Name(), r.Unknown)
				}
				if r.Bound == nil {
					continue
				}
				bounded++
				if err := inBounds(theirs[i], r.Exact, r.Bound); err != nil {
					t.Errorf("%s: %s: %v", name, is.Results[i].Name(), err)
				}
				for k, v := range op.FloatsOf(r.Exact) {
					if limit := op.FloatsOf(r.Bound)[k]; limit > 1e-3*(1+math.Abs(v)) {
						t.Errorf("%s: %s (%s)[%d]: a bound of %g at %g", name, is.Results[i].Name(), is.Op, k, limit, v)
						break
					}
				}
			}
			if err := errors.Join(x.Take(theirs), y.Take(theirs)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 { // of at least as many
		function(is.Loop.Condition, a.Condition, b.Condition)
		function(is.Loop.Body, a.Body, b.Body)
	}
	theirs, err := a.Results()
	results, other := b.Results()
	if err := errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Bound == nil {
			continue
		}
		if err := inBounds(theirs[i], r.Exact, r.Bound); err != nil {
			t.Errorf("%s: %s: %v", name, is.Results[i].Name(), err)
		}
	}
	if _, err := exact.Loop(is); err == nil {
		t.Errorf("%s: the loop %s begins twice", name, is.Node)
	}
	return bounded
}

// operationsOf compiles a model for the engine and for the evaluation, and begins the
// engine's operations on its inputs.
func operationsOf(t *testing.T, name string) (p *engine.Program, e *Evaluator, in map[string]*lockstep.Tensor, own *engine.Operations) {
	t.Helper()
	m, g, found := graphtest.GraphOf(t, name)
	o := engine.Options{Variable: graphtest.ValuesOf(m), Weight: graphtest.ValuesOf(m), Recurrences: found.Recurrences, Slices: found.Slices}
	p, err := engine.Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = New(g, o); err != nil {
		t.Fatal(err)
	}
	in = fixture.Tensors(t, name, "inputs.npz")
	if own, err = p.Operations(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return p, e, in, own
}

// Skipping operations, whose results an engine has all the same, changes nothing of
// the others', and holds no more.
func TestSkippedOperations(t *testing.T) {
	skipped := 0
	for _, name := range []string{"seed_keras3", "gru_masked_tfkeras", "guide_attention_seq2seq_keras3", "reports/transformer", "reports/ln_stack", "module_autograph_lstm", "reports/lengths", "reports/one_hot"} {
		p, e, in, own := operationsOf(t, name)
		for start := range 3 {
			all, err := e.Operations(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			some, err := e.Operations(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for i, is := range own.All {
				theirs, err := p.Inner(t.Context(), in, nil, is.Results)
				if err != nil {
					t.Fatal(err)
				}
				a, err := all.Next(is)
				if err != nil {
					t.Fatal(err)
				}
				if i%3 != start && !is.Recurrent {
					err = some.Skip(is)
					skipped++
				} else {
					var b []OperationResult
					if b, err = some.Next(is); err == nil {
						sameResults(t, is.Node, a, b)
					}
				}
				if err = errors.Join(err, all.Take(theirs), some.Take(theirs)); err != nil {
					t.Fatalf("%s: %s: %v", name, is.Node, err)
				}
			}
			if a, b := heldBy(all), heldBy(some); b > a {
				t.Errorf("%s: %d values are held after all operations, and %d where some were skipped", name, a, b)
			}
		}
	}
	if skipped < 100 {
		t.Errorf("%d operations were skipped", skipped)
	}
}

// Bounds alone are those that come with the results, also where products are not
// computed for them.
func TestBoundsAlone(t *testing.T) {
	products := 0
	for _, name := range []string{"seed_keras3", "guide_attention_seq2seq_keras3", "guide_series_conv_lstm_keras3", "reports/transformer", "reports/channels_first", "module_autograph_lstm"} {
		p, e, in, own := operationsOf(t, name)
		all, err := e.Operations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		bounds, err := e.Operations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range own.All {
			theirs, err := p.Inner(t.Context(), in, nil, is.Results)
			if err != nil {
				t.Fatal(err)
			}
			want, err := all.Next(is)
			if err != nil {
				t.Fatal(err)
			}
			have, err := bounds.Bounds(is)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				want[i].Exact = nil
			}
			sameResults(t, is.Node, want, have)
			if _, s, err := bounds.find(is); err == nil && s.Spec.Sized && bounds.replaced(is, s) {
				products++
			}
			if err = errors.Join(all.Take(theirs), bounds.Take(theirs)); err != nil {
				t.Fatalf("%s: %s: %v", name, is.Node, err)
			}
		}
	}
	if products < 20 {
		t.Errorf("%d products", products)
	}
}

func sameResults(t *testing.T, node string, a, b []OperationResult) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d results, want %d", node, len(b), len(a))
	}
	for i := range a {
		if !a[i].Exact.BitEqual(b[i].Exact) || !a[i].Bound.BitEqual(b[i].Bound) || (a[i].Unknown == nil) != (b[i].Unknown == nil) {
			t.Errorf("%s: result %d differs from that without skipping", node, i)
		}
	}
}

func heldBy(o *Operations) (n int) {
	for _, v := range o.slots {
		if !v.None() {
			n++
		}
	}
	return n
}

// An operation that leaves a list beside what an engine shows is evaluated though it is
// skipped: what reads the list needs it.
func TestSkippedListsAreEvaluated(t *testing.T) {
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Float32)
	a := graphtest.Attrs{"element_dtype": lockstep.Float32, "shape_type": lockstep.Int32}
	list := d.Op("TensorListFromTensor", a, d.Op("Neg", graphtest.Attrs{"T": lockstep.Float32}, x), d.Ints(2))
	pop := d.Op("TensorListPopBack", graphtest.Attrs{"element_dtype": lockstep.Float32}, list, d.Ints(2))
	rest := d.Op("TensorListStack", graphtest.Attrs{"element_dtype": lockstep.Float32, "num_elements": -1}, pop, d.Ints(2))
	_, g := d.Flatten(map[string]string{"rest": d.Op("Square", graphtest.Attrs{"T": lockstep.Float32}, rest), "last": d.Op("Square", graphtest.Attrs{"T": lockstep.Float32}, pop+":1")})
	p, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{1, 2, 3, 4, 5, 6}, 3, 2)}
	own, err := p.Operations(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := e.Operations(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	skipped := false
	for _, is := range own.All {
		theirs, err := own.Next()
		if err != nil {
			t.Fatal(err)
		}
		if is.Op == "TensorListPopBack" {
			err, skipped = exact.Skip(is), true
		} else {
			var results []OperationResult
			results, err = exact.Next(is)
			for _, r := range results {
				if r.Unknown != nil {
					t.Errorf("%s: %v", is.Node, r.Unknown)
				}
			}
		}
		if err = errors.Join(err, own.Take(theirs), exact.Take(theirs)); err != nil {
			t.Fatalf("%s: %v", is.Node, err)
		}
	}
	if !skipped {
		t.Error("nothing was skipped")
	}
}
