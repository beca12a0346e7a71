package op

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations on lists of tensors, through which Keras's loops read their
// steps and leave their outputs (tensorflow/core/kernels/list_kernels.h).
var listOps = Table{
	"TensorListReserve":    {Build: buildList(reserve), Moves: NoInput},
	"TensorListFromTensor": {Build: Plain(listFromTensor), Moves: InputsAt(0), View: true, Shape: InputsAt(1), Time: timeOfList, Rows: rowsOfList},
	"TensorListGetItem":    {Build: Plain(listGet), Moves: InputsAt(0)},
	"TensorListSetItem":    {Build: buildSet, Moves: InputsAt(0, 2)},
	"TensorListStack":      {Build: buildStack, Moves: InputsAt(0), View: true, Shape: InputsAt(1), Time: timeOfStack},
	"TensorListLength":     {Build: Plain(listLength), Measures: OtherOfShape},
}

// maxListLength bounds a list that a graph asks for by a number alone.
const maxListLength = 10_000_000

func listOf(in []value.Value, n int) (*value.List, error) {
	if len(in) != n || in[0].List == nil {
		return nil, fmt.Errorf("%d inputs, want %d, the first of them a list", len(in), n)
	}
	return in[0].List, nil
}

// buildList makes an operation that makes a list from the elements' shape, the
// first input, and a number, the second.
func buildList(fill func(l *value.List, n int) error) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		dtype, err := n.AttrType("element_dtype")
		if err != nil {
			return nil, err
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			t, err := value.Tensors(in, 2)
			if err != nil {
				return nil, err
			}
			l := &value.List{DType: dtype}
			if l.Shape, l.Known, err = value.ElementShape(in[0]); err != nil {
				return nil, err
			}
			n, err := value.ScalarInt(t[1])
			if err != nil {
				return nil, fmt.Errorf("the length: %w", err)
			}
			return listValue(l), fill(l, n)
		}, nil
	}
}

// reserve makes a list of n elements that were never set.
func reserve(l *value.List, n int) error {
	if n < 0 || n > maxListLength {
		return fmt.Errorf("a list of %d elements, want 0 to %d", n, maxListLength)
	}
	if err := memory.Fits(n, value.WordBytes); err != nil {
		return fmt.Errorf("a list of %d elements: %w", n, err)
	}
	l.Elements = make([]*lockstep.Tensor, n)
	return nil
}

func listFromTensor(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 {
		return nil, errors.New("a list of a scalar's elements")
	}
	shape, known, err := value.ElementShape(in[1])
	if err != nil {
		return nil, err
	}
	if known && !value.Fits(t[0].Shape()[1:], shape) {
		return nil, fmt.Errorf("elements of shape %s, want %s", lockstep.FormatShape(t[0].Shape()[1:]), lockstep.FormatShape(shape))
	}
	return []value.Value{{List: &value.List{Rows: t[0], DType: t[0].DType(), Shape: shape, Known: known}}}, nil
}

func listGet(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 3)
	if err != nil {
		return nil, err
	}
	i, err := indexOf(in[1], l.Length())
	if err != nil {
		return nil, err
	}
	t, err := l.At(i)
	if err != nil || t != nil {
		return w.One(t, err)
	}
	return w.One(unsetOf(l, i, in[2]))
}

// unsetOf makes the zeros of an element that was never set, if its shape is
// known from the list, from the operation or from another element.
func unsetOf(l *value.List, i int, want value.Value) (*lockstep.Tensor, error) {
	shape, err := l.ShapeOf(want, l.Elements)
	if err != nil {
		return nil, fmt.Errorf("element %d of the list was never set: %w", i, err)
	}
	return value.Zeros(l.DType, shape)
}

// indexOf reads the number of an element of a list.
func indexOf(v value.Value, length int) (int, error) {
	if v.Tensor == nil {
		return 0, fmt.Errorf("the index is %s", v)
	}
	i, err := value.ScalarInt(v.Tensor)
	if err != nil {
		return 0, err
	}
	if i < 0 || i >= length {
		return 0, fmt.Errorf("element %d of a list of %d", i, length)
	}
	return i, nil
}

func buildSet(n *savedmodel.Node) (Exec, error) {
	resize := n.AttrBool("resize_if_index_out_of_bounds")
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		l, err := listOf(in, 3)
		if err != nil {
			return nil, err
		}
		item := in[2].Tensor
		if item == nil {
			return nil, fmt.Errorf("the element is %s, want %s", in[2], l.DType)
		}
		if err := takesElement(l, item); err != nil {
			return nil, err
		}
		next, err := l.Clone()
		if err != nil {
			return nil, err
		}
		if resize && in[1].Tensor != nil {
			if i, err := value.ScalarInt(in[1].Tensor); err == nil && i >= len(next) && i < maxListLength {
				next = append(next, make([]*lockstep.Tensor, i+1-len(next))...)
			}
		}
		i, err := indexOf(in[1], len(next))
		if err != nil {
			return nil, err
		}
		next[i] = item
		return listValue(l.With(next)), nil
	}, nil
}

// takesElement tells whether a tensor may be an element of the list.
func takesElement(l *value.List, t *lockstep.Tensor) error {
	if t.DType() != l.DType {
		return fmt.Errorf("the element is %s, want %s", t, l.DType)
	}
	if l.Known && !value.Fits(t.Shape(), l.Shape) {
		return fmt.Errorf("the element is %s, want the shape %s", t, lockstep.FormatShape(l.Shape))
	}
	return nil
}

func buildStack(n *savedmodel.Node) (Exec, error) {
	want := n.AttrInt("num_elements")
	if !n.HasAttr("num_elements") {
		want = -1
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		l, err := listOf(in, 2)
		if err != nil {
			return nil, err
		}
		if want >= 0 && int(want) != l.Length() {
			return nil, fmt.Errorf("a list of %d elements, want %d", l.Length(), want)
		}
		if l.Rows != nil {
			shape, err := l.MergedShape(in[1])
			if err != nil {
				return nil, err
			}
			if l.Length() > 0 && (!shape.Known || value.Fits(l.Rows.Shape()[1:], shape.Shape)) {
				return w.One(l.Rows, nil)
			}
		}
		all, err := l.All()
		if err != nil {
			return nil, err
		}
		shape, err := l.ShapeOf(in[1], all)
		if err != nil {
			return nil, err
		}
		return w.One(value.StackElements(all, l.DType, shape))
	}, nil
}

func listLength(w *Call, in []value.Value) ([]value.Value, error) {
	l, err := listOf(in, 1)
	if err != nil {
		return nil, err
	}
	return w.One(lockstep.New([]int32{int32(l.Length())}))
}

// timeOfList is for a list of a tensor's rows, which are the time steps.
func timeOfList(t Timed) (Timing, error) {
	l, _, err := onlyTimed(t, 0)
	if err == nil && (l.Kind != BySteps || l.Before != 1) {
		err = errors.New("its elements are no time steps")
	}
	return l, err
}

// rowsOfList is for a list of a tensor's parts along another axis.
func rowsOfList(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 0)
	if done || axis == 0 {
		return l, errors.Join(err, ErrMixes)
	}
	return l, nil
}

func timeOfStack(t Timed) (Timing, error) { return t.Timing(0), sameBut(t, 0) }
