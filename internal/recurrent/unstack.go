package recurrent

import (
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// unstacks records that stacking a loop's list gives the tensor that the loop
// splits, if element i is row i for every row, as Keras 3.13 exports
// TimeDistributed over an unknown length.
func (s *shapes) unstacks(l *Slices) {
	inputs := l.Loop.Inputs
	source := inputs[l.Source].Through()
	dims, ok := s.of(source)
	if !ok || len(dims) == 0 {
		return
	}
	rows := dims[0]
	reserve, ok := operands(inputs[l.Outputs], "TensorListReserve", 2)
	if !ok {
		return
	}
	if n, ok := s.int(reserve[1]); !ok || n != rows || len(l.Bounds) == 0 {
		return
	}
	for _, b := range l.Bounds {
		if n, ok := s.int(b.ref); !ok || n != rows {
			return
		}
	}
	begins, ok := column(inputs[l.Begins])
	if !ok || !s.counts(begins, rows) {
		return
	}
	ends, ok := column(inputs[l.Ends])
	if !ok || !either(ends, "AddV2", func(a, b savedmodel.Ref) bool { return s.counts(a, rows) && isInt(b, 1) }) {
		return
	}
	list := savedmodel.Ref{Node: l.Loop, Index: l.Outputs}
	s.lists[list], s.sources[list] = dims, source
}

// column returns x of a list x that is made a matrix of one column.
func column(r savedmodel.Ref) (savedmodel.Ref, bool) {
	in, ok := operands(r, "Pack", 1)
	if !ok || r.Through().Node.AttrInt("axis") != 1 {
		return savedmodel.Ref{}, false
	}
	return in[0], true
}

// counts tells whether r is the list 0, 1, … of n numbers, for any n.
func (s *shapes) counts(r savedmodel.Ref, n dim) bool {
	if in, ok := operands(r, "Range", 3); ok {
		limit, known := s.int(in[1])
		return known && limit == n && isInt(in[0], 0) && isInt(in[2], 1)
	}
	if in, ok := operands(r, "GatherV2", 3); ok { // places in a list that is its own places
		return isInt(in[2], 0) && r.Through().Node.AttrInt("batch_dims") == 0 && s.counts(in[0], n) && s.counts(in[1], n)
	}
	in, ok := operands(r, "SelectV2", 3)
	if !ok || !isInt(in[2], 0) || !s.counts(in[1], n) {
		return false
	}
	// Where there is no second number, all of them are 0.
	more, ok := operands(in[0], "Greater", 2)
	if !ok || !isInt(more[1], 1) {
		return false
	}
	length, known := s.int(more[0])
	return known && length == n
}

// unstacked returns the tensor that r, a stacked list, is.
func (s *shapes) unstacked(r savedmodel.Ref) (savedmodel.Ref, bool) {
	in, ok := operands(r, "TensorListStack", 2)
	if !ok {
		return r, false
	}
	source, ok := s.sources[in[0].Through()]
	return source, ok
}

// exchange tracks a walk's exchanges of the first two axes, between which rows
// stay in order.
type exchange struct {
	count int
	first []dim // the two axes before the exchange that is nearest to the output
}

// take adds an exchange, of a tensor of three axes. A second one must undo the
// first.
func (w *exchange) take(s *shapes, n *savedmodel.Node) bool {
	before, ok := s.of(n.Inputs[0])
	if !ok || len(before) != 3 || w.count > 1 {
		return false
	}
	if w.count++; w.count == 1 {
		w.first = before[:2]
		return true
	}
	return slices.Equal(w.first, []dim{before[1], before[0]})
}

// whole tells whether all exchanges were undone.
func (w *exchange) whole() bool { return w.count != 1 }
