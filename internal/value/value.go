// Package value has the values that pass from one operation to the next, and
// moves elements of any type.
package value

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// Value is what passes from one operation to the next: a tensor, a list of
// tensors, or the handle of a variable or of a lookup table. One of them is set.
type Value struct {
	Tensor *lockstep.Tensor
	List   *List
	// Variable is the variable's value when the operation reads the handle.
	Variable *lockstep.Tensor
	Handle   int // of a variable: its place among those of a call, and 1
	// Table is the table whose handle it is.
	Table *LookupTable
}

// Viewed is the tensor that holds a value's elements.
func (v Value) Viewed() *lockstep.Tensor {
	if v.List != nil {
		return v.List.Rows
	}
	return v.Tensor
}

// Dims are what operations on shapes read from a value: a tensor's shape, and a
// list's length and the shape that its elements must have. It is nil for
// others.
func (v Value) Dims() []int {
	switch {
	case v.Tensor != nil:
		return append([]int{}, v.Tensor.Shape()...)
	case v.List != nil && v.List.Known:
		return append([]int{v.List.Length()}, v.List.Shape...)
	case v.List != nil:
		return []int{v.List.Length(), math.MinInt}
	}
	return nil
}

// HasDims tells whether dims are these.
func (v Value) HasDims(want []int) bool {
	switch {
	case v.Tensor != nil:
		return slices.Equal(v.Tensor.Shape(), want)
	case v.List != nil && v.List.Known:
		return len(want) > 0 && v.List.Length() == want[0] && slices.Equal(v.List.Shape, want[1:])
	case v.List != nil:
		return len(want) == 2 && v.List.Length() == want[0] && want[1] == math.MinInt
	}
	return false
}

// String says what a value is.
func (v Value) String() string {
	switch {
	case v.Tensor != nil:
		return v.Tensor.String()
	case v.List != nil:
		return fmt.Sprintf("a list of %d tensors", v.List.Length())
	case v.Variable != nil || v.Handle != 0:
		return "a variable's handle"
	case v.Table != nil:
		return "a lookup table's handle"
	}
	return "nothing"
}

// Tensors returns the inputs of an operation that takes n tensors, or any
// number if n is negative.
func Tensors(in []Value, n int) ([]*lockstep.Tensor, error) {
	if n >= 0 && len(in) != n {
		return nil, fmt.Errorf("%d inputs, want %d", len(in), n)
	}
	out := make([]*lockstep.Tensor, len(in))
	for i, v := range in {
		if v.Tensor == nil {
			return nil, fmt.Errorf("input %d is %s, want a tensor", i, v)
		}
		out[i] = v.Tensor
	}
	return out, nil
}

// Ints reads a tensor of int32 or int64 as ints.
func Ints(t *lockstep.Tensor) ([]int, error) { return AppendInts(make([]int, 0, t.Len()), t) }

// AppendInts appends the elements of a tensor of int32 or int64.
func AppendInts(to []int, t *lockstep.Tensor) ([]int, error) {
	if t.DType() == lockstep.Int32 {
		d, err := lockstep.Data[int32](t)
		for _, v := range d {
			to = append(to, int(v))
		}
		return to, err
	}
	d, err := lockstep.Data[int64](t)
	if err != nil {
		return nil, fmt.Errorf("%s, want integers", t)
	}
	for _, v := range d {
		to = append(to, int(v))
	}
	return to, nil
}

// ScalarInt reads a tensor of one integer.
func ScalarInt(t *lockstep.Tensor) (int, error) {
	v, err := Ints(t)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("%s, want one integer", t)
	}
	return v[0], nil
}

// AxisOf makes an axis that may count from the end one that counts from 0.
func AxisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// MaxElements bounds a tensor whose size is only a number in the graph, such as
// that of Fill: a small file must not use all memory.
var MaxElements = 1 << 28 // a variable for the tests

// maxRank is TensorFlow's own bound on the number of axes.
const maxRank = 254

// maxEmptyAxis bounds the axes of a tensor without elements, which costs no
// memory, but work along the axes.
const maxEmptyAxis = 1 << 24

// Allow returns the number of elements of a shape that may be made, of
// whatever type, and beside each the number of its source.
func Allow(shape []int) (int, error) { return AllowSized(shape, 2*WordBytes) }

// AllowSized is elements where each takes size bytes, with what is needed to
// make it.
func AllowSized(shape []int, size int) (int, error) {
	n, err := AllowView(shape)
	if err != nil {
		return 0, err
	}
	if err := memory.Fits(n, size); err != nil {
		return 0, fmt.Errorf("a tensor of shape %s: %w", lockstep.FormatShape(shape), err)
	}
	return n, nil
}

// AllowView is Allow where no memory is needed for the elements.
func AllowView(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a tensor of %d axes, want at most %d", len(shape), maxRank)
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return 0, err
	}
	if n > MaxElements {
		return 0, fmt.Errorf("a tensor of shape %s, want at most %d elements", lockstep.FormatShape(shape), MaxElements)
	}
	if n == 0 && slices.Max(shape) > maxEmptyAxis {
		return 0, fmt.Errorf("an empty tensor of shape %s, want axes of at most %d", lockstep.FormatShape(shape), maxEmptyAxis)
	}
	return n, nil
}
