package inputs

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// frame is the graph, or the function of a loop or a branch, and the operation
// that runs it.
type frame struct {
	args  []*savedmodel.Node
	op    *savedmodel.Node
	skip  int // the inputs of op that stand before the arguments
	outer *frame
}

// outside returns what an argument is when the function first runs.
func (f *frame) outside(arg *savedmodel.Node) (savedmodel.Ref, *frame) {
	i := slices.Index(f.args, arg)
	if f.op == nil || i < 0 || i+f.skip >= len(f.op.Inputs) {
		return savedmodel.Ref{}, nil
	}
	return f.op.Inputs[i+f.skip], f.outer
}

// need is what an operation wants of a tensor's elements: low <= v <= high.
type need struct {
	low, high float64
	// below and more are how far fractions may lie outside, as they are rounded.
	below, more float64
	// unknown says that no high is known, though there is one.
	unknown bool
	// real says that the elements may be fractions.
	real bool
	// length says that they count steps.
	length bool
}

// maxWalk bounds the operations that one need is followed through.
const maxWalk = 4096

// walker follows needs back to the inputs.
type walker struct {
	inputs map[*savedmodel.Node]string
	found  func(input string, n need, from, to int)
	left   int
}

// walk finds the inputs whose elements, or numbers that follow from them alone,
// are those of r, and what is wanted of them there.
func (w *walker) walk(r savedmodel.Ref, f *frame, n need) {
	for w.left--; w.left > 0 && r.Node != nil; w.left-- {
		node := r.Node
		if name, ok := w.inputs[node]; ok {
			w.found(name, n, 0, 0)
			return
		}
		if node.Op == "_Arg" {
			if r, f = f.outside(node); f == nil {
				return
			}
			continue
		}
		if name, from, to, ok := w.features(r); ok {
			w.found(name, n, from, to)
			return
		}
		if several := parts(r); several != nil {
			for _, part := range several {
				w.walk(part, f, n)
			}
			return
		}
		at, ok := through(r, &n)
		if !ok || at >= len(node.Inputs) {
			return
		}
		r = node.Inputs[at]
	}
}

// features finds a tensor that is some of the last axis of an input.
func (w *walker) features(r savedmodel.Ref) (name string, from, to int, ok bool) {
	if len(r.Node.Inputs) == 0 {
		return "", 0, 0, false
	}
	data := 0
	if r.Node.Op == "Split" {
		data = 1
	}
	if data >= len(r.Node.Inputs) {
		return "", 0, 0, false
	}
	in := r.Node.Inputs[data].Through()
	if in.Node == nil {
		return "", 0, 0, false
	}
	if name, ok = w.inputs[in.Node]; !ok {
		return "", 0, 0, false
	}
	shape, known := in.Node.AttrShape("shape")
	if !known || len(shape) < 2 || shape[len(shape)-1] < 1 {
		return "", 0, 0, false
	}
	from, to, ok = lastAxis(r, shape)
	return name, from, to, ok && to-from < shape[len(shape)-1]
}

// lastAxis returns which part of the last axis of a tensor of that shape an
// operation takes.
func lastAxis(r savedmodel.Ref, shape []int) (from, to int, ok bool) {
	n, last := r.Node, len(shape)-1
	switch n.Op {
	case "Unpack":
		axis := int(n.AttrInt("axis"))
		return r.Index, r.Index + 1, axis == last || axis == -1
	case "Split":
		axis, known := number(n.Inputs[0])
		if !known || int(axis) != last && axis != -1 || n.NumOutputs == 0 {
			return 0, 0, false
		}
		size := shape[last] / n.NumOutputs
		return r.Index * size, (r.Index + 1) * size, true
	case "StridedSlice":
		return lastSliced(n, shape)
	}
	return 0, 0, false
}

// lastSliced does so for x[..., a:b], with any slices before it.
func lastSliced(n *savedmodel.Node, shape []int) (from, to int, ok bool) {
	if len(n.Inputs) != 4 || n.AttrInt("new_axis_mask") != 0 {
		return 0, 0, false
	}
	begin, known := numbers(n.Inputs[1])
	end, also := numbers(n.Inputs[2])
	if !known || !also || len(begin) != len(end) || len(begin) == 0 {
		return 0, 0, false
	}
	at, ellipsis := len(begin)-1, n.AttrInt("ellipsis_mask")
	if ellipsis == 0 && len(begin) != len(shape) || ellipsis>>at&1 == 1 {
		return 0, 0, false
	}
	size := shape[len(shape)-1]
	wrap := func(v float64) int {
		if v < 0 {
			v += float64(size)
		}
		return min(max(int(v), 0), size)
	}
	from, to = wrap(begin[at]), wrap(end[at])
	if n.AttrInt("begin_mask")>>at&1 == 1 {
		from = 0
	}
	switch {
	case n.AttrInt("shrink_axis_mask")>>at&1 == 1:
		to = from + 1
	case n.AttrInt("end_mask")>>at&1 == 1:
		to = size
	}
	return from, to, from < to
}

// parts returns what a tensor is put together from, where that is several.
func parts(r savedmodel.Ref) []savedmodel.Ref {
	n := r.Node
	switch {
	case n.Op == "Pack", n.Op == "AddN" && len(n.Inputs) == 1:
		return n.Inputs
	case n.Op == "ConcatV2" && len(n.Inputs) > 1:
		return n.Inputs[:len(n.Inputs)-1]
	case (n.Op == "SelectV2" || n.Op == "Select") && len(n.Inputs) == 3:
		return n.Inputs[1:]
	}
	return nil
}

// moved are the operations whose results are elements of an input, which stands
// where the number says.
var moved = map[string]int{
	"Identity": 0, "StopGradient": 0, "PreventGradient": 0, "Snapshot": 0, "CheckNumerics": 0, "EnsureShape": 0,
	"Reshape": 0, "ExpandDims": 0, "Squeeze": 0, "Transpose": 0, "StridedSlice": 0, "Slice": 0, "Tile": 0, "BroadcastTo": 0,
	"ReverseV2": 0, "Pad": 0, "PadV2": 0, "MirrorPad": 0, "Split": 1, "SplitV": 0, "Unpack": 0, "GatherV2": 0, "Gather": 0, "GatherNd": 0,
	"TensorListFromTensor": 0, "TensorListGetItem": 0, "TensorListStack": 0, "Max": 0, "Min": 0,
}

// through says which input of an operation n is to be wanted of, so that its
// result is as wanted, and changes n to that. It is false where that is not
// known.
func through(r savedmodel.Ref, n *need) (input int, ok bool) {
	node := r.Node
	if at, ok := moved[node.Op]; ok {
		return at, true
	}
	switch node.Op {
	case "IdentityN":
		return r.Index, true
	case "Cast":
		from, _ := node.AttrType("SrcT")
		to, _ := node.AttrType("DstT")
		if from.IsFloat() && !to.IsFloat() {
			n.rounded(0, 1)
		}
		return 0, from != lockstep.Bool
	case "Floor":
		n.rounded(0, 1)
		return 0, true
	case "Ceil":
		n.rounded(1, 0)
		return 0, true
	case "Round", "Rint":
		n.rounded(0.5, 0.5)
		return 0, true
	}
	if inverse, ok := inverses[node.Op]; ok {
		return 0, inverse(n)
	}
	return arithmetic(node, n)
}
