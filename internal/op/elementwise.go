package op

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// map1 computes every element of the result from one of the input.
func map1[A, B lockstep.Element](f func(A) B) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 1 {
			return nil, fmt.Errorf("%d inputs, want 1", len(in))
		}
		t, x, err := operand[A](in, 0)
		if err != nil {
			return nil, err
		}
		out, y, err := Room[made[B]](w).get(t.Shape()...)
		if err != nil {
			return nil, err
		}
		for i, v := range x {
			y[i] = f(v)
		}
		return w.one(out, nil)
	}
}

// via computes a function of float32 in float64.
func via(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}

func via2(f func(x, y float64) float64) func(x, y float32) float32 {
	return func(x, y float32) float32 { return float32(f(float64(x), float64(y))) }
}

// pairing is the memory of map2.
type pairing[B lockstep.Element] struct {
	walking
	made[B]
}

// map2 computes every element of the result from one of each of two inputs
// that are broadcast together.
func map2[A, B lockstep.Element](f func(x, y A) B) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, fmt.Errorf("%d inputs, want 2", len(in))
		}
		s, x, err := operand[A](in, 0)
		if err != nil {
			return nil, err
		}
		t, y, err := operand[A](in, 1)
		if err != nil {
			return nil, err
		}
		m := Room[pairing[B]](w)
		walk, err := m.together2(s.Shape(), t.Shape())
		if err != nil {
			return nil, err
		}
		out, z, err := m.get(walk.shape...)
		if err != nil {
			return nil, err
		}
		walk.each(func(o int, at []int) { mapRun(walk, z[o:o+walk.run()], x[at[0]:], y[at[1]:], f) })
		return w.one(out, nil)
	}
}

// mapRun is map2's innermost loop.
func mapRun[A, B lockstep.Element](w *walk, out []B, x, y []A, f func(x, y A) B) {
	switch {
	case !w.fixed(0) && !w.fixed(1):
		x, y = x[:len(out)], y[:len(out)]
		for i := range out {
			out[i] = f(x[i], y[i])
		}
	case !w.fixed(0):
		for i, v := range x[:len(out)] {
			out[i] = f(v, y[0])
		}
	case !w.fixed(1):
		for i, v := range y[:len(out)] {
			out[i] = f(x[0], v)
		}
	default:
		for i := range out {
			out[i] = f(x[0], y[0])
		}
	}
}
