package errbound

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// evaluated evaluates a drawing whose input x is off by up to bound, and returns
// what is known of its output y.
func evaluated(t *testing.T, x []float32, bound []float64, draw func(d *graphtest.Drawing, x string) string) (exact, bounds []float64, why error) {
	t.Helper()
	d := graphtest.Draw(t)
	_, g := d.Flatten(map[string]string{"y": draw(d, d.Input("x", lockstep.Float32))})
	e, err := New(g, engine.Options{Variable: d.Value})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.runWith(t, map[string]*lockstep.Tensor{"x": fixture.Vector(t, x...)}, map[string][]float64{"x": bound})
	if err != nil {
		return nil, nil, err
	}
	exact, bounds = op.FloatsOf(r.Exact["y"]), op.FloatsOf(r.Bound["y"])
	if bounds == nil {
		bounds = make([]float64, len(exact))
	}
	return exact, bounds, r.Unknown["y"]
}

// about tells whether bounds are what they must be, but for the rounding on top.
func about(got, want []float64) bool {
	for i := range want {
		if len(got) != len(want) || got[i] < want[i] || got[i] > want[i]*1.0001+1e-6 {
			return false
		}
	}
	return len(got) == len(want)
}

func numberOf(d *graphtest.Drawing, b string) string {
	return d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Bool, "DstT": lockstep.Float32}, b)
}

// A bool that the inputs' bounds may turn over is undecided, off by 1 as a number;
// one that they cannot is exact, and so is what does not depend on it. An integer
// is off by as far as the ends of what is cut.
func TestUndecidedElements(t *testing.T) {
	// Far from 0, near it on both sides, as far from it as the bound, and exact.
	x := []float32{0.5, 0.0625, -0.0625, 0.125, 0, 2}
	bound := []float64{0.125, 0.125, 0.125, 0.125, 0, 0}
	positive := func(d *graphtest.Drawing, x string) string { return d.Op("Greater", nil, x, d.Floats(nil, 0)) }
	bools := func(d *graphtest.Drawing, v ...bool) string { return d.Constant(fixture.Vector(t, v...)) }
	integers := func(d *graphtest.Drawing, x string) string {
		return d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, x)
	}
	for name, c := range map[string]struct {
		draw         func(d *graphtest.Drawing, x string) string
		exact, bound []float64
	}{
		"a cast to bool": {func(d *graphtest.Drawing, x string) string {
			return numberOf(d, d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Bool}, x))
		}, []float64{1, 1, 1, 1, 0, 1}, []float64{0, 1, 1, 1, 0, 0}},
		"a comparison": {func(d *graphtest.Drawing, x string) string { return numberOf(d, positive(d, x)) },
			[]float64{1, 1, 0, 1, 0, 1}, []float64{0, 1, 1, 1, 0, 0}},
		"not": {func(d *graphtest.Drawing, x string) string {
			return numberOf(d, d.Op("LogicalNot", nil, positive(d, x)))
		}, []float64{0, 0, 1, 0, 1, 0}, []float64{0, 1, 1, 1, 0, 0}},
		"and": {func(d *graphtest.Drawing, x string) string {
			return numberOf(d, d.Op("LogicalAnd", nil, positive(d, x), bools(d, true, false, true, true, true, false)))
		}, []float64{1, 0, 0, 1, 0, 0}, []float64{0, 0, 1, 1, 0, 0}},
		"or": {func(d *graphtest.Drawing, x string) string {
			return numberOf(d, d.Op("LogicalOr", nil, bools(d, true, false, true, true, true, false), positive(d, x)))
		}, []float64{1, 1, 1, 1, 1, 1}, []float64{0, 1, 0, 0, 0, 0}},
		"a selection": {func(d *graphtest.Drawing, x string) string {
			return d.Op("SelectV2", nil, positive(d, x), d.Floats([]int{6}, 10, 10, 10, 10, 10, 10), d.Floats([]int{6}, 3, 3, 3, 10, 3, 3))
		}, []float64{10, 10, 3, 10, 3, 10}, []float64{0, 7, 7, 0, 0, 0}},
		"a selection of what is off itself": {func(d *graphtest.Drawing, x string) string {
			return d.Op("SelectV2", nil, positive(d, x), x, d.Floats([]int{6}, 1, 1, 1, 0.125, 1, 1))
		}, []float64{0.5, 0.0625, 1, 0.125, 1, 2}, []float64{0.125, 0.9375, 1.0625 + 0.125, 0.125, 0, 0}},
		"an integer": {func(d *graphtest.Drawing, x string) string {
			// 50, 6.25, -6.25, 12.5, 0 and 200, most of them off by 12.5.
			return d.Float(integers(d, d.Op("Mul", nil, x, d.Floats(nil, 100))))
		}, []float64{50, 6, -6, 12, 0, 200}, []float64{13, 12, 12, 13, 0, 0}},
	} {
		exact, bounds, why := evaluated(t, x, append([]float64(nil), bound...), c.draw)
		if why != nil || !about(bounds, c.bound) {
			t.Errorf("%s: off by %v, %v, want %v", name, bounds, why, c.bound)
		}
		for i := range c.exact {
			if exact[i] != c.exact[i] {
				t.Errorf("%s: %v, want %v", name, exact, c.exact)
				break
			}
		}
	}
}

// Integers that rounding decides have no bound of their own, and no operation but
// those with a rule for them goes on with them. The
// first operation whose result rounding decides is named.
func TestUndecidedIsNamed(t *testing.T) {
	cut := func(d *graphtest.Drawing, x string) string {
		return d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, x)
	}
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing, x string) string
		op   string // that is named
	}{
		"itself": {cut, "Cast"},
		"a sum":  {func(d *graphtest.Drawing, x string) string { return d.Integer("AddV2", cut(d, x), d.Int(1)) }, "Cast"},
		"the size of something": {func(d *graphtest.Drawing, x string) string {
			return d.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, cut(d, x), d.Floats(nil, 1))
		}, "Cast"},
		"a comparison": {func(d *graphtest.Drawing, x string) string {
			return d.Op("LogicalNot", nil, d.Op("Greater", nil, x, d.Floats(nil, 3)))
		}, "Greater"},
	} {
		_, _, why := evaluated(t, []float32{3}, []float64{0.25}, c.draw)
		if named := (op.Unsupported{}); !errors.As(why, &named) || named.Op != c.op || !strings.Contains(why.Error(), "rounding decides") {
			t.Errorf("%s of 3 off by 0.25: unknown because of %v, want that rounding decides the %s", name, why, c.op)
		}
		if _, _, why := evaluated(t, []float32{3.5}, []float64{0.25}, c.draw); why != nil {
			t.Errorf("%s of 3.5 off by 0.25: unknown because of %v, and it is decided", name, why)
		}
	}
	_, _, why := evaluated(t, []float32{0.5}, []float64{0.25}, func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, d.Op("Acos", nil, x)) })
	if named := (op.Unsupported{}); !errors.As(why, &named) || named.Op != "Acos" || !errors.Is(why, op.ErrNoBound) {
		t.Errorf("what follows from an operation without a rule is unknown because of %v", why)
	}
}

// A branch and a loop are evaluated where what decides is exact, with the bounds
// of what they compute, and are unknown where rounding decides.
func TestDecidedControlFlow(t *testing.T) {
	positive := func(d *graphtest.Drawing, x string) string {
		return d.Op("Greater", nil, d.Op("Sum", graphtest.Attrs{"keep_dims": false}, x, d.Ints(0)), d.Floats(nil, 0))
	}
	number := func(d *graphtest.Drawing, x string) string {
		return d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, d.Op("Sum", graphtest.Attrs{"keep_dims": false}, x, d.Ints(0)))
	}
	branch := func(d *graphtest.Drawing, x string) string {
		return d.If(positive(d, x), x, d.Times("yes", 2), d.Times("no", 8))
	}
	numbered := func(d *graphtest.Drawing, x string) string {
		return d.Case(number(d, x), x, d.Times("zero", 2), d.Times("one", 4), d.Times("two", 8))
	}
	loop := func(d *graphtest.Drawing, x string) string { // doubled until it is 10
		return d.While(d.Compares("small", "Less", 10), d.Times("twice", 2), x)
	}
	for _, c := range []struct {
		name        string
		draw        func(d *graphtest.Drawing, x string) string
		x           float32
		off         float64
		want, bound float64
		known       bool
	}{
		{"if", branch, 3, 0.5, 6, 1, true},
		{"if", branch, -3, 0.5, -24, 4, true},
		{"if", branch, 0.25, 0.5, 0, 0, false},
		{"case", numbered, 0.5, 0.25, 1, 0.5, true},
		{"case", numbered, 1.5, 0.25, 6, 1, true},
		{"case", numbered, 7.5, 0.25, 60, 2, true}, // the last, as no branch has the number
		{"case", numbered, -7.5, 0.25, -60, 2, true},
		{"case", numbered, 1.125, 0.25, 0, 0, false},
		{"loop", loop, 3, 0.125, 12, 0.5, true},
		{"loop", loop, 11, 0.125, 11, 0.125, true},
		{"loop", loop, 5, 0.125, 0, 0, false}, // 10 is not less than 10, and 9.9 is
		{"loop", loop, 5, 0, 10, 0, true},
	} {
		exact, bounds, why := evaluated(t, []float32{c.x}, []float64{c.off}, c.draw)
		if !c.known && (why == nil || !strings.Contains(why.Error(), "rounding decides")) {
			t.Errorf("%s of %v off by %v: unknown because of %v, want that rounding decides", c.name, c.x, c.off, why)
		}
		if (why == nil) != c.known || c.known && (exact[0] != c.want || !about(bounds, []float64{c.bound})) {
			t.Errorf("%s of %v off by %v: %v off by %v, %v; want %v off by %v", c.name, c.x, c.off, exact, bounds, why, c.want, c.bound)
		}
	}
}

// What a graph asserts is an error where it fails whatever the rounding, and none
// where rounding decides.
func TestAssertions(t *testing.T) {
	for _, c := range []struct {
		x, off float64
		fails  bool
	}{{3, 0.5, false}, {-3, 0.5, true}, {-0.25, 0.5, false}, {0, 0, true}} {
		d := graphtest.Draw(t)
		x := d.Input("x", lockstep.Float32)
		_, g := d.Flatten(map[string]string{"y": d.Op("Neg", nil, x), "holds": d.Op("Greater", nil, x, d.Floats(nil, 0))})
		g.Effects = append(g.Effects, &savedmodel.Node{Name: "assert", Op: "Assert", Inputs: []savedmodel.Ref{g.Outputs["holds"]}})
		g.Nodes = append(g.Nodes, g.Effects...)
		delete(g.Outputs, "holds")
		e, err := New(g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.runWith(t, map[string]*lockstep.Tensor{"x": fixture.Vector(t, float32(c.x))}, map[string][]float64{"x": {c.off}})
		if (err != nil) != c.fails || err != nil && !strings.Contains(err.Error(), "does not hold") {
			t.Errorf("%v off by %v, asserted to be positive: %v", c.x, c.off, err)
		}
		if err == nil && (op.FloatsOf(r.Exact["y"])[0] != -c.x || !about(op.FloatsOf(r.Bound["y"]), []float64{c.off})) {
			t.Errorf("beside it: %v off by %v, want %v off by %v", op.FloatsOf(r.Exact["y"]), op.FloatsOf(r.Bound["y"]), -c.x, c.off)
		}
	}
}

// What fails inside of a loop or a branch, and what keeps one from being compiled,
// is the error of the whole.
func TestErrorsInsideOfControlFlow(t *testing.T) {
	inside := func(d *graphtest.Drawing) *graphtest.Drawing {
		body := graphtest.Draw(d.T)
		body.Constant(fixture.Vector(t, float32(0))) // so that names differ
		return body
	}
	failing := func(d *graphtest.Drawing, x string) string { // which are no matrices
		return d.Op("MatMul", nil, x, x)
	}
	never := func(d *graphtest.Drawing, x string) string { return d.Op("Less", nil, failing(d, x), d.Floats(nil, 0)) }
	for name, draw := range map[string]func(d *graphtest.Drawing, x string) string{
		"a condition": func(d *graphtest.Drawing, x string) string {
			cond := inside(d)
			return d.While(d.Function("bad", cond, never(cond, cond.Arg(lockstep.Float32))), d.Times("twice", 2), x)
		},
		"a body": func(d *graphtest.Drawing, x string) string {
			body := inside(d)
			return d.While(d.Compares("small", "Less", 10), d.Function("bad", body, failing(body, body.Arg(lockstep.Float32))), x)
		},
		"a branch": func(d *graphtest.Drawing, x string) string {
			body := inside(d)
			return d.Case(d.Int(0), x, d.Function("bad", body, failing(body, body.Arg(lockstep.Float32))), d.Times("other", 1))
		},
	} {
		if _, _, err := evaluated(t, []float32{3}, []float64{0}, draw); err == nil || !strings.Contains(err.Error(), "(MatMul)") || strings.Contains(err.Error(), "results, want") {
			t.Errorf("%s that fails: error %v", name, err)
		}
	}
	for name, draw := range map[string]func(d *graphtest.Drawing, x string) string{
		"a loop":   func(d *graphtest.Drawing, x string) string { return d.While("", d.Times("twice", 2), x) },
		"a choice": func(d *graphtest.Drawing, x string) string { return d.Case(d.Int(0), x, "", d.Times("other", 1)) },
	} {
		d := graphtest.Draw(t)
		_, g := d.Flatten(map[string]string{"y": draw(d, d.Input("x", lockstep.Float32))})
		if _, err := New(g, engine.Options{Variable: d.Value}); err == nil || !strings.Contains(err.Error(), "function") {
			t.Errorf("%s without a function: error %v", name, err)
		}
	}
}

// The shape of what is unknown is known all the same, unless what rounding decides
// may decide it.
func TestShapesOfUnknowns(t *testing.T) {
	shape := func(d *graphtest.Drawing, x string) string { return d.Float(d.Op("Shape", nil, x)) }
	cut := func(d *graphtest.Drawing, x string) string {
		return d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, x)
	}
	unbounded := func(d *graphtest.Drawing, x string) string { return d.Op("Acos", nil, x) } // for want of a rule
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing, x string) string
		want []float64 // nil where it is not known
	}{
		"no rule":            {func(d *graphtest.Drawing, x string) string { return shape(d, unbounded(d, x)) }, []float64{2}},
		"what follows":       {func(d *graphtest.Drawing, x string) string { return shape(d, d.Op("Tanh", nil, unbounded(d, x))) }, []float64{2}},
		"what follows of it": {func(d *graphtest.Drawing, x string) string { return shape(d, unbounded(d, unbounded(d, x))) }, []float64{2}},
		"joined": {func(d *graphtest.Drawing, x string) string {
			return shape(d, d.Op("ConcatV2", nil, x, unbounded(d, x), d.Int(0)))
		}, []float64{4}},
		"undecided numbers": {func(d *graphtest.Drawing, x string) string { return shape(d, d.Integer("AddV2", cut(d, x), d.Int(1))) }, []float64{2}},
		"a size": {func(d *graphtest.Drawing, x string) string {
			return shape(d, d.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, cut(d, x), d.Floats(nil, 1)))
		}, nil},
		"what follows of a size": {func(d *graphtest.Drawing, x string) string {
			return shape(d, d.Op("Tanh", nil, d.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, cut(d, x), d.Floats(nil, 1))))
		}, nil},
		"a size that is unknown itself": {func(d *graphtest.Drawing, x string) string {
			return shape(d, d.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, d.Integer("AddV2", cut(d, x), d.Int(1)), d.Floats(nil, 1)))
		}, nil},
	} {
		exact, _, why := evaluated(t, []float32{0.5, 0.999}, []float64{0.125, 0.125}, c.draw)
		if (why == nil) != (c.want != nil) || why == nil && !slices.Equal(exact, c.want) {
			t.Errorf("%s: the shape %v, %v, want %v", name, exact, why, c.want)
		}
	}
}
