package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

func programFrom(t *testing.T, name string) (*Program, map[string]*lockstep.Tensor) {
	t.Helper()
	m, g, found := graphtest.GraphOf(t, name)
	value := graphtest.ValuesOf(m)
	p, err := Compile(g, Options{Variable: value, Weight: value, Recurrences: found.Recurrences, Slices: found.Slices})
	if err != nil {
		t.Fatal(err)
	}
	return p, fixture.Tensors(t, name, "inputs.npz")
}

// An operation on the program's own results computes what it does in a run, of
// every operation that computes or moves elements; what it reads was made before it.
func TestOperationsAreTheRuns(t *testing.T) {
	loops := 0
	for _, name := range []string{"seed_keras3", "gru_masked_tfkeras", "states_out_keras3", "module_autograph_lstm", "guide_attention_seq2seq_keras3", "reports/transformer", "reports/ln_cell_keras3", "reports/stateful"} {
		p, in := programFrom(t, name)
		for range 2 { // found by a run, and by one that was recorded
			o, err := p.Operations(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var want []lockstep.InnerTensor
			for _, is := range o.All {
				for _, r := range is.Reads {
					if !slices.Contains(want, r) {
						t.Errorf("%s: %s reads %s, which was not made yet", name, is.Node, r.Name())
					}
				}
				want = append(want, is.Results...)
			}
			run, err := p.Inner(t.Context(), in, nil, want)
			if err != nil {
				t.Fatal(err)
			}
			for _, is := range o.All {
				theirs := run[:len(is.Results)]
				run = run[len(is.Results):]
				if is.Loop != nil {
					own := iterations(t, o)
					for i := range own {
						if !own[i].BitEqual(theirs[i]) {
							t.Errorf("%s: %s is %s iteration by iteration, and %s in a run", name, is.Results[i].Name(), own[i], theirs[i])
						}
					}
					loops++
				}
				own, err := o.Next()
				if err != nil {
					t.Fatal(err)
				}
				if (own == nil) != is.Recurrent {
					t.Errorf("%s: %s (%s) is a layer's loop: %v, results %v", name, is.Node, is.Op, is.Recurrent, own)
				}
				for i := range own {
					if !own[i].BitEqual(theirs[i]) {
						t.Errorf("%s: %s is %s, and %s in a run", name, is.Results[i].Name(), own[i], theirs[i])
					}
				}
				if err := o.Take(theirs[:len(theirs)-1]); err == nil {
					t.Errorf("%s: %s takes too few results", name, is.Node)
				}
				if err := o.Take(theirs); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := o.Next(); err == nil {
				t.Errorf("%s: no error after the last operation", name)
			}
			if _, _, _, err := p.Record(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
	if loops < 4 {
		t.Errorf("%d loops were run iteration by iteration", loops)
	}
}

// iterations runs those of the loop that is next, each operation on the program's own
// results, and returns the loop's.
func iterations(t *testing.T, o *Operations) []*lockstep.Tensor {
	t.Helper()
	l, err := o.Loop()
	if err != nil {
		t.Fatal(err)
	}
	run := func(begin func() (*Operations, error)) *Operations {
		of, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]bool{}
		for _, is := range of.All {
			for _, r := range is.Reads {
				if !made[r.Name()] {
					t.Errorf("%s reads %s, which was not made yet", is.Node, r.Name())
				}
			}
			own, err := of.Next()
			if err == nil {
				err = of.Take(own)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range is.Results {
				made[r.Name()] = true
			}
		}
		return of
	}
	for range 1000 {
		c := run(l.Condition)
		if err := c.until(len(c.of.body.Steps)); err != nil {
			t.Fatal(err)
		}
		holds, err := Truth(c.slots[c.of.body.Rets[0]])
		if err != nil {
			t.Fatal(err)
		}
		if !holds {
			results, err := l.Results()
			if err != nil {
				t.Fatal(err)
			}
			return results
		}
		if len(c.All) == 0 || len(l.of.body.all) < 3 {
			t.Errorf("%s: %d operations of the condition, %d of the body", l.is.Node, len(c.All), len(l.of.body.all))
		}
		run(l.Body)
	}
	t.Fatal("the loop does not end")
	return nil
}

// An iteration that was not run to its end leaves no variables, and only a loop that is
// no layer has iterations.
func TestIterationsInOrder(t *testing.T) {
	p, in := programFrom(t, "module_autograph_lstm")
	o, err := p.Operations(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for o.All[o.next].Loop == nil {
		if _, err := o.Loop(); err == nil || !strings.Contains(err.Error(), "is no loop") {
			t.Errorf("a loop of %s: %v", o.All[o.next].Op, err)
		}
		own, err := o.Next()
		if err == nil {
			err = o.Take(own)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := o.Loop()
	if err != nil {
		t.Fatal(err)
	}
	body, err := l.Body()
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []func() error{
		func() error { _, err := l.Condition(); return err },
		func() error { _, err := l.Body(); return err },
		func() error { _, err := l.Results(); return err },
	} {
		if err := next(); err == nil || !strings.Contains(err.Error(), body.All[0].Node) {
			t.Errorf("after a body of which nothing was run: %v", err)
		}
	}
}

// Operations that compute or move elements of the inputs are among them, and what
// follows from shapes, is a constant or only another view is not.
func TestWhichOperationsAreIsolated(t *testing.T) {
	for _, name := range []string{"seed_keras3", "reports/transformer", "guide_attention_seq2seq_keras3"} {
		p, in := programFrom(t, name)
		o, err := p.Operations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		last := p.Body.lastReads(p.outs())
		for i := range p.Body.Steps {
			s := &p.Body.Steps[i]
			is := slices.ContainsFunc(o.All, func(is lockstep.Operation) bool { return is.Node == s.Node.Name })
			read := slices.ContainsFunc(last[s.Out:s.Out+s.N], func(at int) bool { return at > i })
			list := strings.HasPrefix(s.Node.Op, "TensorList")
			want := read && !list && p.Computed[i] && !s.Spec.View && (s.Spec.Control == op.Computes || s.Spec.Control == op.Loop)
			if is != want {
				t.Errorf("%s: %s (%s) is among them: %v", name, s.Node.Name, s.Node.Op, is)
			}
		}
	}
}

// What is given stands in the place of a result, and a tensor that the graph does not
// make is an error.
func TestInnerOfAProgram(t *testing.T) {
	p, in := programFrom(t, "reports/transformer")
	o, err := p.Operations(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	last := o.All[len(o.All)-1]
	before := last.Reads[0]
	both := []lockstep.InnerTensor{before, last.Results[0]}
	sound, err := p.Inner(t.Context(), in, nil, both)
	if err != nil {
		t.Fatal(err)
	}
	zeros, err := lockstep.Zeros(lockstep.Float32, sound[0].Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	given, err := p.Inner(t.Context(), in, []lockstep.GivenTensor{{InnerTensor: before, Value: zeros}}, both)
	if err != nil || !given[0].BitEqual(zeros) || given[1].BitEqual(sound[1]) {
		t.Errorf("%s given: %v, %v", before.Name(), given, err)
	}
	for _, wrong := range []lockstep.InnerTensor{{Node: "none"}, {Node: last.Node, Output: 7}} {
		if _, err := p.Inner(t.Context(), in, nil, []lockstep.InnerTensor{wrong}); err == nil || !strings.Contains(err.Error(), wrong.Name()) {
			t.Errorf("%s: error %v", wrong.Name(), err)
		}
	}
}

// A loop inside a loop is one operation of its body, and says so, also where the loop ends
// before its first iteration.
func TestLoopsInLoops(t *testing.T) {
	for x, iterations := range map[float32]int{1: 5, 200: 0} {
		d := graphtest.Draw(t)
		body := graphtest.Draw(t)
		inner := body.While(d.Compares("tiny", "Less", 3), d.Times("thrice", 3), body.Arg(lockstep.Float32))
		outer := d.Function("outer", body, body.Op("Mul", nil, inner, body.Floats(nil, 2)))
		_, g := d.Flatten(map[string]string{"y": d.While(d.Compares("small", "Less", 80), outer, d.Input("x", lockstep.Float32))})
		p, err := Compile(g, Options{Variable: d.Value})
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{x})}
		o, err := p.Operations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		loop := o.All[0].Loop
		if len(o.All) != 1 || loop == nil || loop.Whole != "" || len(loop.Condition) != 1 {
			t.Fatalf("the operations are %+v", o.All)
		}
		if len(loop.Body) != 2 || loop.Body[0].Loop == nil || loop.Body[0].Loop.Whole != "it is inside another loop" || loop.Body[1].Loop != nil {
			t.Errorf("the body is %+v", loop.Body)
		}
		l, err := o.Loop()
		if err != nil {
			t.Fatal(err)
		}
		for range iterations {
			of, err := l.Body()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := of.Loop(); err == nil {
				t.Error("the inner loop begins")
			}
			for range of.All {
				own, err := of.Next()
				if err == nil {
					err = of.Take(own)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		last, err := l.Results()
		if err != nil {
			t.Fatal(err)
		}
		run, err := p.Inner(t.Context(), in, nil, o.All[0].Results)
		if err != nil || !last[0].BitEqual(run[0]) {
			t.Errorf("from %g: %s iteration by iteration, and %s in a run, %v", x, graphtest.ElementsText(last[0]), graphtest.ElementsText(run[0]), err)
		}
	}
}

// Operations of a body that depend on the inputs are among its operations, also through
// what the loop does not change, and those that depend on constants alone are not.
func TestWhichOperationsOfABody(t *testing.T) {
	d := graphtest.Draw(t)
	cond, body := graphtest.Draw(t), graphtest.Draw(t)
	now := cond.Arg(lockstep.Float32)
	cond.Arg(lockstep.Float32)
	cond.Arg(lockstep.Float32)
	small := d.Function("small", cond, cond.Op("Less", nil, now, cond.Floats(nil, 100)))
	state, kept, weight := body.Arg(lockstep.Float32), body.Arg(lockstep.Float32), body.Arg(lockstep.Float32)
	sum := body.Op("AddV2", nil, state, body.Op("Neg", nil, kept))
	product := body.Op("Mul", nil, sum, body.Op("Tanh", nil, weight))
	step := d.Function("step", body, product, kept, body.Op("Identity", nil, weight))
	x := d.Input("x", lockstep.Float32)
	y := d.While(small, step, x, x, d.Floats(nil, 5))
	_, g := d.Flatten(map[string]string{"y": y})
	p, err := Compile(g, Options{Variable: d.Value})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Operations(t.Context(), map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{-3})})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, op := range o.All[0].Loop.Body {
		all = append(all, op.Op)
	}
	if want := []string{"AddV2", "Mul", "Neg"}; !slices.Equal(slices.Sorted(slices.Values(all)), want) {
		t.Errorf("the operations of the body are %v, want %v", all, want)
	}
}

// Where a body cannot run, its operations are not known, and those of the condition are;
// a condition that cannot run is the loop's own error.
func TestLoopsWithoutIterations(t *testing.T) {
	d := graphtest.Draw(t)
	body := graphtest.Draw(t)
	x := body.Arg(lockstep.Float32)
	bad := d.Function("bad", body, body.Op("MatMul", nil, x, x)) // a product of what is no matrix
	_, g := d.Flatten(map[string]string{"y": d.While(d.Compares("small", "Less", 80), bad, d.Input("x", lockstep.Float32))})
	p, err := Compile(g, Options{Variable: d.Value})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Operations(t.Context(), map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{100})})
	if err != nil {
		t.Fatal(err)
	}
	if loop := o.All[0].Loop; loop == nil || loop.Whole != "" || len(loop.Condition) != 1 || loop.Body != nil {
		t.Errorf("the loop is %+v", loop)
	}
}
