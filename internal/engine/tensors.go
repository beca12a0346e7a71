package engine

import (
	"fmt"
	"math"
	"reflect"

	"github.com/lockstep-go/lockstep"
)

// product is the number of elements of a part of a tensor's shape.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// strides are the distances between the elements along each axis.
func strides(shape []int) []int {
	out := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = step
		step *= shape[i]
	}
	return out
}

// positions are n numbers from first on, by steps.
func positions(first, n, step int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i*step
	}
	return out
}

// whole are the positions of all of a tensor's elements, axis by axis.
func whole(shape []int) ([][]int, error) {
	if _, err := bounded(shape); err != nil {
		return nil, err
	}
	out := make([][]int, len(shape))
	for i, step := range strides(shape) {
		out[i] = positions(0, shape[i], step)
	}
	return out, nil
}

// shapeTensor returns a shape as a tensor of integers.
func shapeTensor(shape []int, dtype lockstep.DType) (*lockstep.Tensor, error) {
	return intTensor(shape, dtype, len(shape))
}

// intTensor returns integers as a tensor of int32 or int64.
func intTensor(v []int, dtype lockstep.DType, shape ...int) (*lockstep.Tensor, error) {
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

// cloneTensor copies a tensor.
func cloneTensor(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	out, err := lockstep.Zeros(t.DType(), t.Shape()...)
	if err != nil {
		return nil, err
	}
	return out, copyElements(out, t)
}

const (
	wordBytes = 8
	// tensorOverhead is about what a tensor takes beside its elements, which counts
	// where a loop makes very many small ones.
	tensorOverhead = 128
)

// sizeFor is sizeOf for the type E.
func sizeFor[E lockstep.Element]() int { return int(reflect.TypeFor[E]().Size()) }

// sizeOf returns the bytes of an element in memory; of a string, those of its
// header.
func sizeOf(d lockstep.DType) int {
	if n := d.Size(); n > 0 {
		return n
	}
	return 2 * wordBytes
}

// integer reads a tensor of one integer, without memory of its own.
func integer(t *lockstep.Tensor) (int, bool) {
	if d, err := lockstep.Data[int32](t); err == nil && len(d) == 1 {
		return int(d[0]), true
	}
	if d, err := lockstep.Data[int64](t); err == nil && len(d) == 1 {
		return int(d[0]), true
	}
	return 0, false
}

// zeros makes zeros whose number is bounded.
func zeros(dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	if _, err := elementsSized(shape, sizeOf(dtype)); err != nil {
		return nil, err
	}
	return lockstep.Zeros(dtype, shape...)
}
