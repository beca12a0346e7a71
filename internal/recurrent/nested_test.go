package recurrent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// A layer inside a loop or a branch has the model's variables for weights, and its
// place says where it is.
func TestNestedLayers(t *testing.T) {
	for name, want := range map[string][]string{
		"nested_map_gru_keras3":    {"map_over/inner: map_over/inner/gru_cell/kernel, the body of loop map/while"},
		"nested_map_masked_keras3": {"masked/inner: masked/inner/lstm_cell/kernel, the body of loop map/while"},
		"nested_decoder_keras3":    {"decoder/inner: decoder/inner/lstm_cell/kernel, the body of loop decoder_1/while"},
		"nested_branch_keras3": {
			"chosen/yes: chosen/yes/lstm_cell/kernel, the branch for true of chosen_1/cond",
			"chosen/no: chosen/no/gru_cell/kernel, the branch for false of chosen_1/cond",
		},
	} {
		m, g := load(t, name)
		f, err := Find(m, g)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, l := range f.Layers {
			if !l.Nested() {
				continue
			}
			v, ok, err := m.Variable(l.Kernel)
			if err != nil || !ok {
				t.Fatalf("%s: the kernel of %s is no variable: %v", name, l.Name, err)
			}
			place := l.Place.String()
			what, path, _ := strings.Cut(place, "StatefulPartitionedCall")
			parts := strings.Split(path, "/")
			got = append(got, fmt.Sprintf("%s: %s, %s%s", l.Name, strings.TrimSuffix(v.Name, "_1"), what, strings.Join(parts[len(parts)-2:], "/")))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// nestedIn finds what there is in nested_map_gru_keras3 after an edit: the layers
// inside its loop, and why a loop in there is none.
func nestedIn(t *testing.T, what string, edit func(e *editor)) (layers, reasons []string) {
	t.Helper()
	f, err := edited(t, "nested_map_gru_keras3", what, edit)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, l := range f.Layers {
		if l.Nested() {
			layers = append(layers, l.Name)
		}
	}
	for _, u := range f.Rest {
		if u.Place != nil {
			reasons = append(reasons, u.Reason)
		}
	}
	return layers, reasons
}

// What a loop around a layer changes is not the layer's weight.
func TestNestedLayersWhoseWeightsMayChange(t *testing.T) {
	ret := func(f *function, end string) string {
		for name := range f.GetRet() {
			if strings.HasSuffix(name, end) {
				return name
			}
		}
		t.Fatalf("no result ends in %q", end)
		return ""
	}
	const kernel, recurrent = "gru_cell_1_cast_readvariableop_resource", "gru_cell_1_cast_1_readvariableop_resource"
	for what, c := range map[string]struct {
		edit func(e *editor)
		want string
	}{
		"two weights that each iteration exchanges": {func(e *editor) {
			f := e.fn("map_while_body")
			a, b := ret(f, kernel), ret(f, recurrent)
			f.Ret[a], f.Ret[b] = f.Ret[b], f.Ret[a]
		}, "no known cell"},
		"a weight that becomes another one": {func(e *editor) {
			f := e.fn("map_while_body")
			f.Ret[ret(f, kernel)] = f.Ret[ret(f, recurrent)]
		}, "no known cell"},
		"an iteration that may change a weight": {func(e *editor) {
			f := e.fn("inner_1_while_body")
			f.node("NoOp").Input = append(f.node("NoOp").Input, "^odd")
			f.add("odd", "ResourceCountUpTo", f.arg(kernel+"_0"))
		}, "a step may change what outlives it"},
	} {
		if layers, reasons := nestedIn(t, what, c.edit); len(layers) > 0 || len(reasons) != 1 || !strings.Contains(reasons[0], c.want) {
			t.Errorf("%s: layers %q, and a loop is none for %q, want %q", what, layers, reasons, c.want)
		}
	}
	// Reading is no change, whatever reads, nor is the loop around another one.
	layers, reasons := nestedIn(t, "a lookup", func(e *editor) {
		f := e.fn("map_while_body")
		f.node("NoOp").Input = append(f.node("NoOp").Input, "^rows")
		f.add("rows", "ResourceGather", f.arg(kernel+"_0"), f.arg("placeholder"))
	})
	if len(layers) != 1 || len(reasons) > 0 {
		t.Errorf("with a lookup in the loop around it: layers %q, and a loop is none for %q", layers, reasons)
	}
}

// A function that two operations run may get other weights from each.
func TestFunctionsThatRunAtTwoPlaces(t *testing.T) {
	layers, _ := nestedIn(t, "two loops of one body", func(e *editor) {
		for _, def := range e.pb.GetMetaGraphs()[0].GetGraphDef().GetLibrary().GetFunction() {
			for _, n := range def.GetNodeDef() {
				if n.GetOp() == "While" && strings.HasSuffix(n.GetName(), "map/while") && strings.HasPrefix(def.GetSignature().GetName(), "__inference___call__") {
					again := proto.Clone(n).(*node_def_go_proto.NodeDef)
					again.Name = "again"
					def.NodeDef = append(def.NodeDef, again)
					for _, other := range def.GetNodeDef() {
						if other.GetName() == "NoOp" {
							other.Input = append(other.Input, "^again")
						}
					}
				}
			}
		}
	})
	if len(layers) > 0 {
		t.Errorf("layers %q in a function that runs at two places", layers)
	}
}

// deepen puts n loops, one in the other, into the outer loop's body; the last one
// runs the function that is named.
func deepen(e *editor, n int, last string) {
	f := e.fn("map_while_body")
	counter := f.ints("deep_start", 0)
	f.node("NoOp").Input = append(f.node("NoOp").Input, "^deep")
	library := e.pb.GetMetaGraphs()[0].GetGraphDef().GetLibrary()
	named := func(name string) *attr_value_go_proto.AttrValue {
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: name}}}
	}
	loop := func(name, in, body string) *node_def_go_proto.NodeDef {
		attrs := map[string]*attr_value_go_proto.AttrValue{"cond": named("deep_cond"), "body": named(body), "T": typeList(1)}
		attrs["T"].GetList().Type[0] = types_go_proto.DataType_DT_INT32
		return &node_def_go_proto.NodeDef{Name: name, Op: "While", Input: []string{in}, Attr: attrs}
	}
	arg := func(name string, d types_go_proto.DataType) []*op_def_go_proto.OpDef_ArgDef {
		return []*op_def_go_proto.OpDef_ArgDef{{Name: name, Type: d}}
	}
	define := func(name string, result types_go_proto.DataType, ret string, nodes ...*node_def_go_proto.NodeDef) {
		library.Function = append(library.Function, &function_go_proto.FunctionDef{
			Signature: &op_def_go_proto.OpDef{Name: name, InputArg: arg("x", types_go_proto.DataType_DT_INT32), OutputArg: arg("y", result)},
			NodeDef:   nodes, Ret: map[string]string{"y": ret},
		})
	}
	limit := &node_def_go_proto.NodeDef{Name: "limit", Op: "Const", Attr: map[string]*attr_value_go_proto.AttrValue{"value": intConst(3), "dtype": typed(types_go_proto.DataType_DT_INT32)}}
	less := &node_def_go_proto.NodeDef{Name: "less", Op: "Less", Input: []string{"x", "limit:output:0"}, Attr: map[string]*attr_value_go_proto.AttrValue{"T": typed(types_go_proto.DataType_DT_INT32)}}
	define("deep_cond", types_go_proto.DataType_DT_BOOL, "less:z:0", limit, less)
	for i := range n {
		next := fmt.Sprintf("deep_body_%d", i+1)
		if i == n-1 {
			next = last
		}
		define(fmt.Sprintf("deep_body_%d", i), types_go_proto.DataType_DT_INT32, "inner:output:0", loop("inner", "x", next))
	}
	f.NodeDef = append(f.NodeDef, loop("deep", counter, "deep_body_0"))
}

// Loops in loops end soon, however deep, and so do those that run themselves; a
// layer that is not below them is found all the same.
func TestDeepNestingEndsSoon(t *testing.T) {
	for what, edit := range map[string]func(e *editor){
		"3,000 loops":               func(e *editor) { deepen(e, 3000, "deep_cond") },
		"loops that run themselves": func(e *editor) { deepen(e, 3, "deep_body_0") },
		"a body that runs itself":   func(e *editor) { deepen(e, 1, "deep_body_0") },
	} {
		begun := time.Now()
		layers, reasons := nestedIn(t, what, edit)
		if len(layers) != 1 || len(reasons) == 0 {
			t.Errorf("%s: layers %q, others for %q", what, layers, reasons)
		}
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("%s: %v", what, d)
		}
	}
}

// Runs are in the order in which their operations run: iteration by iteration, and
// within one by their nodes.
func TestSortRuns(t *testing.T) {
	m, g := load(t, "nested_map_gru_keras3")
	f, err := Find(m, g)
	if err != nil {
		t.Fatal(err)
	}
	inner, after := f.Layers[0], f.Layers[1]
	twin := *inner
	twin.Name = "twin"
	runs := []Run{{after, nil}, {&twin, []int{10}}, {inner, []int{10}}, {inner, []int{9}}, {&twin, []int{9}}, {inner, []int{0}}}
	SortRuns(g, runs)
	var got []string
	for _, r := range runs {
		got = append(got, r.Name())
	}
	// The twin has the inner layer's own loop: their order stays.
	want := []string{"map_over/inner/iteration0", "map_over/inner/iteration9", "twin/iteration9", "twin/iteration10", "map_over/inner/iteration10", "gru"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A place follows arguments out of the functions, as far as they stay the same.
func TestResolve(t *testing.T) {
	m, g := load(t, "nested_map_gru_keras3")
	f, err := Find(m, g)
	if err != nil {
		t.Fatal(err)
	}
	l := f.Layers[0]
	ops := map[string]int{}
	for _, in := range l.Loop.Inputs {
		ops[l.Place.Resolve(in).Node.Op]++
	}
	if ops["VarHandleOp"] != 3 || ops["_Arg"] != 0 {
		t.Errorf("the layer's loop gets %v", ops)
	}
	// The outer loop's counter changes, and its list of inputs does not.
	args := l.Place.Function.Args
	at := func(end string) savedmodel.Ref {
		i := slices.IndexFunc(args, func(n *savedmodel.Node) bool { return strings.HasSuffix(n.Name, end) })
		return l.Place.Resolve(savedmodel.Ref{Node: args[i]})
	}
	if counter, list := at("map_while_placeholder"), at("tensorlistfromtensor_0"); counter.Node.Op != "_Arg" || list.Node.Op != "TensorListFromTensor" {
		t.Errorf("the counter is %s, the list %s (%s)", counter, list, list.Node.Op)
	}
	var none *savedmodel.Place
	if r := none.Resolve(l.Loop.Inputs[0]); r != l.Loop.Inputs[0].Through() {
		t.Errorf("in the signature's graph, %s", r)
	}
}
