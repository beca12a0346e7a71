package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// What of a graph depends on the elements of its inputs, and what on their
// shapes alone, so that it is the same for every call with those shapes.

// ofShapes are the operations whose results depend on the shapes of their
// inputs and not on their elements.
var ofShapes = []string{"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}

// shaped are the operations whose results have shapes that depend on the shapes
// of the inputs, and on the elements of those inputs alone that are listed; -1
// is the last.
var shaped = func() map[string][]int {
	out := map[string][]int{
		"Reshape": {1}, "Transpose": {1}, "ExpandDims": {1}, "StridedSlice": {1, 2, 3}, "Slice": {1, 2}, "Tile": {1},
		"BroadcastTo": {1}, "ReverseV2": {1}, "Pad": {1}, "PadV2": {1}, "Split": {0}, "SplitV": {1, 2}, "ConcatV2": {-1}, "GatherV2": {2},
		"Sum": {1}, "Mean": {1}, "Max": {1}, "Min": {1}, "Prod": {1}, "All": {1}, "Any": {1}, "ReadVariableOp": nil,
		"TensorListFromTensor": {1}, "TensorListStack": {1},
	}
	for _, op := range []string{
		"AddV2", "Add", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "SquaredDifference", "Pow", "DivNoNan", "AddN",
		"Neg", "Abs", "Square", "Sqrt", "Rsqrt", "Exp", "Log", "Tanh", "Sigmoid", "Relu", "Relu6", "Elu", "Selu",
		"Softplus", "Softsign", "LeakyRelu", "Erf", "Sign", "Round", "Floor", "Softmax", "LogSoftmax", "Cast",
		"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "LogicalAnd", "LogicalOr", "LogicalNot",
		"MatMul", "BatchMatMul", "BatchMatMulV2", "BiasAdd", "Einsum", "Select", "SelectV2", "Pack", "Identity",
		"StopGradient", "Squeeze", "ResourceGather", "Conv2D", "MaxPool", "AvgPool",
	} {
		out[op] = nil
	}
	return out
}()

// analyse finds the steps that compute on elements (p.computed) and the slots
// whose shapes follow from the inputs' shapes (p.rigid). A slot that is not
// rigid may have another shape in each call.
func (p *Program) analyse(assigned map[*savedmodel.Node]bool) {
	dynamic := make([]bool, p.body.slots)
	p.rigid = make([]bool, p.body.slots)
	p.computed = make([]bool, len(p.body.steps))
	for i := range p.rigid {
		p.rigid[i] = true // the inputs, and what is no step's
	}
	for _, in := range p.inputs {
		if in.slot >= 0 {
			dynamic[in.slot] = true
		}
	}
	for i, s := range p.body.steps {
		reads := slices.ContainsFunc(s.in, func(slot int) bool { return dynamic[slot] })
		switch {
		case s.n == 0: // for its effect
			p.computed[i] = true
		case slices.Contains(ofShapes, s.node.Op):
		default:
			p.computed[i] = reads || assigned[s.node]
		}
		if !p.computed[i] {
			continue
		}
		follows := p.follows(&s, dynamic)
		for slot := s.out; slot < s.out+s.n; slot++ {
			dynamic[slot], p.rigid[slot] = true, follows
		}
	}
}

// follows tells whether the shapes of a step's results follow from its inputs'.
func (p *Program) follows(s *step, dynamic []bool) bool {
	elements, ok := shaped[s.node.Op]
	if r := p.recurrences[s.node]; r != nil {
		// The states keep their shapes, and lists their lengths.
		elements, ok = nil, true
		for _, b := range r.Bounds {
			if b.Variable >= 0 {
				elements = append(elements, b.Variable)
			}
		}
	}
	if !ok {
		return false
	}
	for _, slot := range s.in {
		if !p.rigid[slot] {
			return false
		}
	}
	for _, i := range elements {
		if i < 0 {
			i += len(s.in)
		}
		if i < 0 || i >= len(s.in) || dynamic[s.in[i]] {
			return false
		}
	}
	return true
}
