package recurrent

import (
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// editor changes a fixture's graph before it is read.
type editor struct {
	t    testing.TB
	what string
	pb   *pb.SavedModel
}

// edited finds what there is in a fixture after an edit of its graph.
func edited(t testing.TB, name, what string, edit func(e *editor)) (*Findings, error) {
	t.Helper()
	files := fixture.FS(t, name)
	b, err := fs.ReadFile(files, "saved_model.pb")
	if err != nil {
		t.Fatal(err)
	}
	e := &editor{t: t, what: what, pb: &pb.SavedModel{}}
	if err := proto.Unmarshal(b, e.pb); err != nil {
		t.Fatal(err)
	}
	before := proto.Clone(e.pb)
	edit(e)
	if proto.Equal(before, e.pb) {
		t.Fatalf("%s: nothing was changed", what)
	}
	if b, err = proto.Marshal(e.pb); err != nil {
		t.Fatal(err)
	}
	saved, err := savedmodel.OpenFS(fstest.MapFS{"saved_model.pb": {Data: b}})
	if err != nil {
		return nil, err
	}
	m, err := saved.MetaGraph()
	if err != nil {
		return nil, err
	}
	g, err := m.Flatten("")
	if err != nil {
		return nil, err
	}
	return Find(m, g)
}

// fn returns the one function whose name has the part.
func (e *editor) fn(part string) *function {
	e.t.Helper()
	var found *function
	for _, f := range e.pb.GetMetaGraphs()[0].GetGraphDef().GetLibrary().GetFunction() {
		if strings.Contains(f.GetSignature().GetName(), part) {
			if found != nil {
				e.t.Fatalf("%s: two functions have %q in their names", e.what, part)
			}
			found = &function{e, f}
		}
	}
	if found == nil {
		e.t.Fatalf("%s: no function has %q in its name", e.what, part)
	}
	return found
}

// The functions of states_out_keras3, which most tests change: the bodies and
// the conditions of the two loops, and what is around them.
func (e *editor) body(layer string) *function { return e.fn(layer + "_lstm_1_while_body") }
func (e *editor) cond(layer string) *function { return e.fn(layer + "_lstm_1_while_cond") }
func (e *editor) outer() *function            { return e.fn("__inference___call__") }

// input returns what the signature says of an input.
func (e *editor) input(name string) *pb.TensorInfo {
	return e.pb.GetMetaGraphs()[0].GetSignatureDef()["serving_default"].GetInputs()[name]
}

// variable returns the main graph's handle of a variable.
func (e *editor) variable(name string) *node_def_go_proto.NodeDef {
	e.t.Helper()
	for _, n := range e.pb.GetMetaGraphs()[0].GetGraphDef().GetNode() {
		if n.GetName() == name {
			return n
		}
	}
	e.t.Fatalf("%s: no variable %q", e.what, name)
	return nil
}

type function struct {
	e *editor
	*function_go_proto.FunctionDef
}

// node returns the one node whose name ends so.
func (f *function) node(end string) *node_def_go_proto.NodeDef {
	f.e.t.Helper()
	var found *node_def_go_proto.NodeDef
	for _, n := range f.GetNodeDef() {
		if strings.HasSuffix(n.GetName(), "/"+end) {
			if found != nil {
				f.e.t.Fatalf("%s: %q and %q end in %q", f.e.what, found.GetName(), n.GetName(), end)
			}
			found = n
		}
	}
	if found == nil {
		f.e.t.Fatalf("%s: no node ends in %q", f.e.what, end)
	}
	return found
}

// arg returns the name of the argument that has the part at its end.
func (f *function) arg(end string) string {
	f.e.t.Helper()
	for _, a := range f.GetSignature().GetInputArg() {
		if strings.HasSuffix(a.GetName(), end) {
			return a.GetName()
		}
	}
	f.e.t.Fatalf("%s: no argument ends in %q", f.e.what, end)
	return ""
}

// results are the names of the first results that are not called z.
var results = map[string]string{
	"MatMul": "product", "Transpose": "y", "Cast": "y", "Tanh": "y", "Sigmoid": "y", "Atanh": "y", "Relu": "activations", "Relu6": "activations",
	"Elu": "activations", "Selu": "activations", "Softsign": "activations", "Softmax": "softmax", "Identity": "output", "IdentityN": "output",
	"StopGradient": "output", "SelectV2": "output", "BiasAdd": "output", "Const": "output", "ReverseV2": "output", "Reshape": "output",
	"StridedSlice": "output", "Pack": "output", "TensorListFromTensor": "output_handle", "ZerosLike": "y", "Fill": "output", "ConcatV2": "output",
	"ReadVariableOp": "value", "ResourceGather": "output", "ResourceCountUpTo": "output", "Shape": "output", "Prod": "output", "GatherV2": "output", "Max": "output",
}

func first(n *node_def_go_proto.NodeDef) string {
	if name, ok := results[n.GetOp()]; ok {
		return n.GetName() + ":" + name + ":0"
	}
	return n.GetName() + ":z:0"
}

// add puts a node into the function and returns its first result's name.
func (f *function) add(name, op string, inputs ...string) string {
	n := &node_def_go_proto.NodeDef{Name: name, Op: op, Input: inputs, Attr: map[string]*attr_value_go_proto.AttrValue{}}
	f.NodeDef = append(f.NodeDef, n)
	return first(n)
}

// become makes another operation of a node; its readers read its one result.
func (f *function) become(n *node_def_go_proto.NodeDef, op string) {
	before := first(n)
	n.Op = op
	for _, reader := range f.GetNodeDef() {
		for i, in := range reader.GetInput() {
			if in == before {
				reader.Input[i] = first(n)
			}
		}
	}
}

// ints puts a constant into the function: a scalar if there is one value.
func (f *function) ints(name string, values ...int32) string {
	out := f.add(name, "Const")
	f.NodeDef[len(f.NodeDef)-1].Attr["value"] = intConst(values...)
	return out
}

// list puts a constant list into the function.
func (f *function) list(name string, values ...int32) string {
	out := f.ints(name, values...)
	f.NodeDef[len(f.NodeDef)-1].Attr["value"] = list(values...)
	return out
}

func intConst(values ...int32) *attr_value_go_proto.AttrValue {
	p := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_INT32, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, IntVal: values}
	if len(values) != 1 {
		p.TensorShape.Dim = []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: int64(len(values))}}
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}}
}

func list(values ...int32) *attr_value_go_proto.AttrValue {
	a := intConst(values...)
	a.GetTensor().TensorShape.Dim = []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: int64(len(values))}}
	return a
}

func boolAttr(v bool) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_B{B: v}}
}

func intAttr(v int64) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: v}}
}

func stringAttr(v string) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(v)}}
}

// swap exchanges two inputs of a node.
func swap(n *node_def_go_proto.NodeDef, i, j int) { n.Input[i], n.Input[j] = n.Input[j], n.Input[i] }

// mutation is an edit and words of what must be said of its result.
type mutation struct {
	name  string
	edit  func(e *editor)
	words []string
}

// check applies each mutation to states_out_keras3 and wants the model refused.
func check(t *testing.T, mutations []mutation) {
	t.Helper()
	checkIn(t, "states_out_keras3", mutations)
}

func checkIn(t *testing.T, fixture string, mutations []mutation) {
	t.Helper()
	for _, c := range mutations {
		f, err := edited(t, fixture, c.name, c.edit)
		var said string
		switch {
		case err != nil:
			said = err.Error()
		case f.Seq2Seq != nil:
			t.Errorf("%s: still recognised as the sequence-to-sequence model", c.name)
			continue
		default:
			said = f.NoSeq2Seq.Error()
		}
		for _, w := range c.words {
			if !strings.Contains(said, w) {
				t.Errorf("%s: reason %q lacks %q", c.name, said, w)
			}
		}
	}
}

// accept applies each mutation and wants the model found as it was.
func accept(t *testing.T, mutations []mutation) {
	t.Helper()
	for _, c := range mutations {
		f, err := edited(t, "states_out_keras3", c.name, c.edit)
		if err != nil || f.Seq2Seq == nil {
			t.Errorf("%s: the model is not found any more: %v, %v", c.name, err, f)
			continue
		}
		s := f.Seq2Seq
		roles := []string{s.Encoder.Kernel.Node.Name, s.Encoder.RecurrentKernel.Node.Name, s.Encoder.Bias.Node.Name, s.Decoder.Kernel.Node.Name, s.Decoder.RecurrentKernel.Node.Name, s.Decoder.Bias.Node.Name}
		want := []string{"encoder_lstm/lstm_cell/kernel_1", "encoder_lstm/lstm_cell/recurrent_kernel_1", "encoder_lstm/lstm_cell/bias_1", "decoder_lstm/lstm_cell/kernel_1", "decoder_lstm/lstm_cell/recurrent_kernel_1", "decoder_lstm/lstm_cell/bias_1"}
		if !slices.Equal(roles, want) {
			t.Errorf("%s: the weights are %q, want %q", c.name, roles, want)
		}
	}
}

func placeholder(name string) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Placeholder{Placeholder: name}}
}

func typeList(n int) *attr_value_go_proto.AttrValue {
	types := make([]types_go_proto.DataType, n)
	for i := range types {
		types[i] = types_go_proto.DataType_DT_FLOAT
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{Type: types}}}
}

func typed(d types_go_proto.DataType) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: d}}
}

var nan = float32(math.NaN())
