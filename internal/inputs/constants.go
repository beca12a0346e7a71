package inputs

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// maxFolded bounds the operations on a constant that are computed.
const maxFolded = 16

// constants reads constants of numbers.
type constants struct{}

// Numbers implements op.Numbers. What is computed from a constant element by
// element is one too, in any shape.
func (constants) Numbers(r savedmodel.Ref) ([]float64, bool) {
	t, ok := folded(r, maxFolded)
	if !ok || t.DType() == lockstep.Bool {
		return nil, false
	}
	v, err := t.Float64s()
	return v, err == nil
}

// folded returns a tensor that has a constant's elements.
func folded(r savedmodel.Ref, depth int) (*lockstep.Tensor, bool) {
	r = r.Through()
	if r.Node == nil || depth == 0 {
		return nil, false
	}
	spec, supported := ops.SpecOf(r.Node)
	switch {
	case spec.Control == op.ConstantValue:
		t, err := r.Node.Const()
		return t, err == nil
	case !supported || len(r.Node.Inputs) == 0 || !spec.View && !spec.KeepsShape:
		return nil, false
	}
	t, ok := folded(r.Node.Inputs[0], depth-1)
	if !ok || spec.View {
		return t, ok
	}
	run, err := spec.Build(r.Node)
	if err != nil {
		return nil, false
	}
	var keep any
	out, err := run(&op.Call{Out: make([]value.Value, 1), Keep: &keep}, []value.Value{{Tensor: t}})
	if err != nil {
		return nil, false
	}
	return out[0].Tensor, out[0].Tensor != nil
}
