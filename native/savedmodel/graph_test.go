package savedmodel

import (
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func ops(all []*Node) []string {
	var out []string
	for _, n := range all {
		out = append(out, n.Op)
	}
	return out
}

// Whatever a node reads or waits for stands before it, in the graphs of every
// fixture and in their loops.
func TestNodesStandAfterTheirInputs(t *testing.T) {
	check := func(name string, nodes []*Node, args []*Node) {
		seen, names := map[*Node]bool{}, map[string]bool{}
		for _, a := range args {
			seen[a] = true
		}
		for _, n := range nodes {
			for _, in := range n.Inputs {
				if !seen[in.Node] || in.Index >= in.Node.NumOutputs {
					t.Errorf("%s: %q reads %s, which does not stand before it", name, n.Name, in)
				}
			}
			for _, c := range n.Control {
				if !seen[c] {
					t.Errorf("%s: %q waits for %q, which does not stand before it", name, n.Name, c.Name)
				}
			}
			if names[n.Name] {
				t.Errorf("%s: two nodes %q", name, n.Name)
			}
			if strings.HasSuffix(n.Op, "PartitionedCall") {
				t.Errorf("%s: the call %q is left", name, n.Name)
			}
			seen[n], names[n.Name] = true, true
		}
	}
	for _, name := range fixture.Names(t) {
		if name == "not_callable" {
			continue
		}
		g, err := metaGraph(t, fixture.Dir(t, name)).Flatten("")
		if err != nil {
			t.Fatal(err)
		}
		check(name, g.Nodes, nil)
		effects := slices.Clone(g.Effects)
		if strings.Contains(name, "cudnn") { // which asserts where the padding is, and how long it may be
			effects = slices.DeleteFunc(effects, func(n *Node) bool { return n.Op == "Assert" })
		}
		if len(effects) > 0 {
			t.Errorf("%s: %d effects, of %s", name, len(effects), effects[0].Op)
		}
		for _, n := range g.Nodes {
			if body := n.AttrFunc("body"); body != "" {
				f, err := g.Function(body)
				if err != nil {
					t.Fatal(err)
				}
				check(body, f.Nodes, f.Args)
				if again, err := g.Function(body); err != nil || again != f {
					t.Errorf("%s is read twice: %v", body, err)
				}
				if len(f.Args) != len(n.Inputs) || len(f.Rets) != len(n.Inputs) {
					t.Errorf("%s takes %d and returns %d of %d", body, len(f.Args), len(f.Rets), len(n.Inputs))
				}
			}
		}
		if _, err := g.Function("none"); err == nil || !strings.Contains(err.Error(), `function "none": the graph's library has no such function`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCallsByPositionAndByName(t *testing.T) {
	two := fn("two", "first:output:0", node("first", "Tanh", "x"), node("second", "Sigmoid", "x"))
	two.Signature.OutputArg = append(two.Signature.OutputArg, &op_def_go_proto.OpDef_ArgDef{Name: "output"})
	two.Ret["output"] = "second:output:0"
	two.NodeDef[0].Op, two.NodeDef[1].Op = "Identity", "StopGradient"
	in := node("in", "Placeholder")
	for name, c := range map[string]struct {
		g    *pb.MetaGraphDef
		want string
	}{
		"call":                   {graph(nodes{in, call("c", "two", "in"), node("out", "Relu", "c")}, two), "c/first"},
		"call, second":           {graph(nodes{in, call("c", "two", "in"), node("out", "Relu", "c:1")}, two), "c/second"},
		"call in a function":     {graph(nodes{in, call("out", "f", "in")}, two, fn("f", "c:output:1", call("c", "two", "x"))), "out/c/second"},
		"operation":              {graph(nodes{in, node("c", "two", "in"), node("out", "Relu", "c:1")}, two), "c/second"},
		"operation in function":  {graph(nodes{in, call("out", "f", "in")}, two, fn("f", "c:y:0", node("c", "two", "x"))), "out/c/first"},
		"operation named output": {graph(nodes{in, call("out", "f", "in")}, two, fn("f", "c:output:0", node("c", "two", "x"))), "out/c/second"},
	} {
		g, err := openGraph(t, c.g).Flatten("")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := g.Outputs["out"]
		if r.Node.Op == "Relu" {
			r = r.Node.Inputs[0]
		}
		if r.Node.Name != c.want {
			t.Errorf("%s: the result is %s, want %s", name, r, c.want)
		}
	}
}

// TensorFlow's operations are numbered as it numbers them, whatever a file
// says of them; operations of the file's own are as it says.
func TestTheFileDoesNotRedefineOperations(t *testing.T) {
	def := func(name string, results ...string) *op_def_go_proto.OpDef {
		d := &op_def_go_proto.OpDef{Name: name}
		for _, r := range results {
			d.OutputArg = append(d.OutputArg, &op_def_go_proto.OpDef_ArgDef{Name: r})
		}
		return d
	}
	f := fn("f", "u:idx:0", attr(node("u", "Unique", "x"), "T", intAttr(1)), node("mine", "Mine", "x"))
	g := graph(nodes{node("in", "Placeholder"), call("out", "f", "in"), node("m", "Mine", "in")}, f)
	g.MetaInfoDef.StrippedOpList = &op_def_go_proto.OpList{Op: []*op_def_go_proto.OpDef{def("Unique", "idx", "y"), def("Mine", "a", "b")}}
	flat, err := openGraph(t, g).Flatten("")
	if err != nil || flat.Outputs["out"].Index != 1 {
		t.Errorf("idx of Unique is %v (%v), want 1", flat.Outputs["out"], err)
	}
	f.Ret["y"] = "mine:b:0"
	flat, err = openGraph(t, g).Flatten("")
	if err != nil || flat.Outputs["out"].Index != 1 || flat.Outputs["out"].Node.NumOutputs != 2 {
		t.Errorf("b of Mine is %v (%v), want 1 of 2", flat.Outputs["out"], err)
	}
}

func TestEffects(t *testing.T) {
	in := node("in", "Placeholder")
	v := node("v", "VarHandleOp")
	// One effect that the function names, one behind another node that it
	// names, and one that nothing leads to.
	f := fn("f", "x", node("v", "VarHandleOp"), node("named", "AssignVariableOp", "v:resource:0", "x"),
		node("behind", "AssignAddVariableOp", "v:resource:0", "x"), node("group", "NoOp", "^behind"),
		node("alone", "ResourceScatterUpdate", "v:resource:0", "x", "x"), node("unused", "Tanh", "x"))
	f.Signature.ControlOutput = []string{"a", "b"}
	f.ControlRet = map[string]string{"a": "named", "b": "group"}
	g, err := openGraph(t, graph(nodes{in, v, call("out", "f", "in")}, f)).Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	got := ops(g.Effects)
	slices.Sort(got)
	if want := []string{"AssignAddVariableOp", "AssignVariableOp", "ResourceScatterUpdate"}; !slices.Equal(got, want) {
		t.Errorf("effects %q, want %q", got, want)
	}
	if slices.Contains(ops(g.Nodes), "Tanh") {
		t.Error("a node that nothing needs was made")
	}
}

// What is exported to be fetched beside the model changes nothing, where the
// tensors only wait for a change; what is read after one needs it.
func TestChanges(t *testing.T) {
	for read, want := range map[string]bool{"read": false, "late": true} {
		f := fn("f", "x", node("v", "VarHandleOp"), node("read", "ReadVariableOp", "v:resource:0"),
			node("assign", "AssignVariableOp", "v:resource:0", "x"), node("group", "NoOp", "^assign"),
			node("late", "ReadVariableOp", "v:resource:0", "^group"), node("out", "Identity", read+":value:0", "^group"))
		f.Ret["y"] = "out:output:0"
		g, err := openGraph(t, graph(nodes{node("in", "Placeholder"), call("out", "f", "in")}, f)).Flatten("")
		if err != nil {
			t.Fatal(err)
		}
		refs := []Ref{g.Outputs["out"]}
		if got := g.Changes(refs); got != want {
			t.Errorf("%s: Changes is %v, want %v", read, got, want)
		}
		def, _, err := g.GraphDef(refs)
		if err != nil {
			t.Fatal(err)
		}
		var pb graph_go_proto.GraphDef
		if err := proto.Unmarshal(def, &pb); err != nil {
			t.Fatal(err)
		}
		assigns := 0
		names := map[string]bool{}
		for _, n := range pb.Node {
			names[n.Name] = true
			if n.Op == "AssignVariableOp" {
				assigns++
			}
		}
		if (assigns > 0) != want {
			t.Errorf("%s: %d assignments were exported", read, assigns)
		}
		for _, n := range pb.Node {
			for _, in := range n.Input {
				if name := strings.TrimPrefix(in, "^"); !names[name] && name != "in" && name != "v" {
					t.Errorf("%s: %s reads %s, which is not there", read, n.Name, in)
				}
			}
		}
	}
}

// The main graph's own nodes are not exported, and change what they change.
func TestChangesOfTheMainGraph(t *testing.T) {
	for read, want := range map[string]bool{"read": false, "late": true} {
		g, err := openGraph(t, graph(nodes{
			node("in", "Placeholder"), node("v", "VarHandleOp"), node("read", "ReadVariableOp", "v"),
			node("assign", "AssignVariableOp", "v", "in"), node("late", "ReadVariableOp", "v", "^assign"),
			call("call", "f", read), node("out", "Identity", "call"),
		}, fn("f", "x"))).Flatten("")
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Changes([]Ref{g.Outputs["out"]}); got != want {
			t.Errorf("%s: Changes is %v, want %v", read, got, want)
		}
	}
}

func TestSignatureInputs(t *testing.T) {
	info := func(name string) *pb.TensorInfo {
		return &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: name}, Dtype: types_go_proto.DataType_DT_FLOAT}
	}
	with := func(nodes nodes, inputs map[string]*pb.TensorInfo) *pb.MetaGraphDef {
		g := graph(nodes, fn("f", "x"))
		g.SignatureDef["serving_default"].Inputs = inputs
		return g
	}
	in, other, out := node("in", "Placeholder"), node("other", "Placeholder"), node("out", "Identity", "in")
	good := with(nodes{in, other, out}, map[string]*pb.TensorInfo{"a": info("in:0"), "b": info("other:0"), "c": info("nowhere")})
	g, err := openGraph(t, good).Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := g.Inputs["a"]; !ok || a.Node.Name != "in" {
		t.Errorf("input a is %s", a)
	}
	for _, unused := range []string{"b", "c"} {
		if r, ok := g.Inputs[unused]; !ok || r.Node != nil {
			t.Errorf("input %s is %s (%v), want no tensor", unused, r, ok)
		}
	}
	exotic := info("in:0")
	exotic.Dtype = types_go_proto.DataType_DT_QUINT8
	sparse := &pb.TensorInfo{Dtype: types_go_proto.DataType_DT_FLOAT, Encoding: &pb.TensorInfo_CooSparse_{CooSparse: &pb.TensorInfo_CooSparse{}}}
	composite := &pb.TensorInfo{Dtype: types_go_proto.DataType_DT_VARIANT, Encoding: &pb.TensorInfo_CompositeTensor_{CompositeTensor: &pb.TensorInfo_CompositeTensor{}}}
	for name, c := range map[string]struct {
		g     *pb.MetaGraphDef
		words []string
	}{
		"fed twice": {with(nodes{in, out}, map[string]*pb.TensorInfo{"a": info("in:0"), "b": info("in")}), []string{`inputs "a" and "b" are both fed to "in"`}},
		"no output": {with(nodes{in, out}, map[string]*pb.TensorInfo{"a": info("in:1")}), []string{`input "a" is fed to "in:1"`}},
		"another":   {with(nodes{in, attr(node("two", "Split", "in", "in"), "num_split", intAttr(2)), node("out", "Identity", "two")}, map[string]*pb.TensorInfo{"a": info("two:1")}), []string{`"two" is computed by a node of which the signature feeds another tensor`}},
		"a call":    {with(nodes{in, call("c", "f", "in"), node("out", "Identity", "c")}, map[string]*pb.TensorInfo{"a": info("c:0")}), []string{`node "c": PartitionedCall has no attribute "Tout"`}},
	} {
		_, err := openGraph(t, c.g).Flatten("")
		wantError(t, name, err, c.words...)
	}

	// Any tensor can be fed: what it is computed from is then not needed.
	split := attr(node("two", "Split", "in", "in"), "num_split", intAttr(2))
	fed := with(nodes{in, split, node("out", "Add", "two:1", "two")}, map[string]*pb.TensorInfo{"a": info("two:1"), "b": info("two")})
	if g, err = openGraph(t, fed).Flatten(""); err != nil || len(g.Nodes) != 2 || g.Inputs["a"] != (Ref{g.Nodes[0], 1}) || g.Inputs["b"] != (Ref{g.Nodes[0], 0}) || g.Nodes[0].Op != "Placeholder" {
		t.Errorf("of a split that is fed there are %d nodes, and the inputs %v: %v", len(g.Nodes), g.Inputs, err)
	}

	// Types that no tensor can have are refused where they are needed: by whoever
	// runs the signature that has them.
	g2 := with(nodes{in, out}, map[string]*pb.TensorInfo{"a": info("in:0")})
	g2.SignatureDef["images"] = &pb.SignatureDef{
		Inputs:  map[string]*pb.TensorInfo{"a": exotic, "b": sparse, "c": composite, "d": {}},
		Outputs: map[string]*pb.TensorInfo{"out": info("out:0")},
	}
	g2.SignatureDef["sparse"] = &pb.SignatureDef{Outputs: map[string]*pb.TensorInfo{"out": sparse}}
	m := openGraph(t, g2)
	if g, err := m.Flatten(""); err != nil || g.Signature.CheckTypes() != nil {
		t.Error(err)
	}
	sigs := m.Signatures()
	if len(sigs) != 3 {
		t.Fatalf("%d signatures", len(sigs))
	}
	for _, c := range []struct{ name, want string }{{"a", "quint8"}, {"b", "a sparse tensor of float32"}, {"c", "a composite tensor of variant"}, {"d", "no tensor"}} {
		if spec, _ := sigs[0].Input(c.name); spec.DType != lockstep.Invalid || spec.TypeName() != c.want {
			t.Errorf("input %q is %s, want %s", c.name, spec, c.want)
		}
	}
	images, err := m.Flatten("images")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`input "a" is quint8`, `input "b" is a sparse tensor of float32`} {
		if err := images.Signature.CheckTypes(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	_, err = m.Flatten("sparse")
	wantError(t, "a sparse output", err, `output "out" of signature "sparse" is a sparse tensor of float32`)
}

func TestThrough(t *testing.T) {
	x := &Node{Name: "x", Op: "Placeholder", NumOutputs: 1}
	y := &Node{Name: "y", Op: "Placeholder", NumOutputs: 1}
	pair := &Node{Name: "pair", Op: "IdentityN", Inputs: []Ref{{Node: x}, {Node: y}}, NumOutputs: 2}
	short := &Node{Name: "short", Op: "IdentityN", NumOutputs: 1}
	none := &Node{Name: "none", Op: "Identity", NumOutputs: 1}
	deep := &Node{Name: "deep", Op: "StopGradient", Inputs: []Ref{{pair, 1}}, NumOutputs: 1}
	tanh := &Node{Name: "tanh", Op: "Tanh", Inputs: []Ref{{Node: x}}, NumOutputs: 1}
	for _, c := range []struct{ from, want Ref }{
		{Ref{Node: x}, Ref{Node: x}}, {Ref{pair, 0}, Ref{Node: x}}, {Ref{pair, 1}, Ref{Node: y}}, {Ref{Node: deep}, Ref{Node: y}},
		{Ref{Node: tanh}, Ref{Node: tanh}}, {Ref{}, Ref{}}, {Ref{Node: none}, Ref{Node: none}}, {Ref{Node: short}, Ref{Node: short}},
	} {
		if got := c.from.Through(); got != c.want {
			t.Errorf("%s is a copy of %s, want %s", c.from, got, c.want)
		}
	}
}
