package op

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var orderOps = Table{
	"ArgMax": {Types: ofT, Build: extreme(Floats(bestOf(lowest[float32](), greater), bestOf(lowest[float64](), greater)).and(integers(
		bestOf(lowest[int8](), greater), bestOf(lowest[int16](), greater), bestOf(lowest[int32](), greater), bestOf(lowest[int64](), greater),
		bestOf(lowest[uint8](), greater), bestOf(lowest[uint16](), greater), bestOf(lowest[uint32](), greater), bestOf(lowest[uint64](), greater))),
		bestOf(false, func(x, y bool) bool { return x && !y })), Bound: bestBound},
	"ArgMin": {Types: ofT, Build: extreme(Floats(bestOf(highest[float32](), less), bestOf(highest[float64](), less)).and(integers(
		bestOf(highest[int8](), less), bestOf(highest[int16](), less), bestOf(highest[int32](), less), bestOf(highest[int64](), less),
		bestOf(highest[uint8](), less), bestOf(highest[uint16](), less), bestOf(highest[uint32](), less), bestOf(highest[uint64](), less))),
		bestOf(true, func(x, y bool) bool { return !x && y })), Bound: bestBound},
	"TopKV2":   {Types: ofT, Build: buildTopK, Bound: topBound},
	"InTopKV2": {Build: Plain(inTopK), Float64: OnlyFloat32},
}

// finder returns where the best element of each line is.
type finder func(t *lockstep.Tensor, l lines) ([]int, error)

// bestOf returns the first of the best elements; NaN is never the best. If none
// is better than start, which is the worst, it is the first element.
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

func extreme(by Variants[finder], b finder) Builder {
	by[lockstep.Bool] = b
	f32 := by[lockstep.Float32]
	by[lockstep.Float16], by[lockstep.BFloat16] = find16[lockstep.Float16Bits](f32), find16[lockstep.BFloat16Bits](f32)
	return func(n *savedmodel.Node) (Exec, error) {
		find, err := by.choose(n, "T")
		if err != nil {
			return nil, err
		}
		index, err := TypeOr(n, "output_type", lockstep.Int64)
		if err != nil {
			return nil, err
		}
		if index != lockstep.Int32 && index != lockstep.Int64 {
			return nil, NotSupported("output_type", index)
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
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
			// alongAxis has checked the axis.
			axis, _ := value.ScalarInt(in[1].Tensor)
			axis, _ = value.AxisOf(axis, t.Rank())
			return w.One(value.IntTensor(at, index, slices.Delete(slices.Clone(t.Shape()), axis, axis+1)...))
		}, nil
	}
}

func buildTopK(n *savedmodel.Node) (Exec, error) {
	if !BoolOr(n, "sorted", true) {
		return nil, NotSupported("sorted", false) // TensorFlow leaves the order open
	}
	index, err := indexType(n, "index_type")
	if err != nil {
		return nil, err
	}
	return With16Bits(Floats(topK[float32](index), topK[float64](index))).and(integers(
		topK[int8](index), topK[int16](index), topK[int32](index), topK[int64](index),
		topK[uint8](index), topK[uint16](index), topK[uint32](index), topK[uint64](index))).choose(n, "T")
}

// topK returns the k largest of each row, the largest first, and where they
// are; of equal ones the first comes first, and NaN is larger than any.
func topK[E number](index lockstep.DType) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		ts, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		t, x, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		k, err := Scalar(ts[1])
		if err != nil {
			return nil, fmt.Errorf("k: %w", err)
		}
		if t.Rank() == 0 {
			return nil, errors.New("the largest of a scalar")
		}
		n := t.Shape()[t.Rank()-1]
		if k < 0 || k > n {
			return nil, fmt.Errorf("the %d largest of rows of %d", k, n)
		}
		shape := slices.Clone(t.Shape())
		shape[len(shape)-1] = k
		size, err := value.Allow(shape)
		if err != nil {
			return nil, err
		}
		values, at := make([]E, 0, size), make([]int, 0, size)
		order := make([]int, min(n, len(x)))
		for row := 0; size > 0 && row < len(x)/n; row++ {
			for i := range order {
				order[i] = i
			}
			of := x[row*n : (row+1)*n]
			slices.SortStableFunc(order, func(i, j int) int { return descending(of[i], of[j]) })
			for _, i := range order[:k] {
				values, at = append(values, of[i]), append(at, i)
			}
		}
		v, err := lockstep.New(values, shape...)
		if err != nil {
			return nil, err
		}
		i, err := value.IntTensor(at, index, shape...)
		if err != nil {
			return nil, err
		}
		return []value.Value{{Tensor: v}, {Tensor: i}}, nil
	}
}

// descending puts NaN first, which cmp.Compare orders as the smallest.
func descending[E number](x, y E) int {
	if x != x || y != y {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(y, x)
}

// inTopK tells for each row whether fewer than k numbers are above the target's.
// A row whose target is out of range, or that has a non-finite number above it,
// gives false.
func inTopK(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	_, x, err := Operand[float32](in, 0)
	if err != nil {
		return nil, err
	}
	targets, err := value.Ints(t[1])
	if err != nil {
		return nil, fmt.Errorf("the targets: %w", err)
	}
	k, err := Scalar(t[2])
	if err != nil {
		return nil, fmt.Errorf("k: %w", err)
	}
	if t[0].Rank() != 2 || t[1].Rank() != 1 || t[0].Shape()[0] != len(targets) {
		return nil, fmt.Errorf("rows %s and targets %s, want one for each row", t[0], t[1])
	}
	n := t[0].Shape()[1]
	out := make([]bool, len(targets))
	for i, target := range targets {
		if target < 0 || target >= n || !finite(x[i*n+target]) {
			continue
		}
		above, known := 0, true
		for _, v := range x[i*n:][:n] {
			known = known && finite(v)
			if v > x[i*n+target] {
				above++
			}
		}
		out[i] = known && above < k
	}
	return w.One(lockstep.New(out, len(out)))
}

func finite(x float32) bool { return x-x == 0 }

// bestBound: the place of the best element is certain if no other may be as
// good.
func bestBound(x *BoundInput) error {
	t, l, err := alongAxis([]value.Value{x.In[0].Value, x.In[1].Value})
	if err != nil {
		return err
	}
	at, err := value.Ints(x.Out[0].Tensor)
	if err != nil {
		return err
	}
	v, off := FloatsOf(t), x.E(0)
	e := make([]float64, len(at))
	l.each(func(line, from int) {
		best := from + at[line]*l.inner
		for k := range l.n {
			i := from + k*l.inner
			if i != best && !(math.Abs(v[best]-v[i]) > off[best]+off[i]) && off[best]+off[i] > 0 {
				e[line] = 1
			}
		}
	})
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}

// topBound: the k-th largest element of a row is no further off than one of the
// row is. Its place is not certain.
func topBound(x *BoundInput) error {
	if !x.In[1].Exact() {
		return x.In[1].Reason()
	}
	off := x.E(0)
	if off == nil {
		return nil
	}
	from, to := x.In[0].Tensor.Shape(), x.Shape()
	n, k := from[len(from)-1], to[len(to)-1]
	e := make([]float64, x.Out[0].Tensor.Len())
	for i := range e {
		for _, v := range off[i/k*n : (i/k+1)*n] {
			e[i] = max(e[i], v)
		}
	}
	x.Out[1].Why = Unsupported{Node: x.Node.Name, Op: x.Node.Op, Reason: errors.New("rounding may decide the order")}
	return x.Set(0, e)
}
