package op

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Reductions process the elements in order. Sums and products of float32 are
// kept in float64: TensorFlow's order depends on the machine and its threads,
// and the unrounded sum is nearest to all of them.
var reduceOps = Table{
	"Sum": {Own: true, Types: ofT, Build: reduction(with16(Floats(
		fold(0, plus[float64, float32], nil),
		fold(0, plus[float64, float64], nil),
	)).and(totals)), Shape: InputsAt(1), StepwiseFloat16: true, Bound: linear(termsOfReduction), Time: timeOfReduction},
	"Mean": {Own: true, Types: ofT, Build: reduction(with16(Floats(
		fold(0, plus[float64, float32], share[float64]),
		fold(0, plus[float64, float64], share[float64]),
	)).and(means)), Shape: InputsAt(1), StepwiseFloat16: true, Bound: meanBound, Time: timeOfReduction},
	"Prod": {Types: ofT, Build: reduction(Floats(
		fold(1, times[float64, float32], nil),
		fold(1, times[float64, float64], nil),
	).and(factors)), Shape: InputsAt(1), Factors: InputsAt(0)},
	"EuclideanNorm": {Build: reduction(Floats(
		fold(0, plusSquare[float32], root),
		fold(0, plusSquare[float64], root),
	)), Bound: norm},
	"Max": {Types: ofT, Build: reduction(with16(Floats(maximum[float32](), maximum[float64]())).and(integers(
		maximum[int8](), maximum[int16](), maximum[int32](), maximum[int64](), maximum[uint8](), maximum[uint16](), maximum[uint32](), maximum[uint64](),
	))), Shape: InputsAt(1), Bound: monotoneBound, Time: timeOfReduction, Back: sameOf(0)},
	"Min": {Types: ofT, Build: reduction(with16(Floats(minimum[float32](), minimum[float64]())).and(integers(
		minimum[int8](), minimum[int16](), minimum[int32](), minimum[int64](), minimum[uint8](), minimum[uint16](), minimum[uint32](), minimum[uint64](),
	))), Shape: InputsAt(1), Bound: monotoneBound, Time: timeOfReduction, Back: sameOf(0)},
	"All": {Build: reduction(Variants[reducer]{lockstep.Bool: foldBool(true, func(x, y bool) bool { return x && y })}), Shape: InputsAt(1), Bound: decidedBound, Undecided: true, Time: timeOfReduction},
	"Any": {Build: reduction(Variants[reducer]{lockstep.Bool: foldBool(false, func(x, y bool) bool { return x || y })}), Shape: InputsAt(1), Bound: decidedBound, Undecided: true, Time: timeOfReduction},
}

// Sums and products of integers wrap around to their type; a mean is that of the
// sum in 64 bits, cut.
var (
	totals = integers(
		fold(0, plus[int64, int8], nil), fold(0, plus[int64, int16], nil), fold(0, plus[int64, int32], nil), fold(0, plus[int64, int64], nil),
		fold(0, plus[uint64, uint8], nil), fold(0, plus[uint64, uint16], nil), fold(0, plus[uint64, uint32], nil), fold(0, plus[uint64, uint64], nil))
	factors = integers(
		fold(1, times[int64, int8], nil), fold(1, times[int64, int16], nil), fold(1, times[int64, int32], nil), fold(1, times[int64, int64], nil),
		fold(1, times[uint64, uint8], nil), fold(1, times[uint64, uint16], nil), fold(1, times[uint64, uint32], nil), fold(1, times[uint64, uint64], nil))
	means = integers(
		mean[int64, int8](), mean[int64, int16](), mean[int64, int32](), mean[int64, int64](),
		mean[uint64, uint8](), mean[uint64, uint16](), mean[uint64, uint32](), mean[uint64, uint64]())
)

func mean[S, E integer]() reducer { return refusingNone(fold(0, plus[S, E], share[S])) }

func maximum[E number]() reducer { return fold(lowest[E](), larger[E], nil) }

func minimum[E number]() reducer { return fold(highest[E](), smaller[E], nil) }

func plus[S, E number](s S, v E) S { return s + S(v) }

func times[S, E number](s S, v E) S { return s * S(v) }

func plusSquare[E float](s float64, v E) float64 { return s + float64(float64(v)*float64(v)) }

func share[S number](s S, n int) S { return s / S(n) }

func root(s float64, _ int) float64 { return math.Sqrt(s) }

// reducer reduces the elements of t that the walk maps to the same place of a
// result of some shape. Each place gets count of them. keep is its memory.
type reducer func(keep *any, t *lockstep.Tensor, w *walk, shape []int, count int) (*lockstep.Tensor, error)

// foldMemory is the memory of a reducer.
type foldMemory[S any, E lockstep.Element] struct {
	acc []S
	out ResultMemory[E]
}

// fold begins with start, takes the elements one by one, and ends with finish,
// if there is one, which also gets their number.
func fold[S, E number](start S, take func(S, E) S, finish func(S, int) S) reducer {
	return func(keep *any, t *lockstep.Tensor, w *walk, shape []int, count int) (*lockstep.Tensor, error) {
		m := roomIn[foldMemory[S, E]](keep)
		out, d, err := m.out.Get(shape...)
		if err != nil {
			return nil, err
		}
		if len(m.acc) != len(d) {
			m.acc = make([]S, len(d))
		}
		if err := accumulate(m.acc, t, w, start, take); err != nil {
			return nil, err
		}
		for i, s := range m.acc {
			if finish != nil {
				s = finish(s, count)
			}
			d[i] = E(s)
		}
		return out, nil
	}
}

func foldBool(start bool, take func(x, y bool) bool) reducer {
	return func(keep *any, t *lockstep.Tensor, w *walk, shape []int, _ int) (*lockstep.Tensor, error) {
		out, d, err := roomIn[ResultMemory[bool]](keep).Get(shape...)
		if err != nil {
			return nil, err
		}
		return out, accumulate(d, t, w, start, take)
	}
}

// reduce16 reduces numbers of 16 bits in float32, and rounds once.
func reduce16[H half](r reducer) reducer {
	return func(keep *any, t *lockstep.Tensor, w *walk, shape []int, count int) (*lockstep.Tensor, error) {
		d, err := lockstep.Data[H](t)
		if err != nil {
			return nil, err
		}
		wide, err := convert(d, H.Float32, t.Shape())
		if err != nil {
			return nil, err
		}
		out, err := r(keep, wide, w, shape, count)
		if err != nil {
			return nil, err
		}
		return narrow[H](out)
	}
}

// with16 adds the types of 16 bits.
func with16(v Variants[reducer]) Variants[reducer] {
	v[lockstep.Float16] = reduce16[lockstep.Float16Bits](v[lockstep.Float32])
	v[lockstep.BFloat16] = reduce16[lockstep.BFloat16Bits](v[lockstep.Float32])
	return v
}

// refusingNone fails for the mean of no integers.
func refusingNone(r reducer) reducer {
	return func(keep *any, t *lockstep.Tensor, w *walk, shape []int, count int) (*lockstep.Tensor, error) {
		if count == 0 && value.Product(shape) > 0 {
			return nil, errors.New("the mean of no integers")
		}
		return r(keep, t, w, shape, count)
	}
}

// accumulate walks over t, operand 0, and the result, operand 1.
func accumulate[S any, E lockstep.Element](acc []S, t *lockstep.Tensor, w *walk, start S, take func(S, E) S) error {
	x, err := lockstep.Data[E](t)
	if err != nil {
		return err
	}
	for i := range acc {
		acc[i] = start
	}
	w.each(func(from int, at []int) {
		run := x[from : from+w.run()]
		if w.fixed(1) {
			s := acc[at[1]]
			for _, v := range run {
				s = take(s, v)
			}
			acc[at[1]] = s
			return
		}
		row := acc[at[1]:][:len(run)]
		for i, v := range run {
			row[i] = take(row[i], v)
		}
	})
	return nil
}

// reduceMemory is the memory of a reduction: all that follows from the shape of
// the first input and the axes, while both stay the same.
type reduceMemory struct {
	of, axes *lockstep.Tensor
	listed   *lockstep.Tensor // a copy of the axes
	walk     *walk
	to       []int // the result's shape
	count    int
	keep     any // the reducer's memory
}

// reduction makes an operation that removes axes, which its second input lists,
// or with keep_dims reduces them to length one.
func reduction(by Variants[reducer]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		// All and Any have no attribute for the type.
		reduce, err := by.chooseOr(n, "T", lockstep.Bool)
		if err != nil {
			return nil, err
		}
		keepDims := n.AttrBool("keep_dims")
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			if len(in) != 2 || in[0].Tensor == nil || in[1].Tensor == nil {
				return nil, fmt.Errorf("%d inputs, want 2 tensors", len(in))
			}
			t, m := in[0].Tensor, Room[reduceMemory](w)
			// Computed integers may change in place.
			if t != m.of || in[1].Tensor != m.axes || !m.axes.BitEqual(m.listed) {
				if err := m.prepare(t, in[1].Tensor, keepDims); err != nil {
					return nil, err
				}
			}
			return w.One(reduce(&m.keep, t, m.walk, m.to, m.count))
		}, nil
	}
}

// axesOf reads the axes to reduce: true for each of them.
func axesOf(axes *lockstep.Tensor, rank int) ([]bool, error) {
	list, err := value.Ints(axes)
	if err != nil {
		return nil, fmt.Errorf("the axes: %w", err)
	}
	out := make([]bool, rank)
	for _, a := range list {
		axis, err := value.AxisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if out[axis] {
			return nil, fmt.Errorf("axis %d is to be reduced twice", axis)
		}
		out[axis] = true
	}
	return out, nil
}

// prepare finds out what follows from shapes and axes.
func (m *reduceMemory) prepare(t, axes *lockstep.Tensor, keepDims bool) error {
	reduced, err := axesOf(axes, t.Rank())
	if err != nil {
		return err
	}
	kept, shape, count := pad(nil, t.Rank()), []int{}, 1
	for i, d := range t.Shape() {
		if reduced[i] {
			count *= d
			if keepDims {
				shape = append(shape, 1)
			}
			continue
		}
		kept[i], shape = d, append(shape, d)
	}
	// Without the empty axes the others may have any length.
	if _, err := value.Allow(kept); err != nil {
		return err
	}
	walk, err := together(t.Shape(), kept)
	if err != nil {
		return err
	}
	listed, err := value.CloneTensor(axes)
	if err != nil {
		return err
	}
	*m = reduceMemory{of: t, axes: axes, listed: listed, walk: walk, to: shape, count: count, keep: m.keep}
	return nil
}

// monotoneBound is for operations that never fall when an element rises, and do
// not round: the results of the least and of the largest that the elements may
// be are the ends.
func monotoneBound(x *BoundInput) error {
	v, off := x.V(0), x.E(0)
	e := make([]float64, x.Out[0].Tensor.Len())
	if off == nil {
		return x.Set(0, e)
	}
	rest := make([]value.Value, 0, len(x.In))
	for _, in := range x.In[1:] {
		rest = append(rest, in.Value)
	}
	for _, sign := range []float64{-1, 1} {
		end := make([]float64, len(v))
		for i := range v {
			end[i] = v[i] + sign*off[i]
		}
		out, err := x.Run(append([]value.Value{x.Like(0, end)}, rest...)...)
		if err != nil {
			return err
		}
		for i, r := range FloatsOf(x.Out[0].Tensor) {
			if d := math.Abs(out[i] - r); !(d <= e[i]) {
				e[i] = d
			}
		}
	}
	return x.Set(0, e)
}

// timeOfReduction is for a reduction along other axes than time.
func timeOfReduction(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 0)
	if done {
		return l, err
	}
	axes, err := value.Ints(t.Tensor(1))
	if err != nil {
		return l, err
	}
	gone := 0
	for _, a := range axes {
		if a < 0 {
			a += len(t.Shape(0))
		}
		if a == axis {
			return l, ErrMixes
		}
		if a < axis && !t.Node().AttrBool("keep_dims") {
			gone++
		}
	}
	return TimeAt(t.Result(), axis-gone), nil
}
