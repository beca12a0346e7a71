package streaming

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// around is a recurrent layer, and what stands around it in the graph.
type around struct {
	g    *savedmodel.Graph
	r    *recurrent.Recurrence
	x    savedmodel.Ref // what is fed
	list *savedmodel.Node
}

// result makes what is drawn the model's only output.
func (a around) result(d *graphtest.Drawing, inputs map[string]savedmodel.Ref, want string) {
	a.g.Outputs = map[string]savedmodel.Ref{"y": graphtest.Graft(d, a.g, nil, inputs, want)[0]}
}

// change is what is changed around the layer, and words of the refusal to stream the
// model then; "" where it is still streamed.
type change struct {
	make  func(t *testing.T, a around)
	words string
}

var (
	maskedLayers = []string{"gru_masked_tfkeras", "simplernn_masked_zero_keras3"}
	layers       = append([]string{"gru_states_keras3", "states_out_keras3"}, maskedLayers...)
)

// A recurrent layer in surroundings that it must not have, or may: its initial states,
func TestCausalLoops(t *testing.T) {
	tryChanges(t, layers, map[string]change{
		"as it is": {func(*testing.T, around) {}, ""},
		"it begins with a constant": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h := d.Input("h", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.Op("AddV2", nil, h, d.Floats(nil, 0.25))
			a.r.Loop.Inputs[state] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state]}, y)[0]
		}, ""},
		"it begins with the number of steps": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h, x := d.Input("h", lockstep.Float32), d.Input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.Op("AddV2", nil, h, d.Float(d.Steps(x)))
			a.r.Loop.Inputs[state] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, counts},
		"it begins with whether there are many steps": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h, x := d.Input("h", lockstep.Float32), d.Input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.Op("AddV2", nil, h, d.Float(d.Integer("FloorDiv", d.Steps(x), d.Int(100))))
			a.r.Loop.Inputs[state] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, counts},
		"it begins with the last step": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h, x := d.Input("h", lockstep.Float32), d.Input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.Op("AddV2", nil, h, d.Op("Sum", graphtest.Attrs{"keep_dims": true}, d.Last(x), d.Ints(1)))
			a.r.Loop.Inputs[state] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, "it begins with a value of the steps themselves"},
	})
}

// what is returned of it,
func TestResultsOfCausalLoops(t *testing.T) {
	tryChanges(t, layers, map[string]change{
		"its counter is an output": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			n := d.Input("n", lockstep.Int32)
			a.result(d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Counter}}, d.Float(d.Integer("FloorMod", n, d.Int(2))))
		}, counts},
		"its counter is beside its state": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			n, h := d.Input("n", lockstep.Int32), d.Input("h", lockstep.Float32)
			y := d.Op("Mul", nil, h, d.Float(d.Integer("FloorMod", n, d.Int(2))))
			a.result(d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Counter}, "h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, y)
		}, counts},
		"its bound is beside its state": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			n, h := d.Input("n", lockstep.Int32), d.Input("h", lockstep.Float32)
			y := d.Op("Mul", nil, h, d.Float(d.Integer("FloorMod", n, d.Int(2))))
			a.result(d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Bounds[0].Variable}, "h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, y)
		}, counts},
		"its state beside a constant": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h := d.Input("h", lockstep.Float32)
			a.result(d, map[string]savedmodel.Ref{"h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, d.Op("Mul", nil, h, d.Floats(nil, 3)))
		}, ""},
		"its state beside what it began with": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			h, before := d.Input("h", lockstep.Float32), d.Input("before", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			a.result(d, map[string]savedmodel.Ref{"h": {Node: a.r.Loop, Index: state}, "before": a.r.Loop.Inputs[state]}, d.Op("Sub", nil, h, before))
		}, ""},
	})
}

// what it steps through,
func TestStepsOfCausalLoops(t *testing.T) {
	tryChanges(t, layers, map[string]change{
		"it takes at most nine steps": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			n := d.Input("n", lockstep.Int32)
			y := d.Integer("Minimum", n, d.Int(9))
			for _, b := range a.r.Bounds {
				a.r.Loop.Inputs[b.Variable] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"n": a.r.Loop.Inputs[b.Variable]}, y)[0]
				break
			}
		}, "its number of steps"},
		"it takes at most nine steps by its condition": {func(t *testing.T, a around) {
			a.r.Bounds = append(a.r.Bounds, recurrent.Bound{Variable: -1, Const: 9})
		}, "it takes 9 steps at most"},
		"it takes all but one step": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			n := d.Input("n", lockstep.Int32)
			y := d.Integer("Sub", n, d.Int(1))
			at := a.r.Bounds[0].Variable
			a.r.Loop.Inputs[at] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"n": a.r.Loop.Inputs[at]}, y)[0]
		}, "with 1 steps"},
		"its list has two elements for each step": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			x := d.Input("x", lockstep.Float32) // (T, B, F)
			y := d.Op("ConcatV2", nil, x, x, d.Int(1))
			y = d.Op("Reshape", nil, y, d.Shape(d.Int(-1), d.Axis(x, 1), d.Axis(x, 2)))
			a.list.Inputs[0] = graphtest.Graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, "it does not read the time steps in their order"},
		"its list is of the batch": {func(t *testing.T, a around) {
			a.list.Inputs[0] = a.x
		}, "with 7 steps"},
		"its list is of other steps": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			x := d.Input("x", lockstep.Float32) // (T, B, F)
			y := d.Op("Fill", nil, d.Op("Shape", nil, x), d.Floats(nil, 1))
			a.list.Inputs[0] = graphtest.Graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, counts},
		"its list is of steps in the opposite order": {func(t *testing.T, a around) {
			d := graphtest.Draw(t)
			x := d.Input("x", lockstep.Float32)
			y := d.Op("ReverseV2", nil, x, d.Ints(0))
			a.list.Inputs[0] = graphtest.Graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, "a ReverseV2 may mix"},
	})
}

// and its masks.
func TestMasksOfCausalLoops(t *testing.T) {
	tryChanges(t, maskedLayers, map[string]change{
		"its masks are of the batch": {func(t *testing.T, a around) {
			n := a.r.Loop.Inputs[a.r.Mask.Steps].Through().Node
			d := graphtest.Draw(t)
			old := d.Input("old", lockstep.Bool)
			n.Inputs[0] = graphtest.Graft(d, a.g, n, map[string]savedmodel.Ref{"old": n.Inputs[0]}, d.Op("LogicalNot", nil, d.Op("ReverseV2", graphtest.Attrs{"T": lockstep.Bool}, old, d.Ints(0))))[0]
		}, "a ReverseV2 may mix"},
		"its masks are all true": {func(t *testing.T, a around) {
			n := a.r.Loop.Inputs[a.r.Mask.Steps].Through().Node
			d := graphtest.Draw(t)
			old := d.Input("old", lockstep.Bool)
			n.Inputs[0] = graphtest.Graft(d, a.g, n, map[string]savedmodel.Ref{"old": n.Inputs[0]}, d.Op("OnesLike", graphtest.Attrs{"T": lockstep.Bool}, old))[0]
		}, "it does not read the time steps in their order"},
		"what masked rows repeat, or are, is the number of steps": {func(t *testing.T, a around) {
			at := max(a.r.Mask.Previous, a.r.Mask.Zeros)
			d := graphtest.Draw(t)
			h, x := d.Input("h", lockstep.Float32), d.Input("x", lockstep.Float32)
			y := d.Op("AddV2", nil, h, d.Float(d.Integer("FloorDiv", d.Steps(x), d.Int(100))))
			a.r.Loop.Inputs[at] = graphtest.Graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[at], "x": a.x}, y)[0]
		}, counts},
	})
}

func tryChanges(t *testing.T, models []string, changes map[string]change) {
	for name, c := range changes {
		for _, model := range models {
			t.Run(name+", "+model, func(t *testing.T) {
				tryChange(t, name, model, c)
			})
		}
	}
}

func tryChange(t *testing.T, name, model string, c change) {
	m, g, found := graphtest.GraphOf(t, model)
	a := around{g: g, r: found.Recurrences[len(found.Recurrences)-1]}
	a.list = a.r.Loop.Inputs[a.r.Steps].Through().Node
	if a.list.Op != "TensorListFromTensor" {
		t.Fatalf("the steps are a %s", a.list.Op)
	}
	fixed, step := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	for _, spec := range g.Signature.Inputs {
		if spec.Shape[1] >= 0 { // the encoder's
			fixed[spec.Name] = graphtest.Noise(t, spec.DType, 7, 2, spec.Shape[1], spec.Shape[2])
			continue
		}
		step[spec.Name] = graphtest.Noise(t, spec.DType, 7, append([]int{2, 1}, spec.Shape[2:]...)...)
		a.x = g.Inputs[spec.Name]
	}
	words := c.words
	if name == "its list is of other steps" && a.r.Mask != nil { // and only its masks are fed
		words = "it does not read the time steps in their order"
	}
	c.make(t, a)
	p, err := engine.Compile(g, engine.Options{Variable: graphtest.ValuesOf(m), Weight: graphtest.ValuesOf(m), Recurrences: found.Recurrences})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	checkStream(t, p, fixed, step, 1, words)
}
