package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations on lists that grow, shrink, gather and scatter.
var listGrowOps = Table{
	"EmptyTensorList":                   {Build: buildList(limit), Moves: NoInput},
	"TensorListPushBack":                {Build: Plain(ListPush), Moves: InputsAt(0, 1)},
	"TensorListPopBack":                 {Build: Plain(ListPop), Moves: InputsAt(0)},
	"TensorListElementShape":            {Build: buildListShape, Measures: OtherOfShape},
	"TensorListResize":                  {Build: Plain(listResize), Moves: InputsAt(0)},
	"TensorListGather":                  {Build: Plain(listGather), Moves: InputsAt(0)},
	"TensorListScatter":                 {Build: Plain(listScatter), Moves: InputsAt(0)},
	"TensorListScatterV2":               {Build: Plain(listScatter), Moves: InputsAt(0)},
	"TensorListScatterIntoExistingList": {Build: Plain(listScatterInto), Moves: InputsAt(0, 1)},
	"TensorListConcatV2":                {Build: Plain(listConcat), Moves: InputsAt(0)},
	"TensorListSplit":                   {Build: Plain(listSplit), Moves: InputsAt(0)},
}

// limit makes an empty list that pushing makes no longer than most elements; any
// negative number is no limit.
func limit(l *value.List, most int) error {
	if most >= 0 {
		l.Below = most + 1
	}
	return nil
}

// listValue is the result of an operation that makes a list.
func listValue(l *value.List) []value.Value { return []value.Value{{List: l}} }

func ListPush(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 2)
	if err != nil {
		return nil, err
	}
	t, err := value.Tensors(in[1:], 1)
	if err != nil {
		return nil, fmt.Errorf("the element: %w", err)
	}
	if err := takesElement(l, t[0]); err != nil {
		return nil, err
	}
	if l.Below > 0 && l.Length()+1 >= l.Below {
		return nil, fmt.Errorf("a list of %d elements, want fewer than %d", l.Length()+1, l.Below)
	}
	all, err := l.All()
	if err != nil {
		return nil, err
	}
	return listValue(l.With(append(slices.Clip(all), t[0]))), nil
}

func ListPop(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 2)
	if err != nil {
		return nil, err
	}
	last := l.Length() - 1
	if last < 0 {
		return nil, errors.New("an empty list has no last element")
	}
	all, err := l.All()
	if err != nil {
		return nil, err
	}
	t := all[last]
	if t == nil {
		if t, err = unsetOf(l, last, in[1]); err != nil {
			return nil, err
		}
	}
	return append(listValue(l.With(all[:last])), value.Value{Tensor: t}), nil
}

func buildListShape(n *savedmodel.Node) (Exec, error) {
	dtype, err := indexType(n, "shape_type")
	if err != nil {
		return nil, err
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		l, err := listOf(in, 1)
		if err != nil {
			return nil, err
		}
		if !l.Known {
			return w.One(value.IntTensor([]int{-1}, dtype))
		}
		return w.One(value.ShapeTensor(l.Shape, dtype))
	}, nil
}

func listResize(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 2)
	if err != nil {
		return nil, err
	}
	t, err := value.Tensors(in[1:], 1)
	if err != nil {
		return nil, fmt.Errorf("the length: %w", err)
	}
	n, err := value.ScalarInt(t[0])
	if err != nil {
		return nil, fmt.Errorf("the length: %w", err)
	}
	if n < 0 || n > maxListLength {
		return nil, fmt.Errorf("a list of %d elements, want 0 to %d", n, maxListLength)
	}
	if err := memory.Fits(n, value.WordBytes); err != nil {
		return nil, fmt.Errorf("a list of %d elements: %w", n, err)
	}
	all, err := l.All()
	if err != nil {
		return nil, err
	}
	next := make([]*lockstep.Tensor, n)
	copy(next, all)
	return listValue(l.With(next)), nil
}

func listGather(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 3)
	if err != nil {
		return nil, err
	}
	t, err := value.Tensors(in[1:], 2)
	if err != nil {
		return nil, err
	}
	list, err := Vector(t[0])
	if err != nil {
		return nil, fmt.Errorf("the element numbers: %w", err)
	}
	chosen := make([]*lockstep.Tensor, len(list))
	for i, at := range list {
		if at < 0 || at >= l.Length() {
			return nil, fmt.Errorf("element %d of a list of %d", at, l.Length())
		}
		if chosen[i], err = l.At(at); err != nil {
			return nil, err
		}
	}
	shape, err := l.ShapeOf(in[2], chosen)
	if err != nil {
		return nil, err
	}
	return w.One(value.StackElements(chosen, l.DType, shape))
}

// listScatter makes a list of a tensor's rows at the given indices.
func listScatter(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, -1)
	if err != nil {
		return nil, err
	}
	length := -1
	switch len(t) {
	case 3:
	case 4:
		if length, err = value.ScalarInt(t[3]); err != nil {
			return nil, fmt.Errorf("the length: %w", err)
		}
		if length < -1 || length > maxListLength {
			return nil, fmt.Errorf("a list of %d elements, want 0 to %d", length, maxListLength)
		}
	default:
		return nil, fmt.Errorf("%d inputs, want 3 or 4", len(t))
	}
	shape, known, err := value.ElementShape(in[2])
	if err != nil {
		return nil, err
	}
	l := &value.List{DType: t[0].DType(), Shape: shape, Known: known}
	next, err := scatterOf(l, t[0], t[1])
	if err != nil {
		return nil, err
	}
	if len(next) > length && length >= 0 {
		return nil, fmt.Errorf("element %d of a list of %d", len(next)-1, length)
	}
	return listValue(l.With(append(next, make([]*lockstep.Tensor, max(length-len(next), 0))...))), nil
}

func listScatterInto(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 3)
	if err != nil {
		return nil, err
	}
	t, err := value.Tensors(in[1:], 2)
	if err != nil {
		return nil, err
	}
	if t[0].DType() != l.DType {
		return nil, fmt.Errorf("elements of %s, want %s", t[0].DType(), l.DType)
	}
	if rows, err := allRows(l, t[0], t[1]); rows != nil || err != nil {
		return rows, err
	}
	next, err := scatterOf(l, t[0], t[1])
	if err != nil {
		return nil, err
	}
	if len(next) > l.Length() { // TensorFlow leaves holes that it cannot read
		return nil, fmt.Errorf("element %d of a list of %d", len(next)-1, l.Length())
	}
	return listValue(l.With(next)), nil
}

// allRows returns a list of all rows of a tensor, in their order, as one tensor, which
// is what recurrent layers read; nil if the indices say something else, or the list
// has elements.
func allRows(l *value.List, t, numbers *lockstep.Tensor) ([]value.Value, error) {
	list, err := Vector(numbers)
	if err != nil || l.Rows != nil || len(list) != l.Length() || len(list) == 0 || t.Rank() == 0 || t.Shape()[0] != len(list) || l.Known && !value.Fits(t.Shape()[1:], l.Shape) {
		return nil, nil
	}
	for i, at := range list {
		if at != i || l.Elements[i] != nil {
			return nil, nil
		}
	}
	rows, err := value.CloneTensor(t)
	if err != nil {
		return nil, err
	}
	return listValue(&value.List{Rows: rows, DType: l.DType, Shape: l.Shape, Known: l.Known}), nil
}

// scatterOf returns the list's elements with rows of t at the given indices,
// extended where these are beyond the end.
func scatterOf(l *value.List, t, numbers *lockstep.Tensor) ([]*lockstep.Tensor, error) {
	list, err := Vector(numbers)
	if err != nil {
		return nil, fmt.Errorf("the element numbers: %w", err)
	}
	if t.Rank() == 0 || t.Shape()[0] != len(list) {
		return nil, fmt.Errorf("%d element numbers for the rows of %s", len(list), t)
	}
	if l.Known && !value.Fits(t.Shape()[1:], l.Shape) {
		return nil, fmt.Errorf("elements of shape %s, want %s", lockstep.FormatShape(t.Shape()[1:]), lockstep.FormatShape(l.Shape))
	}
	next, err := l.Clone()
	if err != nil {
		return nil, err
	}
	for i, at := range list {
		if at < 0 || at >= maxListLength {
			return nil, fmt.Errorf("element %d, want 0 to %d", at, maxListLength)
		}
		if at >= len(next) {
			next = append(next, make([]*lockstep.Tensor, at+1-len(next))...)
		}
		if next[at], err = value.RowsOf(t, i, 1, t.Shape()[1:]); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// listConcat joins a list's elements along their first axis, whose lengths may
// differ, and returns those lengths as well.
func listConcat(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 3)
	if err != nil {
		return nil, err
	}
	p, err := l.MergedShape(in[1])
	if err != nil {
		return nil, err
	}
	if p.Known && len(p.Shape) == 0 {
		return nil, errors.New("scalars have no axis to join along")
	}
	first, rest := -1, value.OpenShape{}
	if p.Known {
		first, rest = p.Shape[0], value.OpenShape{Shape: p.Shape[1:], Known: true}
	}
	all, err := l.All()
	if err != nil {
		return nil, err
	}
	for i, e := range all {
		if e == nil {
			continue
		}
		if e.Rank() == 0 || first >= 0 && e.Shape()[0] != first {
			return nil, fmt.Errorf("element %d of the list is %s, which does not fit the shape %s", i, e, p)
		}
		if rest, err = rest.Merge(value.OpenShape{Shape: e.Shape()[1:], Known: true}); err != nil {
			return nil, err
		}
	}
	if !rest.Full() {
		return nil, fmt.Errorf("elements of the shape %s, want every axis but the first to be known", p)
	}
	lead, err := value.Tensors(in[2:], 1)
	if err != nil {
		return nil, err
	}
	lengths, err := Vector(lead[0])
	if err != nil {
		return nil, fmt.Errorf("the lengths: %w", err)
	}
	return concatOf(l, all, first, rest.Shape, lengths)
}

func concatOf(l *value.List, all []*lockstep.Tensor, first int, rest, lengths []int) ([]value.Value, error) {
	out := make([]int, len(all))
	parts := []*lockstep.Tensor{}
	for i, e := range all {
		if e == nil {
			n := first
			if i < len(lengths) {
				n = lengths[i]
			}
			if n < 0 || first >= 0 && n != first {
				return nil, fmt.Errorf("element %d of the list was never set, and its length %d, of the lengths %v, does not fit", i, n, lengths)
			}
			var err error
			if e, err = value.Zeros(l.DType, append([]int{n}, rest...)); err != nil {
				return nil, err
			}
		}
		out[i] = e.Shape()[0]
		parts = append(parts, e)
	}
	if len(parts) == 0 {
		empty, err := value.Zeros(l.DType, append([]int{0}, rest...))
		if err != nil {
			return nil, err
		}
		parts = append(parts, empty)
	}
	joined, err := join(parts, 0)
	if err != nil {
		return nil, err
	}
	counts, err := value.ShapeTensor(out, lockstep.Int64)
	return []value.Value{{Tensor: joined}, {Tensor: counts}}, err
}

// listSplit cuts a tensor along its first axis into a list.
func listSplit(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 {
		return nil, errors.New("a list of a scalar's parts")
	}
	shape, known, err := value.ElementShape(in[1])
	if err != nil {
		return nil, err
	}
	lengths, err := Vector(t[2])
	if err != nil {
		return nil, fmt.Errorf("the lengths: %w", err)
	}
	left := t[0].Shape()[0]
	for _, n := range lengths {
		if left -= n; n < 0 || left < 0 {
			break
		}
	}
	if slices.ContainsFunc(lengths, func(n int) bool { return n < 0 }) || left != 0 {
		return nil, fmt.Errorf("the lengths %v of parts of %s", lengths, t[0])
	}
	parts, err := cut(t[0], 0, lengths)
	if err != nil {
		return nil, err
	}
	l := &value.List{DType: t[0].DType(), Shape: shape, Known: known}
	// The parts' own lengths are not compared with the shape.
	if known && (len(shape) == 0 || !value.Fits(t[0].Shape()[1:], shape[1:])) {
		return nil, fmt.Errorf("parts of %s, want the shape %s", t[0], lockstep.FormatShape(shape))
	}
	list := make([]*lockstep.Tensor, len(parts))
	for i, p := range parts {
		list[i] = p.Tensor
	}
	return listValue(l.With(list)), nil
}
