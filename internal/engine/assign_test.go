package engine

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// assigning draws y = x + v, and v becomes y, or what change makes of that.
func assigning(t *testing.T, change func(g *savedmodel.Graph, assign *savedmodel.Node)) (*Program, error) {
	t.Helper()
	d := graphtest.Draw(t)
	v := d.Variable(fixture.Vector(t, float32(1)))
	read := d.Op("ReadVariableOp", graphtest.Attrs{"dtype": lockstep.Float32}, v)
	sum := d.Op("AddV2", nil, d.Input("x", lockstep.Float32), read)
	_, g := d.Flatten(map[string]string{"y": sum, "handle": v, "read": read})
	assign := &savedmodel.Node{Name: "assign", Op: "AssignVariableOp", Inputs: []savedmodel.Ref{g.Outputs["handle"], g.Outputs["y"]}}
	g.Effects, g.Nodes = append(g.Effects, assign), append(g.Nodes, assign)
	if change != nil {
		change(g, assign)
	}
	delete(g.Outputs, "handle")
	delete(g.Outputs, "read")
	return Compile(g, Options{Variable: d.Value})
}

// A variable that is assigned to has its next value in a runner's next call, until
// it is reset; other calls begin with the value in the file, which stays.
func TestAssignments(t *testing.T) {
	p, err := assigning(t, nil)
	if err != nil || !p.Stateful() {
		t.Fatal(err)
	}
	for range 2 {
		out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": fixture.Vector(t, float32(2))}, false)
		if err != nil || !out["y"].BitEqual(fixture.Vector(t, float32(3))) {
			t.Errorf("%v, %v", out, err)
		}
	}
	r := p.NewRunner()
	for i, want := range []float32{3, 5, 7, 3, 5} {
		if i == 3 {
			r.Reset()
		}
		out, _, err := r.Run(t.Context(), map[string]*lockstep.Tensor{"x": fixture.Vector(t, float32(2))})
		if err != nil || !out["y"].BitEqual(fixture.Vector(t, want)) {
			t.Errorf("call %d: %s, %v, want %v", i, graphtest.ElementsText(out["y"]), err, want)
		}
	}
	if !p.Initial[0].BitEqual(fixture.Vector(t, float32(1))) {
		t.Errorf("the variable begins with %s", graphtest.ElementsText(p.Initial[0]))
	}
	// What has another shape than the variable's is assigned to it fails.
	if out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": fixture.Vector(t, float32(2), 3)}, false); err == nil || !strings.Contains(err.Error(), "assigns float32 (2,) to a variable of float32 (1,)") {
		t.Errorf("two numbers: %v, %v", out, err)
	}
}

func TestAssignmentsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *savedmodel.Graph, assign *savedmodel.Node)
		want   string
	}{
		"to what is no variable": {func(g *savedmodel.Graph, assign *savedmodel.Node) { assign.Inputs[0] = g.Outputs["y"] }, "outlives the call"},
		"of nothing":             {func(_ *savedmodel.Graph, assign *savedmodel.Node) { assign.Inputs = assign.Inputs[:1] }, "outlives the call"},
		"something else":         {func(_ *savedmodel.Graph, assign *savedmodel.Node) { assign.Op = "AssignAddVariableOp" }, "outlives the call"},
		"a value that does not depend on what is read": {func(g *savedmodel.Graph, assign *savedmodel.Node) { assign.Inputs[1] = g.Inputs["x"] }, "whether or not"},
		"a variable whose handle is read": {func(g *savedmodel.Graph, _ *savedmodel.Node) {
			g.Outputs["read"].Node.Op = "VariableShape"
		}, "gets: that is not supported"},
	} {
		if _, err := assigning(t, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	// An assignment to a variable that no output reads is left out.
	p, err := assigning(t, func(g *savedmodel.Graph, _ *savedmodel.Node) { g.Outputs["y"] = g.Inputs["x"] })
	if err != nil || p.Stateful() {
		t.Errorf("a variable that nobody reads: %v", err)
	}
}

// A loop that is recognised leaves its counters as it would have counted, in either
// type of integer.
func TestCounters(t *testing.T) {
	in := []value.Value{{Tensor: fixture.NewTensor(t, []int32{3})}, {}, {Tensor: fixture.NewTensor(t, []int64{-2})}}
	var c Counters
	for _, steps := range []int{5, 0, 7} {
		out := make([]value.Value, 3)
		if err := c.Count([]int{0, 2}, in, out, steps); err != nil {
			t.Fatal(err)
		}
		if !out[0].Tensor.BitEqual(fixture.NewTensor(t, []int32{int32(3 + steps)})) || !out[2].Tensor.BitEqual(fixture.NewTensor(t, []int64{int64(steps - 2)})) || out[1].Tensor != nil {
			t.Errorf("after %d steps: %s and %s", steps, graphtest.ElementsText(out[0].Tensor), graphtest.ElementsText(out[2].Tensor))
		}
	}
	for _, bad := range []value.Value{{}, {Tensor: fixture.NewTensor(t, []float32{1})}} {
		if err := new(Counters).Count([]int{0}, []value.Value{bad}, make([]value.Value, 1), 1); err == nil || !strings.Contains(err.Error(), "the counter") {
			t.Errorf("a counter that is %v: error %v", bad, err)
		}
	}
}

// A loop takes as many steps as its lowest bound says, which is a constant or one of
// its variables, the first of them too.
func TestStepsOfALoop(t *testing.T) {
	in := []value.Value{{Tensor: fixture.NewTensor(t, []int32{5})}, {Tensor: fixture.NewTensor(t, []int64{3})}, {Tensor: fixture.NewTensor(t, []float32{1})}}
	constant := func(n int64) recurrent.Bound { return recurrent.Bound{Const: n, Variable: -1} }
	variable := func(i int) recurrent.Bound { return recurrent.Bound{Const: 1, Variable: i} }
	for _, c := range []struct {
		bounds []recurrent.Bound
		n      int
		known  bool
	}{
		{[]recurrent.Bound{constant(4)}, 4, true}, {[]recurrent.Bound{variable(0)}, 5, true}, {[]recurrent.Bound{variable(1)}, 3, true},
		{[]recurrent.Bound{constant(4), variable(0)}, 4, true}, {[]recurrent.Bound{variable(0), variable(1)}, 3, true}, {[]recurrent.Bound{variable(1), constant(3)}, 3, true},
		{[]recurrent.Bound{constant(4), variable(2)}, 0, false}, {nil, 0, false},
	} {
		if n, known := StepsOf(c.bounds, in); known != c.known || known && n != c.n {
			t.Errorf("%v: %d steps, %v, want %d", c.bounds, n, known, c.n)
		}
	}
}

// Begins and ends of rows count from 0 and from 1 on, in tensors (n, 1).
func TestCountingTensors(t *testing.T) {
	for _, c := range []struct {
		x       *lockstep.Tensor
		n, from int
		want    bool
	}{
		{fixture.NewTensor(t, []int32{0, 1, 2}, 3, 1), 3, 0, true}, {fixture.NewTensor(t, []int64{0, 1, 2}, 3, 1), 3, 0, true},
		{fixture.NewTensor(t, []int32{1, 2, 3}, 3, 1), 3, 1, true}, {fixture.NewTensor(t, []int64{1, 2, 3}, 3, 1), 3, 1, true},
		{fixture.NewTensor(t, []int32{0, 1, 3}, 3, 1), 3, 0, false}, {fixture.NewTensor(t, []int64{0, 1, 3}, 3, 1), 3, 0, false},
		{fixture.NewTensor(t, []int32{0, 1, 2}, 3, 1), 3, 1, false}, {fixture.NewTensor(t, []int64{0, 1, 2}, 3, 1), 3, 1, false},
		{fixture.NewTensor(t, []int32{0, 1, 2}, 3, 1), 2, 0, false}, {fixture.NewTensor(t, []int32{0, 1, 2}, 3), 3, 0, false},
		{fixture.NewTensor(t, []int32{0, 1}, 1, 2), 1, 0, false}, {fixture.NewTensor(t, []float32{0, 1}, 2, 1), 2, 0, false}, {nil, 1, 0, false},
	} {
		if got := counting(c.x, c.n, c.from); got != c.want {
			t.Errorf("%v counts %d numbers from %d on: %v", c.x, c.n, c.from, got)
		}
	}
}
