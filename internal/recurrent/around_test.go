package recurrent

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"
)

// at returns an edit of a node of the function around the loops.
func at(end string, edit func(f *function, n *node_def_go_proto.NodeDef)) func(e *editor) {
	return func(e *editor) { f := e.outer(); edit(f, f.node(end)) }
}

// value returns an edit that gives a constant other values.
func value(end string, values ...int32) func(e *editor) {
	return at(end, func(_ *function, n *node_def_go_proto.NodeDef) {
		if len(n.Attr["value"].GetTensor().GetTensorShape().GetDim()) == 0 {
			n.Attr["value"] = intConst(values...)
		} else {
			n.Attr["value"] = list(values...)
		}
	})
}

// feed returns an edit that gives a node another input.
func feed(end string, input int, from func(f *function) string) func(e *editor) {
	return at(end, func(f *function, n *node_def_go_proto.NodeDef) { n.Input[input] = from(f) })
}

func first1(end string) func(f *function) string {
	return func(f *function) string { return first(f.node(end)) }
}

// Each of these runs the right cell over something else than all steps of the
// input in their order.
func TestOtherStepsAreNotTaken(t *testing.T) {
	const (
		notCounter = "its condition compares something else than a counter from zero"
		notInput   = "neither the step's input nor the h of another cell"
		noBound    = "which is not the number of steps of serving_default_"
		noSteps    = "are not those of a (batch, time, features) tensor in order"
		noReserve  = "its outputs are written into"
	)
	bodyConst := func(layer, end string, v int32) func(e *editor) {
		return func(e *editor) { e.body(layer).node(end).Attr["value"] = intConst(v) }
	}
	condition := func(layer, end, op string) func(e *editor) {
		return func(e *editor) { e.cond(layer).become(e.cond(layer).node(end), op) }
	}
	check(t, []mutation{
		// The counter that picks the step, and the one that only counts.
		{"steps of 2", bodyConst("encoder", "while/add/y", 2), []string{noCell}},
		{"steps of 0", bodyConst("encoder", "while/add/y", 0), []string{noCell}},
		{"steps of -1", bodyConst("encoder", "while/add/y", -1), []string{noCell}},
		{"counts by 2", bodyConst("encoder", "while/add_1/y", 2), []string{noCell}},
		{"begins at step 1", value("encoder_lstm_1/time", 1), []string{noCell}},
		{"counts from 1", value("encoder_lstm_1/while/loop_counter", 1), []string{noCell}},
		{"steps doubled", func(e *editor) { n := e.body("encoder").node("while/add"); n.Input[1] = n.Input[0] }, []string{noCell}},
		{"steps subtracted", func(e *editor) { e.body("encoder").node("while/add").Op = "Sub" }, []string{noCell}},
		{"begins where it is told", feed("encoder_lstm_1/while", 2, first1("encoder_lstm_1/Max")), []string{noCell}},

		// The condition.
		{"one step more", condition("encoder", "while/Less", "LessEqual"), []string{"its condition has", "(LessEqual), want counters below bounds"}},
		{"another comparison", condition("encoder", "while/Less", "NotEqual"), []string{"(NotEqual)"}},
		{"until the longer", condition("encoder", "while/LogicalAnd", "LogicalOr"), []string{"(LogicalOr)"}},
		{"turned round", func(e *editor) { swap(e.cond("encoder").node("while/Less"), 0, 1) }, []string{notCounter}},
		{"bounded by the other counter alone", func(e *editor) {
			f := e.cond("encoder")
			f.node("while/LogicalAnd").Input[1] = f.node("while/LogicalAnd").Input[0]
		}, []string{"does not bound the variable that picks the input step"}},
		{"bounded by a state", func(e *editor) {
			f := e.cond("encoder")
			f.node("while/Less").Input[1] = f.arg("placeholder_2")
		}, []string{"compares a counter with something that changes"}},
		{"a counter of the state", func(e *editor) {
			f := e.cond("encoder")
			f.node("while/Less").Input[0] = f.arg("placeholder_2")
		}, []string{notCounter}},
		{"a condition that trains", func(e *editor) {
			f := e.cond("encoder")
			f.add("train", "AssignVariableOp", f.arg("placeholder"), f.arg("placeholder"))
		}, []string{"a step may change what outlives it"}},
		{"very many bounds", func(e *editor) {
			f := e.cond("encoder")
			and := first(f.node("while/LogicalAnd"))
			for i := range 40 {
				and = f.add("and"+string(rune('a'+i)), "LogicalAnd", and, and)
			}
			f.node("while/Identity").Input[0] = and
		}, []string{"more than 8 bounds"}},

		// The bounds.
		{"5 of 10 steps", value("encoder_lstm_1/Max/input", 5), []string{`encoder "encoder_lstm": its loop is bounded by`, "(Max)", noBound}},
		{"20 of 10 steps", value("encoder_lstm_1/Max/input", 20), []string{noBound}},
		{"9 of 10 steps by the condition", func(e *editor) { e.cond("encoder").node("Less/y").Attr["value"] = intConst(9) }, []string{"(Const)", noBound}},
		{"a longer input", func(e *editor) { e.input("encoder_input").TensorShape.Dim[1].Size = 12 }, []string{noBound}},
		{"an input of any length", func(e *editor) { e.input("encoder_input").TensorShape.Dim[1].Size = -1 }, []string{noBound}},
		{"an input of any rank", func(e *editor) {
			e.input("encoder_input").TensorShape = &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
		}, []string{"has no three axes in the signature"}},
		{"an input of other features", func(e *editor) { e.input("encoder_input").TensorShape.Dim[2].Size = 7 }, []string{"has 7 features, and its kernel is for 3"}},
		{"over the batch", at("decoder_lstm_1/strided_slice_1", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[1], n.Input[2] = f.list("one", 1), f.list("two", 2)
		}), []string{`decoder "decoder_lstm"`, noBound}},
		{"of the untransposed input", feed("decoder_lstm_1/Shape", 0, func(f *function) string { return f.arg("decoder_input") }), []string{noBound}},
		{"as often as the encoder", feed("decoder_lstm_1/while", 1, first1("encoder_lstm_1/Max")), []string{noBound}},
		{"a bound with a mask", at("decoder_lstm_1/strided_slice_1", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["end_mask"] = intAttr(1) }), []string{noBound}},
		{"the first of two", at("decoder_lstm_1/strided_slice_1", func(f *function, n *node_def_go_proto.NodeDef) { n.Input[2] = f.list("two", 2) }), []string{noBound}},
		{"one step less", at("decoder_lstm_1/while", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[1] = f.add("less", "Sub", n.Input[1], f.ints("one", 1))
		}), []string{"(Sub)", noBound}},

		// The list of steps.
		{"the first step again and again", func(e *editor) {
			f := e.body("encoder")
			f.node("TensorListGetItem").Input[1] = f.ints("zero", 0)
		}, []string{notInput}},
		{"the next step", func(e *editor) {
			f := e.body("encoder")
			f.node("TensorListGetItem").Input[1] = first(f.node("while/add"))
		}, []string{notInput}},
		{"another perm", value("encoder_lstm_1/transpose/perm", 1, 2, 0), []string{noSteps}},
		{"no transpose", feed("encoder_lstm_1/TensorArrayUnstack/TensorListFromTensor", 0, func(f *function) string { return f.arg("encoder_input") }), []string{noSteps}},
		{"backwards", stepsOf("encoder", "ReverseV2"), []string{noSteps, "(ReverseV2)"}},
		{"shifted", stepsOf("encoder", "Roll"), []string{noSteps, "(Roll)"}},
		{"joined to another", stepsOf("decoder", "ConcatV2"), []string{noSteps, "(ConcatV2)"}},
		{"one step after the other", stepsOf("decoder", "Pad"), []string{noSteps, "(Pad)"}},
		{"a scaled input", inputOf1("encoder", "Mul"), []string{"which is no input of the signature", "(Mul)"}},
		{"a cast input", inputOf1("encoder", "Cast"), []string{"(Cast)"}},
		{"a masked input", inputOf1("decoder", "SelectV2"), []string{"(SelectV2)"}},
		{"a sliced input", inputOf1("decoder", "StridedSlice"), []string{"(StridedSlice)"}},

		// The list of outputs.
		{"written at the first place", func(e *editor) {
			f := e.body("decoder")
			f.node("TensorListSetItem").Input[1] = f.ints("zero", 0)
		}, []string{"returns its last step alone (return_sequences=False)"}},
		{"written at the next place", func(e *editor) {
			f := e.body("decoder")
			f.node("TensorListSetItem").Input[1] = first(f.node("while/add"))
		}, []string{noCell}},
		{"c is written", func(e *editor) {
			f := e.body("decoder")
			f.node("TensorListSetItem").Input[2] = f.node("Identity_5").Input[0]
		}, []string{"what is written to the list of outputs is not the last cell's h"}},
		{"the old h is written", func(e *editor) {
			f := e.body("decoder")
			f.node("TensorListSetItem").Input[2] = f.arg("placeholder_2")
		}, []string{"what is written to the list of outputs is not the last cell's h"}},
		{"a list of 20", feed("decoder_lstm_1/TensorArrayV2_1", 1, func(f *function) string { return f.ints("twenty", 20) }), []string{"into a list of", "which is not the number of steps of"}},
		{"a list of as many as the encoder's", feed("decoder_lstm_1/TensorArrayV2_1", 1, first1("encoder_lstm_1/Max")), []string{"into a list of", "not the number of steps"}},
		{"a list that is full", feed("decoder_lstm_1/while", 3, first1("decoder_lstm_1/TensorArrayUnstack/TensorListFromTensor")), []string{noReserve, "want an empty list"}},
	})
}

// stepsOf puts an operation between the transposed input and the list.
func stepsOf(layer, op string) func(e *editor) {
	return at(layer+"_lstm_1/TensorArrayUnstack/TensorListFromTensor", func(f *function, n *node_def_go_proto.NodeDef) {
		zero := f.ints("zero", 0)
		f.add("between", op, n.Input[0], n.Input[0], zero)
		if between := f.GetNodeDef()[len(f.GetNodeDef())-1]; op == "ConcatV2" {
			between.Attr["N"] = intAttr(2)
		}
		n.Input[0] = "between:output:0"
	})
}

// inputOf1 puts an operation between the input and all that reads it.
func inputOf1(layer, op string) func(e *editor) {
	return func(e *editor) {
		f := e.outer()
		arg := f.arg(layer + "_input")
		for _, n := range f.GetNodeDef() {
			for i, in := range n.GetInput() {
				if in == arg {
					n.Input[i] = "between:" + map[string]string{"Mul": "z", "Cast": "y"}[op] + ":0"
					if op == "SelectV2" || op == "StridedSlice" {
						n.Input[i] = "between:output:0"
					}
				}
			}
		}
		f.add("between", op, arg, arg, arg, arg)
	}
}

// Each of these is two right LSTMs, and not the right model of them.
func TestOtherModelsAreNotTaken(t *testing.T) {
	const (
		noStates = "h as h and c as c"
		noZeros  = "does not begin with zeros"
		noHead   = "no output is one dense layer of what the decoder"
	)
	head := "output_1/"
	check(t, []mutation{
		{"h and c exchanged", at("decoder_lstm_1/while", func(_ *function, n *node_def_go_proto.NodeDef) { swap(n, 4, 5) }), []string{noStates}},
		{"h twice", at("decoder_lstm_1/while", func(_ *function, n *node_def_go_proto.NodeDef) { n.Input[5] = n.Input[4] }), []string{noStates}},
		{"its own zeros", at("decoder_lstm_1/while", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[4], n.Input[5] = first(f.node("encoder_lstm_1/zeros")), first(f.node("encoder_lstm_1/zeros_1"))
		}), []string{noStates}},
		{"a scaled state", at("decoder_lstm_1/while", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[4] = f.add("scaled", "Mul", n.Input[4], n.Input[4])
		}), []string{noStates}},
		{"begins with ones", at("encoder_lstm_1/zeros/Const", func(_ *function, n *node_def_go_proto.NodeDef) {
			n.Attr["value"].GetTensor().FloatVal = []float32{1}
		}), []string{noZeros}},
		{"begins with NaN", at("encoder_lstm_1/zeros_1/Const", func(_ *function, n *node_def_go_proto.NodeDef) {
			n.Attr["value"].GetTensor().FloatVal = []float32{nan}
		}), []string{noZeros}},
		{"begins with zeros of a list", at("encoder_lstm_1/zeros/Const", func(_ *function, n *node_def_go_proto.NodeDef) {
			n.Attr["value"].GetTensor().TensorShape = list(0).GetTensor().GetTensorShape()
		}), []string{noZeros}},
		{"begins with whole zeros", at("encoder_lstm_1/zeros", func(f *function, n *node_def_go_proto.NodeDef) { n.Input[1] = f.ints("nought", 0) }), []string{noZeros}},
		{"begins with the input", feed("encoder_lstm_1/while", 4, func(f *function) string { return f.arg("encoder_input") }), []string{noZeros}},

		// The head.
		{"an activation", headThen("Tanh"), []string{noHead}},
		{"a second bias", headThen("AddV2"), []string{noHead}},
		{"the output scaled", headThen("Mul"), []string{noHead}},
		{"the output sliced", headThen("StridedSlice"), []string{noHead}},
		{"the output cast", headThen("Cast"), []string{noHead}},
		{"the output reversed", headThen("ReverseV2"), []string{noHead}},
		{"a residual", at(head+"BiasAdd", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Op, n.Input[1] = "AddV2", f.arg("decoder_input")
			renamed(f, n)
		}), []string{noHead}},
		{"no product", at(head+"BiasAdd", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[0] = first(f.node("decoder_lstm_1/transpose_1"))
		}), []string{noHead}},
		{"a bias along the steps", at(head+"BiasAdd", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["data_format"] = stringAttr("NCHW") }), []string{noHead}},
		{"the bias before the product", at(head+"Tensordot/Reshape", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[0] = f.add("early", "AddV2", n.Input[0], first(f.node(head+"BiasAdd/ReadVariableOp")))
		}), []string{noHead}},
		// With as many features as units, the shapes do not tell.
		{"a bias before the product", at(head+"Tensordot/Reshape", func(f *function, n *node_def_go_proto.NodeDef) {
			square(f.e)
			late := f.node(head + "BiasAdd")
			n.Input[0] = f.add("early", "AddV2", n.Input[0], late.Input[1])
			late.Op, late.Input = "Identity", late.Input[:1]
		}), []string{noHead}},
		{"two square products", at(head+"Tensordot/MatMul", func(f *function, n *node_def_go_proto.NodeDef) {
			square(f.e)
			n.Input[0] = f.add("more", "MatMul", n.Input[0], n.Input[1])
		}), []string{noHead}},
		{"two square biases", func(e *editor) { square(e); headThen("AddV2")(e) }, []string{noHead}},
		{"a square kernel turned", at(head+"Tensordot/MatMul", func(f *function, n *node_def_go_proto.NodeDef) {
			square(f.e)
			n.Attr["transpose_b"] = boolAttr(true)
		}), []string{noHead}},
		{"a bias for each step's features", at(head+"Tensordot", func(f *function, n *node_def_go_proto.NodeDef) {
			f.e.input("decoder_input").TensorShape.Dim[1].Size = 6
			shape("output/bias_1", 12)(f.e)
			late, flat := f.node(head+"BiasAdd"), n.Input[1]
			n.Input[1] = f.list("rows", -1, 12)
			bias := f.add("sum", "AddV2", first(n), late.Input[1])
			late.Op, late.Input = "Reshape", []string{bias, flat}
		}), []string{noHead}},
		{"a transposed kernel", at(head+"Tensordot/MatMul", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["transpose_b"] = boolAttr(true) }), []string{noHead}},
		{"transposed outputs", at(head+"Tensordot/MatMul", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["transpose_a"] = boolAttr(true) }), []string{noHead}},
		{"kernel times outputs", at(head+"Tensordot/MatMul", func(_ *function, n *node_def_go_proto.NodeDef) { swap(n, 0, 1) }), []string{noHead}},
		{"two products", at(head+"Tensordot/MatMul", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[0] = f.add("more", "MatMul", n.Input[0], n.Input[1])
		}), []string{noHead}},
		{"the recurrent kernel", feed(head+"Tensordot/MatMul", 1, func(f *function) string {
			return first(f.node("decoder_lstm_1/lstm_cell_1/Cast_1/ReadVariableOp"))
		}), []string{noHead}},
		{"a kernel that is computed", at(head+"Tensordot/MatMul", func(f *function, n *node_def_go_proto.NodeDef) {
			n.Input[1] = f.add("scaled", "Mul", n.Input[1], n.Input[1])
		}), []string{noHead}},
		{"over the steps", value(head+"Tensordot/axes", 1), []string{noHead}},
		{"free axes exchanged", value(head+"Tensordot/free", 1, 0), []string{noHead}},
		{"a permutation of two axes", feed(head+"Tensordot/concat", 1, func(f *function) string { return f.list("none") }), []string{noHead}},
		{"a product that keeps its axis", at(head+"Tensordot/Prod", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["keep_dims"] = boolAttr(true) }), []string{noHead}},
		{"a choice along a batch", at(head+"Tensordot/GatherV2", func(_ *function, n *node_def_go_proto.NodeDef) { n.Attr["batch_dims"] = intAttr(1) }), []string{noHead}},
		{"a bias for rows of another length", at(head+"Tensordot", func(f *function, n *node_def_go_proto.NodeDef) {
			f.e.input("decoder_input").TensorShape.Dim[1].Size = 6
			late, flat := f.node(head+"BiasAdd"), n.Input[1]
			n.Input[1] = f.list("rows", -1, 12)
			bias := f.add("sum", "AddV2", first(n), late.Input[1])
			late.Op, late.Input = "Reshape", []string{bias, flat}
		}), []string{noHead}},
		{"a last axis of one", value(head+"Tensordot/Const_2", 1), []string{noHead}},
		{"reshaped to (batch, features, steps)", at(head+"Tensordot", func(f *function, n *node_def_go_proto.NodeDef) {
			shape := first(f.node(head + "Tensordot/Shape"))
			batch := gather(f, "batch", shape, 0)
			steps := gather(f, "steps", shape, 1)
			n.Input[1] = join(f, "shape", batch, f.list("two", 2), steps)
		}), []string{noHead}},
		{"reshaped to (steps, batch, features)", at(head+"Tensordot", func(f *function, n *node_def_go_proto.NodeDef) {
			shape := first(f.node(head + "Tensordot/Shape"))
			n.Input[1] = join(f, "shape", gather(f, "steps", shape, 1), gather(f, "batch", shape, 0), f.list("two", 2))
		}), []string{noHead}},
		{"reshaped by the encoder's batch", feed(head+"Tensordot/Shape", 0, func(f *function) string { return f.arg("encoder_input") }), []string{noHead}},
		{"the encoder's outputs", feed("decoder_lstm_1/TensorArrayV2Stack/TensorListStack", 0, func(f *function) string {
			return f.node("encoder_lstm_1/while").GetName() + ":output:3"
		}), []string{noHead}},
		{"the decoder's input", feed("decoder_lstm_1/transpose_1", 0, first1("decoder_lstm_1/transpose")), []string{noHead}},
		{"the decoder's steps unstacked", value("decoder_lstm_1/transpose_1/perm", 0, 1, 2), []string{noHead}},

		// The variables.
		{"a trained kernel", func(e *editor) {
			f := e.outer()
			f.add("train", "AssignVariableOp", f.node(head + "Cast/ReadVariableOp").Input[0], first(f.node(head+"Cast/ReadVariableOp")))
		}, []string{"a call changes what outlives it", "(AssignVariableOp)"}},
		{"a kernel given away", func(e *editor) {
			f := e.outer()
			n := f.node(head + "BiasAdd/ReadVariableOp")
			f.add("odd", "ResourceCountUpTo", n.Input[0])
			n.Input = append(n.Input, "^odd")
		}, []string{`is given to`, "(ResourceCountUpTo), which may change it"}},
		{"a wider recurrent kernel", shape("encoder_lstm/lstm_cell/recurrent_kernel_1", 5, 24), []string{noCell}},
		{"a kernel of one column", shape("encoder_lstm/lstm_cell/kernel_1", 3, 1), []string{noCell}},
		{"a kernel of three axes", shape("encoder_lstm/lstm_cell/kernel_1", 1, 3, 20), []string{noCell}},
		{"a bias of one element", shape("encoder_lstm/lstm_cell/bias_1", 1), []string{noCell}},
		{"a bias for each row", shape("decoder_lstm/lstm_cell/bias_1", 20, 1), []string{noCell}},
		{"no units", func(e *editor) {
			shape("encoder_lstm/lstm_cell/kernel_1", 3, 0)(e)
			shape("encoder_lstm/lstm_cell/recurrent_kernel_1", 1<<62, 0)(e)
		}, []string{noCell}},
		{"no units at all", func(e *editor) {
			shape("encoder_lstm/lstm_cell/kernel_1", 3, 0)(e)
			shape("encoder_lstm/lstm_cell/recurrent_kernel_1", 0, 0)(e)
		}, []string{noCell}},
		{"a head for other units", shape("output/kernel_1", 10, 2), []string{noHead}},
		{"a head of three axes", shape("output/kernel_1", 1, 5, 2), []string{noHead}},
		{"a head's bias of one", shape("output/bias_1", 1), []string{noHead}},
		{"a head's bias for each step", shape("output/bias_1", 6, 2), []string{noHead}},
		{"two types", func(e *editor) {
			e.variable("output/kernel_1").Attr["dtype"].Reset()
			proto.Merge(e.variable("output/kernel_1").Attr["dtype"], typed(types_go_proto.DataType_DT_DOUBLE))
		}, []string{"encoder/kernel is float32 and dense/kernel float64, want one type"}},
		{"a variable that is not restored", func(e *editor) {
			e.variable("encoder_lstm/lstm_cell/bias_1").Attr["shared_name"] = stringAttr("another")
			e.pb.MetaGraphs[0].SaverDef.RestoreOpName = ""
		}, []string{"no checkpoint entry is restored into"}},
	})
}

func shape(name string, dims ...int64) func(e *editor) {
	return func(e *editor) {
		s := &tensor_shape_go_proto.TensorShapeProto{}
		for _, d := range dims {
			s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
		}
		e.variable(name).Attr["shape"].GetShape().Reset()
		proto.Merge(e.variable(name).Attr["shape"].GetShape(), s)
	}
}

// square gives the head as many features as the decoder has units.
func square(e *editor) {
	shape("output/kernel_1", 5, 5)(e)
	shape("output/bias_1", 5)(e)
	value("output_1/Tensordot/Const_2", 5)(e)
}

// headThen puts an operation behind the head.
func headThen(op string) func(e *editor) {
	return func(e *editor) {
		f := e.outer()
		bias := f.node("output_1/BiasAdd")
		then := f.add("then", op, first(bias), first(f.node("output_1/BiasAdd/ReadVariableOp")))
		if op == "Tanh" || op == "Cast" {
			f.GetNodeDef()[len(f.GetNodeDef())-1].Input = []string{first(bias)}
		}
		for _, n := range f.GetNodeDef()[:len(f.GetNodeDef())-1] {
			for i, in := range n.GetInput() {
				if in == first(bias) {
					n.Input[i] = then
				}
			}
		}
	}
}

// renamed puts the readers of a BiasAdd right that has become an AddV2.
func renamed(f *function, n *node_def_go_proto.NodeDef) {
	for _, reader := range f.GetNodeDef() {
		for i, in := range reader.GetInput() {
			if in == n.GetName()+":output:0" {
				reader.Input[i] = first(n)
			}
		}
	}
}

// gather takes one element of a shape, as a list of one.
func gather(f *function, name, from string, at int32) string {
	index, axis := f.list(name+"_at", at), f.ints(name+"_axis", 0)
	return f.add(name, "GatherV2", from, index, axis)
}

// join joins lists.
func join(f *function, name string, parts ...string) string {
	return f.add(name, "ConcatV2", append(parts, f.ints(name+"_axis", 0))...)
}
