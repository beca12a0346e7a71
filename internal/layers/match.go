package layers

import "github.com/lockstep-go/lockstep/native/savedmodel"

// same tells whether two refs are the same tensor.
func same(a, b savedmodel.Ref) bool { return a.Through() == b.Through() }

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

// terms takes a sum apart: AddV2, Add and BiasAdd of any nesting.
func terms(r savedmodel.Ref) []savedmodel.Ref {
	for _, op := range []string{"AddV2", "Add", "BiasAdd"} {
		if in, ok := operands(r, op, 2); ok {
			return append(terms(in[0]), terms(in[1])...)
		}
	}
	return []savedmodel.Ref{r.Through()}
}

// matMul returns the factors of a plain product of matrices.
func matMul(r savedmodel.Ref) (a, b savedmodel.Ref, ok bool) {
	in, ok := operands(r, "MatMul", 2)
	if !ok {
		return a, b, false
	}
	n := r.Through().Node
	if n.AttrBool("transpose_a") || n.AttrBool("transpose_b") {
		return a, b, false
	}
	return in[0], in[1], true
}
