package savedmodel

import (
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/resource_handle_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestGraphDef(t *testing.T) {
	for _, name := range []string{"seed_units1_keras3", "seed_units1_tfkeras"} {
		g, err := metaGraph(t, fixture.Dir(t, name)).Flatten("")
		if err != nil {
			t.Fatal(err)
		}
		flat := map[string]*Node{}
		for _, n := range g.Nodes {
			flat[n.Name] = n
		}
		loop := g.Nodes[slices.IndexFunc(g.Nodes, func(n *Node) bool { return strings.HasSuffix(n.Op, "While") })]
		output := g.Outputs[g.Signature.Outputs[0].Name]
		state := checkGraphDef(t, g, flat, Ref{loop, 4})
		if whole := checkGraphDef(t, g, flat, output, Ref{loop, 4}); whole <= state || state < 20 {
			t.Errorf("%s: %d nodes are needed for the state, and %d for the output with it", name, state, whole)
		}
		if b, main, err := g.GraphDef(nil); err != nil || len(main) != 0 || len(b) > 20 {
			t.Errorf("%s: nothing is %d bytes, %d nodes, %v", name, len(b), len(main), err)
		}
	}
}

// checkGraphDef compares the GraphDef of some tensors with the flat graph, and
// returns its number of nodes.
func checkGraphDef(t *testing.T, g *Graph, flat map[string]*Node, want ...Ref) int {
	t.Helper()
	b, main, err := g.GraphDef(want)
	if err != nil {
		t.Fatal(err)
	}
	var def graph_go_proto.GraphDef
	if err := proto.Unmarshal(b, &def); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, n := range main {
		if have[n.Name] = true; !n.Main {
			t.Errorf("%q is not of the main graph", n.Name)
		}
	}
	for _, n := range def.GetNode() {
		have[n.GetName()] = true
	}
	for _, r := range want {
		if !have[r.Node.Name] {
			t.Errorf("%s is not written", r)
		}
	}
	for _, n := range def.GetNode() {
		node := flat[n.GetName()]
		if node == nil || node.Main || node.Op != n.GetOp() {
			t.Errorf("%q (%s) is no node of the flat graph's functions", n.GetName(), n.GetOp())
			continue
		}
		var inputs []string
		for _, in := range node.Inputs {
			inputs = append(inputs, strings.TrimSuffix(in.String(), ":0"))
		}
		for _, c := range node.Control {
			inputs = append(inputs, "^"+c.Name)
		}
		if !slices.Equal(n.GetInput(), inputs) {
			t.Errorf("%q reads %q, want %q", n.GetName(), n.GetInput(), inputs)
		}
		for _, in := range inputs {
			if source, _, _ := strings.Cut(strings.TrimPrefix(in, "^"), ":"); !have[source] {
				t.Errorf("%q reads %q, which is neither written nor in the main graph", n.GetName(), in)
			}
		}
		for a, value := range n.GetAttr() {
			if strings.HasPrefix(a, "_") || !proto.Equal(value, translated(t, node.attr(a), &attr_value_go_proto.AttrValue{})) {
				t.Errorf("%q has the attribute %q", n.GetName(), a)
			}
		}
		for a := range node.def.GetAttr() {
			if n.GetAttr()[a] == nil && !strings.HasPrefix(a, "_") {
				t.Errorf("%q has lost the attribute %q", n.GetName(), a)
			}
		}
	}
	if def.GetVersions().GetProducer() == 0 {
		t.Error("the versions are lost")
	}
	return len(def.GetNode())
}

// What a graph's attributes say is written again as it was read, also what
// nothing here reads: libtensorflow does.
func TestGraphDefKeepsAttributes(t *testing.T) {
	type (
		A = attr_value_go_proto.AttrValue
		P = tensor_go_proto.TensorProto
	)
	shape := &tensor_shape_go_proto.TensorShapeProto{Dim: []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: 2, Name: "rows"}, {Size: -1}}}
	tensors := []*P{
		{Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: shape, VersionNumber: 3, FloatVal: []float32{1, 2}},
		{Dtype: types_go_proto.DataType_DT_COMPLEX64, ScomplexVal: []float32{1, 2, 3, 4}},
		{Dtype: types_go_proto.DataType_DT_COMPLEX128, DcomplexVal: []float64{1, 2}},
		{Dtype: types_go_proto.DataType_DT_RESOURCE, ResourceHandleVal: []*resource_handle_go_proto.ResourceHandleProto{{Device: "d", Name: "n", HashCode: 7}}},
		{Dtype: types_go_proto.DataType_DT_VARIANT, VariantVal: []*tensor_go_proto.VariantTensorDataProto{{TypeName: "v", Tensors: []*P{{StringVal: [][]byte{{1}}}}}}},
	}
	// One of a field that the binding does not know either (float8_val).
	later := &P{Dtype: 24}
	later.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 18, protowire.BytesType), []byte{1, 2}))
	tensors = append(tensors, later)
	list := &attr_value_go_proto.AttrValue_ListValue{
		S: [][]byte{{1}}, I: []int64{1, -2}, F: []float32{0.5}, B: []bool{true}, Type: []types_go_proto.DataType{1, 101, 24},
		Shape: []*tensor_shape_go_proto.TensorShapeProto{shape}, Tensor: tensors, Func: []*attr_value_go_proto.NameAttrList{{Name: "g"}},
	}
	function := &attr_value_go_proto.NameAttrList{Name: "g", Attr: map[string]*A{"n": {Value: &attr_value_go_proto.AttrValue_I{I: 3}}}}
	attrs := map[string]*A{
		"list":   {Value: &attr_value_go_proto.AttrValue_List{List: list}},
		"func":   {Value: &attr_value_go_proto.AttrValue_Func{Func: function}},
		"shape":  {Value: &attr_value_go_proto.AttrValue_Shape{Shape: shape}},
		"string": {Value: &attr_value_go_proto.AttrValue_S{S: []byte("\xff")}},
		"bool":   {Value: &attr_value_go_proto.AttrValue_B{B: false}},
		"float":  {Value: &attr_value_go_proto.AttrValue_F{F: -0.5}},
		"type":   {Value: &attr_value_go_proto.AttrValue_Type{Type: 33}},
	}
	for i, p := range tensors {
		attrs["tensor"+string(rune('0'+i))] = &A{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}}
	}
	inner := node("z", "Tanh", "x")
	inner.Attr = attrs
	g, err := openGraph(t, graph([]*node_def_go_proto.NodeDef{node("a", "Placeholder"), call("out", "f", "a")}, fn("f", "z:y:0", inner))).Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := g.GraphDef([]Ref{g.Outputs["out"]})
	if err != nil {
		t.Fatal(err)
	}
	var def graph_go_proto.GraphDef
	if err := proto.Unmarshal(b, &def); err != nil {
		t.Fatal(err)
	}
	if len(def.GetNode()) != 1 || len(def.GetNode()[0].GetAttr()) != len(attrs) {
		t.Fatalf("written is %v, want the one node with its attributes", &def)
	}
	for name, want := range attrs {
		if got := def.GetNode()[0].GetAttr()[name]; !proto.Equal(got, want) {
			t.Errorf("attribute %q is %v, want %v", name, got, want)
		}
	}
}
