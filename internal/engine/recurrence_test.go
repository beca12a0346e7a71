package engine

import (
	"fmt"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// recurrentModels are models of every kind of cell: with masks that repeat
// outputs and that make zeros, in a stack, with the last output alone.
var recurrentModels = []string{
	"gru_states_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "simplernn_masked_zero_keras3", "simplernn_last_tfkeras",
	"cells_mixed_keras3", "lstm_hard_sigmoid_tfkeras", "lstm_masked_states_tfkeras", "embedding_mask_zero_keras3", "seed_keras3",
}

// surgery changes what a recognised loop is given.
type surgery struct {
	t *testing.T
	g *savedmodel.Graph
	r *recurrent.Recurrence
}

// replace puts what is drawn of a loop variable's initial value in its place;
// it is said to be of a type.
func (s *surgery) replace(variable int, dtype lockstep.DType, change func(d *graphtest.Drawing, old string) string) {
	s.at(s.r.Loop, variable, dtype, change)
}

func (s *surgery) at(n *savedmodel.Node, input int, dtype lockstep.DType, change func(d *graphtest.Drawing, old string) string) {
	s.t.Helper()
	d := graphtest.Draw(s.t)
	old := d.Input("old", dtype)
	n.Inputs[input] = graphtest.Graft(d, s.g, n, map[string]savedmodel.Ref{"old": n.Inputs[input]}, change(d, old))[0]
}

// list returns the operation that makes the list in a loop variable.
func (s *surgery) list(variable int, op string) *savedmodel.Node {
	s.t.Helper()
	n := s.r.Loop.Inputs[variable].Through().Node
	if n.Op != op {
		s.t.Skipf("the list is made by a %s, not by a %s", n.Op, op)
	}
	return n
}

// Where a recognised loop's tensors do not fit its cells, the answer, or the
// refusal, is still the graph's: that of the loop, interpreted.
func TestRecurrencesAreTheirLoops(t *testing.T) {
	f32, i32 := lockstep.Float32, lockstep.Int32
	for name, change := range map[string]func(s *surgery){
		"as it is": func(*surgery) {},
		"a longer list of outputs": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Integer("AddV2", old, d.Int(2)) })
		},
		"a shorter list of outputs": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Integer("Sub", old, d.Int(1)) })
		},
		"no list of outputs": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Integer("Mul", old, d.Int(0)) })
		},
		"outputs of any shape": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 0, i32, func(d *graphtest.Drawing, _ string) string { return d.Int(-1) })
		},
		"outputs of a wrong width": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 0, i32, func(d *graphtest.Drawing, _ string) string { return d.Ints(-1, 3) })
		},
		"outputs of a wrong batch": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 0, i32, func(d *graphtest.Drawing, _ string) string { return d.Ints(7, -1) })
		},
		"outputs of a wrong rank": func(s *surgery) {
			s.at(s.list(s.r.Outputs, "TensorListReserve"), 0, i32, func(d *graphtest.Drawing, _ string) string { return d.Ints(-1) })
		},
		"fewer steps": func(s *surgery) {
			s.bounds(func(d *graphtest.Drawing, old string) string { return d.Integer("Sub", old, d.Int(1)) })
		},
		"more steps than there are": func(s *surgery) {
			s.bounds(func(d *graphtest.Drawing, old string) string { return d.Integer("AddV2", old, d.Int(1)) })
		},
		"no steps": func(s *surgery) {
			s.bounds(func(d *graphtest.Drawing, old string) string { return d.Integer("Mul", old, d.Int(0)) })
		},
		"fewer than no steps": func(s *surgery) {
			s.bounds(func(d *graphtest.Drawing, old string) string { return d.Integer("Sub", old, d.Int(1000)) })
		},
		"one step": func(s *surgery) {
			s.bounds(func(d *graphtest.Drawing, old string) string { return d.Integer("Minimum", old, d.Int(1)) })
		},
		"a state of one row for the whole batch": func(s *surgery) {
			for _, l := range s.r.Cells {
				for _, at := range l.States {
					s.replace(at, f32, func(d *graphtest.Drawing, old string) string {
						return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("AddV2", nil, old, d.Floats(nil, 0.5)), d.Ints(0))
					})
				}
			}
		},
		"one state of one row": func(s *surgery) {
			l := s.r.Cells[0]
			s.replace(l.States[len(l.States)-1], f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("AddV2", nil, old, d.Floats(nil, 0.5)), d.Ints(0))
			})
		},
		"a state of one column": func(s *surgery) {
			s.replace(s.r.Cells[0].States[0], f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("AddV2", nil, old, d.Floats(nil, 0.5)), d.Ints(1))
			})
		},
		"a state without a batch": func(s *surgery) {
			s.replace(s.r.Cells[0].States[0], f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": false}, old, d.Ints(0))
			})
		},
		"a state that is no zeros": func(s *surgery) {
			for _, l := range s.r.Cells {
				for i, at := range l.States {
					s.replace(at, f32, func(d *graphtest.Drawing, old string) string {
						return d.Op("AddV2", nil, old, d.Floats(nil, 0.25*float32(i+1)))
					})
				}
			}
		},
		"a state of three axes": func(s *surgery) {
			s.replace(s.r.Cells[0].States[0], f32, func(d *graphtest.Drawing, old string) string { return d.Op("ExpandDims", nil, old, d.Int(0)) })
		},
		"steps of one row": func(s *surgery) {
			s.at(s.list(s.r.Steps, "TensorListFromTensor"), 0, f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, old, d.Ints(1))
			})
			s.at(s.list(s.r.Steps, "TensorListFromTensor"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Int(-1) })
		},
		"steps with an axis more": func(s *surgery) {
			s.at(s.list(s.r.Steps, "TensorListFromTensor"), 0, f32, func(d *graphtest.Drawing, old string) string { return d.Op("ExpandDims", nil, old, d.Int(1)) })
			s.at(s.list(s.r.Steps, "TensorListFromTensor"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Int(-1) })
		},
		"twice the steps": func(s *surgery) {
			s.at(s.list(s.r.Steps, "TensorListFromTensor"), 0, f32, func(d *graphtest.Drawing, old string) string { return d.Op("ConcatV2", nil, old, old, d.Int(0)) })
		},
		"half of the masks": func(s *surgery) {
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("StridedSlice", graphtest.Attrs{"T": lockstep.Bool, "begin_mask": 1, "end_mask": 0}, old, d.Ints(0), d.Ints(2), d.Ints(1))
			})
		},
		"twice the masks": func(s *surgery) {
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("ConcatV2", graphtest.Attrs{"T": lockstep.Bool}, old, old, d.Int(0))
			})
		},
		"masks of one row": func(s *surgery) {
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("Any", graphtest.Attrs{"keep_dims": true}, old, d.Ints(1))
			})
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Int(-1) })
		},
		"masks that take out all": func(s *surgery) {
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("LogicalAnd", nil, old, d.Op("LogicalNot", nil, old))
			})
		},
		"masks that take out nothing": func(s *surgery) {
			s.at(s.list(s.mask().Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("LogicalOr", nil, old, d.Op("LogicalNot", nil, old))
			})
		},
		"a previous output that is no zeros": func(s *surgery) {
			s.replace(s.previous(), f32, func(d *graphtest.Drawing, old string) string { return d.Op("AddV2", nil, old, d.Floats(nil, 3)) })
		},
		"a previous output of one row": func(s *surgery) {
			s.replace(s.previous(), f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("AddV2", nil, old, d.Floats(nil, 3)), d.Ints(0))
			})
		},
		"zeros for masked rows of one row": func(s *surgery) {
			if s.mask().Zeros < 0 {
				s.t.Skip("no zeros")
			}
			s.replace(s.mask().Zeros, f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, old, d.Ints(0))
			})
		},
	} {
		for _, model := range recurrentModels {
			t.Run(name+", "+model, func(t *testing.T) {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("panic: %v", r)
					}
				}()
				m, g, found := graphtest.GraphOf(t, model)
				s := &surgery{t, g, found.Recurrences[0]}
				change(s)
				// What the loop leaves is what is looked at: what reads it in the
				// model may not take what it leaves now.
				g.Outputs = map[string]savedmodel.Ref{}
				for i, l := range s.r.Cells {
					for j, at := range l.States {
						g.Outputs[fmt.Sprintf("state %d of %d", j, i)] = savedmodel.Ref{Node: s.r.Loop, Index: at}
					}
				}
				for i, at := range s.r.Counters {
					g.Outputs[fmt.Sprintf("counter %d", i)] = savedmodel.Ref{Node: s.r.Loop, Index: at}
				}
				if s.r.Mask != nil && s.r.Mask.Carried >= 0 {
					g.Outputs["carried"] = savedmodel.Ref{Node: s.r.Loop, Index: s.r.Mask.Carried}
				}
				for _, n := range g.Nodes {
					if n.Op == "TensorListStack" && n.Inputs[0].Through() == (savedmodel.Ref{Node: s.r.Loop, Index: s.r.Outputs}) {
						g.Outputs["outputs"] = savedmodel.Ref{Node: n}
					}
				}
				native, interpreted := compiled(t, m, g, found), compiled(t, m, g, nil)
				for _, steps := range []int{5, 1, 4} {
					inputs := map[string]*lockstep.Tensor{}
					for _, spec := range g.Signature.Inputs {
						shape := []int{3, steps}
						if len(spec.Shape) > 2 {
							shape = append(shape, spec.Shape[2])
						}
						if spec.Shape[1] >= 0 {
							shape[1] = spec.Shape[1]
						}
						x := graphtest.Noise(t, spec.DType, uint64(steps), shape...)
						if d, err := lockstep.Data[float32](x); err == nil {
							clear(d[:len(d)/4]) // a row, or some of its steps, masked where the value is 0
						}
						inputs[spec.Name] = x
					}
					want, _, errWant := interpreted.Run(t.Context(), inputs, false)
					for call := range 2 {
						got, _, err := native.Run(t.Context(), inputs, false)
						if (err == nil) != (errWant == nil) {
							t.Fatalf("%d steps, call %d: error %v, and interpreted %v", steps, call, err, errWant)
						}
						for name, w := range want {
							if err := graphtest.Agree(got[name], w, 1e-6); err != nil {
								t.Errorf("%d steps, call %d: %s: %v", steps, call, name, err)
							}
						}
					}
				}
			})
		}
	}
}

// bounds changes what bounds the steps.
func (s *surgery) bounds(change func(d *graphtest.Drawing, old string) string) {
	for _, b := range s.r.Bounds {
		if b.Variable < 0 {
			s.t.Skip("the number of steps is a constant of the loop")
		}
		s.replace(b.Variable, lockstep.Int32, change)
	}
}

func (s *surgery) mask() *recurrent.Mask {
	if s.r.Mask == nil {
		s.t.Skip("no masks")
	}
	return s.r.Mask
}

func (s *surgery) previous() int {
	if s.mask().Previous < 0 {
		s.t.Skip("no previous output")
	}
	return s.r.Mask.Previous
}
