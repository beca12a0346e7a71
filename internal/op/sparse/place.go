package sparse

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that move elements and compute nothing with them.
var placed = op.Table{
	"SparseReorder":       {AnyType: true, Build: op.Plain(reorder), Shape: op.NoInput, Bound: movedBound(1, 1)},
	"SparseReshape":       {Build: op.Plain(reshape), Shape: op.NoInput},
	"SparseConcat":        {AnyType: true, Build: buildConcat, Shape: op.NoInput, Bound: concatBound},
	"SparseFillEmptyRows": {AnyType: true, Build: op.Plain(fillRows), Bound: movedBound(1, 1, 3)},
}

func reorder(_ *op.Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	if t[1].Rank() != 1 {
		return nil, fmt.Errorf("elements %s, want a list", t[1])
	}
	s, err := read(t[0], t[2], t[1].Len())
	if err != nil {
		return nil, err
	}
	return s.picked(t[1], s.ordered())
}

// picked are some elements in an order, and their positions.
func (t *tensor) picked(all *lockstep.Tensor, order []int) ([]value.Value, error) {
	at := make([]int, 0, len(t.at))
	for _, i := range order {
		at = append(at, t.position(i)...)
	}
	positions, err := positionsOf(at, len(t.shape))
	if err != nil {
		return nil, err
	}
	picked, err := value.Pick(all, order, 1, []int{len(order)})
	return valuesOf([]error{nil, err}, positions, picked)
}

func reshape(_ *op.Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() != 2 {
		return nil, fmt.Errorf("positions %s, want one a row", t[0])
	}
	s, err := read(t[0], t[1], t[0].Shape()[0])
	if err != nil {
		return nil, err
	}
	shape, err := op.Vector(t[2])
	if err != nil {
		return nil, fmt.Errorf("the shape: %w", err)
	}
	size, err := lockstep.NumElements(s.shape)
	if err != nil {
		return nil, err
	}
	if shape, err = completed(shape, size); err != nil {
		return nil, err
	}
	if _, err := value.AllowSized([]int{s.n, len(shape)}, 2*value.WordBytes); err != nil {
		return nil, err
	}
	steps, at := value.Strides(shape), make([]int, 0, s.n*len(shape))
	for _, place := range s.places() {
		for _, step := range steps {
			at = append(at, place/step)
			place %= step
		}
	}
	positions, err := positionsOf(at, len(shape))
	if err != nil {
		return nil, err
	}
	out, err := value.IntTensor(shape, lockstep.Int64, len(shape))
	return valuesOf([]error{nil, err}, positions, out)
}

// completed is a shape of a number of elements whose one open axis, if there is one, is
// what is left for it.
func completed(shape []int, size int) ([]int, error) {
	open, rest := -1, slices.Clone(shape)
	for i, d := range shape {
		switch {
		case d == -1 && open < 0:
			open, rest[i] = i, 1
		case d < 0:
			return nil, fmt.Errorf("the shape %v", shape)
		}
	}
	known, err := lockstep.NumElements(rest)
	if err != nil {
		return nil, err
	}
	if open >= 0 && known > 0 {
		rest[open] = size / known
		known *= rest[open]
	}
	if known != size || open >= 0 && size == 0 || len(shape) == 0 {
		return nil, fmt.Errorf("%d elements in the shape %v", size, shape)
	}
	return rest, nil
}

// buildConcat joins sparse tensors along an axis.
func buildConcat(n *savedmodel.Node) (op.Exec, error) {
	axis := int(n.AttrInt("concat_dim"))
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, -1)
		if err != nil {
			return nil, err
		}
		if len(t) == 0 || len(t)%3 != 0 {
			return nil, op.InputsError(len(t))
		}
		n := len(t) / 3
		var all tensor
		var lists []*lockstep.Tensor
		at := axis
		for i := range n {
			s, err := read(t[i], t[2*n+i], t[n+i].Len())
			if err != nil {
				return nil, fmt.Errorf("sparse tensor %d: %w", i, err)
			}
			if i == 0 {
				if at, err = value.AxisOf(axis, len(s.shape)); err != nil {
					return nil, err
				}
				all.shape = slices.Clone(s.shape)
				all.shape[at] = 0
			}
			if err := fits(s.shape, all.shape, at); err != nil {
				return nil, err
			}
			for k := range s.n {
				s.position(k)[at] += all.shape[at]
			}
			all.shape[at] += s.shape[at]
			all.n, all.at, lists = all.n+s.n, append(all.at, s.at...), append(lists, t[n+i])
		}
		return all.joined(lists)
	}, nil
}

// fits fails unless two shapes are the same but for one axis.
func fits(shape, want []int, but int) error {
	same := len(shape) == len(want)
	for i := range shape {
		same = same && (i == but || shape[i] == want[i])
	}
	if !same {
		return fmt.Errorf("the shapes %v and %v, want them to differ along axis %d alone", shape, want, but)
	}
	return nil
}

// joined is a sparse tensor whose elements are in several lists, in order.
func (t *tensor) joined(lists []*lockstep.Tensor) ([]value.Value, error) {
	all, err := joinLists(lists)
	if err != nil {
		return nil, err
	}
	out, err := t.picked(all, t.ordered())
	if err != nil {
		return nil, err
	}
	shape, err := value.IntTensor(t.shape, lockstep.Int64, len(t.shape))
	return append(out, value.Value{Tensor: shape}), err
}

// joinLists makes one list of several.
func joinLists(lists []*lockstep.Tensor) (*lockstep.Tensor, error) {
	total := 0
	for _, l := range lists {
		total += l.Len()
	}
	out, err := value.Zeros(lists[0].DType(), []int{total})
	if err != nil {
		return nil, err
	}
	from := 0
	for _, l := range lists {
		at := make([]int, l.Len())
		for i := range at {
			at[i] = from + i
		}
		from += l.Len()
		if err := value.Put(out, at, 1, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func concatBound(x *op.BoundInput) error {
	var lists []int
	for i := range len(x.In) / 3 {
		lists = append(lists, len(x.In)/3+i)
	}
	return movedBound(1, lists...)(x)
}

// fillRows gives each row without elements a default, and says which those are, and
// where the elements went.
func fillRows(_ *op.Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 4)
	if err != nil {
		return nil, err
	}
	if err := op.WantScalar("the default", t[3]); err != nil {
		return nil, err
	}
	if t[1].Rank() != 1 {
		return nil, fmt.Errorf("elements %s, want a list", t[1])
	}
	s, err := read(t[0], t[2], t[1].Len())
	if err != nil {
		return nil, err
	}
	rows := s.shape[0]
	if rows == 0 && s.n > 0 {
		return nil, errors.New("elements of no rows")
	}
	if _, err := value.AllowSized([]int{rows + s.n}, 4*(len(s.shape)+1)*value.WordBytes); err != nil {
		return nil, err
	}
	of := make([][]int, rows)
	for i := range s.n {
		row := s.position(i)[0]
		of[row] = append(of[row], i)
	}
	empty, moved := make([]bool, rows), make([]int, s.n)
	all := tensor{shape: s.shape}
	var order []int
	for row, list := range of {
		if empty[row] = len(list) == 0; empty[row] {
			all.at = append(append(all.at, row), make([]int, len(s.shape)-1)...)
			order = append(order, s.n) // the default, behind the others
		}
		for _, i := range list {
			moved[i] = len(order)
			all.at, order = append(all.at, s.position(i)...), append(order, i)
		}
	}
	one, err := value.Reshaped(t[3], []int{1})
	if err != nil {
		return nil, err
	}
	lists, err := joinLists([]*lockstep.Tensor{t[1], one})
	if err != nil {
		return nil, err
	}
	positions, err := positionsOf(all.at, len(s.shape))
	if err != nil {
		return nil, err
	}
	values, err := value.Pick(lists, order, 1, []int{len(order)})
	if err != nil {
		return nil, err
	}
	which, err := lockstep.New(empty, rows)
	if err != nil {
		return nil, err
	}
	to, err := value.IntTensor(moved, lockstep.Int64, s.n)
	return valuesOf([]error{nil, nil, nil, err}, positions, values, which, to)
}
