package inputs

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// maxFolded bounds the operations that a constant is computed by, and its
// elements.
const (
	maxFolded        = 16
	maxFoldedLength  = 1 << 16
	maxFoldedResults = 4
)

// constantOf returns the value of a tensor that is one, or is computed from
// constants alone by few operations.
func constantOf(r savedmodel.Ref) (*lockstep.Tensor, bool) {
	left := maxFolded
	return folded(r, &left)
}

func folded(r savedmodel.Ref, left *int) (*lockstep.Tensor, bool) {
	r = r.Through()
	if *left--; *left < 0 || r.Node == nil {
		return nil, false
	}
	spec, _ := op.SpecOf(r.Node)
	if spec.Control == op.ConstantValue {
		t, err := r.Node.Const()
		return t, err == nil
	}
	if spec.Build == nil || spec.Control != op.Computes || len(r.Node.Inputs) == 0 || r.Node.NumOutputs > maxFoldedResults || r.Index >= r.Node.NumOutputs {
		return nil, false
	}
	in := make([]value.Value, len(r.Node.Inputs))
	for i, from := range r.Node.Inputs {
		t, ok := folded(from, left)
		if !ok || t.Len() > maxFoldedLength {
			return nil, false
		}
		in[i].Tensor = t
	}
	run, err := spec.Build(r.Node)
	if err != nil {
		return nil, false
	}
	var keep any
	out, err := run(&op.Call{Out: make([]value.Value, r.Node.NumOutputs), Keep: &keep}, in)
	if err != nil || r.Index >= len(out) || out[r.Index].Tensor == nil {
		return nil, false
	}
	return out[r.Index].Tensor, true
}

// constants reads constants of numbers.
type constants struct{}

// Numbers implements op.Numbers.
func (constants) Numbers(r savedmodel.Ref) ([]float64, bool) {
	t, ok := constantOf(r)
	if !ok || t.DType() == lockstep.Bool {
		return nil, false
	}
	v, err := t.Float64s()
	return v, err == nil
}
