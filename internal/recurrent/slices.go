package recurrent

import "github.com/lockstep-go/lockstep/native/savedmodel"

// Slices is a loop that splits a tensor into a list: element i is
// x[begin[i]:end[i]], whose first axis has one element and is dropped. It is
// how TensorFlow vectorises the indexing in Keras 3's TimeDistributed of
// unknown length: the layer itself follows the loop and processes all elements
// at once. Where the loop splits x into all its rows, as in Keras 3.13 but not
// in later versions, stacking the list gives x again: see shapes.sources.
type Slices struct {
	// Loop is the While operation.
	Loop *savedmodel.Node
	// Source, Begins and Ends are the loop variables that hold x and, in
	// tensors (n, 1), where the elements begin and end along its first axis. No
	// step changes them.
	Source, Begins, Ends int
	// Outputs is the loop variable, a list, whose element each step writes.
	Outputs int
	// Counter, Counters and Bounds are as in Recurrence.
	Counter  int
	Counters []int
	Bounds   []Bound
}

// slices proves that a loop is a Slices.
func (l *loop) slices() (*Slices, bool) {
	s := &Slices{Loop: l.node, Outputs: -1, Counters: l.counters()}
	var item savedmodel.Ref
	for i := range l.body.Rets {
		if l.invariant[i] || l.counts[i] {
			continue
		}
		var ok bool
		if item, s.Counter, ok = l.written(i); !ok || s.Counter < 0 || s.Outputs >= 0 {
			return nil, false
		}
		s.Outputs = i
	}
	if s.Outputs < 0 {
		return nil, false
	}
	in, ok := operands(item, "StridedSlice", 4)
	if !ok || !takesOne(item.Through().Node) || !l.isOnes(in[3], 1) {
		return nil, false
	}
	if s.Source, ok = l.unchanged(in[0]); !ok {
		return nil, false
	}
	if s.Begins, ok = l.row(in[1], s.Counter); !ok {
		return nil, false
	}
	if s.Ends, ok = l.row(in[2], s.Counter); !ok {
		return nil, false
	}
	l.pickedBy[s.Source] = s.Counter
	var err error
	s.Bounds, err = l.bounds(s.Source)
	return s, err == nil
}

// unchanged returns the loop variable that r is, if no step changes it.
func (l *loop) unchanged(r savedmodel.Ref) (int, bool) {
	i, ok := l.arg(r)
	return i, ok && l.invariant[i]
}

// row returns the loop variable of which r is the row of a counter: x[i, ...],
// which TensorFlow writes as a slice from (i, 0) to (i+1, 0).
func (l *loop) row(r savedmodel.Ref, counter int) (variable int, ok bool) {
	in, ok := operands(r, "StridedSlice", 4)
	if !ok || !l.isOnes(in[3], 2) {
		return 0, false
	}
	n := r.Through().Node
	if n.AttrInt("shrink_axis_mask") != 1 || n.AttrInt("ellipsis_mask") != 2 || n.AttrInt("begin_mask") != 0 || n.AttrInt("end_mask") != 0 || n.AttrInt("new_axis_mask") != 0 {
		return 0, false
	}
	isCounter := func(r savedmodel.Ref) bool { i, ok := l.arg(r); return ok && i == counter }
	begin, ok := packed(in[1])
	if !ok || !isCounter(begin) {
		return 0, false
	}
	end, ok := packed(in[2])
	if !ok || !either(end, "AddV2", func(a, b savedmodel.Ref) bool { return isCounter(a) && isInt(b, 1) }) {
		return 0, false
	}
	return l.unchanged(in[0])
}

// packed returns the first element of a list of it and zero.
func packed(r savedmodel.Ref) (savedmodel.Ref, bool) {
	in, ok := operands(r, "Pack", 2)
	if !ok || r.Through().Node.AttrInt("axis") != 0 || !isInt(in[1], 0) {
		return savedmodel.Ref{}, false
	}
	return in[0], true
}

// isOnes tells whether r is a constant list of n ones, in the body or around
// the loop.
func (l *loop) isOnes(r savedmodel.Ref, n int) bool {
	if i, ok := l.unchanged(r); ok {
		r = l.inputs[i]
	}
	return isInts(r, []int64{1, 1}[:n]...)
}
