package recurrent

import (
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// dim is the length of an axis as the graph fixes it, for any inputs: n times
// the open axes of the signature's inputs whose numbers open lists, in order.
// So the rows of a (batch, 6, units) tensor that is reshaped to (-1, units) are
// 6 times the batch.
type dim struct {
	n    int64
	open string
}

// maxAxes bounds the shapes that are followed, and so the work for a hostile
// graph that joins one with itself.
const maxAxes = 8

func fixed(n int) dim { return dim{n: int64(n)} }

func (d dim) times(e dim) (dim, bool) {
	if max(d.n, -d.n, e.n, -e.n) > 1<<31 || len(d.open)+len(e.open) > maxAxes {
		return dim{}, false
	}
	open := []byte(d.open + e.open)
	slices.Sort(open)
	return dim{d.n * e.n, string(open)}, true
}

// over divides d by e where the remainder is 0.
func (d dim) over(e dim) (dim, bool) {
	if e.n <= 0 || d.n%e.n != 0 {
		return dim{}, false
	}
	open := []byte(d.open)
	for _, axis := range []byte(e.open) {
		at := slices.Index(open, axis)
		if at < 0 {
			return dim{}, false
		}
		open = slices.Delete(open, at, at+1)
	}
	return dim{d.n / e.n, string(open)}, true
}

func product(dims []dim) (dim, bool) {
	p, ok := fixed(1), true
	for _, d := range dims {
		if p, ok = p.times(d); !ok {
			return p, false
		}
	}
	return p, true
}

// shapes computes the shapes of a graph's tensors, and the integers that are
// derived from them, for the operations around recurrent layers.
type shapes struct {
	m      *savedmodel.MetaGraph
	inputs map[savedmodel.Ref][]dim // of the signature
	lists  map[savedmodel.Ref][]dim // the result of stacking a list
	// sources are the tensors whose rows a list is, which stacking the list
	// gives again.
	sources map[savedmodel.Ref]savedmodel.Ref
	shape   map[savedmodel.Ref][]dim // what has been found; nil for not known
	values  map[savedmodel.Ref]ints
}

// ints is a list of integers, or a scalar; nil for not known.
type ints struct {
	list   []dim
	scalar bool
}

func newShapes(m *savedmodel.MetaGraph, g *savedmodel.Graph) *shapes {
	s := &shapes{
		m: m, inputs: map[savedmodel.Ref][]dim{}, lists: map[savedmodel.Ref][]dim{}, sources: map[savedmodel.Ref]savedmodel.Ref{},
		shape: map[savedmodel.Ref][]dim{}, values: map[savedmodel.Ref]ints{},
	}
	open := byte(0)
	for _, spec := range g.Signature.Inputs {
		in := g.Inputs[spec.Name]
		if in.Node == nil || spec.UnknownRank || len(spec.Shape) > maxAxes || int(open)+len(spec.Shape) > 255 {
			continue
		}
		dims := make([]dim, 0, len(spec.Shape))
		for _, d := range spec.Shape {
			if d >= 0 {
				dims = append(dims, fixed(d))
				continue
			}
			dims = append(dims, dim{1, string([]byte{open})})
			open++
		}
		s.inputs[in] = dims
	}
	return s
}

// of returns the shape of a tensor.
func (s *shapes) of(r savedmodel.Ref) ([]dim, bool) {
	r = r.Through()
	dims, done := s.shape[r]
	if !done && r.Node != nil {
		if dims = s.findShape(r); len(dims) > maxAxes {
			dims = nil
		}
		s.shape[r] = dims
	}
	return dims, dims != nil
}

func (s *shapes) ints(r savedmodel.Ref) ints {
	r = r.Through()
	v, done := s.values[r]
	if !done && r.Node != nil {
		if v = s.findInts(r); len(v.list) > maxAxes {
			v = ints{}
		}
		s.values[r] = v
	}
	return v
}

// list returns the elements of a list of integers.
func (s *shapes) list(r savedmodel.Ref) ([]dim, bool) {
	v := s.ints(r)
	return v.list, v.list != nil && !v.scalar
}

// int returns the value of a scalar.
func (s *shapes) int(r savedmodel.Ref) (dim, bool) {
	v := s.ints(r)
	if v.list == nil || !v.scalar {
		return dim{}, false
	}
	return v.list[0], true
}

// sizes returns the shape of a variable or a constant.
func (s *shapes) sizes(r savedmodel.Ref) ([]int, bool) {
	if v, ok, err := s.m.Variable(r); ok && err == nil {
		return v.Shape, true
	}
	if r = r.Through(); r.Node == nil || r.Node.Op != "Const" {
		return nil, false
	}
	t, err := r.Node.Const()
	if err != nil {
		return nil, false
	}
	return t.Shape(), true
}

func (s *shapes) findShape(r savedmodel.Ref) []dim {
	if sizes, ok := s.sizes(r); ok {
		out := []dim{}
		for _, n := range sizes {
			out = append(out, fixed(n))
		}
		return out
	}
	n := r.Node
	switch n.Op {
	case "Placeholder":
		return s.inputs[r]
	case "Range":
		return s.rangeShape(n)
	case "TensorListStack", "Transpose", "Reshape", "AddV2", "Add", "BiasAdd", "MatMul", "BatchMatMulV2":
	default:
		return nil
	}
	if len(n.Inputs) != 2 {
		return nil
	}
	if n.Op == "TensorListStack" {
		return s.lists[n.Inputs[0].Through()]
	}
	x, ok := s.of(n.Inputs[0])
	if !ok || len(x) == 0 {
		return nil
	}
	last := len(x) - 1
	switch n.Op {
	case "Transpose":
		return s.permuted(x, n.Inputs[1])
	case "Reshape":
		return s.reshaped(x, n.Inputs[1])
	case "MatMul", "BatchMatMulV2":
		if y, ok := s.of(n.Inputs[1]); ok && last >= 1 && len(y) == 2 && x[last] == y[0] && plainProduct(n) && (last == 1 || n.Op != "MatMul") {
			return append(slices.Clone(x[:last]), y[1])
		}
	default:
		if y, ok := s.of(n.Inputs[1]); ok && len(y) == 1 && y[0] == x[last] && lastAxis(n) {
			return x
		}
	}
	return nil
}

// rangeShape is the shape of a list that counts from 0.
func (s *shapes) rangeShape(n *savedmodel.Node) []dim {
	if len(n.Inputs) != 3 || !isInt(n.Inputs[0], 0) || !isInt(n.Inputs[2], 1) {
		return nil
	}
	limit, ok := s.int(n.Inputs[1])
	if !ok || limit.n < 0 {
		return nil
	}
	return []dim{limit}
}

func (s *shapes) permuted(x []dim, perm savedmodel.Ref) []dim {
	axes, ok := s.list(perm)
	if !ok || len(axes) != len(x) {
		return nil
	}
	return picked(x, axes)
}

// picked returns the elements of list at the given places.
func picked(list, places []dim) []dim {
	out := []dim{}
	for _, at := range places {
		if at.open != "" || at.n < 0 || at.n >= int64(len(list)) {
			return nil
		}
		out = append(out, list[at.n])
	}
	return out
}

func (s *shapes) reshaped(x []dim, to savedmodel.Ref) []dim {
	want, ok := s.list(to)
	all, known := product(x)
	if !ok || !known {
		return nil
	}
	out, rest, open := slices.Clone(want), fixed(1), -1
	for i, d := range want {
		switch {
		case d == fixed(-1) && open < 0:
			open = i
		case d.n < 0:
			return nil
		default:
			if rest, ok = rest.times(d); !ok {
				return nil
			}
		}
	}
	if open < 0 {
		if rest != all {
			return nil
		}
		return out
	}
	if out[open], ok = all.over(rest); !ok {
		return nil
	}
	return out
}

func (s *shapes) findInts(r savedmodel.Ref) ints {
	n := r.Node
	last := len(n.Inputs) - 1
	switch {
	case n.Op == "Split" && last == 1:
		return s.splitOff(r)
	case r.Index != 0:
	case n.Op == "Const":
		return constDims(n)
	case n.Op == "Shape" && last == 0:
		dims, _ := s.of(n.Inputs[0])
		return ints{list: dims}
	case n.Op == "Pack" && n.AttrInt("axis") == 0:
		return s.joined(n.Inputs, true)
	case n.Op == "ConcatV2" && last >= 1 && isInt(n.Inputs[last], 0):
		return s.joined(n.Inputs[:last], false)
	case n.Op == "Max" && last == 1: // as Keras 3 writes a fixed length
		return s.greatest(n)
	case n.Op == "Range" && last == 2 && isInt(n.Inputs[0], 0) && isInt(n.Inputs[2], 1):
		switch { // the axes of a scalar or of a list
		case isInt(n.Inputs[1], 0):
			return ints{list: []dim{}}
		case isInt(n.Inputs[1], 1):
			return ints{list: []dim{fixed(0)}}
		}
	case n.Op == "Reshape" && last == 1:
		return s.reshapedInt(n)
	case n.Op == "Mul" && last == 1:
		a, isInt := s.int(n.Inputs[0])
		b, isToo := s.int(n.Inputs[1])
		if p, ok := a.times(b); ok && isInt && isToo {
			return ints{[]dim{p}, true}
		}
	case n.Op == "Prod" && last == 1 && isInts(n.Inputs[1], 0) && !n.AttrBool("keep_dims"):
		if from, ok := s.list(n.Inputs[0]); ok {
			if p, ok := product(from); ok {
				return ints{[]dim{p}, true}
			}
		}
	case n.Op == "StridedSlice" && last == 3:
		return s.sliced(n)
	case n.Op == "GatherV2" && last == 2 && isInt(n.Inputs[2], 0) && n.AttrInt("batch_dims") == 0:
		from, ok := s.list(n.Inputs[0])
		if at := s.ints(n.Inputs[1]); ok && at.list != nil {
			return ints{picked(from, at.list), at.scalar}
		}
	}
	return ints{}
}

// greatest is a number, or the only one of a list.
func (s *shapes) greatest(n *savedmodel.Node) ints {
	v := s.ints(n.Inputs[0])
	axes, known := s.list(n.Inputs[1])
	if v.scalar {
		if known && len(axes) > 0 {
			return ints{} // a number has no axis
		}
		return v
	}
	if len(v.list) != 1 || !known || !slices.Equal(axes, []dim{fixed(0)}) || n.AttrBool("keep_dims") {
		return ints{}
	}
	return ints{v.list, true}
}

// splitOff is one of the elements that a list is split into.
func (s *shapes) splitOff(r savedmodel.Ref) ints {
	list, ok := s.list(r.Node.Inputs[1])
	if !ok || !isInt(r.Node.Inputs[0], 0) || len(list) != r.Node.NumOutputs || r.Index >= len(list) {
		return ints{}
	}
	return ints{list: list[r.Index : r.Index+1]}
}

// reshapedInt makes a list of one number of a number, or the other way round.
func (s *shapes) reshapedInt(n *savedmodel.Node) ints {
	v := s.ints(n.Inputs[0])
	to, ok := s.list(n.Inputs[1])
	if !ok || len(v.list) != 1 || len(to) > 1 || len(to) == 1 && to[0] != fixed(1) {
		return ints{}
	}
	return ints{v.list, len(to) == 0}
}

// joined makes a list of scalars, or one of lists.
func (s *shapes) joined(parts []savedmodel.Ref, scalars bool) ints {
	out := []dim{}
	for _, p := range parts {
		v := s.ints(p)
		if v.list == nil || v.scalar != scalars || len(out)+len(v.list) > maxAxes {
			return ints{}
		}
		out = append(out, v.list...)
	}
	return ints{list: out}
}

func constDims(n *savedmodel.Node) ints {
	values, scalar, ok := constInts(n, maxAxes)
	if !ok {
		return ints{}
	}
	out := ints{[]dim{}, scalar}
	for _, v := range values {
		out.list = append(out.list, dim{n: v})
	}
	return out
}

// sliced returns list[begin:end], or the one element of it where the slice
// drops the axis.
func (s *shapes) sliced(n *savedmodel.Node) ints {
	list, ok := s.list(n.Inputs[0])
	var ends [3]int64
	for i := range ends {
		v, known := s.list(n.Inputs[i+1])
		if !ok || !known || len(v) != 1 || v[0].open != "" {
			return ints{}
		}
		ends[i] = v[0].n
	}
	begin, end, shrinks := ends[0], ends[1], n.AttrInt("shrink_axis_mask") != 0
	if begin < 0 || end <= begin || end > int64(len(list)) || ends[2] != 1 || !noMask(n) || shrinks && end != begin+1 {
		return ints{}
	}
	return ints{list[begin:end], shrinks}
}
