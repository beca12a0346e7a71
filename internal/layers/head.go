package layers

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// findHead finds the dense layer between the decoder's outputs and the
// signature's: one product with a variable and at most one addition of a
// variable, and nothing else that computes on the values.
func (s *Seq2Seq) findHead(m *savedmodel.MetaGraph, g *savedmodel.Graph) error {
	below := readers(g, s.Decoder.Outputs)
	for name, out := range g.Outputs {
		head, ok := s.headOf(m, out, below)
		if !ok || !keepsAxes(g, name) {
			if head, ok = s.unrolledHead(m, g, out); !ok {
				continue
			}
		}
		if s.Output != "" {
			return fmt.Errorf("both outputs %q and %q are made by a dense layer of the decoder %q", s.Output, name, s.Decoder.Name)
		}
		s.Output, s.DenseKernel, s.DenseBias = name, head.kernel, head.bias
	}
	if s.Output == "" {
		return fmt.Errorf("no output is one dense layer of what the decoder %q returns", s.Decoder.Name)
	}
	return nil
}

// keepsAxes tells whether an output is (batch, time, features), as far as the
// signature says: a reshape after the head could make something else of it.
func keepsAxes(g *savedmodel.Graph, output string) bool {
	spec, ok := g.Signature.Output(output)
	return ok && (spec.UnknownRank || len(spec.Shape) == 3)
}

// readers returns the nodes that a tensor's value reaches.
func readers(g *savedmodel.Graph, r savedmodel.Ref) map[*savedmodel.Node]bool {
	reached := map[*savedmodel.Node]bool{}
	for _, n := range g.Nodes {
		reached[n] = slices.ContainsFunc(n.Inputs, func(in savedmodel.Ref) bool { return in == r || reached[in.Node] })
	}
	return reached
}

type head struct{ kernel, bias savedmodel.Ref }

// headOf walks from an output back to the decoder. Values may be moved into
// other shapes on the way, as Dense and TimeDistributed do it, but the one
// product must be over the decoder's units, which the shapes of the variable
// fix: its kernel has as many rows.
func (s *Seq2Seq) headOf(m *savedmodel.MetaGraph, out savedmodel.Ref, below map[*savedmodel.Node]bool) (h head, ok bool) {
	variable := func(r savedmodel.Ref) (savedmodel.Ref, bool) {
		_, isVar, err := m.Variable(r)
		return r.Through(), err == nil && isVar
	}
	for r := out.Through(); ; r = r.Through() {
		n := r.Node
		if n == nil || !below[n] {
			return h, false
		}
		switch n.Op {
		case "AddV2", "BiasAdd", "Add":
			bias, isVar := variable(n.Inputs[1])
			if !isVar || h.bias.Node != nil || h.kernel.Node != nil {
				return h, false
			}
			h.bias, r = bias, n.Inputs[0]
		case "MatMul", "BatchMatMulV2":
			kernel, isVar := variable(n.Inputs[1])
			if !isVar || h.kernel.Node != nil || n.AttrBool("transpose_a") || n.AttrBool("transpose_b") || n.AttrBool("adj_x") || n.AttrBool("adj_y") {
				return h, false
			}
			h.kernel, r = kernel, n.Inputs[0]
		case "Transpose":
			// The decoder's own transpose from time-major ends the walk;
			// Tensordot's moves nothing.
			if list, isStack := stacked(n); isStack {
				return h, list == s.Decoder.Outputs && h.kernel.Node != nil
			}
			if !movesNothing(n.Inputs[1]) {
				return h, false
			}
			r = n.Inputs[0]
		case "Reshape":
			r = n.Inputs[0]
		default:
			return h, false
		}
	}
}

// stacked returns the list of transpose(TensorListStack(list), [1, 0, 2]).
func stacked(n *savedmodel.Node) (savedmodel.Ref, bool) {
	x, ok := swapped(savedmodel.Ref{Node: n})
	if !ok {
		return x, false
	}
	in, ok := operands(x, "TensorListStack", 2)
	if !ok {
		return x, false
	}
	return in[0].Through(), true
}

// movesNothing tells whether r is the permutation 0, 1, 2, … as a constant or
// as constants joined, which is how Tensordot writes it.
func movesNothing(r savedmodel.Ref) bool {
	r = r.Through()
	parts := []savedmodel.Ref{r}
	if r.Node != nil && r.Node.Op == "ConcatV2" {
		parts = r.Node.Inputs[:len(r.Node.Inputs)-1]
	}
	next := 0.0
	for _, p := range parts {
		p = p.Through()
		if p.Node == nil || p.Node.Op != "Const" {
			return false
		}
		t, err := p.Node.Const()
		if err != nil {
			return false
		}
		axes, err := t.Float64s()
		if err != nil {
			return false
		}
		for _, a := range axes {
			if a != next {
				return false
			}
			next++
		}
	}
	return true
}

// isInts tells whether r is a constant with exactly these values.
func isInts(r savedmodel.Ref, want ...int64) bool {
	r = r.Through()
	if r.Node == nil || r.Node.Op != "Const" {
		return false
	}
	t, err := r.Node.Const()
	if err != nil {
		return false
	}
	got, err := t.Float64s()
	return err == nil && slices.EqualFunc(got, want, func(a float64, b int64) bool { return a == float64(b) })
}
