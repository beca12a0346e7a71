package recurrent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// What is said of a loop variable that is no cell's state, and of a gate that
// reads what belongs to another gate.
const (
	noCell    = "becomes what no known cell computes"
	notItsOwn = "reads the columns"
)

// Each of these makes something of the encoder's loop that is no LSTM, or not
// the one that the weights' places would make it.
func TestOtherCellsAreNotTaken(t *testing.T) {
	cell := func(end string) func(e *editor) *node_def_go_proto.NodeDef {
		return func(e *editor) *node_def_go_proto.NodeDef { return e.body("encoder").node("lstm_cell_1/" + end) }
	}
	split := func(e *editor, gate string, part int) {
		n := cell(gate)(e)
		n.Input[0] = fmt.Sprintf("%s%d", n.Input[0][:len(n.Input[0])-1], part)
	}
	op := func(end, op string) func(e *editor) {
		return func(e *editor) { e.body("encoder").become(cell(end)(e), op) }
	}
	var mutations []mutation
	add := func(name, words string, edit func(e *editor)) {
		mutations = append(mutations, mutation{name, edit, []string{words}})
	}

	// Which part of the split feeds which gate. Keras's Sigmoid is i,
	// Sigmoid_1 f, Tanh c, Sigmoid_2 o.
	for gate, part := range map[string]int{"Sigmoid": 0, "Sigmoid_1": 1, "Tanh": 2, "Sigmoid_2": 3} {
		for other := range 4 {
			if other != part {
				add(fmt.Sprintf("%s of part %d", gate, other), notItsOwn, func(e *editor) { split(e, gate, other) })
			}
		}
		add(gate+" of the whole sum", notItsOwn, func(e *editor) { cell(gate)(e).Input[0] = cell("BiasAdd")(e).Name + ":output:0" })
	}
	add("i and f exchanged", notItsOwn, func(e *editor) { split(e, "Sigmoid", 1); split(e, "Sigmoid_1", 0) })
	add("c and o exchanged", notItsOwn, func(e *editor) { split(e, "Tanh", 3); split(e, "Sigmoid_2", 2) })
	add("a split in 8", noCell, func(e *editor) { cell("split")(e).Attr["num_split"] = intAttr(8) })
	add("a split in 5", "want 4 columns for each of the 4 units", func(e *editor) { cell("split")(e).Attr["num_split"] = intAttr(5) })
	add("a split of the batch", noCell, func(e *editor) { cell("split/split_dim")(e).Attr["value"] = intConst(0) })
	add("a split of a third axis", noCell, func(e *editor) { cell("split/split_dim")(e).Attr["value"] = intConst(-2) })
	add("two splits", "one gate has a bias and another has none", func(e *editor) {
		f := e.body("encoder")
		other := proto.Clone(cell("split")(e)).(*node_def_go_proto.NodeDef)
		other.Name += "_other"
		other.Input[1] = cell("Add")(e).Name + ":z:0" // without the bias
		f.NodeDef = append(f.NodeDef, other)
		cell("Sigmoid_1")(e).Input[0] = other.Name + ":output:1"
	})

	// Activations.
	for _, end := range []string{"Sigmoid", "Sigmoid_1", "Sigmoid_2"} {
		for _, other := range []string{"Tanh", "Relu", "Identity", "Softmax", "Selu"} {
			add(end+" as "+other, noCell, op(end, other))
		}
	}
	for _, end := range []string{"Tanh", "Tanh_1"} {
		for _, other := range []string{"Sigmoid", "Relu", "Identity", "Elu", "Softsign", "Atanh"} {
			add(end+" as "+other, noCell, op(end, other))
		}
	}
	add("tanh twice", noCell, func(e *editor) {
		f := e.body("encoder")
		cell("mul_2")(e).Input[1] = f.add("twice", "Tanh", cell("Tanh_1")(e).Name+":y:0")
	})

	// The equations.
	for _, end := range []string{"mul", "mul_1", "mul_2"} {
		for _, other := range []string{"AddV2", "Sub", "Maximum", "MulNoNan", "RealDiv", "SquaredDifference"} {
			add(end+" as "+other, noCell, op(end, other))
		}
	}
	for _, other := range []string{"Sub", "Mul", "Maximum"} {
		add("the new c by "+other, noCell, op("add_1", other))
	}
	add("f∘h", noCell, func(e *editor) { cell("mul")(e).Input[1] = e.body("encoder").arg("placeholder_2") })
	add("o∘tanh of the old c", noCell, func(e *editor) { cell("Tanh_1")(e).Input[0] = e.body("encoder").arg("placeholder_3") })
	add("i∘i", noCell, func(e *editor) { cell("mul_1")(e).Input[1] = cell("mul_1")(e).Input[0] })
	add("h and c leave in each other's place", noCell, func(e *editor) {
		f := e.body("encoder")
		a, b := f.node("Identity_4"), f.node("Identity_5")
		a.Input[0], b.Input[0] = b.Input[0], a.Input[0]
	})
	add("c leaves twice", noCell, func(e *editor) {
		f := e.body("encoder")
		f.node("Identity_4").Input[0] = f.node("Identity_5").Input[0]
	})
	add("c is clipped", noCell, func(e *editor) {
		f := e.body("encoder")
		f.node("Identity_5").Input[0] = f.add("clipped", "Relu6", cell("add_1")(e).Name+":z:0")
	})
	add("h is masked", noCell, func(e *editor) {
		f := e.body("encoder")
		f.node("Identity_4").Input[0] = f.add("masked", "SelectV2", f.arg("placeholder_2"), cell("mul_2")(e).Name+":z:0", f.arg("placeholder_2"))
	})

	// The sum.
	add("h·R of c", "neither the step's input nor h", func(e *editor) { cell("MatMul_1")(e).Input[0] = e.body("encoder").arg("placeholder_3") })
	add("h·R of the input", "two of a kernel", func(e *editor) { cell("MatMul_1")(e).Input[0] = cell("MatMul")(e).Input[0] })
	add("x·W of h", "two of a recurrent kernel", func(e *editor) { cell("MatMul")(e).Input[0] = e.body("encoder").arg("placeholder_2") })
	add("W·x", noCell, func(e *editor) { swap(cell("MatMul")(e), 0, 1) })
	add("R·h", noCell, func(e *editor) { swap(cell("MatMul_1")(e), 0, 1) })
	for _, a := range []string{"transpose_a", "transpose_b"} {
		for _, end := range []string{"MatMul", "MatMul_1"} {
			add(end+" "+a, noCell, func(e *editor) { cell(end)(e).Attr[a] = boolAttr(true) })
		}
	}
	add("a product of h with h", noCell, func(e *editor) { cell("MatMul_1")(e).Input[1] = e.body("encoder").arg("placeholder_2") })
	add("a bias along the batch", noCell, func(e *editor) { cell("BiasAdd")(e).Attr["data_format"] = stringAttr("NCHW") })
	add("the bias twice", "more than its bias", func(e *editor) {
		cell("split")(e).Input[1] = e.body("encoder").add("again", "AddV2", cell("BiasAdd")(e).Name+":output:0", cell("BiasAdd")(e).Input[1])
	})
	add("the bias instead of x·W", "lacks the product", func(e *editor) { cell("Add")(e).Input[0] = cell("BiasAdd")(e).Input[1] })
	add("no x·W", "lacks the product", func(e *editor) { cell("BiasAdd")(e).Input[0] = cell("MatMul_1")(e).Name + ":product:0" })
	add("no h·R", "lacks the product", func(e *editor) { cell("BiasAdd")(e).Input[0] = cell("MatMul")(e).Name + ":product:0" })
	add("x·W twice", "or has one twice", func(e *editor) { cell("Add")(e).Input[1] = cell("MatMul")(e).Name + ":product:0" })
	add("a third product", "or has one twice", func(e *editor) {
		cell("split")(e).Input[1] = e.body("encoder").add("more", "AddV2", cell("BiasAdd")(e).Name+":output:0", cell("MatMul")(e).Name+":product:0")
	})
	add("x·W + h·R by a product", noCell, op("Add", "Mul"))
	add("x·W − h·R", noCell, op("Add", "Sub"))
	add("a scaled input", "neither the step's input nor the h of another cell", func(e *editor) {
		cell("MatMul")(e).Input[0] = e.body("encoder").add("dropout", "Mul", cell("MatMul")(e).Input[0], cell("MatMul")(e).Input[0])
	})
	add("a cast input", "neither the step's input nor the h of another cell", func(e *editor) {
		cell("MatMul")(e).Input[0] = e.body("encoder").add("cast", "Cast", cell("MatMul")(e).Input[0])
	})
	add("a scaled kernel", noCell, func(e *editor) {
		cell("MatMul")(e).Input[1] = e.body("encoder").add("scaled", "Mul", cell("MatMul")(e).Input[1], cell("MatMul")(e).Input[1])
	})
	add("a bias of the step", noCell, func(e *editor) { cell("BiasAdd")(e).Input[1] = e.body("encoder").arg("placeholder_2") })

	// What the function leaves open, and what it does besides.
	add("an open attribute", "leaves the attribute", func(e *editor) {
		cell("MatMul")(e).Attr["transpose_b"] = stringAttr("")
		cell("MatMul")(e).Attr["transpose_b"].Reset()
		proto.Merge(cell("MatMul")(e).Attr["transpose_b"], placeholder("t"))
	})
	add("a step that trains", "a step may change what outlives it", func(e *editor) {
		f := e.body("encoder")
		f.add("train", "AssignVariableOp", f.arg("cast_readvariableop_resource_0"), cell("MatMul")(e).Input[1])
	})
	add("a call that trains", `a call may change the variable "encoder_lstm/lstm_cell/kernel_1"`, func(e *editor) {
		f := e.outer()
		kernel := f.node("encoder_lstm_1/lstm_cell_1/Cast/ReadVariableOp")
		f.add("train", "AssignVariableOp", kernel.Input[0], first(kernel))
	})
	add("a step that may train", "a step may change what outlives it", func(e *editor) {
		f := e.body("encoder")
		f.node("NoOp").Input = append(f.node("NoOp").Input, "^odd")
		f.add("odd", "ResourceCountUpTo", f.arg("cast_readvariableop_resource_0"))
	})
	check(t, mutations)
}

// These are the same cell in other words.
func TestTheSameCellInOtherWords(t *testing.T) {
	cell := func(e *editor, end string) *node_def_go_proto.NodeDef {
		return e.body("encoder").node("lstm_cell_1/" + end)
	}
	var all []mutation
	add := func(name string, edit func(e *editor)) { all = append(all, mutation{name: name, edit: edit}) }
	for _, end := range []string{"mul", "mul_1", "mul_2", "add_1", "Add"} {
		add(end+" with its operands exchanged", func(e *editor) { swap(cell(e, end), 0, 1) })
	}
	add("a split of the last axis", func(e *editor) { cell(e, "split/split_dim").Attr["value"] = intConst(-1) })
	add("a bias by AddV2", func(e *editor) {
		n := cell(e, "BiasAdd")
		e.body("encoder").become(n, "AddV2")
		swap(n, 0, 1)
	})
	add("a copy between", func(e *editor) {
		f := e.body("encoder")
		cell(e, "Sigmoid_1").Input[0] = f.add("copy", "StopGradient", f.add("copies", "IdentityN", "x", cell(e, "Sigmoid_1").Input[0]))
		n := f.NodeDef[len(f.NodeDef)-2]
		n.Input[0] = cell(e, "BiasAdd").Name + ":output:0"
		f.NodeDef[len(f.NodeDef)-1].Input[0] = "copies:output:1"
		n.Attr["T"] = typeList(2)
	})
	add("a bias added first", func(e *editor) {
		sum, bias := cell(e, "Add"), cell(e, "BiasAdd")
		product := sum.Input[0]
		bias.Input[0], sum.Input[0] = product, bias.Name+":output:0"
		cell(e, "split").Input[1] = sum.Name + ":z:0"
	})
	add("a variable that is only read", func(e *editor) {
		f := e.body("encoder")
		f.node("NoOp").Input = append(f.node("NoOp").Input, "^row", "^shape")
		f.add("row", "ResourceGather", f.arg("cast_readvariableop_resource_0"), f.arg("placeholder"))
		f.add("shape", "VariableShape", f.arg("cast_readvariableop_resource_0"))
	})
	add("the counter's one first", func(e *editor) { swap(e.body("encoder").node("while/add"), 0, 1) })
	accept(t, all)
}

// A cell with other activations is an LSTM, and not the seq2seq's.
func TestOtherActivations(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"Tanh", "Relu", "relu and sigmoid"}, {"Sigmoid", "Tanh", "tanh and tanh"}, {"Sigmoid", "Relu", "tanh and relu"},
		{"Tanh", "Identity", "linear and sigmoid"}, {"Tanh", "Sigmoid", "sigmoid and sigmoid"},
	} {
		f, err := edited(t, "states_out_keras3", c.from, func(e *editor) {
			body := e.body("decoder")
			for _, n := range body.GetNodeDef() {
				if n.GetOp() == c.from {
					body.become(n, c.to)
				}
			}
		})
		if err != nil {
			t.Errorf("%s as %s: %v", c.from, c.to, err)
			continue
		}
		want := `the LSTM "decoder_lstm" has the activations ` + c.want + ", want tanh and sigmoid"
		if f.Seq2Seq != nil || len(f.Layers) != 2 || !strings.Contains(f.NoSeq2Seq.Error(), want) {
			t.Errorf("%s as %s: %v, want %q", c.from, c.to, f.NoSeq2Seq, want)
		}
		if !slices.ContainsFunc(f.Layers, func(l *Layer) bool { return c.want == fmt.Sprintf("%s and %s", l.Activation, l.RecurrentActivation) }) {
			t.Errorf("%s as %s: no layer has the activations", c.from, c.to)
		}
	}
}
