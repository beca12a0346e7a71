package controlflow

import (
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// The types that lists and their numbers have.
const (
	variant = tfpb.DataType_DT_VARIANT
	int32s  = tfpb.DataType_DT_INT32
	int64s  = tfpb.DataType_DT_INT64
)

func isArray(op string) bool { return strings.HasPrefix(op, "TensorArray") }

// array is what is known of a tensor that belongs to an array: the operation that
// makes the array, and whether the tensor is its flow or its handle.
type array struct {
	made *node
	flow bool
}

// arrays makes lists of arrays. A list takes the place of the array's flow: whoever
// reads the flow comes after those who wrote to the array before, and reads what
// they left. The handle is not read any more.
func (w *rewriter) arrays(roots []tensor) error {
	known := map[tensor]array{}
	replaced := map[tensor]tensor{}
	for _, n := range w.order {
		for i, t := range n.in {
			if by, ok := replaced[t]; ok {
				n.in[i] = by
			}
		}
		if err := w.array(n, known, replaced); err != nil {
			return err
		}
	}
	for _, l := range w.loops {
		for _, m := range l.merges {
			for i, t := range m.in {
				if by, ok := replaced[t]; ok {
					m.in[i], t = by, by
				}
				if known[t] != known[m.only()] {
					return m.errorf("a step goes on with another array than it began with")
				}
			}
		}
	}
	if err := w.inOrder(); err != nil {
		return err
	}
	for i, t := range roots {
		if _, ok := known[t]; ok {
			return t.of.errorf("its result is an array of tensors, which no signature returns")
		}
		if by, ok := replaced[t]; ok {
			roots[i] = by
		}
	}
	return nil
}

// inOrder tells whether each array is written to step by step: what one operation
// leaves is read by another, and written to by one at most. Otherwise the flow does
// not say what a later reader finds.
func (w *rewriter) inOrder() error {
	read, writers := map[tensor]bool{}, map[tensor]*node{}
	for _, n := range w.order {
		for _, t := range n.in {
			read[t] = true
		}
		if !writesList(n) {
			continue
		}
		before := n.in[0].source()
		if other := writers[before]; other != nil {
			return n.errorf("it writes to an array that %q writes to in no known order", other.name())
		}
		writers[before] = n
	}
	for _, n := range w.order {
		if writesList(n) && !read[n.only()] {
			return n.errorf("it writes to an array, and nothing reads the flow that says so")
		}
	}
	return nil
}

// writesList tells whether a node changes a list, which is then its first input.
func writesList(n *node) bool {
	return n.changed && (n.op() == "TensorListSetItem" || n.op() == "TensorListScatterIntoExistingList")
}

// array handles a node that may read or make arrays.
func (w *rewriter) array(n *node, known map[tensor]array, replaced map[tensor]tensor) error {
	if isArray(n.op()) {
		return w.listOf(n, known, replaced)
	}
	var of array
	reads := false
	for _, t := range n.in {
		if a, ok := known[t]; ok {
			if reads && a != of {
				return n.errorf("it reads two arrays of tensors, or one's handle and its flow")
			}
			of, reads = a, true
		}
	}
	if !reads {
		return nil
	}
	switch n.op() {
	case "Identity", "Enter", "Exit", "NextIteration", "Switch", "Merge":
	default:
		return n.errorf("it reads an array of tensors, which is not supported")
	}
	for i := range n.outputs {
		if n.op() != "Merge" || i == 0 {
			known[tensor{n, i}] = of
		}
	}
	if of.flow {
		n.retype(variant)
	}
	return nil
}

// arrayInputs are the operations on arrays: how many inputs they have, the last of
// them the flow, the first the handle.
var arrayInputs = map[string]int{
	"TensorArrayWriteV3": 4, "TensorArrayReadV3": 3, "TensorArrayGatherV3": 3, "TensorArrayScatterV3": 4,
	"TensorArraySizeV3": 2, "TensorArraySplitV3": 4, "TensorArrayConcatV3": 2,
}

// listOf replaces an operation on an array by one on a list.
func (w *rewriter) listOf(n *node, known map[tensor]array, replaced map[tensor]tensor) error {
	if n.op() == "TensorArrayV3" {
		return w.reserve(n, known, replaced)
	}
	if n.op() == "TensorArrayCloseV3" {
		n.def, n.in, n.types, n.changed = &tfpb.NodeDef{Name: n.name(), Op: "NoOp"}, nil, []tfpb.DataType{}, true
		return nil
	}
	count, ok := arrayInputs[n.op()]
	if !ok {
		return n.errorf("the operation is not supported")
	}
	if len(n.in) != count {
		return n.errorf("it has %d inputs, want %d", len(n.in), count)
	}
	handle, flow := known[n.in[0]], known[n.in[count-1]]
	if handle.made == nil || handle.flow || !flow.flow || flow.made != handle.made {
		return n.errorf("its handle and its flow are not those of one TensorArrayV3")
	}
	list := n.in[count-1]
	element := n.def.GetAttr()["dtype"].GetType()
	if element == 0 {
		element = n.def.GetAttr()["T"].GetType()
	}
	if element == 0 {
		element = handle.made.def.GetAttr()["dtype"].GetType()
	}
	with := attrs{"element_dtype": typeAttr(element)}
	open := func() tensor { return w.elementShape(n, n.def.GetAttr()["element_shape"].GetShape()) }
	writes := false
	switch n.op() {
	case "TensorArrayWriteV3":
		if handle.made.def.GetAttr()["dynamic_size"].GetB() {
			with["resize_if_index_out_of_bounds"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_B{B: true}}
		}
		w.becomes(n, "TensorListSetItem", with, []tensor{list, n.in[1], n.in[2]}, variant)
		writes = true
	case "TensorArrayReadV3":
		w.becomes(n, "TensorListGetItem", with, []tensor{list, n.in[1], open()}, element)
	case "TensorArrayGatherV3":
		w.becomes(n, "TensorListGather", with, []tensor{list, n.in[1], open()}, element)
	case "TensorArrayScatterV3":
		w.becomes(n, "TensorListScatterIntoExistingList", with, []tensor{list, n.in[2], n.in[1]}, variant)
		writes = true
	case "TensorArraySizeV3":
		w.becomes(n, "TensorListLength", attrs{}, []tensor{list}, int32s)
	case "TensorArraySplitV3":
		with["shape_type"] = typeAttr(int32s)
		w.becomes(n, "TensorListSplit", with, []tensor{n.in[1], w.elementShape(n, nil), n.in[2]}, variant)
		writes = true
	case "TensorArrayConcatV3":
		with["shape_type"] = typeAttr(int32s)
		shape := n.def.GetAttr()["element_shape_except0"].GetShape()
		if shape != nil && !shape.GetUnknownRank() {
			shape = &tfpb.TensorShapeProto{Dim: append([]*tfpb.TensorShapeProto_Dim{{Size: -1}}, shape.GetDim()...)}
		}
		none := w.constant(n, "leading_dims", &tfpb.TensorProto{Dtype: int64s, TensorShape: vector(0)})
		w.becomes(n, "TensorListConcatV2", with, []tensor{list, w.elementShape(n, shape), none}, element, int64s)
	}
	if writes {
		known[n.only()] = flow
	}
	return nil
}

// reserve makes a list of a new array's length. The graph reads the array's flow,
// its second result.
func (w *rewriter) reserve(n *node, known map[tensor]array, replaced map[tensor]tensor) error {
	if len(n.in) != 1 {
		return n.errorf("it has %d inputs, want 1", len(n.in))
	}
	element := n.def.GetAttr()["dtype"].GetType()
	list := made(w.name(n.name()+"/list"), "TensorListReserve", attrs{"element_dtype": typeAttr(element), "shape_type": typeAttr(int32s)}, variant)
	list.in = []tensor{w.elementShape(n, n.def.GetAttr()["element_shape"].GetShape()), n.in[0]}
	list.control, list.loop = n.control, n.loop
	known[tensor{n, 0}] = array{made: n}
	known[tensor{n, 1}] = array{made: n, flow: true}
	known[list.only()] = array{made: n, flow: true}
	replaced[tensor{n, 1}] = list.only()
	return nil
}

// becomes makes a node another operation.
func (w *rewriter) becomes(n *node, op string, with attrs, in []tensor, types ...tfpb.DataType) {
	n.def = &tfpb.NodeDef{Name: n.name(), Op: op, Attr: with}
	n.in, n.types, n.outputs, n.changed = in, types, len(types), true
}

// elementShape is a constant of a shape as the operations on lists take it: -1 is
// an axis of any length, and alone a shape of any rank.
func (w *rewriter) elementShape(n *node, shape *tfpb.TensorShapeProto) tensor {
	value := &tfpb.TensorProto{Dtype: int32s, TensorShape: &tfpb.TensorShapeProto{}, IntVal: []int32{-1}}
	if shape != nil && !shape.GetUnknownRank() {
		value.TensorShape, value.IntVal = vector(len(shape.GetDim())), nil
		for _, d := range shape.GetDim() {
			value.IntVal = append(value.IntVal, int32(min(max(d.GetSize(), -1), 1<<31-1)))
		}
	}
	return w.constant(n, "element_shape", value)
}

func vector(length int) *tfpb.TensorShapeProto {
	return &tfpb.TensorShapeProto{Dim: []*tfpb.TensorShapeProto_Dim{{Size: int64(length)}}}
}

// constant is a constant beside a node.
func (w *rewriter) constant(n *node, name string, value *tfpb.TensorProto) tensor {
	c := made(w.name(n.name()+"/"+name), "Const", attrs{"dtype": typeAttr(value.GetDtype()), "value": {Value: &tfpb.AttrValue_Tensor{Tensor: value}}}, value.GetDtype())
	c.loop = n.loop
	return c.only()
}
