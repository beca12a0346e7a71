package sparse

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// The operations on the rows of a tensor that are of one segment each: their numbers do
// not fall, and the result has a row for each number up to the last.
var segments = op.Table{
	"SegmentSum":         {Build: byType(segment(sums[float32]()), segment(sums[float64]()), segment(sums[int32]()), segment(sums[int64]())), Shape: op.InputsAt(1), Bound: sumBound(0, ofAll(1, 0), 0)},
	"SegmentProd":        {Build: byType(segment(multiplied[float32]()), segment(multiplied[float64]()), segment(multiplied[int32]()), segment(multiplied[int64]())), Shape: op.InputsAt(1)},
	"SegmentMean":        {Build: byType(segment(means[float32]()), segment(means[float64]()), nil, nil), Shape: op.InputsAt(1), Bound: sumBound(0, ofAll(1, 2), 0)},
	"SegmentMax":         {Build: byType(segment(extremes(larger[float32])), segment(extremes(larger[float64])), segment(extremes(larger[int32])), segment(extremes(larger[int64]))), Shape: op.InputsAt(1), Bound: monotoneBound(0, 0)},
	"SegmentMin":         {Build: byType(segment(extremes(smaller[float32])), segment(extremes(smaller[float64])), segment(extremes(smaller[int32])), segment(extremes(smaller[int64]))), Shape: op.InputsAt(1), Bound: monotoneBound(0, 0)},
	"SparseSegmentSum":   {Build: byType(lookup(sums[float32]()), lookup(sums[float64]()), lookup(sums[int32]()), lookup(sums[int64]())), Shape: op.InputsAt(2), Bound: sumBound(0, ofAll(1, 0), 0)},
	"SparseSegmentMean":  {Build: byType(lookup(means[float32]()), lookup(means[float64]()), nil, nil), Shape: op.InputsAt(2), Bound: sumBound(0, ofAll(1, 2), 0)},
	"SparseSegmentSqrtN": {Build: byType(lookup(roots[float32]()), lookup(roots[float64]()), nil, nil), Shape: op.InputsAt(2), Bound: sumBound(0, ofAll(1, 4), 0)},
}

// folding is what is made of the rows of a segment: of the first row on, each is joined,
// and the result of n is finished.
type folding[E number] struct {
	join   func(x, y E) E
	finish func(x E, n int) E
	empty  E // of what no row belongs to
	// refusesNaN says that TensorFlow makes of NaN what the instructions make of it that
	// the length of a row makes it use.
	refusesNaN bool
}

func sums[E number]() folding[E] { return folding[E]{join: plus[E]} }

func multiplied[E number]() folding[E] {
	return folding[E]{join: func(x, y E) E { return x * y }, empty: 1}
}

func extremes[E number](f func(x, y E) E) folding[E] {
	return folding[E]{join: f, refusesNaN: true}
}

func means[E floats]() folding[E] {
	return folding[E]{join: plus[E], finish: func(x E, n int) E { return x / E(n) }}
}

func roots[E floats]() folding[E] {
	return folding[E]{join: plus[E], finish: func(x E, n int) E { return E(float64(x) / math.Sqrt(float64(n))) }}
}

// segment folds the rows of a tensor.
func segment[E number](f folding[E]) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() == 0 || t[1].Rank() != 1 || t[1].Len() != t[0].Shape()[0] {
			return nil, fmt.Errorf("the segments %s of the rows of %s, want one for each", t[1], t[0])
		}
		return fold(w, f, t[0], t[1], func(i int) int { return i })
	}
}

// lookup folds the rows of a tensor that a list names.
func lookup[E number](f folding[E]) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		rows, err := op.Vector(t[1])
		if err != nil {
			return nil, fmt.Errorf("the rows: %w", err)
		}
		if t[0].Rank() == 0 || t[2].Rank() != 1 || t[2].Len() != len(rows) {
			return nil, fmt.Errorf("the segments %s of %d rows of %s, want one for each", t[2], len(rows), t[0])
		}
		for _, r := range rows {
			if r < 0 || r >= t[0].Shape()[0] {
				return nil, fmt.Errorf("row %d of %s", r, t[0])
			}
		}
		return fold(w, f, t[0], t[2], func(i int) int { return rows[i] })
	}
}

// fold folds the rows of data by segments; row says which row is the i-th.
func fold[E number](w *op.Call, f folding[E], data, segments *lockstep.Tensor, row func(i int) int) ([]value.Value, error) {
	x, err := lockstep.Data[E](data)
	if err != nil {
		return nil, err
	}
	if f.refusesNaN && slices.ContainsFunc(x, func(v E) bool { return v != v }) {
		return nil, fmt.Errorf("%s has elements that are NaN: TensorFlow defines no extreme of them", data)
	}
	ids, err := value.Ints(segments)
	if err != nil {
		return nil, fmt.Errorf("the segments: %w", err)
	}
	n := 0
	for i, id := range ids {
		if id < 0 || i > 0 && id < ids[i-1] {
			return nil, fmt.Errorf("segment %d of row %d, want numbers from 0 on that do not fall", id, i)
		}
		if n = id + 1; n > value.MaxElements {
			return nil, fmt.Errorf("segment %d, want at most %d", id, value.MaxElements)
		}
	}
	shape := append([]int{n}, data.Shape()[1:]...)
	size, err := value.AllowSized(shape, value.SizeFor[E]())
	if err != nil {
		return nil, err
	}
	out := make([]E, size)
	if f.empty != 0 {
		for k := range out {
			out[k] = f.empty
		}
	}
	run := value.Product(shape[1:])
	for i := 0; i < len(ids); {
		to := out[ids[i]*run:][:run]
		copy(to, x[row(i)*run:][:run])
		end := i + 1
		for ; end < len(ids) && ids[end] == ids[i]; end++ {
			for k, v := range x[row(end)*run:][:run] {
				to[k] = f.join(to[k], v)
			}
		}
		if f.finish != nil {
			for k := range to {
				to[k] = f.finish(to[k], end-i)
			}
		}
		i = end
	}
	return w.One(lockstep.New(out, shape...))
}
