package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// The operations that reduce rows by the number of the segment they belong to.
var segmentOps = Table{
	"UnsortedSegmentSum":  {Build: byType(numbers(segments(0, add[float32]), segments(0, add[float64]), segments(0, add[int32]), segments(0, add[int64]))), Bound: linear(termsOfAll)},
	"UnsortedSegmentProd": {Build: byType(numbers(segments(1, mul[float32]), segments(1, mul[float64]), segments(1, mul[int32]), segments(1, mul[int64])))},
	"UnsortedSegmentMax":  {Build: byType(numbers(segments(float32(-math.MaxFloat32), larger), segments(-math.MaxFloat64, larger), segments(lowest[int32](), larger), segments(lowest[int64](), larger)))},
	"UnsortedSegmentMin":  {Build: byType(numbers(segments(float32(math.MaxFloat32), smaller), segments(math.MaxFloat64, smaller), segments(highest[int32](), smaller), segments(highest[int64](), smaller)))},
}

// segments begins each segment with start and takes its rows in order. A row
// of a negative segment is left out.
func segments[E number](start E, take func(x, y E) E) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		t, err := tensors(in, 3)
		if err != nil {
			return nil, err
		}
		_, x, err := operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		ids, err := ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the segments: %w", err)
		}
		n, err := scalar(t[2])
		if err != nil {
			return nil, fmt.Errorf("the number of segments: %w", err)
		}
		rank := t[1].Rank()
		if rank > t[0].Rank() || !slices.Equal(t[0].Shape()[:rank], t[1].Shape()) {
			return nil, fmt.Errorf("segments %s of %s, want the same first axes", t[1], t[0])
		}
		if n < 0 {
			return nil, fmt.Errorf("%d segments", n)
		}
		shape := append([]int{n}, t[0].Shape()[rank:]...)
		size, err := elements(shape)
		if err != nil {
			return nil, err
		}
		out := make([]E, size)
		for i := range out {
			out[i] = start
		}
		row := product(t[0].Shape()[rank:])
		for i, id := range ids {
			if id >= n {
				return nil, fmt.Errorf("segment %d of %d", id, n)
			}
			if id < 0 {
				continue
			}
			to := out[id*row:][:row]
			for k, v := range x[i*row:][:row] {
				to[k] = take(to[k], v)
			}
		}
		return w.one(lockstep.New(out, shape...))
	}
}
