package reduce

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// places1 returns a tensor's elements at some places along one axis.
func places1(t *lockstep.Tensor, axis int, at []int) (*lockstep.Tensor, error) {
	switch t.DType() {
	case lockstep.Float32:
		return placesOf[float32](t, axis, at)
	case lockstep.Float64:
		return placesOf[float64](t, axis, at)
	case lockstep.Int32:
		return placesOf[int32](t, axis, at)
	case lockstep.Int64:
		return placesOf[int64](t, axis, at)
	case lockstep.Bool:
		return placesOf[bool](t, axis, at)
	}
	return nil, fmt.Errorf("reduce: %s cannot be cut", t)
}

func placesOf[E lockstep.Element](t *lockstep.Tensor, axis int, at []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(t.Shape())
	outer, inner, n := 1, 1, shape[axis]
	for i, m := range shape {
		if i < axis {
			outer *= m
		} else if i > axis {
			inner *= m
		}
	}
	out := make([]E, 0, outer*len(at)*inner)
	for o := range outer {
		for _, i := range at {
			out = append(out, d[(o*n+i)*inner:][:inner]...)
		}
	}
	shape[axis] = len(at)
	return lockstep.New(out, shape...)
}

// mapFloats changes each number of a tensor of floats by its index, and tells
// whether any changed.
func mapFloats(t *lockstep.Tensor, f func(at []int, v float64) float64) (*lockstep.Tensor, bool) {
	switch t.DType() {
	case lockstep.Float32:
		return mapOf[float32](t, f)
	case lockstep.Float64:
		return mapOf[float64](t, f)
	}
	return t, false
}

func mapOf[F float32 | float64](t *lockstep.Tensor, f func(at []int, v float64) float64) (*lockstep.Tensor, bool) {
	d, err := lockstep.Data[F](t)
	if err != nil {
		return t, false
	}
	out := slices.Clone(d)
	changed := false
	at := make([]int, t.Rank())
	for i, v := range d {
		rest := i
		for axis := len(at) - 1; axis >= 0; axis-- {
			at[axis], rest = rest%t.Shape()[axis], rest/t.Shape()[axis]
		}
		out[i] = F(f(at, float64(v)))
		changed = changed || out[i] != v && (out[i] == out[i] || v == v)
	}
	x, err := lockstep.New(out, slices.Clone(t.Shape())...)
	return x, changed && err == nil
}
