package recurrent

import "github.com/lockstep-go/lockstep/native/savedmodel"

// maxCuts bounds the parts that a tensor is split into by given sizes.
const maxCuts = 64

// cut returns what r is if it is a part of a weight or of a cell's sum, taken
// by one of the operations that split, slice or unstack; nil if it is not. of
// evaluates the operand.
func (ev *evaluator) cut(r savedmodel.Ref, of func(r savedmodel.Ref) *expr) *expr {
	n, in := r.Node, r.Node.Inputs
	switch {
	case n.Op == "Split" && len(in) == 2:
		x := of(in[1])
		axis, ok := axisOf(in[0], x)
		size, known := x.length(axis)
		count := int(n.AttrInt("num_split"))
		if !ok || !known || count <= 0 || size%count != 0 || r.Index >= count {
			return nil
		}
		return ev.slice(x, axis, r.Index*(size/count), (r.Index+1)*(size/count))
	case n.Op == "SplitV" && len(in) == 3:
		x := of(in[0])
		axis, ok := axisOf(in[2], x)
		from, to, known := splitAt(in[1], x, axis, r.Index)
		if !ok || !known {
			return nil
		}
		return ev.slice(x, axis, from, to)
	case n.Op == "StridedSlice" && len(in) == 4:
		return ev.stridedSlice(of(in[0]), n)
	case n.Op == "Slice" && len(in) == 3:
		return ev.sized(of(in[0]), in[1], in[2])
	case n.Op == "Unpack" && len(in) == 1:
		if x := of(in[0]); n.AttrInt("axis") == 0 {
			return ev.row(ev.slice(x, 0, r.Index, r.Index+1))
		}
	case n.Op == "Squeeze" && len(in) == 1:
		if dims := n.AttrInts("squeeze_dims"); len(dims) == 1 && dims[0] == 0 {
			return ev.row(of(in[0]))
		}
	}
	return nil
}

// unary tells whether e is a function of each element of another expression.
func (e *expr) unary() bool { return elementwise[e.op] == 1 && len(e.args) == 1 }

// rank returns the number of an expression's axes, 0 if unknown.
func (e *expr) rank() int {
	switch {
	case e.op == opPart && !e.part.vector:
		return 2
	case e.op == opPart:
		return 1
	case e.unary():
		return e.args[0].rank()
	case e.op != opSum:
		return 0
	}
	rank := 1
	for _, t := range e.terms {
		if t.other != nil {
			return 0
		}
		if t.v != nil {
			rank = 2
		}
	}
	return rank
}

// length returns the length of an expression along an axis; a product's number
// of rows is open.
func (e *expr) length(axis int) (int, bool) {
	switch rank := e.rank(); {
	case rank == 0 || axis < 0 || axis >= rank:
		return 0, false
	case e.unary():
		return e.args[0].length(axis)
	case e.op == opSum:
		return e.terms[0].width(), axis == rank-1
	case axis == rank-1:
		return e.part.to - e.part.from, true
	}
	return e.part.bottom - e.part.top, true
}

// slice returns e[from:to] along an axis, nil if it does not exist.
func (ev *evaluator) slice(e *expr, axis, from, to int) *expr {
	size, ok := e.length(axis)
	if !ok || from < 0 || to <= from || to > size {
		return nil
	}
	if e.unary() { // the function of a part is the part of the function's result
		part := ev.slice(e.args[0], axis, from, to)
		if part == nil {
			return nil
		}
		return ev.call(e.op, part)
	}
	columns := func(p part) part {
		p.from, p.to = p.from+from, p.from+to
		return p
	}
	if e.op == opSum {
		var terms []term
		for _, t := range e.terms {
			terms = append(terms, term{v: t.v, w: columns(t.w)})
		}
		return ev.sum(terms)
	}
	p := e.part
	if axis == e.rank()-1 {
		return ev.weight(columns(p))
	}
	p.top, p.bottom = p.top+from, p.top+to
	return ev.weight(p)
}

// row drops the axis of a weight's one row, nil if it has none.
func (ev *evaluator) row(e *expr) *expr {
	if e == nil || e.op != opPart || e.part.vector || e.part.bottom != e.part.top+1 {
		return nil
	}
	p := e.part
	p.vector = true
	return ev.weight(p)
}

// axisOf returns which axis of x a constant names, counted from the first.
func axisOf(r savedmodel.Ref, x *expr) (int, bool) {
	r = r.Through()
	if r.Node == nil {
		return 0, false
	}
	values, scalar, ok := constInts(r.Node, 1)
	if !ok || !scalar {
		return 0, false
	}
	axis, rank := int(values[0]), x.rank()
	if axis < 0 {
		axis += rank
	}
	return axis, axis >= 0 && axis < rank
}

// splitAt returns where part number i begins and ends if x is split into given
// sizes, one of which may be the remainder.
func splitAt(sizes savedmodel.Ref, x *expr, axis, number int) (from, to int, ok bool) {
	list, known := constList(sizes, maxCuts)
	size, measured := x.length(axis)
	if !known || !measured || number >= len(list) {
		return 0, 0, false
	}
	rest := int64(size)
	for _, n := range list {
		if n < -1 || n > int64(size) {
			return 0, 0, false
		}
		rest -= max(n, 0)
	}
	open := 0
	for i, n := range list {
		if n == -1 {
			n, open = rest, open+1
		}
		if i < number {
			from += int(n)
		} else if i == number {
			to = from + int(n)
		}
	}
	return from, to, rest >= 0 && open <= 1 && (open == 1 || rest == 0)
}

// sized is Slice: size elements from begin along each axis, or all that are
// left if it is -1.
func (ev *evaluator) sized(x *expr, begin, size savedmodel.Ref) *expr {
	rank := x.rank()
	from, ok := constList(begin, rank)
	count, known := constList(size, rank)
	if !ok || !known || rank == 0 || len(from) != rank || len(count) != rank {
		return nil
	}
	for axis := range rank {
		if from[axis] == 0 && count[axis] == -1 {
			continue
		}
		n, measured := x.length(axis)
		if !measured {
			return nil
		}
		if count[axis] == -1 {
			count[axis] = int64(n) - from[axis]
		}
		if x = ev.slice(x, axis, int(from[axis]), int(from[axis]+count[axis])); x == nil {
			return nil
		}
	}
	return x
}

// stridedSlice is x[begin:end] along each axis, as Python means it.
func (ev *evaluator) stridedSlice(x *expr, n *savedmodel.Node) *expr {
	rank := x.rank()
	begin, ok := constList(n.Inputs[1], rank)
	end, known := constList(n.Inputs[2], rank)
	strides, given := constList(n.Inputs[3], rank)
	if !ok || !known || !given || rank == 0 || len(begin) != len(end) || len(begin) != len(strides) || n.AttrInt("ellipsis_mask") != 0 || n.AttrInt("new_axis_mask") != 0 {
		return nil
	}
	fromStart, toEnd, drop := n.AttrInt("begin_mask"), n.AttrInt("end_mask"), n.AttrInt("shrink_axis_mask")
	for axis := range begin {
		bit := int64(1) << axis
		if strides[axis] != 1 || drop&bit != 0 && (axis != 0 || (fromStart|toEnd)&bit != 0) {
			return nil
		}
		if fromStart&toEnd&bit != 0 {
			continue
		}
		size, measured := x.length(axis)
		if !measured {
			return nil
		}
		from, to := endOf(begin[axis], size), endOf(end[axis], size)
		if fromStart&bit != 0 {
			from = 0
		}
		if toEnd&bit != 0 {
			to = size
		}
		if drop&bit != 0 && to != from+1 {
			return nil
		}
		if x = ev.slice(x, axis, from, to); x == nil {
			return nil
		}
	}
	if drop&1 != 0 {
		return ev.row(x)
	}
	return x
}

// endOf returns a slice's end, which may be counted from the last element and
// may be outside.
func endOf(at int64, size int) int {
	if at < 0 {
		at += int64(size)
	}
	return int(min(max(at, 0), int64(size)))
}
