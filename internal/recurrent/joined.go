package recurrent

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The cells of TensorFlow 1 multiply their input and their state, joined, by one
// matrix, whose upper rows are Keras's kernel and whose lower ones its recurrent
// kernel:
//
//	z = [x, h]·kernel + bias
//
// and have their gates in another order. Where the rows are cut follows from the
// number of units, and so from the columns; whoever runs the cell checks that x and
// h are as wide as that.

// opJoin is two tensors joined along their last axis.
const opJoin = "join"

// Block is a part of a weight, a variable or a constant.
type Block struct {
	Of                    savedmodel.Ref
	Top, Bottom, From, To int
}

// Joined is a weight as Keras has it: blocks of others side by side. Vector says that
// it has one axis.
type Joined struct {
	Blocks []Block
	Vector bool
}

// join reads a ConcatV2 of two along the last axis. The tensors of a cell have two.
func (ev *evaluator) join(n *savedmodel.Node) *expr {
	axis := n.Inputs[2]
	if i, ok := ev.l.unchanged(axis); ok {
		axis = ev.l.inputs[i]
	}
	if !isInt(axis, 1) && !isInt(axis, -1) {
		return nil
	}
	return ev.call(opJoin, ev.of(n.Inputs[0]), ev.of(n.Inputs[1]))
}

// joinedSum is the sum of a gate: [x, h]·kernel + bias + plus.
type joinedSum struct {
	x      *expr
	kernel part
	bias   *part
	plus   float64
}

// isJoined tells whether a sum multiplies a joined tensor.
func isJoined(e *expr) bool {
	for _, t := range e.terms {
		if t.v != nil && t.v.op == opJoin {
			return true
		}
	}
	return false
}

// readJoined reads a gate's sum, or says why it is none.
func readJoined(e, h *expr) (s joinedSum, reason string) {
	constants := 0
	for _, t := range e.terms {
		switch {
		case t.isConst():
			s.plus = t.other.value
			if constants++; constants > 1 {
				return s, "two constants are added to a gate's sum"
			}
		case t.other != nil:
			return s, "a gate's sum has a term that is neither a product nor the bias"
		case t.v == nil:
			if s.bias != nil {
				return s, "a gate's sum has more than its bias"
			}
			s.bias = &t.w
		case t.v.op != opJoin || t.v.args[1] != h || s.x != nil:
			return s, "a gate's sum has another product than that of the input and the state, joined"
		default:
			s.x, s.kernel = t.v.args[0], t.w
		}
	}
	if s.x == nil {
		return s, "a gate's sum lacks the product of the input and the state, joined"
	}
	return s, ""
}

// joinedLayer makes a layer of the sums of its gates, in the order of Keras's columns,
// and returns its input; or it says why their parts do not fit.
func (s *step) joinedLayer(kind Kind, sums []joinedSum) (l *Layer, x *expr, reason string) {
	first := sums[0]
	units := first.kernel.to - first.kernel.from
	features := first.kernel.bottom - units
	var kernel, recurrent, bias Joined
	bias.Vector = true
	for i, sum := range sums {
		k := sum.kernel
		switch {
		case sum.x != first.x:
			return nil, nil, "its gates read two inputs"
		case k.to-k.from != units || k.bottom-units != features || features < 1:
			return nil, nil, fmt.Sprintf("gate %d reads %d columns of %d rows, want as many as the others, and more rows than columns", i, k.to-k.from, k.bottom)
		case (sum.bias == nil) != (first.bias == nil):
			return nil, nil, "one gate has a bias and another has none"
		}
		kernel.Blocks = append(kernel.Blocks, Block{k.of.ref, 0, features, k.from, k.to})
		recurrent.Blocks = append(recurrent.Blocks, Block{k.of.ref, features, features + units, k.from, k.to})
		if b := sum.bias; b != nil {
			if len(b.of.shape) != 1 || b.to-b.from != units {
				return nil, nil, fmt.Sprintf("gate %d has a bias of the shape %s, from column %d to %d", i, lockstep.FormatShape(b.of.shape), b.from, b.to)
			}
			bias.Blocks = append(bias.Blocks, Block{b.of.ref, 0, 1, b.from, b.to})
		}
	}
	l = &Layer{Kind: kind, Units: units, Features: features}
	l.Kernel, l.RecurrentKernel = s.tensors.join(kernel), s.tensors.join(recurrent)
	if first.bias != nil {
		l.Bias = s.tensors.join(bias)
	}
	return l, first.x, ""
}

// join returns a tensor that stands for blocks side by side: a node that is in no
// graph.
func (ts *tensors) join(j Joined) savedmodel.Ref {
	first := j.Blocks[0].Of
	r := savedmodel.Ref{Node: &savedmodel.Node{Name: first.Node.Name, Op: "parts of weights", NumOutputs: 1}}
	ts.joined[r.Node] = &j
	return r
}

// readAll reads the sums of gates.
func readAll(gates []applied, h *expr) ([]joinedSum, string) {
	var out []joinedSum
	for _, g := range gates {
		s, why := readJoined(g.of, h)
		if why != "" {
			return nil, why
		}
		out = append(out, s)
	}
	return out, ""
}

// lstmJoined reads the gates of an LSTM of TensorFlow 1, which adds a constant to the
// sum of its forget gate.
func (s *step) lstmJoined(h, c int, gates []applied) (*cell, string) {
	sums, why := readAll(gates, s.variable(opArg, h))
	if why != "" {
		return nil, why
	}
	for i, sum := range sums {
		if i != gateF && sum.plus != 0 {
			return nil, "a constant is added to the sum of another gate than the forget gate"
		}
	}
	layer, x, why := s.joinedLayer(LSTM, sums)
	if layer == nil {
		return nil, why
	}
	layer.ForgetBias = sums[gateF].plus
	layer.Activation, layer.RecurrentActivation = gates[gateC].function, gates[gateO].function
	layer.States = []int{h, c}
	layer.Gates = s.gates("ifgo", gates)
	return &cell{layer, x, s.next[h]}, ""
}

// gruJoined reads the gates of a GRU of TensorFlow 1, whose reset multiplies h before
// the product.
func (s *step) gruJoined(h int, gates []applied, reset *expr) (*cell, string) {
	sums, why := readAll(gates[:gateH], s.variable(opArg, h))
	if why != "" {
		return nil, why
	}
	last, why := readJoined(gates[gateH].of, reset)
	if why != "" {
		return nil, why
	}
	return s.joinedCell(GRU, "zrg", h, append(sums, last), gates)
}

// joinedCell makes a cell of one state.
func (s *step) joinedCell(kind Kind, names string, h int, sums []joinedSum, gates []applied) (*cell, string) {
	for _, sum := range sums {
		if sum.plus != 0 {
			return nil, "a constant is added to a gate's sum"
		}
	}
	layer, x, why := s.joinedLayer(kind, sums)
	if layer == nil {
		return nil, why
	}
	layer.Activation = gates[len(gates)-1].function
	if kind == GRU {
		layer.RecurrentActivation = gates[gateZ].function
	}
	layer.States = []int{h}
	layer.Gates = s.gates(names, gates)
	return &cell{layer, x, s.next[h]}, ""
}

// offset tells whether e is a cell's sum, also with a constant added, as to that of
// TensorFlow 1's forget gate.
func offset(e *expr) bool { return bare(e) || e.op == opSum && e.plain != nil && bare(e.plain) }
