package savedmodel

import (
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

func stringAttr(s string) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(s)}}
}

func typeAttr(d types_go_proto.DataType) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: d}}
}

func shapeAttr(dims ...int64) *attr_value_go_proto.AttrValue {
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: s}}
}

func texts(name string, list ...string) *node_def_go_proto.NodeDef {
	p := &tensor_go_proto.TensorProto{
		Dtype:       types_go_proto.DataType_DT_STRING,
		TensorShape: &tensor_shape_go_proto.TensorShapeProto{Dim: []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: int64(len(list))}}},
	}
	for _, s := range list {
		p.StringVal = append(p.StringVal, []byte(s))
	}
	return attr(node(name, "Const"), "value", &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}})
}

func variable(name, sharedName string) *node_def_go_proto.NodeDef {
	v := attr(node(name, "VarHandleOp"), "shared_name", stringAttr(sharedName))
	return attr(attr(v, "dtype", typeAttr(types_go_proto.DataType_DT_FLOAT)), "shape", shapeAttr(2, 3))
}

// restoring is a graph that restores the variables a and b, as TensorFlow
// writes it but for the function around it; edit changes its nodes first.
func restoring(edit func(byName map[string]*node_def_go_proto.NodeDef)) *pb.MetaGraphDef {
	all := nodes{
		node("prefix", "Placeholder"), texts("names", "key of a", "key of b"), texts("slices", "", ""),
		attr(node("restore", "RestoreV2", "prefix", "names", "slices"), "dtypes", types(2)),
		node("value_a", "Identity", "restore"), node("value_b", "Identity", "restore:1"),
		variable("a", ""), variable("b", "shared b"),
		node("assign_a", "AssignVariableOp", "a", "value_a"), node("assign_b", "AssignVariableOp", "b", "value_b"),
		node("all", "NoOp", "^assign_a", "^assign_b"),
	}
	byName := map[string]*node_def_go_proto.NodeDef{}
	for _, n := range all {
		byName[n.GetName()] = n
	}
	if edit != nil {
		edit(byName)
	}
	g := graph(all)
	g.SaverDef = &pb.SaverDef{RestoreOpName: "all"}
	return g
}

func TestRestoredVariables(t *testing.T) {
	m := openGraph(t, restoring(nil))
	vars, err := m.Variables()
	if err != nil || len(vars) != 2 {
		t.Fatalf("%d variables, %v", len(vars), err)
	}
	for i, want := range []Variable{{Name: "a", Node: "a", Key: "key of a"}, {Name: "shared b", Node: "b", Key: "key of b"}} {
		if v := vars[i]; v.Name != want.Name || v.Node != want.Node || v.Key != want.Key {
			t.Errorf("variable %d is %+v, want %+v", i, *v, want)
		}
	}
	if vars, err := openGraph(t, graph(nil)).Variables(); err != nil || len(vars) != 0 {
		t.Errorf("a model that restores nothing has %v, %v", vars, err)
	}
	if g, err := openGraph(t, graph(nodes{node("out", "NoOp")})).Flatten(""); err == nil {
		t.Errorf("a signature of nothing: %v", g)
	}
	g, err := openGraph(t, graph(nodes{texts("out", "no variable")})).Flatten("")
	if err == nil {
		err = g.CheckVariables()
	}
	if err != nil {
		t.Errorf("a model without variables wants a checkpoint: %v", err)
	}
}

// Names that TensorFlow gives to resources must not be confused.
func TestResourceNames(t *testing.T) {
	container := variable("c", "name")
	container.Attr["container"] = stringAttr("box")
	for want, def := range map[string]*node_def_go_proto.NodeDef{
		"name":     variable("a", "name"),
		"a":        variable("a", ""),
		"b":        variable("b", anonymous),
		"box|name": container,
		"../../x":  variable("d", "../../x"),
		"\xff\x00": variable("e", "\xff\x00"),
	} {
		if got := resourceName(defined(t, def)); got != want {
			t.Errorf("the resource of %q is %q, want %q", def.GetName(), got, want)
		}
	}
}

type nodeMap = map[string]*node_def_go_proto.NodeDef

// What is wrong with one variable concerns those who need it, and neither the
// others nor the model.
func TestVariablesThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		of    string
		edit  func(n nodeMap)
		words string
	}{
		"a slice":           {"b", func(n nodeMap) { n["slices"].Attr = texts("", "", "2 3 0,1:-").Attr }, `its shape is (2, 3), and the part of "key of b" that it is restored from has another`},
		"no slice":          {"b", func(n nodeMap) { n["slices"].Attr = texts("", "", "2 3 0,9:-").Attr }, `the slice "2 3 0,9:-" is not one of a tensor`},
		"too few keys":      {"b", func(n nodeMap) { n["names"].Attr = texts("", "one").Attr }, `"restore" has 1 keys, no number 1`},
		"no restored value": {"a", func(n nodeMap) { n["assign_a"].Input[1] = "prefix" }, `it is filled with prefix:0, want a result of RestoreV2`},
		"no type":           {"a", func(n nodeMap) { delete(n["a"].Attr, "dtype") }, `the graph says no element type`},
		"a quantized type":  {"a", func(n nodeMap) { n["a"].Attr["dtype"] = typeAttr(types_go_proto.DataType_DT_QINT8) }, "its element type qint8 is not supported"},
		"int4":              {"a", func(n nodeMap) { n["a"].Attr["dtype"] = typeAttr(29) }, "its element type int4 is not supported"},
		"a type of no name": {"a", func(n nodeMap) { n["a"].Attr["dtype"] = typeAttr(1 << 30) }, "its element type type 1073741824 is not supported"},
		"no shape":          {"a", func(n nodeMap) { delete(n["a"].Attr, "shape") }, `the graph does not fix its shape`},
		"an open shape":     {"a", func(n nodeMap) { n["a"].Attr["shape"] = shapeAttr(2, -1) }, `leaves its shape (2, ?) open`},
		"one of two keys":   {"a", func(n nodeMap) { n["assign_b"].Input = []string{"a", "prefix"} }, `it is filled with prefix:0, want a result of RestoreV2`},
	} {
		m := openGraph(t, restoring(c.edit))
		for _, of := range []string{"a", "b"} {
			r := Ref{Node: &Node{Name: of, Op: "VarHandleOp", def: m.nodes[of]}}
			v, _, err := m.Variable(r)
			found, ok, errFound := m.FindVariable(r)
			if of != c.of {
				if name != "one of two keys" && (err != nil || errFound != nil || v.Err != nil) { // there b is not restored
					t.Errorf("%s: variable %q: %v, %v", name, of, err, errFound)
				}
				continue
			}
			wantError(t, name, err, `savedmodel: hostile: variable "`, c.words)
			if errFound != nil || !ok || found.Err == nil {
				t.Fatalf("%s: variable %q is %v, %v", name, of, found, errFound)
			}
			_, err = m.Value(found)
			wantError(t, name, err, c.words)
		}
	}
}

// What the whole restore operation lacks, TensorFlow's own loader lacks too.
func TestRestoringRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(n nodeMap)
		words []string
	}{
		"keys of numbers":   {func(n nodeMap) { n["names"].Attr["value"].GetTensor().Dtype = types_go_proto.DataType_DT_INT32 }, []string{"the keys of \"restore\""}},
		"keys not constant": {func(n nodeMap) { n["restore"].Input[1] = "prefix" }, []string{`"prefix" is a Placeholder, want a Const`}},
		"restored oddly":    {func(n nodeMap) { n["restore"].Input = n["restore"].Input[:2] }, []string{"want a result of RestoreV2"}},
		"a cycle":           {func(n nodeMap) { n["value_a"].Input[0] = "^all" }, []string{`the restore operation "all"`, "a cycle"}},
		"no such node":      {func(n nodeMap) { n["all"].Input = append(n["all"].Input, "^none") }, []string{`no node "none"`}},
	} {
		m := openGraph(t, restoring(c.edit))
		for _, of := range []string{"a", "b"} {
			_, _, err := m.Variable(Ref{Node: &Node{Name: of, Op: "VarHandleOp", def: m.nodes[of]}})
			wantError(t, name, err, c.words...)
		}
	}
	// What is assigned to something that is no variable fills none.
	m := openGraph(t, restoring(func(n nodeMap) { n["assign_a"].Input[0] = "prefix" }))
	_, _, err := m.Variable(Ref{Node: &Node{Name: "a", Op: "VarHandleOp", def: m.nodes["a"]}})
	wantError(t, "no variable", err, `no checkpoint entry is restored into the variable "a"`)
	g := restoring(nil)
	g.SaverDef.RestoreOpName = "none"
	_, err = openGraph(t, g).Variables()
	wantError(t, "no operation", err, `the restore operation "none"`, `no node "none"`)

	// A variable that is never restored has no value.
	m = openGraph(t, restoring(func(n nodeMap) { n["all"].Input = n["all"].Input[:1] }))
	_, _, err = m.Variable(Ref{Node: defined(t, variable("b", "shared b"))})
	wantError(t, "never restored", err, `no checkpoint entry is restored into the variable "shared b"`)
	if _, ok, err := m.Variable(Ref{Node: defined(t, variable("x", "a"))}); !ok || err != nil {
		t.Errorf("another handle of the variable a is not recognised: %v, %v", ok, err)
	}
}

// check checks the variables that the default signature reaches.
func check(t testing.TB, m *MetaGraph) error {
	t.Helper()
	g, err := m.Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	return g.CheckVariables()
}

func TestCheckVariablesFindsAnotherModel(t *testing.T) {
	files, other := small(t), own(t)
	saved, err := OpenFS(with(files, indexFile, other[indexFile].Data))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "another checkpoint", check(t, m), "belongs to another model")
	saved, err = OpenFS(files)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = saved.MetaGraph(); err != nil {
		t.Fatal(err)
	}
	if err := check(t, m); err != nil {
		t.Error(err)
	}
	vars, err := m.Variables()
	if err != nil || !strings.HasPrefix(vars[0].Key, "variables/") {
		t.Errorf("the first variable is %+v, %v", vars[0], err)
	}
}
