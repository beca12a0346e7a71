package engine

import (
	"fmt"
	"slices"
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
		s.t.Fatalf("the list is made by a %s, not by a %s", n.Op, op)
	}
	return n
}

// Where a recognised loop's tensors do not fit its cells, the answer, or the
// refusal, is still the graph's: that of the loop, interpreted. Here its list of
// outputs differs.
func TestRecurrencesAreTheirLoops(t *testing.T) {
	i32 := lockstep.Int32
	theirLoops(t, anyLoop, map[string]func(s *surgery){
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
	})
}

// So it is with another number of steps,
func TestRecurrencesOfOtherBounds(t *testing.T) {
	theirLoops(t, countedLoop, map[string]func(s *surgery){
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
	})
}

// with other lists of steps,
func TestRecurrencesOfOtherSteps(t *testing.T) {
	f32, i32 := lockstep.Float32, lockstep.Int32
	theirLoops(t, anyLoop, map[string]func(s *surgery){
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
	})
}

// with other initial states,
func TestRecurrencesOfOtherStates(t *testing.T) {
	f32 := lockstep.Float32
	theirLoops(t, anyLoop, map[string]func(s *surgery){
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
	})
}

// with other masks,
func TestRecurrencesOfOtherMasks(t *testing.T) {
	i32 := lockstep.Int32
	theirLoops(t, maskedLoop, map[string]func(s *surgery){
		"half of the masks": func(s *surgery) {
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("StridedSlice", graphtest.Attrs{"T": lockstep.Bool, "begin_mask": 1, "end_mask": 0}, old, d.Ints(0), d.Ints(2), d.Ints(1))
			})
		},
		"twice the masks": func(s *surgery) {
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("ConcatV2", graphtest.Attrs{"T": lockstep.Bool}, old, old, d.Int(0))
			})
		},
		"masks of one row": func(s *surgery) {
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("Any", graphtest.Attrs{"keep_dims": true}, old, d.Ints(1))
			})
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 1, i32, func(d *graphtest.Drawing, old string) string { return d.Int(-1) })
		},
		"masks that take out all": func(s *surgery) {
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("LogicalAnd", nil, old, d.Op("LogicalNot", nil, old))
			})
		},
		"masks that take out nothing": func(s *surgery) {
			s.at(s.list(s.r.Mask.Steps, "TensorListFromTensor"), 0, lockstep.Bool, func(d *graphtest.Drawing, old string) string {
				return d.Op("LogicalOr", nil, old, d.Op("LogicalNot", nil, old))
			})
		},
	})
}

// and where masked rows repeat another output, or are other zeros.
func TestRecurrencesThatRepeatOutputs(t *testing.T) {
	f32 := lockstep.Float32
	theirLoops(t, repeatingLoop, map[string]func(s *surgery){
		"a previous output that is no zeros": func(s *surgery) {
			s.replace(s.r.Mask.Previous, f32, func(d *graphtest.Drawing, old string) string { return d.Op("AddV2", nil, old, d.Floats(nil, 3)) })
		},
		"a previous output of one row": func(s *surgery) {
			s.replace(s.r.Mask.Previous, f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("AddV2", nil, old, d.Floats(nil, 3)), d.Ints(0))
			})
		},
	})
}

func TestRecurrencesWithZerosForMaskedRows(t *testing.T) {
	f32 := lockstep.Float32
	theirLoops(t, zeroingLoop, map[string]func(s *surgery){
		"zeros for masked rows of one row": func(s *surgery) {
			s.replace(s.r.Mask.Zeros, f32, func(d *graphtest.Drawing, old string) string {
				return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, old, d.Ints(0))
			})
		},
	})
}

// The loops of which a change can be made.
func anyLoop(*recurrent.Recurrence) bool      { return true }
func maskedLoop(r *recurrent.Recurrence) bool { return r.Mask != nil }

func repeatingLoop(r *recurrent.Recurrence) bool { return r.Mask != nil && r.Mask.Previous >= 0 }
func zeroingLoop(r *recurrent.Recurrence) bool   { return r.Mask != nil && r.Mask.Zeros >= 0 }

// countedLoop has the number of its steps in variables.
func countedLoop(r *recurrent.Recurrence) bool {
	return !slices.ContainsFunc(r.Bounds, func(b recurrent.Bound) bool { return b.Variable < 0 })
}

// theirLoops makes each change in the loops that it fits, and wants the engine's
// results to be those of the loop.
func theirLoops(t *testing.T, fits func(*recurrent.Recurrence) bool, changes map[string]func(s *surgery)) {
	tried := 0
	for name, change := range changes {
		for _, model := range recurrentModels {
			m, g, found := graphtest.GraphOf(t, model)
			s := &surgery{t, g, found.Recurrences[0]}
			if !fits(s.r) {
				continue
			}
			tried++
			t.Run(name+", "+model, func(t *testing.T) {
				s.t = t
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("panic: %v", r)
					}
				}()
				change(s)
				s.isItsLoop(m, found)
			})
		}
	}
	if tried == 0 {
		t.Error("no model has such a loop")
	}
}

// isItsLoop wants the engine's results to be those of the loop, interpreted.
func (s *surgery) isItsLoop(m *savedmodel.MetaGraph, found *recurrent.Findings) {
	s.outputsOfTheLoop()
	native, interpreted := compiled(s.t, m, s.g, found), compiled(s.t, m, s.g, nil)
	for _, steps := range []int{5, 1, 4} {
		inputs := s.inputs(steps)
		want, _, errWant := interpreted.Run(s.t.Context(), inputs, false)
		for call := range 2 {
			got, _, err := native.Run(s.t.Context(), inputs, false)
			if (err == nil) != (errWant == nil) {
				s.t.Fatalf("%d steps, call %d: error %v, and interpreted %v", steps, call, err, errWant)
			}
			for name, w := range want {
				if err := graphtest.Agree(got[name], w, 1e-6); err != nil {
					s.t.Errorf("%d steps, call %d: %s: %v", steps, call, name, err)
				}
			}
		}
	}
}

// outputsOfTheLoop makes the loop's results those of the model: what reads them in
// the model may not accept them now.
func (s *surgery) outputsOfTheLoop() {
	of := func(variable int) savedmodel.Ref { return savedmodel.Ref{Node: s.r.Loop, Index: variable} }
	s.g.Outputs = map[string]savedmodel.Ref{}
	for i, l := range s.r.Cells {
		for j, at := range l.States {
			s.g.Outputs[fmt.Sprintf("state %d of %d", j, i)] = of(at)
		}
	}
	for i, at := range s.r.Counters {
		s.g.Outputs[fmt.Sprintf("counter %d", i)] = of(at)
	}
	if s.r.Mask != nil && s.r.Mask.Carried >= 0 {
		s.g.Outputs["carried"] = of(s.r.Mask.Carried)
	}
	for _, n := range s.g.Nodes {
		if n.Op == "TensorListStack" && n.Inputs[0].Through() == of(s.r.Outputs) {
			s.g.Outputs["outputs"] = savedmodel.Ref{Node: n}
		}
	}
}

// inputs are a batch of three sequences.
func (s *surgery) inputs(steps int) map[string]*lockstep.Tensor {
	inputs := map[string]*lockstep.Tensor{}
	for _, spec := range s.g.Signature.Inputs {
		shape := []int{3, steps}
		if len(spec.Shape) > 2 {
			shape = append(shape, spec.Shape[2])
		}
		if spec.Shape[1] >= 0 {
			shape[1] = spec.Shape[1]
		}
		x := graphtest.Noise(s.t, spec.DType, uint64(steps), shape...)
		if d, err := lockstep.Data[float32](x); err == nil {
			clear(d[:len(d)/4]) // a row, or some of its steps, masked where the value is 0
		}
		inputs[spec.Name] = x
	}
	return inputs
}

// bounds changes what bounds the steps.
func (s *surgery) bounds(change func(d *graphtest.Drawing, old string) string) {
	for _, b := range s.r.Bounds {
		s.replace(b.Variable, lockstep.Int32, change)
	}
}
