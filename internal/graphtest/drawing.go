// Package graphtest gives tests graphs: drawn operation by operation, read from
// the fixtures, and the single operations with the results of TensorFlow's own
// kernels (models/ops_cases.py).
package graphtest

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
	"google.golang.org/protobuf/proto"
)

// attrs are a node's attributes: a lockstep.DType, an int, a bool, a string, a
// tensor or a function's name (of the type Func).
type (
	Attrs map[string]any
	Func  string
)

// Drawing is a graph under construction, whose nodes are named by their
// numbers.
type Drawing struct {
	T         testing.TB
	Nodes     []*node_def_go_proto.NodeDef
	args      []*op_def_go_proto.OpDef_ArgDef // of a function
	functions []*function_go_proto.FunctionDef
	Variables map[string]*lockstep.Tensor
	inputs    map[string]*pb.TensorInfo
}

func Draw(t testing.TB) *Drawing {
	return &Drawing{T: t, inputs: map[string]*pb.TensorInfo{}, Variables: map[string]*lockstep.Tensor{}}
}

// Input is a placeholder.
func (d *Drawing) Input(name string, dtype lockstep.DType) string {
	d.Add(name, "Placeholder", Attrs{"dtype": dtype}, nil)
	d.inputs[name] = info(name+":0", dtype)
	return name
}

// Arg is an argument of a function.
func (d *Drawing) Arg(dtype lockstep.DType) string {
	name := fmt.Sprintf("a%d", len(d.args))
	d.args = append(d.args, &op_def_go_proto.OpDef_ArgDef{Name: name, Type: ProtoType(dtype)})
	return name
}

// Variable is a variable's handle.
func (d *Drawing) Variable(value *lockstep.Tensor) string {
	name := fmt.Sprintf("v%d", len(d.Variables))
	d.Variables[name] = value
	d.Add(name, "VarHandleOp", Attrs{"dtype": value.DType(), "shared_name": name}, nil)
	return name
}

func (d *Drawing) Constant(x *lockstep.Tensor) string {
	return d.Op("Const", Attrs{"dtype": x.DType(), "value": x})
}

func (d *Drawing) Ints(v ...int32) string { return d.Constant(fixture.NewTensor(d.T, v, len(v))) }

func (d *Drawing) Int(v int32) string { return d.Constant(fixture.NewTensor(d.T, []int32{v})) }

func (d *Drawing) Floats(shape []int, v ...float32) string {
	return d.Constant(fixture.NewTensor(d.T, v, shape...))
}

// Op is a node of float32, unless attributes say otherwise.
func (d *Drawing) Op(op string, a Attrs, inputs ...string) string {
	name := fmt.Sprintf("n%d", len(d.Nodes))
	all := Attrs{"T": lockstep.Float32, "Tidx": lockstep.Int32, "Tshape": lockstep.Int32, "Index": lockstep.Int32, "Tdim": lockstep.Int32,
		"Tparams": lockstep.Float32, "Tindices": lockstep.Int32, "Taxis": lockstep.Int32, "Tperm": lockstep.Int32, "out_type": lockstep.Int32}
	if op == "Pack" {
		all["N"] = len(inputs)
	}
	if op == "ConcatV2" {
		all["N"] = len(inputs) - 1
	}
	if op == "Any" || op == "All" {
		delete(all, "T") // they accept booleans only
	}
	for k, v := range a {
		all[k] = v
	}
	d.Add(name, op, all, inputs)
	return name
}

func (d *Drawing) Add(name, op string, a Attrs, inputs []string) {
	n := &node_def_go_proto.NodeDef{Name: name, Op: op, Attr: map[string]*attr_value_go_proto.AttrValue{}, Input: inputs}
	for k, v := range a {
		n.Attr[k] = attribute(d.T, v)
	}
	d.Nodes = append(d.Nodes, n)
}

func attribute(t testing.TB, v any) *attr_value_go_proto.AttrValue {
	t.Helper()
	switch v := v.(type) {
	case *attr_value_go_proto.AttrValue:
		return v
	case lockstep.DType:
		return typeAttr(ProtoType(v))
	case int:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: int64(v)}}
	case bool:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_B{B: v}}
	case string:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(v)}}
	case Func:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: string(v)}}}
	case []lockstep.DType:
		list := &attr_value_go_proto.AttrValue_ListValue{}
		for _, d := range v {
			list.Type = append(list.Type, ProtoType(d))
		}
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
	case []int:
		list := &attr_value_go_proto.AttrValue_ListValue{}
		for _, i := range v {
			list.I = append(list.I, int64(i))
		}
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
	case *lockstep.Tensor:
		content, err := raw.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		p := &tensor_go_proto.TensorProto{Dtype: ProtoType(v.DType()), TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, TensorContent: content}
		for _, d := range v.Shape() {
			p.TensorShape.Dim = append(p.TensorShape.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(d)})
		}
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}}
	}
	t.Fatalf("an attribute %T", v)
	return nil
}

// result is the name of a node's one result inside a function.
var resultNames = map[string]string{
	"Const": "output", "Cast": "y", "Tanh": "y", "Neg": "y", "AddV2": "z", "Sub": "z", "Mul": "z", "Less": "z", "Greater": "z", "LogicalAnd": "z",
	"MatMul": "product", "Identity": "output", "TensorListGetItem": "item", "TensorListSetItem": "output_handle", "Sum": "output", "ConcatV2": "output", "Tile": "output", "TensorListPushBack": "output_handle",
	"StridedSlice": "output", "Fill": "output", "Shape": "output", "VarHandleOp": "resource", "ReadVariableOp": "value", "StatelessWhile": "output",
}

// Function makes a function of another drawing, which returns nodes of it.
func (d *Drawing) Function(name string, body *Drawing, returns ...string) Func {
	d.T.Helper()
	full := func(in string) string {
		for _, n := range body.Nodes {
			if n.Name == in {
				out := resultNames[n.Op]
				if out == "" {
					d.T.Fatalf("the name of a %s's result in a function is not known here", n.Op)
				}
				return in + ":" + out + ":0"
			}
		}
		return in
	}
	f := &function_go_proto.FunctionDef{Signature: &op_def_go_proto.OpDef{Name: name, InputArg: body.args}, Ret: map[string]string{}, NodeDef: body.Nodes}
	for _, n := range body.Nodes {
		for i, in := range n.Input {
			n.Input[i] = full(in)
		}
	}
	for i, r := range returns {
		out := fmt.Sprintf("r%d", i)
		f.Signature.OutputArg = append(f.Signature.OutputArg, &op_def_go_proto.OpDef_ArgDef{Name: out, Type: ProtoType(lockstep.Float32)})
		f.Ret[out] = full(r)
	}
	d.functions = append(d.functions, f)
	return Func(name)
}

// Flatten reads the graph as a SavedModel's.
func (d *Drawing) Flatten(outputs map[string]string) (*savedmodel.MetaGraph, *savedmodel.Graph) {
	d.T.Helper()
	sig := &pb.SignatureDef{Inputs: d.inputs, Outputs: map[string]*pb.TensorInfo{}}
	for name, from := range outputs {
		sig.Outputs[name] = info(from, lockstep.Float32)
		if !slices.ContainsFunc([]byte(from), func(b byte) bool { return b == ':' }) {
			sig.Outputs[name] = info(from+":0", lockstep.Float32)
		}
	}
	b, err := proto.Marshal(&pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{{
		MetaInfoDef:  &pb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}},
		GraphDef:     &graph_go_proto.GraphDef{Node: d.Nodes, Library: &function_go_proto.FunctionDefLibrary{Function: d.functions}},
		SignatureDef: map[string]*pb.SignatureDef{"serving_default": sig},
	}}})
	if err != nil {
		d.T.Fatal(err)
	}
	saved, err := savedmodel.OpenFS(fstest.MapFS{"saved_model.pb": &fstest.MapFile{Data: b}})
	if err != nil {
		d.T.Fatal(err)
	}
	meta, err := saved.MetaGraph()
	if err != nil {
		d.T.Fatal(err)
	}
	g, err := meta.Flatten("")
	if err != nil {
		d.T.Fatal(err)
	}
	return meta, g
}

// Graft puts a drawing's nodes into a graph, before one of its nodes, with
// tensors of it instead of the inputs, and returns where some nodes' first
// results are. The drawing must not be used again.
func Graft(d *Drawing, g *savedmodel.Graph, before *savedmodel.Node, inputs map[string]savedmodel.Ref, want ...string) []savedmodel.Ref {
	d.T.Helper()
	outputs := map[string]string{}
	for _, name := range want {
		outputs[name] = name
	}
	_, from := d.Flatten(outputs)
	instead := map[*savedmodel.Node]savedmodel.Ref{}
	for name, r := range from.Inputs {
		instead[r.Node] = inputs[name]
	}
	put := func(r savedmodel.Ref) savedmodel.Ref {
		if to, ok := instead[r.Node]; ok {
			return to
		}
		return r
	}
	var nodes []*savedmodel.Node
	for _, n := range from.Nodes {
		if _, ok := instead[n]; ok {
			continue
		}
		n.Name = "grafted/" + n.Name
		for i, in := range n.Inputs {
			n.Inputs[i] = put(in)
		}
		nodes = append(nodes, n)
	}
	at := len(g.Nodes)
	if before != nil {
		at = slices.Index(g.Nodes, before)
	}
	g.Nodes = slices.Insert(g.Nodes, at, nodes...)
	out := make([]savedmodel.Ref, len(want))
	for i, name := range want {
		out[i] = put(from.Outputs[name])
	}
	return out
}

// GraphOf reads a fixture's graph, and what is recognised in it.
func GraphOf(t testing.TB, name string) (*savedmodel.MetaGraph, *savedmodel.Graph, *recurrent.Findings) {
	t.Helper()
	saved, err := savedmodel.OpenFS(fixtureFS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	found, err := recurrent.Find(m, g)
	if err != nil {
		t.Fatal(err)
	}
	return m, g, found
}

func fixtureFS(t testing.TB, name string) fs.FS { return fixture.FS(t, name) }

// Steps is the number of steps of x, and of its axes.
func (d *Drawing) Steps(x string) string { return d.Axis(x, 1) }

func (d *Drawing) Axis(x string, i int32) string {
	shape := d.Op("Shape", nil, x)
	return d.Op("StridedSlice", Attrs{"T": lockstep.Int32, "shrink_axis_mask": 1}, shape, d.Ints(i), d.Ints(i+1), d.Ints(1))
}

func (d *Drawing) Float(n string) string {
	return d.Op("Cast", Attrs{"SrcT": lockstep.Int32, "DstT": lockstep.Float32}, n)
}

// Shape packs scalars into a shape.
func (d *Drawing) Shape(axes ...string) string {
	return d.Op("Pack", Attrs{"T": lockstep.Int32, "axis": 0}, axes...)
}

func (d *Drawing) Integer(op, a, b string) string {
	return d.Op(op, Attrs{"T": lockstep.Int32}, a, b)
}

// Last is x[:, -1].
func (d *Drawing) Last(x string) string {
	return d.Slice(x, 0b01, 0b01, 0b10, []int32{0, -1}, []int32{0, 0}, []int32{1, 1})
}

func (d *Drawing) Slice(x string, beginMask, endMask, shrink int, begin, end, strides []int32) string {
	return d.Op("StridedSlice", Attrs{"begin_mask": beginMask, "end_mask": endMask, "shrink_axis_mask": shrink}, x, d.Ints(begin...), d.Ints(end...), d.Ints(strides...))
}

// ListArg is an argument of a function that is a list.
func (d *Drawing) ListArg() string {
	name := fmt.Sprintf("a%d", len(d.args))
	d.args = append(d.args, &op_def_go_proto.OpDef_ArgDef{Name: name, Type: types_go_proto.DataType_DT_VARIANT})
	return name
}

// Value is the value of a variable, by its handle.
func (d *Drawing) Value(handle savedmodel.Ref) (*lockstep.Tensor, error) {
	return d.Variables[handle.Node.Name], nil
}

// ValuesOf returns what reads a model's variables and constants.
func ValuesOf(m *savedmodel.MetaGraph) func(savedmodel.Ref) (*lockstep.Tensor, error) {
	return func(r savedmodel.Ref) (*lockstep.Tensor, error) {
		v, ok, err := m.Variable(r)
		if err != nil {
			return nil, err
		}
		if !ok {
			return r.Through().Node.Const()
		}
		return m.Value(v)
	}
}
