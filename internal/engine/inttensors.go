package engine

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
)

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
