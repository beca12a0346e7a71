package value

import (
	"fmt"
	"math"
	"reflect"

	"github.com/lockstep-go/lockstep"
)

// Product is the number of elements of a part of a tensor's shape.
func Product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Strides are the distances between the elements along each axis.
func Strides(shape []int) []int {
	out := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = step
		step *= shape[i]
	}
	return out
}

// Positions are n numbers from first on, by steps.
func Positions(first, n, step int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i*step
	}
	return out
}

// AllPositions are the positions of all of a tensor's elements, axis by axis.
func AllPositions(shape []int) ([][]int, error) {
	if _, err := AllowView(shape); err != nil {
		return nil, err
	}
	out := make([][]int, len(shape))
	for i, step := range Strides(shape) {
		out[i] = Positions(0, shape[i], step)
	}
	return out, nil
}

// ShapeTensor returns a shape as a tensor of integers.
func ShapeTensor(shape []int, dtype lockstep.DType) (*lockstep.Tensor, error) {
	return IntTensor(shape, dtype, len(shape))
}

// IntTensor returns integers as a tensor of int32 or int64.
func IntTensor(v []int, dtype lockstep.DType, shape ...int) (*lockstep.Tensor, error) {
	if dtype == lockstep.Int64 {
		return fromInts[int64](v, shape)
	}
	for _, x := range v {
		if x > math.MaxInt32 || x < math.MinInt32 {
			return nil, fmt.Errorf("%d does not fit an int32", x)
		}
	}
	return fromInts[int32](v, shape)
}

func fromInts[E int32 | int64](v, shape []int) (*lockstep.Tensor, error) {
	out := make([]E, len(v))
	for i, d := range v {
		out[i] = E(d)
	}
	return lockstep.New(out, shape...)
}

// CloneTensor copies a tensor.
func CloneTensor(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	out, err := lockstep.Zeros(t.DType(), t.Shape()...)
	if err != nil {
		return nil, err
	}
	return out, CopyElements(out, t)
}

const (
	WordBytes = 8
	// TensorOverhead is about a tensor's size besides its elements, which
	// matters where a loop makes very many small ones.
	TensorOverhead = 128
)

// SizeFor is sizeOf for the type E.
func SizeFor[E lockstep.Element]() int { return int(reflect.TypeFor[E]().Size()) }

// SizeOf returns the bytes of an element in memory; of a string, those of its
// header.
func SizeOf(d lockstep.DType) int {
	if n := d.Size(); n > 0 {
		return n
	}
	return 2 * WordBytes
}

// Integer reads a tensor of one integer, without allocating.
func Integer(t *lockstep.Tensor) (int, bool) {
	if d, err := lockstep.Data[int32](t); err == nil && len(d) == 1 {
		return int(d[0]), true
	}
	if d, err := lockstep.Data[int64](t); err == nil && len(d) == 1 {
		return int(d[0]), true
	}
	return 0, false
}

// Zeros makes zeros, with a bound on their number.
func Zeros(dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	if _, err := AllowSized(shape, SizeOf(dtype)); err != nil {
		return nil, err
	}
	return lockstep.Zeros(dtype, shape...)
}
