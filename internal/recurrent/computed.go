package recurrent

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// A weight may be computed of others before the loop, by operations that depend on no
// input: so a layer of cuDNN has its kernels as parts of one vector of parameters.

// folds are the operations of which a computed weight may be made.
var folds = []string{
	"AddV2", "Cast", "ConcatV2", "Const", "ExpandDims", "GatherV2", "Identity", "Pack", "Reshape", "Slice", "Split", "SplitV", "Squeeze",
	"StridedSlice", "Transpose", "Unpack", "ZerosLike",
}

// Computed tells whether a layer's weight that is no variable is computed of others,
// and is no constant.
func Computed(weight savedmodel.Ref) bool { return weight.Through().Node.Op != "Const" }

// maxFolds bounds the operations of a computed weight.
const maxFolds = 1000

// computed returns the weight that r is if it is computed of variables and constants
// alone. Its shape must be written in the graph: by a reshape to constant lengths, or
// by a variable that is converted.
func (ts *tensors) computed(r savedmodel.Ref, at *savedmodel.Place) (*tensor, bool) {
	if at != nil || r.Index != 0 {
		return nil, false
	}
	if t, done := ts.byNode[r.Node]; done {
		return t, t != nil
	}
	var t *tensor
	if shape, dtype := ts.written(r); shape != nil && ts.folds(r) {
		t = ts.add(r, shape, dtype)
	}
	ts.byNode[r.Node] = t
	return t, t != nil
}

// written returns the shape that the graph gives a computed weight, nil for none.
func (ts *tensors) written(r savedmodel.Ref) (shape []int, dtype lockstep.DType) {
	r = r.Through()
	if r.Node == nil {
		return nil, lockstep.Invalid
	}
	switch in := r.Node.Inputs; {
	case r.Node.Op == "Reshape" && len(in) == 2:
		lengths, ok := constList(in[1], 2)
		if !ok || len(lengths) == 0 {
			return nil, lockstep.Invalid
		}
		for _, n := range lengths {
			if n <= 0 || n > 1<<31-1 {
				return nil, lockstep.Invalid
			}
			shape = append(shape, int(n))
		}
		dtype, err := r.Node.AttrType("T")
		if err != nil {
			return nil, lockstep.Invalid
		}
		return shape, dtype
	case r.Node.Op == "Transpose" && len(in) == 2 && isInts(in[1], 1, 0):
		if shape, dtype = ts.written(in[0]); len(shape) != 2 {
			return nil, lockstep.Invalid
		}
		return []int{shape[1], shape[0]}, dtype
	case r.Node.Op == "Cast" && len(in) == 1:
		if shape, _ = ts.written(in[0]); shape == nil {
			if t, ok := ts.of(in[0], nil); ok {
				shape = t.shape
			}
		}
		dtype, err := r.Node.AttrType("DstT")
		if err != nil {
			return nil, lockstep.Invalid
		}
		return shape, dtype
	}
	return nil, lockstep.Invalid
}

// folds tells whether a tensor is made of constants and of variables that no call
// changes.
func (ts *tensors) folds(r savedmodel.Ref) bool {
	seen := map[*savedmodel.Node]bool{}
	pending := []savedmodel.Ref{r}
	for len(pending) > 0 {
		r := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		switch n := r.Node; {
		case n == nil || len(seen) > maxFolds:
			return false
		case seen[n]:
		case n.Op == "ReadVariableOp" && len(n.Inputs) == 1:
			if seen[n] = true; !ts.reads(n.Inputs[0]) {
				return false
			}
		case slices.Contains(folds, n.Op):
			seen[n] = true
			pending = append(pending, n.Inputs...)
		default:
			return false
		}
	}
	return true
}

// reads tells whether r is the handle of a variable that can be read and that no call
// changes.
func (ts *tensors) reads(r savedmodel.Ref) bool {
	if r = r.Through(); r.Node == nil || r.Node.Op != "VarHandleOp" {
		return false
	}
	v, _, err := ts.meta.Variable(r)
	if err != nil {
		ts.err = err
	}
	return err == nil && !ts.changed[v]
}

// variableOf returns the variable that a weight is, or the first one that it is
// computed of; nil if there is none.
func variableOf(m *savedmodel.MetaGraph, r savedmodel.Ref) (*savedmodel.Variable, error) {
	for range maxFolds {
		v, ok, err := m.Variable(r)
		if err != nil || ok {
			return v, err
		}
		r = r.Through()
		if r.Node == nil || len(r.Node.Inputs) == 0 {
			return nil, nil
		}
		at := 0
		if r.Node.Op == "Split" { // whose axis comes first
			at = min(1, len(r.Node.Inputs)-1)
		}
		r = r.Node.Inputs[at]
	}
	return nil, nil
}
