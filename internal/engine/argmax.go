package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var argmaxOps = Table{
	"ArgMax": {Build: extreme(bestOf(lowest[float32](), greater), bestOf(lowest[float64](), greater), bestOf(lowest[int32](), greater), bestOf(lowest[int64](), greater),
		bestOf(false, func(x, y bool) bool { return x && !y })), Bound: bestBound},
	"ArgMin": {Build: extreme(bestOf(highest[float32](), less), bestOf(highest[float64](), less), bestOf(highest[int32](), less), bestOf(highest[int64](), less),
		bestOf(true, func(x, y bool) bool { return !x && y })), Bound: bestBound},
}

// finder returns where the best element of each line is.
type finder func(t *lockstep.Tensor, l lines) ([]int, error)

// bestOf returns the first of the best elements; NaN is never the best. If
// nothing is better than start, which is the worst, it is the first element.
func bestOf[E lockstep.Element](start E, better func(x, y E) bool) finder {
	return func(t *lockstep.Tensor, l lines) ([]int, error) {
		x, err := lockstep.Data[E](t)
		if err != nil {
			return nil, err
		}
		out := make([]int, l.outer*l.inner)
		if len(x) == 0 {
			return out, nil
		}
		l.each(func(line, at int) {
			best := start
			for k := range l.n {
				if v := x[at+k*l.inner]; better(v, best) {
					best, out[line] = v, k
				}
			}
		})
		return out, nil
	}
}

// find16 compares numbers of 16 bits as float32.
func find16[H half](find finder) finder {
	return func(t *lockstep.Tensor, l lines) ([]int, error) {
		d, err := lockstep.Data[H](t)
		if err != nil {
			return nil, err
		}
		wide, err := convert(d, H.Float32, t.Shape())
		if err != nil {
			return nil, err
		}
		return find(wide, l)
	}
}

func extreme(f32, f64, i32, i64, b finder) Builder {
	by := numbers(f32, f64, i32, i64)
	by[lockstep.Bool] = b
	by[lockstep.Float16], by[lockstep.BFloat16] = find16[lockstep.Float16Bits](f32), find16[lockstep.BFloat16Bits](f32)
	return func(n *savedmodel.Node) (Exec, error) {
		find, err := by.choose(n, "T")
		if err != nil {
			return nil, err
		}
		index, err := typeOr(n, "output_type", lockstep.Int64)
		if err != nil {
			return nil, err
		}
		if index != lockstep.Int32 && index != lockstep.Int64 {
			return nil, unsupported("output_type", index)
		}
		return func(w *Call, in []Value) ([]Value, error) {
			t, l, err := alongAxis(in)
			if err != nil {
				return nil, err
			}
			if l.n == 0 && l.outer*l.inner > 0 {
				return nil, fmt.Errorf("the best of no elements of %s", t)
			}
			at, err := find(t, l)
			if err != nil {
				return nil, err
			}
			// The axis was checked by alongAxis.
			axis, _ := scalarInt(in[1].Tensor)
			axis, _ = axisOf(axis, t.Rank())
			return w.one(intTensor(at, index, slices.Delete(slices.Clone(t.Shape()), axis, axis+1)...))
		}, nil
	}
}
