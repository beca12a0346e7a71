package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// List is TensorFlow's list of tensors. It is immutable: operations that
// change one return another.
//
// Its elements are either tensors of their own, nil where one was never set, or
// the rows of one tensor, which is how a loop's inputs begin and its outputs
// end.
type List struct {
	elements []*lockstep.Tensor
	rows     *lockstep.Tensor // nil if the elements are tensors of their own

	DType lockstep.DType
	// Shape is the elements' shape, -1 for an axis that may have any length;
	// Known is false where not even their rank is fixed.
	Shape []int
	Known bool
	// Below is more than the elements that pushing may make, if it is not 0.
	Below int
}

// length returns the number of elements.
func (l *List) length() int {
	if l.rows != nil {
		return l.rows.Shape()[0]
	}
	return len(l.elements)
}

// at returns element i, nil if it was never set.
func (l *List) at(i int) (*lockstep.Tensor, error) {
	if l.rows != nil {
		return rowsOf(l.rows, i, 1, l.rows.Shape()[1:])
	}
	return l.elements[i], nil
}

// all returns the elements, which the caller must not change.
func (l *List) all() ([]*lockstep.Tensor, error) {
	if l.rows == nil {
		return l.elements, nil
	}
	if err := memory.Fits(l.length(), tensorOverhead); err != nil {
		return nil, fmt.Errorf("the %d elements of a list: %w", l.length(), err)
	}
	out := make([]*lockstep.Tensor, l.length())
	for i := range out {
		var err error
		if out[i], err = l.at(i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// clone returns the elements in a slice that the caller may change.
func (l *List) clone() ([]*lockstep.Tensor, error) {
	all, err := l.all()
	if l.rows == nil {
		all = slices.Clone(all)
	}
	return all, err
}

// takesMatrix tells whether a matrix of some shape may be an element.
func (l *List) takesMatrix(rows, columns int) bool {
	return !l.Known || len(l.Shape) == 2 && (l.Shape[0] < 0 || l.Shape[0] == rows) && (l.Shape[1] < 0 || l.Shape[1] == columns)
}

// with returns a list of the same kind with other elements.
func (l *List) with(elements []*lockstep.Tensor) *List {
	next := *l
	next.elements, next.rows = elements, nil
	return &next
}

// elementShape reads a shape that a list's elements must have: -1 as a scalar
// is any shape.
func elementShape(v Value) (shape []int, known bool, err error) {
	if v.Tensor == nil {
		return nil, false, fmt.Errorf("an element's shape is %s, want integers", v)
	}
	if shape, err = ints(v.Tensor); err != nil {
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

// fits tells whether a shape is one that want allows.
func fits(shape, want []int) bool {
	return slices.EqualFunc(shape, want, func(a, b int) bool { return b < 0 || a == b })
}

// partial is a shape that may have open axes, or not even a known rank.
type partial struct {
	shape []int
	known bool
}

func (p partial) full() bool {
	return p.known && !slices.ContainsFunc(p.shape, func(d int) bool { return d < 0 })
}

func (p partial) String() string {
	if !p.known {
		return "of any rank"
	}
	return lockstep.FormatShape(p.shape)
}

// merge returns what two shapes say together; they must not contradict.
func (p partial) merge(q partial) (partial, error) {
	if !p.known || !q.known {
		if !p.known {
			return q, nil
		}
		return p, nil
	}
	out := partial{slices.Clone(p.shape), true}
	if len(p.shape) != len(q.shape) {
		return p, fmt.Errorf("elements of the shape %s and of %s", p, q)
	}
	for i, d := range q.shape {
		switch {
		case out.shape[i] < 0:
			out.shape[i] = d
		case d >= 0 && d != out.shape[i]:
			return p, fmt.Errorf("elements of the shape %s and of %s", p, q)
		}
	}
	return out, nil
}

// partialShape merges the shape that an operation wants with the list's.
func (l *List) partialShape(want Value) (partial, error) {
	shape, known, err := elementShape(want)
	if err != nil {
		return partial{}, err
	}
	return partial{shape, known}.merge(partial{l.Shape, l.Known})
}

// shapeOf returns the shape of a list's elements: the one that an operation
// wants, completed by the list's and, where needed, by the elements'.
func (l *List) shapeOf(want Value, among []*lockstep.Tensor) ([]int, error) {
	p, err := l.partialShape(want)
	if err != nil {
		return nil, err
	}
	if !p.full() {
		for _, e := range among {
			if e == nil {
				continue
			}
			if p, err = p.merge(partial{e.Shape(), true}); err != nil {
				return nil, err
			}
		}
	}
	if !p.full() {
		return nil, fmt.Errorf("elements of the shape %s, want every axis to be known", p)
	}
	return p.shape, nil
}

// stackElements joins a list's elements along a new first axis; those that were
// never set are zeros.
func stackElements(list []*lockstep.Tensor, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	out, err := zeros(dtype, append([]int{len(list)}, shape...))
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
