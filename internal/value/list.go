package value

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// List is TensorFlow's list of tensors. It is immutable: operations that
// change one return another.
//
// Its elements are either separate tensors, nil where one was never set, or the
// rows of one tensor, as for a loop's inputs and its outputs.
type List struct {
	Elements []*lockstep.Tensor
	Rows     *lockstep.Tensor // nil if the elements are separate tensors

	DType lockstep.DType
	// Shape is the elements' shape, -1 for an axis that may have any length;
	// Known is false where not even their rank is fixed.
	Shape []int
	Known bool
	// Below is more than the elements that pushing may make, if it is not 0.
	Below int
}

// Length returns the number of elements.
func (l *List) Length() int {
	if l.Rows != nil {
		return l.Rows.Shape()[0]
	}
	return len(l.Elements)
}

// At returns element i, nil if it was never set.
func (l *List) At(i int) (*lockstep.Tensor, error) {
	if l.Rows != nil {
		return RowsOf(l.Rows, i, 1, l.Rows.Shape()[1:])
	}
	return l.Elements[i], nil
}

// All returns the elements, which the caller must not change.
func (l *List) All() ([]*lockstep.Tensor, error) {
	if l.Rows == nil {
		return l.Elements, nil
	}
	if err := memory.Fits(l.Length(), TensorOverhead); err != nil {
		return nil, fmt.Errorf("the %d elements of a list: %w", l.Length(), err)
	}
	out := make([]*lockstep.Tensor, l.Length())
	for i := range out {
		var err error
		if out[i], err = l.At(i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Clone returns the elements in a slice that the caller may change.
func (l *List) Clone() ([]*lockstep.Tensor, error) {
	all, err := l.All()
	if l.Rows == nil {
		all = slices.Clone(all)
	}
	return all, err
}

// TakesMatrix tells whether a matrix of some shape may be an element.
func (l *List) TakesMatrix(rows, columns int) bool {
	return !l.Known || len(l.Shape) == 2 && (l.Shape[0] < 0 || l.Shape[0] == rows) && (l.Shape[1] < 0 || l.Shape[1] == columns)
}

// With returns a list of the same kind with other elements.
func (l *List) With(elements []*lockstep.Tensor) *List {
	next := *l
	next.Elements, next.Rows = elements, nil
	return &next
}

// ElementShape reads a shape that a list's elements must have: -1 as a scalar
// is any shape.
func ElementShape(v Value) (shape []int, known bool, err error) {
	if v.Tensor == nil {
		return nil, false, fmt.Errorf("an element's shape is %s, want integers", v)
	}
	if shape, err = Ints(v.Tensor); err != nil {
		return nil, false, fmt.Errorf("an element's shape: %w", err)
	}
	if v.Tensor.Rank() == 0 {
		if shape[0] != -1 {
			return nil, false, fmt.Errorf("an element's shape is the scalar %d, want -1 or a list", shape[0])
		}
		return nil, false, nil
	}
	return shape, true, nil
}

// Fits tells whether a shape is one that want allows.
func Fits(shape, want []int) bool {
	return slices.EqualFunc(shape, want, func(a, b int) bool { return b < 0 || a == b })
}

// OpenShape is a shape that may have open axes, or not even a known rank.
type OpenShape struct {
	Shape []int
	Known bool
}

func (p OpenShape) Full() bool {
	return p.Known && !slices.ContainsFunc(p.Shape, func(d int) bool { return d < 0 })
}

func (p OpenShape) String() string {
	if !p.Known {
		return "of any rank"
	}
	return lockstep.FormatShape(p.Shape)
}

// Merge combines two partial shapes, which must not contradict each other.
func (p OpenShape) Merge(q OpenShape) (OpenShape, error) {
	if !p.Known || !q.Known {
		if !p.Known {
			return q, nil
		}
		return p, nil
	}
	out := OpenShape{slices.Clone(p.Shape), true}
	if len(p.Shape) != len(q.Shape) {
		return p, fmt.Errorf("elements of the shape %s and of %s", p, q)
	}
	for i, d := range q.Shape {
		switch {
		case out.Shape[i] < 0:
			out.Shape[i] = d
		case d >= 0 && d != out.Shape[i]:
			return p, fmt.Errorf("elements of the shape %s and of %s", p, q)
		}
	}
	return out, nil
}

// MergedShape merges the shape that an operation wants with the list's.
func (l *List) MergedShape(want Value) (OpenShape, error) {
	shape, known, err := ElementShape(want)
	if err != nil {
		return OpenShape{}, err
	}
	return OpenShape{shape, known}.Merge(OpenShape{l.Shape, l.Known})
}

// ShapeOf returns the shape of a list's elements: the one that an operation
// wants, completed by the list's and, where needed, by the elements'.
func (l *List) ShapeOf(want Value, among []*lockstep.Tensor) ([]int, error) {
	p, err := l.MergedShape(want)
	if err != nil {
		return nil, err
	}
	if !p.Full() {
		for _, e := range among {
			if e == nil {
				continue
			}
			if p, err = p.Merge(OpenShape{e.Shape(), true}); err != nil {
				return nil, err
			}
		}
	}
	if !p.Full() {
		return nil, fmt.Errorf("elements of the shape %s, want every axis to be known", p)
	}
	return p.Shape, nil
}

// StackElements joins a list's elements along a new first axis; those that were
// never set are zeros.
func StackElements(list []*lockstep.Tensor, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	out, err := Zeros(dtype, append([]int{len(list)}, shape...))
	if err != nil {
		return nil, err
	}
	for i, e := range list {
		if e == nil {
			continue
		}
		if !slices.Equal(e.Shape(), shape) {
			return nil, fmt.Errorf("element %d of the list is %s, want the shape %s", i, e, lockstep.FormatShape(shape))
		}
		if err := copyRows(out, i, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}
