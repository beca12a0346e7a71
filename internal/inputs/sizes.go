package inputs

import (
	"context"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// maxLength bounds the lengths that are tried; a graph holds other numbers too.
const maxLength = 1 << 16

// small are the lengths that are tried of any graph.
const small = 64

// maxLengths bounds how many lengths of a graph are tried.
const maxLengths = 128

// lengthsOf lists the lengths that an axis may be fixed at: those of the
// graph's outputs, variables and constants, then any small one. 1 comes last:
// it is broadcast to any length, and so fits by accident.
func lengthsOf(sig lockstep.Signature, g *savedmodel.Graph) []int {
	var out []int
	seen := map[int]bool{1: true}
	add := func(lengths ...int) {
		for _, d := range lengths {
			if d > 1 && d <= maxLength && !seen[d] && len(out) < maxLengths {
				seen[d], out = true, append(out, d)
			}
		}
	}
	for _, spec := range slices.Concat(sig.Outputs, sig.Inputs) {
		add(spec.Shape...)
	}
	if g != nil {
		add(graphLengths(g)...)
	}
	for d := 2; d <= small; d++ {
		if !seen[d] {
			out = append(out, d)
		}
	}
	return append(out, 1)
}

// graphLengths returns the lengths of a graph's variables and constants, and
// those that constants contain.
func graphLengths(g *savedmodel.Graph) []int {
	var out []int
	for _, n := range g.Nodes {
		spec, _ := ops.SpecOf(n)
		switch spec.Control {
		case op.Variable:
			shape, _ := n.AttrShape("shape")
			out = append(out, shape...)
		case op.ConstantValue:
			t, err := n.Const()
			if err != nil {
				continue
			}
			out = append(out, t.Shape()...)
			if values, err := t.Float64s(); err == nil && t.Rank() <= 1 && len(values) <= 8 && !t.DType().IsFloat() {
				for _, v := range values {
					out = append(out, int(v))
				}
			}
		default: // a number of parts
			out = append(out, int(n.AttrInt("num")))
		}
	}
	return out
}

// tryPadded tries masks and tokens that are padded on the right, which a model may
// assert: cuDNN's layers take no others.
func (s *search) tryPadded(ctx context.Context, st state, got result) (state, result, error) {
	other := st
	other.kinds = map[string][]kind{}
	maps.Copy(other.kinds, st.kinds)
	for _, spec := range s.Signature.Inputs {
		if whole := spec.DType == lockstep.Bool || spec.DType.IsInt(); whole && len(spec.Shape) > 1 && len(st.kinds[spec.Name]) == 0 {
			other.kinds[spec.Name] = []kind{{form: padded, high: 1}}
		}
	}
	if len(other.kinds) == len(st.kinds) {
		return st, got, nil
	}
	tried, err := s.try(ctx, other)
	if err != nil || !tried.fits() {
		return st, got, err
	}
	return other, tried, nil
}
