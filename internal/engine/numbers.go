package engine

import "math"

// How the operations compute.
//
// TensorFlow's kernels take subnormal float32 numbers for zero where they run
// on its own threads; here they are numbers. float32 functions go through
// float64, and so do sums of float32, whose products float64 holds exactly: no
// machine can make them different by fusing. In float64 every product is
// rounded before it is added. Where a sum of float32 leaves the range of
// float32 on its way and comes back, TensorFlow's stays infinite and this one
// does not.

type number interface {
	float32 | float64 | int32 | int64
}

type float interface{ float32 | float64 }

// lowest is what a maximum begins with: below it is nothing.
func lowest[E number]() E {
	var e E
	switch p := any(&e).(type) {
	case *float32:
		*p = float32(math.Inf(-1))
	case *float64:
		*p = math.Inf(-1)
	case *int32:
		*p = math.MinInt32
	case *int64:
		*p = math.MinInt64
	}
	return e
}

func highest[E number]() E {
	var e E
	switch p := any(&e).(type) {
	case *float32:
		*p = float32(math.Inf(1))
	case *float64:
		*p = math.Inf(1)
	case *int32:
		*p = math.MaxInt32
	case *int64:
		*p = math.MaxInt64
	}
	return e
}
