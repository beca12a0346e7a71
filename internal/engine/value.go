package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// Value is what passes from one operation to the next: a tensor, a list of
// tensors, or the handle of a variable. One of them is set.
type Value struct {
	Tensor *lockstep.Tensor
	List   *List
	// Variable is the variable's value when the operation reads the handle.
	Variable *lockstep.Tensor
	handle   int // of a variable: its place in running.variables, and 1
}

// viewed is the tensor that holds a value's elements.
func (v Value) viewed() *lockstep.Tensor {
	if v.List != nil {
		return v.List.rows
	}
	return v.Tensor
}

// dims are what operations on shapes read of a value: a tensor's shape, and a
// list's length and the shape that its elements must have. It is nil of others.
func (v Value) dims() []int {
	switch {
	case v.Tensor != nil:
		return append([]int{}, v.Tensor.Shape()...)
	case v.List != nil && v.List.Known:
		return append([]int{v.List.length()}, v.List.Shape...)
	case v.List != nil:
		return []int{v.List.length(), math.MinInt}
	}
	return nil
}

// hasDims tells whether dims are these.
func (v Value) hasDims(want []int) bool {
	switch {
	case v.Tensor != nil:
		return slices.Equal(v.Tensor.Shape(), want)
	case v.List != nil && v.List.Known:
		return len(want) > 0 && v.List.length() == want[0] && slices.Equal(v.List.Shape, want[1:])
	case v.List != nil:
		return len(want) == 2 && v.List.length() == want[0] && want[1] == math.MinInt
	}
	return false
}

// String says what a value is.
func (v Value) String() string {
	switch {
	case v.Tensor != nil:
		return v.Tensor.String()
	case v.List != nil:
		return fmt.Sprintf("a list of %d tensors", v.List.length())
	case v.Variable != nil || v.handle != 0:
		return "a variable's handle"
	}
	return "nothing"
}

// tensors returns the inputs of an operation that takes n tensors, or any
// number if n is negative.
func tensors(in []Value, n int) ([]*lockstep.Tensor, error) {
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

// ints reads a tensor of int32 or int64 as ints.
func ints(t *lockstep.Tensor) ([]int, error) { return appendInts(make([]int, 0, t.Len()), t) }

// appendInts appends the elements of a tensor of int32 or int64.
func appendInts(to []int, t *lockstep.Tensor) ([]int, error) {
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

// scalarInt reads a tensor of one integer.
func scalarInt(t *lockstep.Tensor) (int, error) {
	v, err := ints(t)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("%s, want one integer", t)
	}
	return v[0], nil
}

// axisOf makes an axis that may count from the end one that counts from 0.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// maxElements bounds a tensor that a graph asks for by a number alone, such as
// Fill: a file of a few bytes must not take all memory.
var maxElements = 1 << 28 // a variable for the tests

// maxRank is TensorFlow's own bound on the number of axes.
const maxRank = 254

// maxEmptyAxis bounds the axes of a tensor without elements, which cost
// nothing, but the work along them would.
const maxEmptyAxis = 1 << 24

// elements returns the number of elements of a shape that may be made, of
// whatever type, and beside each the number of its source.
func elements(shape []int) (int, error) { return elementsSized(shape, 2*wordBytes) }

// elementsSized is elements where each takes size bytes, with what is needed to
// make it.
func elementsSized(shape []int, size int) (int, error) {
	n, err := bounded(shape)
	if err != nil {
		return 0, err
	}
	if err := memory.Fits(n, size); err != nil {
		return 0, fmt.Errorf("a tensor of shape %s: %w", lockstep.FormatShape(shape), err)
	}
	return n, nil
}

// bounded is elements where no memory is taken for them.
func bounded(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a tensor of %d axes, want at most %d", len(shape), maxRank)
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return 0, err
	}
	if n > maxElements {
		return 0, fmt.Errorf("a tensor of shape %s, want at most %d elements", lockstep.FormatShape(shape), maxElements)
	}
	if n == 0 && slices.Max(shape) > maxEmptyAxis {
		return 0, fmt.Errorf("an empty tensor of shape %s, want axes of at most %d", lockstep.FormatShape(shape), maxEmptyAxis)
	}
	return n, nil
}
