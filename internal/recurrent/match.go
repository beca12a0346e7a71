package recurrent

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// operands returns the inputs of r's operation if it is op with n inputs.
func operands(r savedmodel.Ref, op string, n int) ([]savedmodel.Ref, bool) {
	r = r.Through()
	if r.Node == nil || r.Node.Op != op || len(r.Node.Inputs) != n {
		return nil, false
	}
	return r.Node.Inputs, true
}

// either calls try with the operands of a commutative operation in both
// orders and returns whether one of them fits.
func either(r savedmodel.Ref, op string, try func(a, b savedmodel.Ref) bool) bool {
	in, ok := operands(r, op, 2)
	return ok && (try(in[0], in[1]) || try(in[1], in[0]))
}

// isSum tells whether n adds two tensors, the second along the last axis of
// the first if it is a bias.
func isSum(n *savedmodel.Node) bool {
	switch n.Op {
	case "AddV2", "Add", "BiasAdd":
		return len(n.Inputs) == 2 && lastAxis(n)
	}
	return false
}

// lastAxis tells whether a BiasAdd adds along the last axis; others have no
// such attribute.
func lastAxis(n *savedmodel.Node) bool {
	format := n.AttrString("data_format")
	return format == "" || format == "NHWC"
}

// matMul returns the factors of a plain product of matrices.
func matMul(r savedmodel.Ref) (a, b savedmodel.Ref, ok bool) {
	in, ok := operands(r, "MatMul", 2)
	if !ok || !plainProduct(r.Through().Node) {
		return a, b, false
	}
	return in[0], in[1], true
}

// plainProduct tells whether a product transposes neither factor.
func plainProduct(n *savedmodel.Node) bool {
	return !n.AttrBool("transpose_a") && !n.AttrBool("transpose_b") && !n.AttrBool("adj_x") && !n.AttrBool("adj_y")
}

// noMask tells whether a StridedSlice uses its ends as given, and neither adds
// nor skips an axis; it may drop the axis of which it takes one element.
func noMask(n *savedmodel.Node) bool {
	return !slices.ContainsFunc(
		[]string{"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"},
		func(mask string) bool { return n.AttrInt(mask) != 0 })
}

// isInts tells whether r is a constant list of exactly these values.
func isInts(r savedmodel.Ref, want ...int64) bool {
	got, ok := constList(r, len(want))
	return ok && slices.Equal(got, want)
}

// constList returns the elements of a constant list of at most limit integers.
func constList(r savedmodel.Ref, limit int) ([]int64, bool) {
	r = r.Through()
	if r.Node == nil {
		return nil, false
	}
	got, scalar, ok := constInts(r.Node, limit)
	return got, ok && !scalar
}

// isInt tells whether r is a constant scalar of the value v. A list with one
// value is different: a condition on it is always true.
func isInt(r savedmodel.Ref, v int64) bool {
	got, ok := constInt(r.Through())
	return ok && got == v
}

// constInt returns the value of a constant scalar.
func constInt(r savedmodel.Ref) (int64, bool) {
	if r.Node == nil {
		return 0, false
	}
	got, scalar, ok := constInts(r.Node, 1)
	if !ok || !scalar {
		return 0, false
	}
	return got[0], true
}

// constInts returns the elements of a constant scalar or list of at most limit
// integers.
func constInts(n *savedmodel.Node, limit int) (elements []int64, scalar, ok bool) {
	if n.Op != "Const" {
		return nil, false, false
	}
	// The shape first, so that a large constant is not read in vain.
	shape, _ := n.ConstShape()
	if len(shape) > 1 || len(shape) == 1 && shape[0] > limit {
		return nil, false, false
	}
	t, err := n.Const()
	if err != nil {
		return nil, false, false
	}
	scalar = t.Rank() == 0
	switch t.DType() {
	case lockstep.Int32:
		d, err := lockstep.Data[int32](t)
		out := make([]int64, len(d))
		for i, v := range d {
			out[i] = int64(v)
		}
		return out, scalar, err == nil
	case lockstep.Int64:
		d, err := lockstep.Data[int64](t)
		return d, scalar, err == nil
	}
	return nil, false, false
}
