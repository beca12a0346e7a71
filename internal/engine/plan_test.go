package engine

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// A call's answer is that of a new program, whatever calls with inputs of the
// same shapes came before it: what is computed once for the shapes alone must
// not have read an element.
func TestPlansDoNotRememberValues(t *testing.T) {
	f32, i32, yes := lockstep.Float32, lockstep.Int32, lockstep.Bool
	for name, c := range map[string]struct {
		inputs map[string]lockstep.DType
		draw   func(d *drawing) string
		calls  []map[string]*lockstep.Tensor
	}{
		"numbers to look up": {
			map[string]lockstep.DType{"i": i32},
			func(d *drawing) string {
				return d.op("GatherV2", nil, d.floats([]int{4, 2}, 1, 2, 3, 4, 5, 6, 7, 8), "i", d.int(0))
			},
			[]map[string]*lockstep.Tensor{{"i": newTensor(t, []int32{0, 1}, 2)}, {"i": newTensor(t, []int32{3, 2}, 2)}, {"i": newTensor(t, []int32{1, 1}, 2)}},
		},
		// The plan of three is none for five, in the second call of five as in the
		// first, though the view is the one that it was.
		"the shape of a view": {
			map[string]lockstep.DType{"n": i32},
			func(d *drawing) string {
				numbers := d.op("Neg", attrs{"T": i32}, d.op("Range", attrs{"Tidx": i32}, d.int(0), "n", d.int(1)))
				return d.op("Shape", attrs{"T": i32, "out_type": i32}, d.op("Identity", attrs{"T": i32}, numbers))
			},
			[]map[string]*lockstep.Tensor{
				{"n": newTensor(t, []int32{3})}, {"n": newTensor(t, []int32{5})}, {"n": newTensor(t, []int32{5})}, {"n": newTensor(t, []int32{3})}, {"n": newTensor(t, []int32{5})},
			},
		},
		"an axis to look up along": {
			map[string]lockstep.DType{"x": f32, "i": i32, "axis": i32},
			func(d *drawing) string { return d.op("GatherV2", nil, "x", "i", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"a shape": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string { return d.op("Reshape", nil, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{4, 1}), twoByTwo(t, 2, []int32{1, 4}), twoByTwo(t, 3, []int32{2, 2}), twoByTwo(t, 4, []int32{4, 1})},
		},
		"an axis that is put in": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *drawing) string { return d.op("ExpandDims", nil, "x", "axis") },
			calls(t, "axis", 0, 2, 1, 0),
		},
		"an order of axes": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string { return d.op("Transpose", nil, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{0, 1}), twoByTwo(t, 2, []int32{1, 0}), twoByTwo(t, 3, []int32{0, 1})},
		},
		"where a slice begins": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string {
				return d.op("StridedSlice", attrs{"shrink_axis_mask": 3}, "x", "i", d.ints(2, 2), d.ints(1, 1))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{0, 1}), twoByTwo(t, 2, []int32{1, 0}), twoByTwo(t, 3, []int32{1, 1})},
		},
		"how long a slice is": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string { return d.op("Slice", nil, "x", d.ints(0, 0), "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{2, 2})},
		},
		"how often to repeat": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string { return d.op("Tile", attrs{"Tmultiples": i32}, "x", "i") },
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{0, 3})},
		},
		"how much to pad": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string {
				return d.op("Pad", attrs{"Tpaddings": i32}, "x", d.op("Reshape", attrs{"T": i32}, d.op("ConcatV2", attrs{"T": i32}, "i", "i", d.int(0)), d.ints(2, 2)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{1, 2}), twoByTwo(t, 2, []int32{2, 1}), twoByTwo(t, 3, []int32{0, 3})},
		},
		"an axis to turn": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *drawing) string {
				return d.op("ReverseV2", nil, "x", d.op("Reshape", attrs{"T": i32}, "axis", d.ints(1)))
			},
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to join along": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *drawing) string { return d.op("ConcatV2", nil, "x", "x", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to sum over": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *drawing) string { return d.op("Sum", attrs{"keep_dims": true}, "x", "axis") },
			calls(t, "axis", 0, 1, 0),
		},
		"an axis to split": {
			map[string]lockstep.DType{"x": f32, "axis": i32},
			func(d *drawing) string { return d.op("Split", attrs{"num_split": 2}, "axis", "x") + ":1" },
			calls(t, "axis", 0, 1, 0),
		},
		"a shape to spread over": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string {
				return d.op("BroadcastTo", nil, "x", d.op("ConcatV2", attrs{"T": i32}, "i", d.ints(2, 2), d.int(0)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{3}), twoByTwo(t, 2, []int32{1}), twoByTwo(t, 3, []int32{4})},
		},
		"a shape to fill": {
			map[string]lockstep.DType{"x": f32, "i": i32},
			func(d *drawing) string {
				return d.op("Fill", nil, d.op("ConcatV2", attrs{"T": i32}, "i", d.ints(2), d.int(0)), d.op("Sum", attrs{"keep_dims": false}, "x", d.ints(0, 1)))
			},
			[]map[string]*lockstep.Tensor{twoByTwo(t, 1, []int32{3}), twoByTwo(t, 2, []int32{1}), twoByTwo(t, 3, []int32{4})},
		},
		"a range, and its shape": {
			map[string]lockstep.DType{"n": i32},
			func(d *drawing) string {
				at := d.op("Range", nil, d.int(0), "n", d.int(1))
				n := d.axis(at, 0)
				return d.op("AddV2", attrs{"T": i32}, d.integer("Mul", n, n), at)
			},
			[]map[string]*lockstep.Tensor{{"n": newTensor(t, []int32{3})}, {"n": newTensor(t, []int32{5})}, {"n": newTensor(t, []int32{0})}, {"n": newTensor(t, []int32{3})}},
		},
		"where something is, and how often": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string {
				at := d.op("Where", attrs{"T": yes}, d.op("Greater", nil, "x", d.floats(nil, 2)))
				n := d.op("Cast", attrs{"SrcT": i32, "DstT": lockstep.Int64}, d.axis(at, 0))
				return d.op("AddV2", attrs{"T": lockstep.Int64}, at, n)
			},
			[]map[string]*lockstep.Tensor{{"x": newTensor(t, []float32{1, 2, 3}, 3)}, {"x": newTensor(t, []float32{3, 3, 3}, 3)}, {"x": newTensor(t, []float32{0, 0, 0}, 3)}, {"x": newTensor(t, []float32{3, 0, 0}, 3)}},
		},
		"the rows of a mask, and their mean": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string {
				at := d.op("Where", attrs{"T": yes}, d.op("Greater", nil, "x", d.floats(nil, 2)))
				rows := d.op("GatherV2", attrs{"Tindices": lockstep.Int64}, "x", d.op("Squeeze", attrs{"T": lockstep.Int64, "squeeze_dims": []int{1}}, at), d.int(0))
				sum := d.op("Sum", attrs{"keep_dims": false}, rows, d.ints(0))
				return d.op("RealDiv", nil, sum, d.float(d.op("Size", nil, rows)))
			},
			[]map[string]*lockstep.Tensor{{"x": newTensor(t, []float32{1, 2, 3}, 3)}, {"x": newTensor(t, []float32{3, 4, 5}, 3)}, {"x": newTensor(t, []float32{9, 0, 3}, 3)}},
		},
		"zeros like the rows of a mask": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string {
				at := d.op("Where", attrs{"T": yes}, d.op("Greater", nil, "x", d.floats(nil, 2)))
				return d.op("OnesLike", attrs{"T": lockstep.Int64}, at)
			},
			[]map[string]*lockstep.Tensor{{"x": newTensor(t, []float32{1, 2, 3}, 3)}, {"x": newTensor(t, []float32{3, 4, 5}, 3)}, {"x": newTensor(t, []float32{9, 0, 3}, 3)}},
		},
		"one and none of several numbers": {
			map[string]lockstep.DType{"x": i32},
			func(d *drawing) string {
				u := d.op("Unique", attrs{"T": i32, "out_idx": i32}, "x")
				return d.op("AddV2", attrs{"T": i32}, d.axis(u, 0), u)
			},
			[]map[string]*lockstep.Tensor{{"x": newTensor(t, []int32{1, 2, 1}, 3)}, {"x": newTensor(t, []int32{1, 1, 1}, 3)}, {"x": newTensor(t, []int32{3, 2, 1}, 3)}},
		},
		"the shape alone": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string { return d.op("Shape", nil, "x") },
			calls(t, "", 0, 0),
		},
		"a constant": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string { return d.op("AddV2", nil, d.floats(nil, 1), d.floats([]int{2}, 3, 4)) },
			calls(t, "", 0, 0),
		},
		"zeros like the input": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string { return d.op("ZerosLike", nil, "x") },
			calls(t, "", 0, 0),
		},
		"the input itself": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string { return "x" },
			calls(t, "", 0, 0),
		},
		"the input under another shape": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string { return d.op("Reshape", nil, "x", d.ints(-1)) },
			calls(t, "", 0, 0),
		},
		"a variable": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string {
				return d.op("ReadVariableOp", attrs{"dtype": f32}, d.variable(newTensor(t, []float32{5, 6}, 2)))
			},
			calls(t, "", 0, 0),
		},
		"one of two branches": {
			map[string]lockstep.DType{"x": f32},
			func(d *drawing) string {
				yes, no := draw(t), draw(t)
				a, b := yes.arg(f32), no.arg(f32)
				then := d.function("yes", yes, yes.op("Sum", attrs{"keep_dims": false}, a, yes.ints(0)))
				other := d.function("no", no, no.op("Neg", nil, b))
				which := d.op("Greater", nil, d.op("Sum", attrs{"keep_dims": false}, "x", d.ints(0, 1)), d.floats(nil, 0))
				y := d.op("StatelessIf", attrs{"Tcond": lockstep.Bool, "Tin": []lockstep.DType{f32}, "Tout": []lockstep.DType{f32}, "then_branch": then, "else_branch": other}, which, "x")
				return d.op("AddV2", nil, d.op("Neg", nil, y), d.float(d.op("Rank", nil, y)))
			},
			[]map[string]*lockstep.Tensor{
				{"x": newTensor(t, []float32{1, 2, 3, 4}, 2, 2)}, {"x": newTensor(t, []float32{-1, 2, -3, 0}, 2, 2)}, {"x": newTensor(t, []float32{7, 0, 0, 0}, 2, 2)},
			},
		},
		"as many rounds as a number": {
			map[string]lockstep.DType{"x": f32, "n": i32},
			func(d *drawing) string {
				cond, body := draw(t), draw(t)
				var of, in []string
				for _, dtype := range []lockstep.DType{i32, i32, f32} {
					of, in = append(of, cond.arg(dtype)), append(in, body.arg(dtype))
				}
				while := d.function("more", cond, cond.integer("Less", of[0], of[1]))
				do := d.function("round", body, body.integer("AddV2", in[0], body.int(1)), in[1], body.op("ConcatV2", nil, in[2], in[2], body.int(0)))
				w := d.op("StatelessWhile", attrs{"T": []lockstep.DType{i32, i32, f32}, "cond": while, "body": do}, d.int(0), "n", "x")
				return d.op("AddV2", nil, w+":2", d.float(d.axis(w+":2", 0)))
			},
			[]map[string]*lockstep.Tensor{
				{"x": newTensor(t, []float32{1}, 1), "n": newTensor(t, []int32{2})}, {"x": newTensor(t, []float32{2}, 1), "n": newTensor(t, []int32{0})}, {"x": newTensor(t, []float32{3}, 1), "n": newTensor(t, []int32{3})},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			make := func() *Program {
				d := draw(t)
				for name, dtype := range c.inputs {
					d.input(name, dtype)
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
						t.Errorf("round %d, call %d: %s", round, i, show(got["y"], want["y"]))
					}
					overwrite[float32](got["y"]) // it is the caller's own
					overwrite[int32](got["y"])
					overwrite[int64](got["y"])
					own, _, err := r.Run(t.Context(), inputs)
					if err != nil {
						t.Fatal(err)
					}
					if !own["y"].BitEqual(want["y"]) {
						t.Errorf("Runner, round %d, call %d: %s", round, i, show(own["y"], want["y"]))
					}
				}
			}
		})
	}
}

// twoByTwo are inputs x (2, 2), of a number and the next ones, and i.
func twoByTwo(t *testing.T, from float32, i []int32) map[string]*lockstep.Tensor {
	return map[string]*lockstep.Tensor{"x": newTensor(t, []float32{from, from + 1, from + 2, from + 3}, 2, 2), "i": newTensor(t, i, len(i))}
}

// calls are inputs x (2, 2) and i, (1), and a number of another name for each.
func calls(t *testing.T, name string, numbers ...int32) []map[string]*lockstep.Tensor {
	var out []map[string]*lockstep.Tensor
	for k, n := range numbers {
		in := twoByTwo(t, float32(10*k), []int32{int32(k % 2)})
		if name != "" {
			in[name] = newTensor(t, []int32{n})
		}
		out = append(out, in)
	}
	return out
}

// An operation that failed is not taken for done when the next call gives it the
// same memory.
func TestViewsAfterAnError(t *testing.T) {
	make := func() *Program {
		d := draw(t)
		d.input("x", lockstep.Float32)
		at := d.op("Where", attrs{"T": lockstep.Bool}, d.op("Greater", nil, "x", d.floats(nil, 2)))
		rows := d.op("Neg", nil, d.op("Cast", attrs{"SrcT": lockstep.Int64, "DstT": lockstep.Float32}, at))
		return compileDrawing(d, map[string]string{"y": d.op("Reshape", nil, rows, d.ints(1, 2))})
	}
	two, three := newTensor(t, []float32{1, 3, 4}, 3), newTensor(t, []float32{3, 4, 5}, 3)
	other := newTensor(t, []float32{3, 1, 4}, 3)
	r := make().NewRunner()
	for i, x := range []*lockstep.Tensor{two, two, three, three, three, other, three, two, other, three} {
		inputs := map[string]*lockstep.Tensor{"x": x}
		want, _, errWant := make().Run(t.Context(), inputs, false)
		got, _, err := r.Run(t.Context(), inputs)
		if (err == nil) != (errWant == nil) {
			t.Fatalf("call %d: error %v, want %v", i, err, errWant)
		}
		if err == nil && !got["y"].BitEqual(want["y"]) {
			t.Errorf("call %d: %s", i, show(got["y"], want["y"]))
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

// A branch that gets a variable by a handle of its own would not see what a call
// assigned to it, and is refused; one that is never assigned to it may.
func TestHandlesInsideOfFunctions(t *testing.T) {
	for _, assigns := range []bool{false, true} {
		d := draw(t)
		x := d.input("x", lockstep.Float32)
		v := d.variable(newTensor(t, []float32{1, 2}, 2))
		yes, no := draw(t), draw(t)
		a, b := yes.arg(lockstep.Float32), no.arg(lockstep.Float32)
		inner := yes.op("VarHandleOp", attrs{"dtype": lockstep.Float32, "shared_name": v})
		d.variables[inner] = d.variables[v]
		then := d.function("yes", yes, yes.op("AddV2", nil, a, yes.op("ReadVariableOp", attrs{"dtype": lockstep.Float32}, inner)))
		other := d.function("no", no, no.op("Neg", nil, b))
		which := d.op("Greater", nil, d.op("Sum", attrs{"keep_dims": false}, x, d.ints(0)), d.floats(nil, 0))
		y := d.op("StatelessIf", attrs{"Tcond": lockstep.Bool, "Tin": []lockstep.DType{lockstep.Float32}, "Tout": []lockstep.DType{lockstep.Float32}, "then_branch": then, "else_branch": other}, which, x)
		outputs := map[string]string{"y": y}
		if assigns {
			outputs["handle"] = v
		}
		_, g := d.flatten(outputs)
		if assigns {
			// No signature's own graph has an effect: it is put there.
			g.Effects = append(g.Effects, &savedmodel.Node{Name: "assign", Op: "AssignVariableOp", Inputs: []savedmodel.Ref{g.Outputs["handle"], g.Outputs["y"]}})
			delete(g.Outputs, "handle")
		}
		p, err := Compile(g, Options{Variable: func(handle savedmodel.Ref) (*lockstep.Tensor, error) { return d.variables[handle.Node.Name], nil }})
		if assigns {
			if err == nil || !strings.Contains(err.Error(), "a function's own") {
				t.Errorf("error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": newTensor(t, []float32{3, 4}, 2)}, false)
		if err != nil || !out["y"].BitEqual(newTensor(t, []float32{4, 6}, 2)) {
			t.Errorf("%s, %v", elementsText(out["y"]), err)
		}
	}
}
