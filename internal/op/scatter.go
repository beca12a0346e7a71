package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that put elements at positions.
var scatterOps = Table{
	"ScatterNd": {Build: ByType(Variants[Exec]{
		lockstep.Float32:  scatterNd(add[float32]),
		lockstep.Float64:  scatterNd(add[float64]),
		lockstep.Float16:  scatterNd(via16[lockstep.Float16Bits](add[float32])),
		lockstep.BFloat16: scatterNd(via16[lockstep.BFloat16Bits](add[float32])),
		lockstep.Int32:    scatterNd(add[int32]),
		lockstep.Int64:    scatterNd(add[int64]),
		lockstep.Bool:     scatterNd(func(x, y bool) bool { return x || y }),
	})},
	"TensorScatterUpdate": {Build: Plain(scatterUpdate), Moves: InputsAt(0, 2)},
	"TensorScatterAdd":    {Build: ByType(numbers(scatterWith(add[float32]), scatterWith(add[float64]), scatterWith(add[int32]), scatterWith(add[int64])))},
	"TensorScatterSub":    {Build: ByType(numbers(scatterWith(sub[float32]), scatterWith(sub[float64]), scatterWith(sub[int32]), scatterWith(sub[int64])))},
	"TensorScatterMax":    {Build: ByType(numbers(scatterWith(larger[float32]), scatterWith(larger[float64]), scatterWith(larger[int32]), scatterWith(larger[int64])))},
	"TensorScatterMin":    {Build: ByType(numbers(scatterWith(smaller[float32]), scatterWith(smaller[float64]), scatterWith(smaller[int32]), scatterWith(smaller[int64])))},
	"SegmentSum":          {Build: ByType(numbers(sorted(0, 0, add[float32]), sorted(0, 0, add[float64]), sorted(0, 0, add[int32]), sorted(0, 0, add[int64]))), Shape: InputsAt(1), Bound: linear(termsOfAll)},
	"SegmentProd":         {Build: ByType(numbers(sorted(1, 1, mul[float32]), sorted(1, 1, mul[float64]), sorted(1, 1, mul[int32]), sorted(1, 1, mul[int64]))), Shape: InputsAt(1)},
	"SegmentMax":          {Build: withoutNaN(numbers(sorted(float32(math.Inf(-1)), 0, larger), sorted(math.Inf(-1), 0, larger), sorted(lowest[int32](), 0, larger), sorted(lowest[int64](), 0, larger))), Shape: InputsAt(1)},
	"SegmentMin":          {Build: withoutNaN(numbers(sorted(float32(math.Inf(1)), 0, smaller), sorted(math.Inf(1), 0, smaller), sorted(highest[int32](), 0, smaller), sorted(highest[int64](), 0, smaller))), Shape: InputsAt(1)},
	"UnsortedSegmentSum":  {Build: ByType(numbers(segments(0, add[float32]), segments(0, add[float64]), segments(0, add[int32]), segments(0, add[int64]))), Bound: linear(termsOfAll)},
	"UnsortedSegmentProd": {Build: ByType(numbers(segments(1, mul[float32]), segments(1, mul[float64]), segments(1, mul[int32]), segments(1, mul[int64])))},
	"UnsortedSegmentMax":  {Build: ByType(numbers(segments(float32(-math.MaxFloat32), larger), segments(-math.MaxFloat64, larger), segments(lowest[int32](), larger), segments(lowest[int64](), larger)))},
	"UnsortedSegmentMin":  {Build: ByType(numbers(segments(float32(math.MaxFloat32), smaller), segments(math.MaxFloat64, smaller), segments(highest[int32](), smaller), segments(highest[int64](), smaller)))},
}

// scattering checks updates against the positions they go to in a tensor of
// some shape.
func scattering(numbers, updates *lockstep.Tensor, shape []int) (at []int, run int, err error) {
	n := numbers.Rank() - 1
	if n < 0 || updates.Rank() == 0 {
		return nil, 0, fmt.Errorf("updates %s at positions %s, want an axis at least in both", updates, numbers)
	}
	depth := numbers.Shape()[n]
	if depth > len(shape) {
		return nil, 0, fmt.Errorf("positions of %d axes in the shape %s", depth, lockstep.FormatShape(shape))
	}
	if want := slices.Concat(numbers.Shape()[:n], shape[depth:]); !slices.Equal(updates.Shape(), want) {
		return nil, 0, fmt.Errorf("updates are %s, want the shape %s", updates, lockstep.FormatShape(want))
	}
	// TensorFlow accepts no updates, or updates at positions in a non-empty
	// shape.
	if (numbers.Len() > 0 || updates.Len() > 0) && (numbers.Len() == 0 || updates.Len() == 0 || slices.Contains(shape, 0)) {
		return nil, 0, fmt.Errorf("updates %s at positions %s of the shape %s, want none of them empty", updates, numbers, lockstep.FormatShape(shape))
	}
	return blocks(numbers, shape)
}

func scatterUpdate(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	at, run, err := scattering(t[1], t[2], t[0].Shape())
	if err != nil {
		return nil, err
	}
	out, err := value.CloneTensor(t[0])
	if err != nil {
		return nil, err
	}
	return w.One(out, value.Put(out, at, run, t[2]))
}

// scatterNd adds updates into zeros.
func scatterNd[E lockstep.Element](sum func(x, y E) E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		shape, err := WantShape(Vector(t[2]))
		if err != nil {
			return nil, err
		}
		at, run, err := scattering(t[0], t[1], shape)
		if err != nil {
			return nil, err
		}
		updates, err := lockstep.Data[E](t[1])
		if err != nil {
			return nil, err
		}
		out := make([]E, value.Product(shape))
		takeAt(out, at, run, updates, sum)
		return w.One(lockstep.New(out, shape...))
	}
}

// takeAt combines updates with out, in blocks of run elements, the i-th at
// at[i].
func takeAt[E lockstep.Element](out []E, at []int, run int, updates []E, take func(x, y E) E) {
	for i, to := range at {
		for j, u := range updates[i*run : (i+1)*run] {
			out[to+j] = take(out[to+j], u)
		}
	}
}

// scatterWith combines updates with a copy of a tensor.
func scatterWith[E number](take func(x, y E) E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		_, x, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		_, updates, err := Operand[E](in, 2)
		if err != nil {
			return nil, err
		}
		at, run, err := scattering(t[1], t[2], t[0].Shape())
		if err != nil {
			return nil, err
		}
		out := slices.Clone(x)
		takeAt(out, at, run, updates, take)
		return w.One(lockstep.New(out, t[0].Shape()...))
	}
}

// The operations that reduce rows by the number of the segment they belong to. In some
// the numbers rise from row to row, and the last is that of the last segment.

// segments begins each segment with start and adds its rows in order. A row of
// a negative segment is left out.
func segments[E number](start E, take func(x, y E) E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		_, x, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		ids, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the segments: %w", err)
		}
		n, err := Scalar(t[2])
		if err != nil {
			return nil, fmt.Errorf("the number of segments: %w", err)
		}
		if n < 0 {
			return nil, fmt.Errorf("%d segments", n)
		}
		rank := t[1].Rank()
		if rank > t[0].Rank() || !slices.Equal(t[0].Shape()[:rank], t[1].Shape()) {
			return nil, fmt.Errorf("segments %s of %s, want the same first axes", t[1], t[0])
		}
		shape := append([]int{n}, t[0].Shape()[rank:]...)
		out, err := filled(shape, start)
		if err != nil {
			return nil, err
		}
		row := value.Product(shape[1:])
		for i, id := range ids {
			if id >= n {
				return nil, fmt.Errorf("segment %d of %d", id, n)
			}
			if id >= 0 {
				takeAt(out, []int{id * row}, row, x[i*row:][:row], take)
			}
		}
		return w.One(lockstep.New(out, shape...))
	}
}

func filled[E lockstep.Element](shape []int, with E) ([]E, error) {
	size, err := value.Allow(shape)
	if err != nil {
		return nil, err
	}
	out := make([]E, size)
	for i := range out {
		out[i] = with
	}
	return out, nil
}

// sorted begins each segment with start and adds its rows in order; a segment without
// rows is empty.
func sorted[E number](start, empty E, take func(x, y E) E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		_, x, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		ids, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the segments: %w", err)
		}
		if t[1].Rank() != 1 || t[0].Rank() == 0 || t[0].Shape()[0] != len(ids) {
			return nil, fmt.Errorf("segments %s of %s, want one for each row", t[1], t[0])
		}
		n := 0
		for i, id := range ids {
			if id < 0 || id < n-1 || id == math.MaxInt {
				return nil, fmt.Errorf("row %d is of segment %d, want rising numbers from 0 on", i, id)
			}
			n = id + 1
		}
		shape := append([]int{n}, t[0].Shape()[1:]...)
		out, err := filled(shape, empty)
		if err != nil {
			return nil, err
		}
		row := value.Product(shape[1:])
		for i, id := range ids {
			if to := out[id*row:][:row]; i == 0 || ids[i-1] != id {
				for k := range to {
					to[k] = start
				}
			}
			takeAt(out, []int{id * row}, row, x[i*row:][:row], take)
		}
		return w.One(lockstep.New(out, shape...))
	}
}

// withoutNaN refuses an extreme of NaN and other numbers: TensorFlow returns one or the
// other, by the instructions that the length of a row makes it use.
func withoutNaN(v Variants[Exec]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := ByType(v)(n)
		if err != nil {
			return nil, err
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			t, err := value.Tensors(in, 2)
			if err != nil {
				return nil, err
			}
			if hasElement(t[0], math.IsNaN) {
				return nil, fmt.Errorf("%s has elements that are NaN: TensorFlow defines no extreme of them", t[0])
			}
			return run(w, in)
		}, nil
	}
}

// hasElement tells whether a tensor of floats has an element that is such.
func hasElement(t *lockstep.Tensor, such func(v float64) bool) bool {
	if !t.DType().IsFloat() {
		return false
	}
	d, err := t.Float64s()
	return err == nil && slices.ContainsFunc(d, such)
}
