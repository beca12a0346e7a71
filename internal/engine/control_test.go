package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// ran compiles a drawing of an input x and runs it on one number.
func ran(t *testing.T, x float32, draw func(d *graphtest.Drawing, x string) string) (*lockstep.Tensor, error) {
	t.Helper()
	d := graphtest.Draw(t)
	_, g := d.Flatten(map[string]string{"y": draw(d, d.Input("x", lockstep.Float32))})
	p, err := Compile(g, Options{Variable: d.Value})
	if err != nil {
		return nil, err
	}
	out, err := runTwice(t, p, map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{x})})
	return out["y"], err
}

// A choice takes the branch that is chosen, the last one for a number that none
// has, and a loop goes on as long as its condition holds.
func TestControlFlow(t *testing.T) {
	branch := func(d *graphtest.Drawing, x string) string {
		return d.If(d.Op("Greater", nil, x, d.Floats(nil, 0)), x, d.Times("yes", 2), d.Times("no", 8))
	}
	number := func(d *graphtest.Drawing, x string) string { // a number, and no bool, that is not zero
		return d.If(x, x, d.Times("yes", 2), d.Times("no", 8))
	}
	numbered := func(d *graphtest.Drawing, x string) string {
		by := d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, x)
		return d.Case(by, d.Floats(nil, 10), d.Times("zero", 2), d.Times("one", 4), d.Times("two", 8))
	}
	loop := func(d *graphtest.Drawing, x string) string {
		return d.While(d.Compares("small", "Less", 10), d.Times("twice", 2), x)
	}
	for _, c := range []struct {
		name    string
		draw    func(d *graphtest.Drawing, x string) string
		x, want float32
	}{
		{"if", branch, 3, 6}, {"if", branch, -3, -24}, {"if of a number", number, -3, -6}, {"if of a number", number, 0, 0},
		{"case", numbered, 0, 20}, {"case", numbered, 1, 40}, {"case", numbered, 2, 80}, {"case", numbered, 3, 80}, {"case", numbered, -1, 80},
		{"loop", loop, 3, 12}, {"loop", loop, 10, 10}, {"loop", loop, 5, 10},
	} {
		y, err := ran(t, c.x, c.draw)
		if err != nil || !y.BitEqual(fixture.NewTensor(t, []float32{c.want})) {
			t.Errorf("%s of %v: %s, %v, want %v", c.name, c.x, graphtest.ElementsText(y), err, c.want)
		}
	}
}

// What fails inside of a branch or a loop is the whole's error, and so is what a
// branch or a loop cannot be made of.
func TestControlFlowRefuses(t *testing.T) {
	bad := func(d *graphtest.Drawing, compare bool) graphtest.Func { // a product of what is no matrix
		body := graphtest.Draw(d.T)
		x := body.Arg(lockstep.Float32)
		y := body.Op("MatMul", nil, x, x)
		if compare {
			y = body.Op("Less", nil, y, body.Floats(nil, 1))
		}
		return d.Function("bad", body, y)
	}
	two := func(d *graphtest.Drawing, returns int) graphtest.Func { // of one argument or two, with a result or two
		body := graphtest.Draw(d.T)
		x, y := body.Arg(lockstep.Float32), body.Arg(lockstep.Float32)
		return d.Function("two", body, []string{x, y}[:returns]...)
	}
	positive := func(d *graphtest.Drawing, x string) string { return d.Op("Greater", nil, x, d.Floats(nil, 0)) }
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing, x string) string
		want string
	}{
		"a body that fails": {func(d *graphtest.Drawing, x string) string {
			return d.While(d.Compares("small", "Less", 10), bad(d, false), x)
		}, "(MatMul)"},
		"a condition that fails": {func(d *graphtest.Drawing, x string) string {
			return d.While(bad(d, true), d.Times("twice", 2), x)
		}, "(MatMul)"},
		"a branch that fails": {func(d *graphtest.Drawing, x string) string {
			return d.If(positive(d, x), x, bad(d, false), d.Times("no", 2))
		}, "(MatMul)"},
		"a condition of two numbers": {func(d *graphtest.Drawing, x string) string {
			cond := graphtest.Draw(d.T)
			cond.Arg(lockstep.Float32)
			return d.While(d.Function("both", cond, cond.Floats([]int{2}, 1, 1)), d.Times("twice", 2), x)
		}, "the condition: "},
		"a choice by two numbers": {func(d *graphtest.Drawing, x string) string {
			return d.If(d.Floats([]int{2}, 1, 1), x, d.Times("yes", 2), d.Times("no", 3))
		}, "want one bool"},
		"a branch by two numbers": {func(d *graphtest.Drawing, x string) string {
			return d.Case(d.Ints(1, 1), x, d.Times("yes", 2), d.Times("no", 3))
		}, "the number of the branch"},
		"no condition": {func(d *graphtest.Drawing, x string) string { return d.While("", d.Times("twice", 2), x) }, "function"},
		"no body":      {func(d *graphtest.Drawing, x string) string { return d.While(d.Compares("small", "Less", 10), "", x) }, "function"},
		"no branch":    {func(d *graphtest.Drawing, x string) string { return d.If(positive(d, x), x, "", d.Times("no", 2)) }, "function"},
		"no branches":  {func(d *graphtest.Drawing, x string) string { return d.Case(d.Int(0), x) }, "no branches"},
		"a branch of two": {func(d *graphtest.Drawing, x string) string {
			return d.If(positive(d, x), x, two(d, 1), d.Times("no", 2))
		}, "1 arguments and 1 results, and a branch of 2 to 1"},
		"a body of two": {func(d *graphtest.Drawing, x string) string {
			return d.While(d.Compares("small", "Less", 10), two(d, 1), x)
		}, "a body of 2 to 1"},
		"a body with one result": {func(d *graphtest.Drawing, x string) string {
			cond := graphtest.Draw(d.T)
			a, _ := cond.Arg(lockstep.Float32), cond.Arg(lockstep.Float32)
			return d.While(d.Function("small", cond, cond.Op("Less", nil, a, cond.Floats(nil, 10))), two(d, 1), x, x)
		}, "a condition of 2 to 1 and a body of 2 to 1"},
		"a condition with two results": {func(d *graphtest.Drawing, x string) string {
			both := two(d, 2)
			return d.While(both, both, x, x)
		}, "a condition of 2 to 2"},
	} {
		if y, err := ran(t, 3, c.draw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", name, y, err, c.want)
		}
	}
}

// A branch asserts only if it is taken.
func TestAssertInBranch(t *testing.T) {
	draw := func(d *graphtest.Drawing, x string) string {
		yes := graphtest.Draw(d.T)
		in := yes.Arg(lockstep.Float32)
		yes.Op("Assert", graphtest.Attrs{"T": []lockstep.DType{}}, yes.Op("Greater", nil, in, yes.Floats(nil, 1)))
		return d.If(d.Op("Greater", nil, x, d.Floats(nil, 0)), x, d.Function("asserts", yes, yes.Op("Mul", nil, in, yes.Floats(nil, 2))), d.Times("no", 8))
	}
	for x, want := range map[float32]float32{3: 6, -3: -24} {
		if y, err := ran(t, x, draw); err != nil || !y.BitEqual(fixture.NewTensor(t, []float32{want})) {
			t.Errorf("%v: %s, %v, want %v", x, graphtest.ElementsText(y), err, want)
		}
	}
	if y, err := ran(t, 0.5, draw); err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("0.5: %v, %v", y, err)
	}
}

// An assertion is part of a graph that no output needs, and fails if what it
// asserts does not hold.
func TestAssert(t *testing.T) {
	for x, holds := range map[float32]bool{3: true, -3: false} {
		d := graphtest.Draw(t)
		in := d.Input("x", lockstep.Float32)
		_, g := d.Flatten(map[string]string{"y": d.Op("Neg", nil, in), "holds": d.Op("Greater", nil, in, d.Floats(nil, 0))})
		assert := &savedmodel.Node{Name: "assert", Op: "Assert", Inputs: []savedmodel.Ref{g.Outputs["holds"]}}
		g.Effects, g.Nodes = append(g.Effects, assert), append(g.Nodes, assert)
		delete(g.Outputs, "holds")
		p, err := Compile(g, Options{Extra: map[string]savedmodel.Ref{"also": g.Outputs["y"]}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Inputs(), []string{"x"}) || !slices.Equal(p.Outputs(), []string{"y"}) || !slices.Equal(p.Extra(), []string{"also"}) || p.Stateful() || !p.Complete() {
			t.Errorf("inputs %q, outputs %q, others %q", p.Inputs(), p.Outputs(), p.Extra())
		}
		out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{x})}, false)
		if holds && (err != nil || !out["y"].BitEqual(fixture.NewTensor(t, []float32{-x}))) || !holds && (err == nil || !strings.Contains(err.Error(), "does not hold")) {
			t.Errorf("%v: %v, %v", x, out, err)
		}
	}
	if err := Assert(nil, nil); err == nil || !strings.Contains(err.Error(), "an assertion of nothing") {
		t.Errorf("an assertion of nothing: %v", err)
	}
}
