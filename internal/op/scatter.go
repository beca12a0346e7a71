package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
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

// The operations that reduce rows by the number of the segment they belong to.

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
		rank := t[1].Rank()
		if rank > t[0].Rank() || !slices.Equal(t[0].Shape()[:rank], t[1].Shape()) {
			return nil, fmt.Errorf("segments %s of %s, want the same first axes", t[1], t[0])
		}
		if n < 0 {
			return nil, fmt.Errorf("%d segments", n)
		}
		shape := append([]int{n}, t[0].Shape()[rank:]...)
		size, err := value.Allow(shape)
		if err != nil {
			return nil, err
		}
		out := make([]E, size)
		for i := range out {
			out[i] = start
		}
		row := value.Product(t[0].Shape()[rank:])
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
		return w.One(lockstep.New(out, shape...))
	}
}
