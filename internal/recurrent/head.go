package recurrent

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// findHead finds the dense layer between the decoder's outputs and the
// signature's: one product with a variable and at most one addition of a
// variable, and nothing else that computes on the values.
func (s *Seq2Seq) findHead(sh *shapes, g *savedmodel.Graph) error {
	for _, name := range slices.Sorted(maps.Keys(g.Outputs)) {
		head, ok := s.headOf(sh, g.Outputs[name])
		if !ok {
			if head, ok = s.unrolledHead(sh, g, g.Outputs[name]); !ok {
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

type head struct{ kernel, bias savedmodel.Ref }

// headOf walks from an output back to the decoder. In between, values may be
// reshaped but not reordered, as by Dense and TimeDistributed; axes may be
// exchanged and exchanged back, and a tensor may be split into its rows and
// stacked again. The product must be over the decoder's units, the bias along
// the features that it makes, and the output (batch, steps, features) as the
// decoder's is (batch, steps, units); the shapes show that.
func (s *Seq2Seq) headOf(sh *shapes, out savedmodel.Ref) (h head, ok bool) {
	features := -1
	var exchanged exchange
	for r := out.Through(); ; r = r.Through() {
		n := r.Node
		if n == nil {
			return h, false
		}
		if source, ok := sh.unstacked(r); ok {
			r = source
			continue
		}
		if n.Op == "Transpose" {
			// The decoder's own transpose from time-major ends the walk;
			// Tensordot's moves nothing.
			if list, isStack := stacked(n); isStack {
				return h, list == s.Decoder.Outputs && exchanged.whole() && h.kernel.Node != nil && sh.isHeadOf(out, r, features)
			}
		}
		if len(n.Inputs) != 2 {
			return h, false
		}
		switch {
		case isSum(n):
			size, isVar := sh.vector(n.Inputs[1])
			if !isVar || h.bias.Node != nil || h.kernel.Node != nil || !sh.endsWith(n.Inputs[0], size) {
				return h, false
			}
			h.bias, features = n.Inputs[1].Through(), size
		case n.Op == "MatMul", n.Op == "BatchMatMulV2":
			rows, columns, isVar := sh.matrix(n.Inputs[1])
			if !isVar || h.kernel.Node != nil || !plainProduct(n) || rows != s.Decoder.Units || features >= 0 && columns != features || !sh.endsWith(n.Inputs[0], rows) {
				return h, false
			}
			if _, known := sh.of(r); !known {
				return h, false
			}
			h.kernel, features = n.Inputs[1].Through(), columns
		case n.Op == "Transpose" && sh.movesNothing(n), n.Op == "Reshape":
		case n.Op == "Transpose" && isInts(n.Inputs[1], 1, 0, 2) && exchanged.take(sh, n):
		default:
			return h, false
		}
		r = n.Inputs[0]
	}
}

// isHeadOf tells whether out has the axes of x but for the last, which has as
// many elements as the head makes features.
func (s *shapes) isHeadOf(out, x savedmodel.Ref, features int) bool {
	have, ok := s.of(out)
	from, known := s.of(x)
	return ok && known && len(from) == 3 && slices.Equal(have, append(slices.Clone(from[:2]), fixed(features)))
}

// endsWith tells whether a tensor's last axis has n elements.
func (s *shapes) endsWith(r savedmodel.Ref, n int) bool {
	dims, ok := s.of(r)
	return ok && len(dims) > 0 && dims[len(dims)-1] == fixed(n)
}

// matrix returns the shape of a variable of two axes.
func (s *shapes) matrix(r savedmodel.Ref) (rows, columns int, ok bool) {
	v, ok, err := s.m.Variable(r)
	if err != nil || !ok || len(v.Shape) != 2 {
		return 0, 0, false
	}
	return v.Shape[0], v.Shape[1], true
}

// vector returns the length of a variable of one axis.
func (s *shapes) vector(r savedmodel.Ref) (length int, ok bool) {
	v, ok, err := s.m.Variable(r)
	if err != nil || !ok || len(v.Shape) != 1 {
		return 0, false
	}
	return v.Shape[0], true
}

// movesNothing tells whether a transpose leaves every axis where it is.
func (s *shapes) movesNothing(n *savedmodel.Node) bool {
	perm, ok := s.list(n.Inputs[1])
	if !ok {
		return false
	}
	for i, axis := range perm {
		if axis != fixed(i) {
			return false
		}
	}
	return true
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
