package engine

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// A call's answer is that of a new program, whatever calls with inputs of the
// same shapes came before it: what is computed once for the shapes alone must
// not have read an element.
func TestPlansDoNotRememberValues(t *testing.T) {
	f32, i32, yes := lockstep.Float32, lockstep.Int32, lockstep.Bool
	for name, c := range map[string]struct {
		inputs map[string]lockstep.DType
		draw   func(d *graphtest.Drawing) string
		calls  []map[string]*lockstep.Tensor
	}{
		"numbers to look up": {
			map[string]lockstep.DType{"i": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("GatherV2", nil, d.Floats([]int{4, 2}, 1, 2, 3, 4, 5, 6, 7, 8), "i", d.Int(0))
			},
			[]map[string]*lockstep.Tensor{{"i": fixture.NewTensor(t, []int32{0, 1}, 2)}, {"i": fixture.NewTensor(t, []int32{3, 2}, 2)}, {"i": fixture.NewTensor(t, []int32{1, 1}, 2)}},
		},
		// The plan for three does not fit five, in the second call of five as
		// in the first, though the view is the one that it was.
		"the shape of a view": {
			map[string]lockstep.DType{"n": i32},
			func(d *graphtest.Drawing) string {
				numbers := d.Op("Neg", graphtest.Attrs{"T": i32}, d.Op("Range", graphtest.Attrs{"Tidx": i32}, d.Int(0), "n", d.Int(1)))
				return d.Op("Shape", graphtest.Attrs{"T": i32, "out_type": i32}, d.Op("Identity", graphtest.Attrs{"T": i32}, numbers))
			},
			[]map[string]*lockstep.Tensor{
				{"n": fixture.NewTensor(t, []int32{3})}, {"n": fixture.NewTensor(t, []int32{5})}, {"n": fixture.NewTensor(t, []int32{5})}, {"n": fixture.NewTensor(t, []int32{3})}, {"n": fixture.NewTensor(t, []int32{5})},
			},
		},
		"an axis to look up along": {
			map[string]lockstep.DType{"x": f32, "i": i32, "axis": i32},
			func(d *graphtest.Drawing) string { return d.Op("GatherV2", nil, "x", "i", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"a shape": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string { return d.Op("Reshape", nil, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{4, 1}), twoByTwo(t, 2, []int32{1, 4}), twoByTwo(t, 3, []int32{2, 2}), twoByTwo(t, 4, []int32{4, 1})},
		},
		"an axis that is put in": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *graphtest.Drawing) string { return d.Op("ExpandDims", nil, "x", "axis") },
			calls(t, "axis", 0, 2, 1, 0),
		},
		"an order of axes": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string { return d.Op("Transpose", nil, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{0, 1}), twoByTwo(t, 2, []int32{1, 0}), twoByTwo(t, 3, []int32{0, 1})},
		},
		"where a slice begins": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("StridedSlice", graphtest.Attrs{"shrink_axis_mask": 3}, "x", "i", d.Ints(2, 2), d.Ints(1, 1))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{0, 1}), twoByTwo(t, 2, []int32{1, 0}), twoByTwo(t, 3, []int32{1, 1})},
		},
		"how long a slice is": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string { return d.Op("Slice", nil, "x", d.Ints(0, 0), "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{2, 2})},
		},
		"how often to repeat": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string { return d.Op("Tile", graphtest.Attrs{"Tmultiples": i32}, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{0, 3})},
		},
		"how much to pad": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("Pad", graphtest.Attrs{"Tpaddings": i32}, "x", d.Op("Reshape", graphtest.Attrs{"T": i32}, d.Op("ConcatV2", graphtest.Attrs{"T": i32}, "i", "i", d.Int(0)), d.Ints(2, 2)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{0, 3})},
		},
		"an axis to turn": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("ReverseV2", nil, "x", d.Op("Reshape", graphtest.Attrs{"T": i32}, "axis", d.Ints(1)))
			},
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to join along": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *graphtest.Drawing) string { return d.Op("ConcatV2", nil, "x", "x", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to sum over": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *graphtest.Drawing) string { return d.Op("Sum", graphtest.Attrs{"keep_dims": true}, "x", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to split": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("Split", graphtest.Attrs{"num_split": 2}, "axis", "x") + ":1"
			},
			calls(t, "axis", 0, 1, 0),
		},
		"a shape to spread over": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("BroadcastTo", nil, "x", d.Op("ConcatV2", graphtest.Attrs{"T": i32}, "i", d.Ints(2, 2), d.Int(0)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{3}), twoByTwo(t, 2, []int32{1}), twoByTwo(t, 3, []int32{4})},
		},
		"a shape to fill": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *graphtest.Drawing) string {
				return d.Op("Fill", nil, d.Op("ConcatV2", graphtest.Attrs{"T": i32}, "i", d.Ints(2), d.Int(0)), d.Op("Sum", graphtest.Attrs{"keep_dims": false}, "x", d.Ints(0, 1)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{3}), twoByTwo(t, 2, []int32{1}), twoByTwo(t, 3, []int32{4})},
		},
		"a range, and its shape": {
			map[string]lockstep.DType{"n": i32},
			func(d *graphtest.Drawing) string {
				at := d.Op("Range", nil, d.Int(0), "n", d.Int(1))
				n := d.Axis(at, 0)
				return d.Op("AddV2", graphtest.Attrs{"T": i32}, d.Integer("Mul", n, n), at)
			},
			[]map[string]*lockstep.Tensor{{"n": fixture.NewTensor(t, []int32{3})}, {"n": fixture.NewTensor(t, []int32{5})}, {"n": fixture.NewTensor(t, []int32{0})}, {"n": fixture.NewTensor(t, []int32{3})}},
		},
		"where something is, and how often": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				at := d.Op("Where", graphtest.Attrs{"T": yes}, d.Op("Greater", nil, "x", d.Floats(nil, 2)))
				n := d.Op("Cast", graphtest.Attrs{"SrcT": i32, "DstT": lockstep.Int64}, d.Axis(at, 0))
				return d.Op("AddV2", graphtest.Attrs{"T": lockstep.Int64}, at, n)
			},
			[]map[string]*lockstep.Tensor{{"x": fixture.NewTensor(t, []float32{1, 2, 3}, 3)}, {"x": fixture.NewTensor(t, []float32{3, 3, 3}, 3)}, {"x": fixture.NewTensor(t, []float32{0, 0, 0}, 3)}, {"x": fixture.NewTensor(t, []float32{3, 0, 0}, 3)}},
		},
		"the rows of a mask, and their mean": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				at := d.Op("Where", graphtest.Attrs{"T": yes}, d.Op("Greater", nil, "x", d.Floats(nil, 2)))
				rows := d.Op("GatherV2", graphtest.Attrs{"Tindices": lockstep.Int64}, "x", d.Op("Squeeze", graphtest.Attrs{"T": lockstep.Int64, "squeeze_dims": []int{1}}, at), d.Int(0))
				sum := d.Op("Sum", graphtest.Attrs{"keep_dims": false}, rows, d.Ints(0))
				return d.Op("RealDiv", nil, sum, d.Float(d.Op("Size", nil, rows)))
			},
			[]map[string]*lockstep.Tensor{{"x": fixture.NewTensor(t, []float32{1, 2, 3}, 3)}, {"x": fixture.NewTensor(t, []float32{3, 4, 5}, 3)}, {"x": fixture.NewTensor(t, []float32{9, 0, 3}, 3)}},
		},
		"zeros like the rows of a mask": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				at := d.Op("Where", graphtest.Attrs{"T": yes}, d.Op("Greater", nil, "x", d.Floats(nil, 2)))
				return d.Op("OnesLike", graphtest.Attrs{"T": lockstep.Int64}, at)
			},
			[]map[string]*lockstep.Tensor{{"x": fixture.NewTensor(t, []float32{1, 2, 3}, 3)}, {"x": fixture.NewTensor(t, []float32{3, 4, 5}, 3)}, {"x": fixture.NewTensor(t, []float32{9, 0, 3}, 3)}},
		},
		"one and none of several numbers": {
			map[string]lockstep.DType{"x": i32},
			func(d *graphtest.Drawing) string {
				u := d.Op("Unique", graphtest.Attrs{"T": i32, "out_idx": i32}, "x")
				return d.Op("AddV2", graphtest.Attrs{"T": i32}, d.Axis(u, 0), u)
			},
			[]map[string]*lockstep.Tensor{{"x": fixture.NewTensor(t, []int32{1, 2, 1}, 3)}, {"x": fixture.NewTensor(t, []int32{1, 1, 1}, 3)}, {"x": fixture.NewTensor(t, []int32{3, 2, 1}, 3)}},
		},
		"the shape alone": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string { return d.Op("Shape", nil, "x") },
			calls(t, "", 0, 0),
		},
		"a constant": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				return d.Op("AddV2", nil, d.Floats(nil, 1), d.Floats([]int{2}, 3, 4))
			},
			calls(t, "", 0, 0),
		},
		"zeros like the input": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string { return d.Op("ZerosLike", nil, "x") },
			calls(t, "", 0, 0),
		},
		"the input itself": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string { return "x" },
			calls(t, "", 0, 0),
		},
		"the input under another shape": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string { return d.Op("Reshape", nil, "x", d.Ints(-1)) },
			calls(t, "", 0, 0),
		},
		"a variable": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				return d.Op("ReadVariableOp", graphtest.Attrs{"dtype": f32}, d.Variable(fixture.NewTensor(t, []float32{5, 6}, 2)))
			},
			calls(t, "", 0, 0),
		},
		"one of two branches": {
			map[string]lockstep.DType{"x": f32},
			func(d *graphtest.Drawing) string {
				yes, no := graphtest.Draw(t), graphtest.Draw(t)
				a, b := yes.Arg(f32), no.Arg(f32)
				then := d.Function("yes", yes, yes.Op("Sum", graphtest.Attrs{"keep_dims": false}, a, yes.Ints(0)))
				other := d.Function("no", no, no.Op("Neg", nil, b))
				which := d.Op("Greater", nil, d.Op("Sum", graphtest.Attrs{"keep_dims": false}, "x", d.Ints(0, 1)), d.Floats(nil, 0))
				y := d.If(which, "x", then, other)
				return d.Op("AddV2", nil, d.Op("Neg", nil, y), d.Float(d.Op("Rank", nil, y)))
			},
			[]map[string]*lockstep.Tensor{
				{"x": fixture.NewTensor(t, []float32{1, 2, 3, 4}, 2, 2)}, {"x": fixture.NewTensor(t, []float32{-1, 2, -3, 0}, 2, 2)}, {"x": fixture.NewTensor(t, []float32{7, 0, 0, 0}, 2, 2)},
			},
		},
		"as many rounds as a number": {
			map[string]lockstep.DType{"x": f32, "n": i32},
			func(d *graphtest.Drawing) string {
				cond, body := graphtest.Draw(t), graphtest.Draw(t)
				var of, in []string
				for _, dtype := range []lockstep.DType{i32, i32, f32} {
					of, in = append(of, cond.Arg(dtype)), append(in, body.Arg(dtype))
				}
				while := d.Function("more", cond, cond.Integer("Less", of[0], of[1]))
				do := d.Function("round", body, body.Integer("AddV2", in[0], body.Int(1)), in[1], body.Op("ConcatV2", nil, in[2], in[2], body.Int(0)))
				w := d.Op("StatelessWhile", graphtest.Attrs{"T": []lockstep.DType{i32, i32, f32}, "cond": while, "body": do}, d.Int(0), "n", "x")
				return d.Op("AddV2", nil, w+":2", d.Float(d.Axis(w+":2", 0)))
			},
			[]map[string]*lockstep.Tensor{
				{"x": fixture.NewTensor(t, []float32{1}, 1), "n": fixture.NewTensor(t, []int32{2})}, {"x": fixture.NewTensor(t, []float32{2}, 1), "n": fixture.NewTensor(t, []int32{0})}, {"x": fixture.NewTensor(t, []float32{3}, 1), "n": fixture.NewTensor(t, []int32{3})},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			make := func() *Program {
				d := graphtest.Draw(t)
				for name, dtype := range c.inputs {
					d.Input(name, dtype)
				}
				return compileDrawing(d, map[string]string{"y": c.draw(d)})
			}
			p, r := make(), make().NewRunner()
			for round := range 3 {
				for i, inputs := range c.calls {
					want, _, err := make().Run(t.Context(), inputs, false)
					if err != nil {
						t.Fatal(err)
					}
					got, _, err := p.Run(t.Context(), inputs, false)
					if err != nil {
						t.Fatal(err)
					}
					if !got["y"].BitEqual(want["y"]) {
						t.Errorf("round %d, call %d: %s", round, i, graphtest.Show(got["y"], want["y"]))
					}
					overwrite[float32](got["y"]) // it is the caller's own
					overwrite[int32](got["y"])
					overwrite[int64](got["y"])
					own, _, err := r.Run(t.Context(), inputs)
					if err != nil {
						t.Fatal(err)
					}
					if !own["y"].BitEqual(want["y"]) {
						t.Errorf("Runner, round %d, call %d: %s", round, i, graphtest.Show(own["y"], want["y"]))
					}
				}
			}
		})
	}
}

// twoByTwo are inputs x (2, 2), of a number and the next ones, and i.
func twoByTwo(t *testing.T, from float32, i []int32) map[string]*lockstep.Tensor {
	return map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{from, from + 1, from + 2, from + 3}, 2, 2), "i": fixture.NewTensor(t, i, len(i))}
}

// calls are inputs x (2, 2) and i, (1), and a number of another name for each.
func calls(t *testing.T, name string, numbers ...int32) []map[string]*lockstep.Tensor {
	var out []map[string]*lockstep.Tensor
	for k, n := range numbers {
		in := twoByTwo(t, float32(10*k), []int32{int32(k % 2)})
		if name != "" {
			in[name] = fixture.NewTensor(t, []int32{n})
		}
		out = append(out, in)
	}
	return out
}

// An operation that failed does not count as done when the next call gives it
// the same memory.
func TestViewsAfterAnError(t *testing.T) {
	make := func() *Program {
		d := graphtest.Draw(t)
		d.Input("x", lockstep.Float32)
		at := d.Op("Where", graphtest.Attrs{"T": lockstep.Bool}, d.Op("Greater", nil, "x", d.Floats(nil, 2)))
		rows := d.Op("Neg", nil, d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Int64, "DstT": lockstep.Float32}, at))
		return compileDrawing(d, map[string]string{"y": d.Op("Reshape", nil, rows, d.Ints(1, 2))})
	}
	two, three := fixture.NewTensor(t, []float32{1, 3, 4}, 3), fixture.NewTensor(t, []float32{3, 4, 5}, 3)
	other := fixture.NewTensor(t, []float32{3, 1, 4}, 3)
	r := make().NewRunner()
	for i, x := range []*lockstep.Tensor{two, two, three, three, three, other, three, two, other, three} {
		inputs := map[string]*lockstep.Tensor{"x": x}
		want, _, errWant := make().Run(t.Context(), inputs, false)
		got, _, err := r.Run(t.Context(), inputs)
		if (err == nil) != (errWant == nil) {
			t.Fatalf("call %d: error %v, want %v", i, err, errWant)
		}
		if err == nil && !got["y"].BitEqual(want["y"]) {
			t.Errorf("call %d: %s", i, graphtest.Show(got["y"], want["y"]))
		}
	}
}

func overwrite[E float32 | int32 | int64](x *lockstep.Tensor) {
	d, err := lockstep.Data[E](x)
	if err == nil {
		for i := range d {
			d[i] = 99
		}
	}
}

// A branch that gets a variable by its own handle would not see what a call
// assigned to it, and is refused; one that is never assigned to it may.
func TestHandlesInsideOfFunctions(t *testing.T) {
	for _, assigns := range []bool{false, true} {
		d := graphtest.Draw(t)
		x := d.Input("x", lockstep.Float32)
		v := d.Variable(fixture.NewTensor(t, []float32{1, 2}, 2))
		yes, no := graphtest.Draw(t), graphtest.Draw(t)
		a, b := yes.Arg(lockstep.Float32), no.Arg(lockstep.Float32)
		inner := yes.Op("VarHandleOp", graphtest.Attrs{"dtype": lockstep.Float32, "shared_name": v})
		d.Variables[inner] = d.Variables[v]
		then := d.Function("yes", yes, yes.Op("AddV2", nil, a, yes.Op("ReadVariableOp", graphtest.Attrs{"dtype": lockstep.Float32}, inner)))
		other := d.Function("no", no, no.Op("Neg", nil, b))
		which := d.Op("Greater", nil, d.Op("Sum", graphtest.Attrs{"keep_dims": false}, x, d.Ints(0)), d.Floats(nil, 0))
		y := d.If(which, x, then, other)
		outputs := map[string]string{"y": y}
		if assigns {
			outputs["handle"] = v
		}
		_, g := d.Flatten(outputs)
		if assigns {
			// No signature's own graph has an effect: it is put there.
			g.Effects = append(g.Effects, &savedmodel.Node{Name: "assign", Op: "AssignVariableOp", Inputs: []savedmodel.Ref{g.Outputs["handle"], g.Outputs["y"]}})
			delete(g.Outputs, "handle")
		}
		p, err := Compile(g, Options{Variable: func(handle savedmodel.Ref) (*lockstep.Tensor, error) { return d.Variables[handle.Node.Name], nil }})
		if assigns {
			if err == nil || !strings.Contains(err.Error(), "a function's own") {
				t.Errorf("error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{3, 4}, 2)}, false)
		if err != nil || !out["y"].BitEqual(fixture.NewTensor(t, []float32{4, 6}, 2)) {
			t.Errorf("%s, %v", graphtest.ElementsText(out["y"]), err)
		}
	}
}
