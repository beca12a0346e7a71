package ragged

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// buildToDense puts the elements of a sparse tensor into a tensor of a default: their
// places rise, unless they are not validated.
func buildToDense(n *savedmodel.Node) (op.Exec, error) {
	strict := op.BoolOr(n, "validate_indices", true)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 4)
		if err != nil {
			return nil, err
		}
		shape, err := op.WantShape(op.Vector(t[1]))
		if err != nil {
			return nil, err
		}
		at, err := placesIn(t[0], shape, strict)
		if err != nil {
			return nil, err
		}
		if err := op.WantScalar("the default", t[3]); err != nil {
			return nil, err
		}
		values := t[2]
		if values.Rank() == 0 {
			if values, err = value.Repeat(values, []int{len(at)}); err != nil {
				return nil, err
			}
		}
		if values.Rank() != 1 || values.Len() != len(at) {
			return nil, fmt.Errorf("%s at %d places", values, len(at))
		}
		out, err := value.Repeat(t[3], shape)
		if err != nil {
			return nil, err
		}
		return w.One(out, value.Put(out, at, 1, values))
	}, nil
}

// placesIn are the places of elements in a tensor of a shape, by their positions.
func placesIn(t *lockstep.Tensor, shape []int, strict bool) ([]int, error) {
	positions, err := value.Ints(t)
	if err != nil {
		return nil, fmt.Errorf("the positions: %w", err)
	}
	depth := len(shape)
	switch {
	case t.Rank() == 2 && t.Shape()[1] == depth:
	case t.Rank() < 2 && depth == 1: // one number for each element
	default:
		return nil, fmt.Errorf("the positions %s in the shape %s", t, lockstep.FormatShape(shape))
	}
	if depth == 0 {
		return nil, fmt.Errorf("positions in a scalar, which are not supported")
	}
	steps, out := value.Strides(shape), make([]int, len(positions)/depth)
	for i := range out {
		for axis, at := range positions[i*depth : (i+1)*depth] {
			if at < 0 || at >= shape[axis] {
				return nil, fmt.Errorf("position %v in the shape %s", positions[i*depth:(i+1)*depth], lockstep.FormatShape(shape))
			}
			out[i] += at * steps[axis]
		}
		if strict && i > 0 && out[i] <= out[i-1] {
			return nil, fmt.Errorf("position %v does not come after the one before", positions[i*depth:(i+1)*depth])
		}
	}
	return out, nil
}
