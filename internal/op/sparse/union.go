package sparse

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// The operations on the elements of two sparse tensors, or of a sparse and a dense one.
var unions = op.Table{
	"SparseAdd":            {Build: byType(addSparse[float32, float32], addSparse[float64, float64], addSparse[int32, int32], addSparse[int64, int64]), Bound: addBound},
	"SparseSparseMaximum":  {Build: byType(extreme(larger[float32]), extreme(larger[float64]), extreme(larger[int32]), extreme(larger[int64])), Bound: monotoneBound(1, 1, 4)},
	"SparseSparseMinimum":  {Build: byType(extreme(smaller[float32]), extreme(smaller[float64]), extreme(smaller[int32]), extreme(smaller[int64])), Bound: monotoneBound(1, 1, 4)},
	"SparseTensorDenseAdd": {Build: byType(addDense[float32], addDense[float64], addDense[int32], addDense[int64]), Shape: op.NoInput, Bound: sumBound(0, ofAll(1, 0), 1, 3)},
	"SparseDenseCwiseAdd":  {Build: byType(withDense(plus[float32]), withDense(plus[float64]), withDense(plus[int32]), withDense(plus[int64])), Shape: op.NoInput, Bound: sumBound(0, once, 1, 3)},
	"SparseDenseCwiseMul":  {Build: byType(withDense(times[float32]), withDense(times[float64]), withDense(times[int32]), withDense(times[int64])), Shape: op.NoInput, Bound: productBound(0, 1, 3, once)},
	"SparseDenseCwiseDiv":  {Build: byType(withDense(over[float32]), withDense(over[float64]), nil, nil), Shape: op.NoInput, Bound: quotientBound},
}

func larger[E number](x, y E) E {
	if x < y {
		return y
	}
	return x
}

func smaller[E number](x, y E) E {
	if y < x {
		return y
	}
	return x
}

func plus[E number](x, y E) E  { return x + y }
func times[E number](x, y E) E { return x * y }
func over[E floats](x, y E) E  { return x / y }

// merge goes through the elements of two sparse tensors of one shape in order: f gets
// the number of one in each, -1 where it has none at a position.
func merge(in []*lockstep.Tensor, f func(position []int, a, b int)) ([]int, error) {
	var s [2]tensor
	for i := range s {
		var err error
		if s[i], err = read(in[3*i], in[3*i+2], in[3*i+1].Len()); err != nil {
			return nil, fmt.Errorf("sparse tensor %d: %w", i, err)
		}
		if err := s[i].inOrder(); err != nil {
			return nil, err
		}
	}
	if !slices.Equal(s[0].shape, s[1].shape) {
		return nil, fmt.Errorf("sparse tensors of the shapes %v and %v, want one", s[0].shape, s[1].shape)
	}
	for i, j := 0, 0; i < s[0].n || j < s[1].n; {
		order := 0
		switch {
		case i == s[0].n:
			order = 1
		case j == s[1].n:
			order = -1
		default:
			order = slices.Compare(s[0].position(i), s[1].position(j))
		}
		switch {
		case order < 0:
			f(s[0].position(i), i, -1)
			i++
		case order > 0:
			f(s[1].position(j), -1, j)
			j++
		default:
			f(s[0].position(i), i, j)
			i, j = i+1, j+1
		}
	}
	return s[0].shape, nil
}

// pair reads the elements of the two sparse tensors of some inputs.
func pair[E number](in []value.Value, n int) (t []*lockstep.Tensor, x, y []E, err error) {
	if t, err = value.Tensors(in, n); err != nil {
		return nil, nil, nil, err
	}
	if x, err = elements[E](t[1]); err != nil {
		return nil, nil, nil, err
	}
	y, err = elements[E](t[4])
	return t, x, y, err
}

// addSparse adds two sparse tensors, and leaves out sums of two elements that are smaller
// than a threshold.
func addSparse[E, R number](_ *op.Call, in []value.Value) ([]value.Value, error) {
	t, x, y, err := pair[E](in, 7)
	if err != nil {
		return nil, err
	}
	least, err := lockstep.Data[R](t[6])
	if err != nil || t[6].Rank() != 0 {
		return nil, fmt.Errorf("the threshold is %s, want a number", t[6])
	}
	var at []int
	var out []E
	shape, err := merge(t, func(position []int, a, b int) {
		var sum E
		if a >= 0 {
			sum = x[a]
		}
		if b >= 0 {
			sum += y[b]
		}
		size := sum
		if size < 0 {
			size = -size
		}
		if a < 0 || b < 0 || R(size) >= least[0] {
			at, out = append(at, position...), append(out, sum)
		}
	})
	if err != nil {
		return nil, err
	}
	positions, err := positionsOf(at, len(shape))
	if err != nil {
		return nil, err
	}
	values, err := lockstep.New(out, len(out))
	return valuesOf([]error{nil, err, nil}, positions, values, t[2])
}

// addBound: with a threshold that is not 0, rounding may decide what is left out.
func addBound(x *op.BoundInput) error {
	if least, err := x.In[6].Tensor.Float64s(); err != nil || least[0] > 0 {
		return errors.New("rounding may decide which elements are below the threshold")
	}
	for _, i := range []int{1, 4} {
		if slices.ContainsFunc(x.V(i), math.IsNaN) {
			return errors.New("an element is no number")
		}
	}
	return sumBound(1, once, 1, 4)(x)
}

// extreme takes the larger, or the smaller, of the elements at each position, of which
// one that is missing is 0.
func extreme[E number](f func(x, y E) E) op.Exec {
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, x, y, err := pair[E](in, 6)
		if err != nil {
			return nil, err
		}
		var at []int
		var out []E
		shape, err := merge(t, func(position []int, a, b int) {
			var p, q E
			if a >= 0 {
				p = x[a]
			}
			if b >= 0 {
				q = y[b]
			}
			at, out = append(at, position...), append(out, f(p, q))
		})
		if err != nil {
			return nil, err
		}
		positions, err := positionsOf(at, len(shape))
		if err != nil {
			return nil, err
		}
		values, err := lockstep.New(out, len(out))
		return valuesOf([]error{nil, err}, positions, values)
	}
}

// sparseAndDense reads a sparse tensor, its elements and those of a dense tensor.
func sparseAndDense[E number](in []value.Value) (s tensor, x []E, dense *lockstep.Tensor, y []E, err error) {
	t, err := value.Tensors(in, 4)
	if err != nil {
		return s, nil, nil, nil, err
	}
	if x, err = elements[E](t[1]); err != nil {
		return s, nil, nil, nil, err
	}
	if s, err = read(t[0], t[2], len(x)); err != nil {
		return s, nil, nil, nil, err
	}
	y, err = lockstep.Data[E](t[3])
	return s, x, t[3], y, err
}

func addDense[E number](w *op.Call, in []value.Value) ([]value.Value, error) {
	s, x, dense, y, err := sparseAndDense[E](in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(s.shape, dense.Shape()) {
		return nil, fmt.Errorf("a sparse tensor of the shape %v and %s, want one shape", s.shape, dense)
	}
	if _, err := value.AllowSized(s.shape, value.SizeFor[E]()); err != nil {
		return nil, err
	}
	out := slices.Clone(y)
	for i, at := range s.places() {
		out[at] += x[i]
	}
	return w.One(lockstep.New(out, s.shape...))
}

// against are the places of a sparse tensor's elements in a dense one that is broadcast
// to its shape.
func (t *tensor) against(dense []int) ([]int, error) {
	lead := len(t.shape) - len(dense)
	if lead < 0 {
		return nil, fmt.Errorf("%s for a sparse tensor of the shape %v", lockstep.FormatShape(dense), t.shape)
	}
	steps, out := value.Strides(dense), make([]int, t.n)
	for i, d := range dense {
		if d == 1 {
			steps[i] = 0
		} else if d != t.shape[lead+i] {
			return nil, fmt.Errorf("%s for a sparse tensor of the shape %v", lockstep.FormatShape(dense), t.shape)
		}
	}
	for k := range out {
		for i, step := range steps {
			out[k] += t.position(k)[lead+i] * step
		}
	}
	return out, nil
}

// withDense computes the elements of a sparse tensor and those of a dense one in their
// places.
func withDense[E number](f func(x, y E) E) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		s, x, dense, y, err := sparseAndDense[E](in)
		if err != nil {
			return nil, err
		}
		places, err := s.against(dense.Shape())
		if err != nil {
			return nil, err
		}
		out := make([]E, len(x))
		for i, at := range places {
			out[i] = f(x[i], y[at])
		}
		return w.One(lockstep.New(out, len(out)))
	}
}

// quotientBound: |x'/y' - x/y| <= (E(x) + |x/y|·E(y)) / (|y|-E(y)).
func quotientBound(x *op.BoundInput) error {
	s, _, dense, y, err := sparseAndDense[float64](x.Values())
	if err != nil {
		return err
	}
	places, err := s.against(dense.Shape())
	if err != nil {
		return err
	}
	v, ex, ey := op.FloatsOf(x.Out[0].Tensor), errs(x, 1), errs(x, 3)
	e := make([]float64, len(v))
	for i, at := range places {
		if room := math.Abs(y[at]) - ey[at]; room > 0 {
			e[i] = x.Rounded(v[i], (ex[i]+math.Abs(v[i])*ey[at])/room, 3)
		} else {
			e[i] = math.Inf(1)
		}
	}
	return x.Set(0, e)
}
