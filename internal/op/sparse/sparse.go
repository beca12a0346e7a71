// Package sparse has TensorFlow's operations on sparse tensors and on segments.
//
// A sparse tensor is three: the positions of its elements, one a row, the elements, and
// the shape. The operations want positions in the order of rows, and so do the results
// have them.
package sparse

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations.
var Ops = op.Join(products, unions, placed, segments)

type floats interface{ float32 | float64 }

type number interface {
	floats | int32 | int64
}

// byType chooses the code for the type that the attribute T names; nil is none.
func byType(f32, f64, i32, i64 op.Exec) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		d, err := n.AttrType("T")
		if err != nil {
			return nil, err
		}
		run := map[lockstep.DType]op.Exec{lockstep.Float32: f32, lockstep.Float64: f64, lockstep.Int32: i32, lockstep.Int64: i64}[d]
		if run == nil {
			return nil, op.NotSupported("T", d)
		}
		return run, nil
	}
}

// tensor is a sparse tensor without its elements.
type tensor struct {
	shape []int
	n     int
	at    []int // the positions, one after the other
}

// position returns that of element i.
func (t *tensor) position(i int) []int { return t.at[i*len(t.shape):][:len(t.shape)] }

// places are the places of the elements in a dense tensor.
func (t *tensor) places() []int {
	steps, out := value.Strides(t.shape), make([]int, t.n)
	for i := range out {
		for axis, at := range t.position(i) {
			out[i] += at * steps[axis]
		}
	}
	return out
}

// read reads the positions and the shape of a sparse tensor of n elements. All positions
// must be within the shape.
func read(positions, shape *lockstep.Tensor, n int) (t tensor, err error) {
	if t.shape, err = op.Vector(shape); err != nil {
		return t, fmt.Errorf("the shape: %w", err)
	}
	if positions.Rank() != 2 || positions.Shape()[0] != n || positions.Shape()[1] != len(t.shape) {
		return t, fmt.Errorf("positions %s of %d elements in the shape %v, want a row of as many numbers as it has axes for each", positions, n, t.shape)
	}
	size, err := lockstep.NumElements(t.shape)
	if err != nil {
		return t, fmt.Errorf("the shape %v: %w", t.shape, err)
	}
	if len(t.shape) == 0 || size > 1<<60 {
		return t, fmt.Errorf("a sparse tensor of the shape %v, which is not supported", t.shape)
	}
	if t.at, err = value.Ints(positions); err != nil {
		return t, fmt.Errorf("the positions: %w", err)
	}
	t.n = n
	for i, at := range t.at {
		if axis := i % len(t.shape); at < 0 || at >= t.shape[axis] {
			return t, fmt.Errorf("position %v in the shape %v", t.position(i/len(t.shape)), t.shape)
		}
	}
	return t, nil
}

// elements reads the list of a sparse tensor's elements.
func elements[E lockstep.Element](t *lockstep.Tensor) ([]E, error) {
	if t.Rank() != 1 {
		return nil, fmt.Errorf("elements %s, want a list", t)
	}
	return lockstep.Data[E](t)
}

// positionsOf is a tensor of positions, of a number of axes.
func positionsOf(at []int, axes int) (*lockstep.Tensor, error) {
	return value.IntTensor(at, lockstep.Int64, len(at)/max(axes, 1), axes)
}

// ordered sorts elements by their positions, row by row.
func (t *tensor) ordered() []int {
	order := make([]int, t.n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(t.position(a), t.position(b)) })
	return order
}

// inOrder fails unless positions rise.
func (t *tensor) inOrder() error {
	for i := 1; i < t.n; i++ {
		if slices.Compare(t.position(i-1), t.position(i)) >= 0 {
			return fmt.Errorf("position %v does not come after the one before, which is not supported", t.position(i))
		}
	}
	return nil
}

// valuesOf makes values of tensors.
func valuesOf(errs []error, t ...*lockstep.Tensor) ([]value.Value, error) {
	out := make([]value.Value, len(t))
	for i := range t {
		if i < len(errs) && errs[i] != nil {
			return nil, errs[i]
		}
		out[i] = value.Value{Tensor: t[i]}
	}
	return out, nil
}
