package recurrent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// The same model in other words.
func TestTheSameModelInOtherWords(t *testing.T) {
	accept(t, []mutation{
		{name: "the other counter picks the step", edit: func(e *editor) {
			f := e.body("encoder")
			f.node("TensorListGetItem").Input[1] = f.arg("loop_counter")
		}},
		{name: "zeros like the input", edit: at("encoder_lstm_1/zeros", func(f *function, n *node_def_go_proto.NodeDef) {
			f.become(n, "ZerosLike")
			n.Input = n.Input[:1]
		})},
		{name: "as many features as units", edit: square},
		{name: "a last axis that is worked out", edit: value("output_1/Tensordot/Const_2", -1)},
		{name: "bounds turned round", edit: func(e *editor) { swap(e.cond("encoder").node("while/LogicalAnd"), 0, 1) }},
		{name: "a list as long as the untransposed input", edit: at("decoder_lstm_1/TensorArrayV2_1", func(f *function, n *node_def_go_proto.NodeDef) {
			shape := f.add("shape", "Shape", f.arg("decoder_input"))
			one, two := f.list("one", 1), f.list("two", 2)
			n.Input[1] = f.add("steps", "StridedSlice", shape, one, two, one)
			f.GetNodeDef()[len(f.GetNodeDef())-1].Attr["shrink_axis_mask"] = intAttr(1)
		})},
		{name: "both inputs are of one length", edit: func(e *editor) { e.input("decoder_input").TensorShape.Dim[1].Size = 10 }},
	})
}

// Keras 3 writes TimeDistributed out step by step where the length is fixed.
func TestOtherUnrolledHeadsAreNotTaken(t *testing.T) {
	const noHead = "no output is one dense layer of what the decoder"
	step := func(e *editor, end string) *node_def_go_proto.NodeDef { return e.outer().node("output_1/" + end) }
	checkIn(t, "fixed_steps_keras3", []mutation{
		{"two steps exchanged", func(e *editor) { swap(step(e, "stack"), 2, 3) }, []string{noHead}},
		{"a step twice", func(e *editor) { step(e, "stack").Input[3] = step(e, "stack").Input[2] }, []string{noHead}},
		{"a step less", func(e *editor) {
			n := step(e, "stack")
			n.Input, n.Attr["N"] = n.Input[:5], intAttr(5)
		}, []string{noHead}},
		{"stacked along the batch", func(e *editor) { step(e, "stack").Attr["axis"] = intAttr(1) }, []string{noHead}},
		{"not transposed back", func(e *editor) { step(e, "transpose_1/perm").Attr["value"] = list(0, 1, 2) }, []string{noHead}},
		{"not transposed", func(e *editor) { step(e, "transpose/perm").Attr["value"] = list(0, 1, 2) }, []string{noHead}},
		{"the next step", func(e *editor) {
			step(e, "strided_slice_2/stack").Attr["value"], step(e, "strided_slice_2/stack_1").Attr["value"] = list(2), list(3)
		}, []string{noHead}},
		{"an empty slice", func(e *editor) { step(e, "strided_slice_2/stack_1").Attr["value"] = list(1) }, []string{noHead}},
		{"a slice of two", func(e *editor) { step(e, "strided_slice_2/stack_1").Attr["value"] = list(3) }, []string{noHead}},
		{"a stride", func(e *editor) { step(e, "strided_slice_2/stack_2").Attr["value"] = list(-1) }, []string{noHead}},
		{"from the beginning", func(e *editor) { step(e, "strided_slice_2").Attr["begin_mask"] = intAttr(1) }, []string{noHead}},
		{"to the end", func(e *editor) { step(e, "strided_slice_2").Attr["end_mask"] = intAttr(1) }, []string{noHead}},
		{"another axis", func(e *editor) { step(e, "strided_slice_2").Attr["ellipsis_mask"] = intAttr(1) }, []string{noHead}},
		{"the axis kept", func(e *editor) { delete(step(e, "strided_slice_2").Attr, "shrink_axis_mask") }, []string{noHead}},
		{"no bias at one step", func(e *editor) { step(e, "stack").Input[3] = first(step(e, "MatMul_3")) }, []string{noHead}},
		{"another bias at one step", func(e *editor) {
			step(e, "BiasAdd_3").Input[1] = first(e.outer().node("encoder_lstm_1/lstm_cell_1/BiasAdd/ReadVariableOp"))
		}, []string{noHead}},
		{"another kernel at one step", func(e *editor) {
			step(e, "MatMul_3").Input[1] = first(e.outer().node("decoder_lstm_1/lstm_cell_1/Cast/ReadVariableOp"))
		}, []string{noHead}},
		{"a bias along the batch", func(e *editor) { step(e, "BiasAdd_3").Attr["data_format"] = stringAttr("NCHW") }, []string{noHead}},
		{"a transposed kernel", func(e *editor) { step(e, "MatMul_3").Attr["transpose_b"] = boolAttr(true) }, []string{noHead}},
		{"a kernel for other units", shape("output/dense/kernel_1", 4, 2), []string{noHead}},
		{"a bias of one", shape("output/dense/bias_1", 1), []string{noHead}},
		{"a decoder of any length", func(e *editor) { e.input("decoder_input").TensorShape.Dim[1].Size = -1 }, []string{"which is not the number of steps"}},
		{"of the encoder's outputs", func(e *editor) {
			e.outer().node("decoder_lstm_1/TensorArrayV2Stack/TensorListStack").Input[0] = e.outer().node("encoder_lstm_1/while").GetName() + ":output:3"
		}, []string{noHead}},
	})
}

// Two layers of one name are distinguished.
func TestLayersOfOneName(t *testing.T) {
	f, err := edited(t, "states_out_keras3", "one kernel", at("decoder_lstm_1/while", func(f *function, n *node_def_go_proto.NodeDef) {
		swap(n, 4, 5) // so that it is not the seq2seq
		loop := f.node("encoder_lstm_1/while")
		kernel := func(n *node_def_go_proto.NodeDef) int {
			for i, in := range n.GetInput() {
				if strings.Contains(in, "readvariableop_resource") && !strings.Contains(in, "cast_1") && !strings.Contains(in, "biasadd") {
					return i
				}
			}
			t.Fatal("no kernel")
			return 0
		}
		n.Input[kernel(n)] = loop.Input[kernel(loop)]
	}))
	if err != nil || len(f.Layers) != 2 {
		t.Fatal(err, f)
	}
	if got := fmt.Sprint(f.Layers[0].Name, " ", f.Layers[1].Name); got != "encoder_lstm encoder_lstm_1" {
		t.Errorf("the layers are %s", got)
	}
}
