package recurrent

import "github.com/lockstep-go/lockstep/native/savedmodel"

// unrolledHead finds the dense layer where TimeDistributed was written out
// step by step, as Keras 3 does for a fixed length:
//
//	y = transpose(pack(y_0 … y_n-1), [1, 0, 2])
//	y_t = x[t]·kernel + bias,  x = transpose(decoder outputs, [1, 0, 2])
//
// Every step must be there, in order, with the same variables, and the
// decoder's input must be fixed to that number of steps.
func (s *Seq2Seq) unrolledHead(sh *shapes, g *savedmodel.Graph, out savedmodel.Ref) (h head, ok bool) {
	packed, ok := swapped(out)
	if !ok || packed.Node == nil || packed.Node.Op != "Pack" || packed.Node.AttrInt("axis") != 0 {
		return h, false
	}
	steps := packed.Node.Inputs
	spec, isInput := g.Signature.Input(s.DecoderInput)
	if !isInput || len(spec.Shape) != 3 || spec.Shape[1] != len(steps) || len(steps) == 0 {
		return h, false
	}
	for t, y := range steps {
		at, isHead := s.headStep(sh, y, int64(t))
		if !isHead || t > 0 && !at.same(sh.m, h) {
			return h, false
		}
		h = at
	}
	return h, true
}

// headStep reads y = x[t]·kernel + bias.
func (s *Seq2Seq) headStep(sh *shapes, y savedmodel.Ref, t int64) (h head, ok bool) {
	features := -1
	if n := y.Through().Node; n != nil && isSum(n) {
		if features, ok = sh.vector(n.Inputs[1]); !ok {
			return h, false
		}
		h.bias, y = n.Inputs[1].Through(), n.Inputs[0]
	}
	x, kernel, isProduct := matMul(y)
	rows, columns, isVar := sh.matrix(kernel)
	if !isProduct || !isVar || rows != s.Decoder.Units || features >= 0 && columns != features {
		return h, false
	}
	h.kernel = kernel.Through()
	in, ok := operands(x, "StridedSlice", 4)
	if !ok || !isInts(in[1], t) || !isInts(in[2], t+1) || !isInts(in[3], 1) || !takesOne(x.Through().Node) {
		return h, false
	}
	byStep, ok := swapped(in[0])
	if !ok || byStep.Node == nil {
		return h, false
	}
	list, ok := stacked(byStep.Node)
	return h, ok && list == s.Decoder.Outputs
}

// takesOne tells whether a slice takes one element of the first axis and drops
// the axis: x[t].
func takesOne(n *savedmodel.Node) bool { return n.AttrInt("shrink_axis_mask") == 1 && noMask(n) }

// same tells whether two heads have the same variables.
func (h head) same(m *savedmodel.MetaGraph, other head) bool {
	return sameVariable(m, h.kernel, other.kernel) && sameVariable(m, h.bias, other.bias)
}

func sameVariable(m *savedmodel.MetaGraph, a, b savedmodel.Ref) bool {
	if a.Node == nil || b.Node == nil {
		return a.Node == b.Node
	}
	v, ok, err := m.Variable(a)
	w, isVar, errOther := m.Variable(b)
	return err == nil && errOther == nil && ok && isVar && v == w
}
