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
