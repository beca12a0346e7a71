package savedmodel

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// step is a loop whose body adds an item to its state times what the loop does
// not change: next = state·weight + item, and split, which waits for the product.
type step struct {
	graph                                    *Graph
	loop, item, product, sum, split, prepare *Node
	body                                     *Function
	state, weight, inner                     *Node // arguments
}

func newStep() *step {
	node := func(name, op string, inputs ...Ref) *Node {
		return &Node{Name: name, Op: op, Inputs: inputs, NumOutputs: 1, def: &tfpb.NodeDef{Attr: map[string]*tfpb.AttrValue{
			"N": {Value: &tfpb.AttrValue_I{I: 3}}, "_class": {Value: &tfpb.AttrValue_I{I: 1}},
		}}}
	}
	s := &step{state: node("a0", "_Arg"), weight: node("a1", "_Arg"), inner: node("a2", "_Arg"), item: node("item", "TensorListGetItem")}
	s.product = node("product", "Mul", Ref{Node: s.state}, Ref{Node: s.weight})
	s.sum = node("sum", "AddV2", Ref{Node: s.product}, Ref{Node: s.item})
	s.split = node("split", "Split", Ref{Node: s.inner})
	s.split.Control = []*Node{s.product}
	s.body = &Function{Args: []*Node{s.state, s.weight, s.inner}, Nodes: []*Node{s.state, s.weight, s.inner, s.item, s.product, node("unused", "Neg", Ref{Node: s.item}), s.sum, s.split}}
	x, weight := node("x", "Placeholder"), node("weights", "Unpack")
	x.Main, weight.Main = true, true
	s.prepare = node("call/prepare", "Neg", Ref{Node: x})
	s.loop = node("while", "While", Ref{Node: x}, Ref{Node: weight, Index: 2}, Ref{Node: s.prepare})
	s.graph = &Graph{meta: &MetaGraph{}, Nodes: []*Node{x, weight, s.prepare, s.loop}}
	return s
}

// A step is written with placeholders for what is fed, with what else it needs of
// the body under names of its own, and with what the loop is given from around it.
func TestStepDef(t *testing.T) {
	s := newStep()
	fed := []FeedTensor{{Ref{Node: s.item}, lockstep.Float32}, {Ref{Node: s.state}, lockstep.Float64}}
	def, err := s.graph.StepDef(s.loop, nil, s.body, fed, []Ref{{Node: s.sum}, {Node: s.split, Index: 1}, {Node: s.state}, {Node: s.weight}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"lockstep_step/sum", "lockstep_step/split:1", "lockstep_step/fed_1", "weights:2"}; !slices.Equal(def.Want, want) {
		t.Errorf("wanted are %q, want %q", def.Want, want)
	}
	if want := []string{"lockstep_step/fed_0", "lockstep_step/fed_1"}; !slices.Equal(def.Fed, want) {
		t.Errorf("fed are %q, want %q", def.Fed, want)
	}
	if names := mainNames(def); !slices.Equal(names, []string{"weights", "x"}) {
		t.Errorf("of the main graph: %q", names)
	}
	var written tfpb.GraphDef
	if err := proto.Unmarshal(def.Def, &written); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, n := range written.GetNode() {
		got[n.GetName()] = n.GetOp() + " " + strings.Join(n.GetInput(), " ")
		if n.GetOp() != "Placeholder" && (n.GetAttr()["N"].GetI() != 3 || n.GetAttr()["_class"] != nil) {
			t.Errorf("%s has the attributes %v", n.GetName(), n.GetAttr())
		}
	}
	want := map[string]string{
		"lockstep_step/fed_0": "Placeholder ", "lockstep_step/fed_1": "Placeholder ",
		"lockstep_step/product": "Mul lockstep_step/fed_1 weights:2",
		"lockstep_step/sum":     "AddV2 lockstep_step/product lockstep_step/fed_0",
		"lockstep_step/split":   "Split call/prepare ^lockstep_step/product",
		"call/prepare":          "Neg x",
	}
	if !maps.Equal(got, want) || len(written.GetNode()) != len(want) {
		t.Errorf("written is %q, want %q", got, want)
	}
	for i, want := range []tfpb.DataType{tfpb.DataType_DT_FLOAT, tfpb.DataType_DT_DOUBLE} {
		if n := written.GetNode()[i]; n.GetAttr()["dtype"].GetType() != want {
			t.Errorf("%s is of %s, want %s", n.GetName(), n.GetAttr()["dtype"].GetType(), want)
		}
	}
}

func mainNames(def *StepDef) []string {
	var names []string
	for _, n := range def.Main {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}

func TestStepDefRefuses(t *testing.T) {
	s := newStep()
	_, err := s.graph.StepDef(s.loop, nil, s.body, []FeedTensor{{Ref{Node: s.item}, lockstep.String}}, nil)
	if err == nil || !strings.Contains(err.Error(), "item:0 is to be fed as string") {
		t.Errorf("fed as string: %v", err)
	}
	s.loop.Inputs = s.loop.Inputs[:2]
	for _, want := range []Ref{{Node: s.inner}, {Node: s.split}} { // itself, and what reads it
		if _, err = s.graph.StepDef(s.loop, nil, s.body, nil, []Ref{want}); err == nil || !strings.Contains(err.Error(), `"while" has no input for argument 2`) {
			t.Errorf("an argument that the loop has no input for: %v", err)
		}
	}
}

// A loop's function is written with a placeholder for each variable, in its type, and
// with the loop's own input for the handle of a variable.
func TestLoopDef(t *testing.T) {
	s := newStep()
	types := []tfpb.DataType{tfpb.DataType_DT_VARIANT, tfpb.DataType_DT_RESOURCE, tfpb.DataType_DT_INT64}
	s.loop.def.Attr["T"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: &tfpb.AttrValue_ListValue{Type: types}}}
	s.body.Name, s.body.Rets = "body", []Ref{{Node: s.sum}, {Node: s.weight}, {Node: s.inner}}
	def, err := s.graph.LoopDef(s.loop, s.body)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"lockstep_step/fed_0", "", "lockstep_step/fed_2"}; !slices.Equal(def.Fed, want) {
		t.Errorf("fed are %q, want %q", def.Fed, want)
	}
	if want := []string{"lockstep_step/sum", "weights:2", "lockstep_step/fed_2"}; !slices.Equal(def.Want, want) {
		t.Errorf("the results are %q, want %q", def.Want, want)
	}
	var written tfpb.GraphDef
	if err := proto.Unmarshal(def.Def, &written); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, n := range written.GetNode() {
		got[n.GetName()] = n.GetOp() + " " + strings.Join(n.GetInput(), " ")
		if n.GetOp() == "Placeholder" {
			got[n.GetName()] += n.GetAttr()["dtype"].GetType().String()
		}
	}
	want := map[string]string{
		"lockstep_step/fed_0": "Placeholder DT_VARIANT", "lockstep_step/fed_2": "Placeholder DT_INT64",
		"lockstep_step/item":    "TensorListGetItem ",
		"lockstep_step/product": "Mul lockstep_step/fed_0 weights:2",
		"lockstep_step/sum":     "AddV2 lockstep_step/product lockstep_step/item",
	}
	if !maps.Equal(got, want) {
		t.Errorf("written is %q, want %q", got, want)
	}
	if names := mainNames(&def.StepDef); !slices.Equal(names, []string{"weights"}) {
		t.Errorf("of the main graph: %q", names)
	}
	if name, err := def.Tensor("split", 0); err != nil || name != "lockstep_step/split" {
		t.Errorf("split:0 is %q, %v", name, err)
	}
	for _, wrong := range []Ref{{Node: s.split, Index: 1}, {Node: s.loop}} {
		if _, err := def.Tensor(wrong.Node.Name, wrong.Index); err == nil || !strings.Contains(err.Error(), wrong.String()) {
			t.Errorf("%s: error %v", wrong, err)
		}
	}
	s.loop.Inputs = s.loop.Inputs[:2]
	if _, err := s.graph.LoopDef(s.loop, s.body); err == nil || !strings.Contains(err.Error(), `"while" has 2 inputs`) {
		t.Errorf("a loop without an input: %v", err)
	}
}
