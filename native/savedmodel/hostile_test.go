package savedmodel

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

type nodes = []*node_def_go_proto.NodeDef

// flatten reads a hostile graph and holds the time and memory that it takes
// and compares that with what a service could afford.
func flatten(t *testing.T, what string, g *pb.MetaGraphDef) (*Graph, error) {
	t.Helper()
	m := openGraph(t, g)
	before, began := allocated(), time.Now()
	out, err := m.Flatten("")
	took, bytes := time.Since(began), allocated()-before
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	bytes += s.StackSys
	t.Logf("%s: %v, %d MiB allocated, the stack included", what, took.Round(time.Millisecond), bytes>>20)
	if took > time.Minute || bytes > 500<<20 {
		t.Errorf("%s took %v and %d MiB", what, took, bytes>>20)
	}
	runtime.KeepAlive(out)
	return out, err
}

// doubling is depth functions, each of which calls the next twice.
func doubling(depth int, leaf *function_go_proto.FunctionDef) []*function_go_proto.FunctionDef {
	return doublingAs("a", depth, leaf)
}

// doublingAs is the same with another name of the first call.
func doublingAs(first string, depth int, leaf *function_go_proto.FunctionDef) []*function_go_proto.FunctionDef {
	functions := []*function_go_proto.FunctionDef{leaf}
	for i := depth - 1; i >= 0; i-- {
		next := functions[len(functions)-1].GetSignature().GetName()
		functions = append(functions, fn(fmt.Sprintf("f%d", i), "b:output:0", call(first, next, "x"), call("b", next, first+":output:0")))
	}
	return functions
}

func TestExponentialCalls(t *testing.T) {
	in := node("in", "Placeholder")
	wide := node("wide", "AddN", "x")
	for range 20_000 {
		wide.Input = append(wide.Input, "x")
	}
	for name, leaf := range map[string]*function_go_proto.FunctionDef{
		"of nodes":      fn("leaf", "y:output:0", node("y", "Identity", "x")),
		"of nothing":    fn("leaf", "x"),
		"of long names": fn("leaf", strings.Repeat("n", 1<<20)+":output:0", node(strings.Repeat("n", 1<<20), "Identity", "x")),
		"of wide nodes": fn("leaf", "wide:sum:0", wide),
	} {
		_, err := flatten(t, "2^60 calls "+name, graph(nodes{in, call("out", "f0", "in")}, doubling(60, leaf)...))
		wantError(t, name, err, "the graph takes more than 256 MiB with its calls inlined")
	}
}

// Long names of calls are in the names of all nodes that they lead to, what
// reads a graph has a place for every result, and every call runs its effects.
func TestLongNamesManyResultsManyEffects(t *testing.T) {
	in := node("in", "Placeholder")
	long := doublingAs(strings.Repeat("n", 1<<16), 60, fn("leaf", "x"))
	_, err := flatten(t, "2^60 calls of long names", graph(nodes{in, call("out", "f0", "in")}, long...))
	wantError(t, "long names", err, "the graph takes more than 256 MiB")

	split := attr(node("s", "Split", "x", "x"), "num_split", intAttr(maxResults))
	many := doubling(9, fn("leaf", "y:output:0", split, node("y", "Identity", "s:output:99999")))
	_, err = flatten(t, "2^9 calls of many results", graph(nodes{in, call("out", "f0", "in")}, many...))
	wantError(t, "many results", err, "the graph takes more than 256 MiB")

	effects := fn("leaf", "y:output:0", node("y", "Identity", "x"))
	effects.ControlRet = map[string]string{}
	for i := range 20_000 {
		name := fmt.Sprint(i)
		effects.Signature.ControlOutput = append(effects.Signature.ControlOutput, name)
		effects.ControlRet[name] = "y"
	}
	_, err = flatten(t, "2^15 calls of many effects", graph(nodes{in, call("out", "f0", "in")}, doubling(15, effects)...))
	wantError(t, "many effects", err, "the graph takes more than 256 MiB")
}

// What is read of the loops' bodies counts with the graph around them, or a
// thousand small loops would take a thousand times as much.
func TestLoopsShareTheBudget(t *testing.T) {
	functions := doubling(15, fn("leaf", "y:output:0", node("y", "Identity", "x")))
	in := node("in", "Placeholder")
	all := nodes{in, node("out", "AddN")}
	for i := range 100 {
		name := fmt.Sprintf("body%d", i)
		functions = append(functions, fn(name, "r:output:0", call("r", "f0", "x")))
		all = append(all, attr(attr(node(fmt.Sprintf("w%d", i), "While", "in"), "body", funcAttr(name)), "T", types(1)))
		all[1].Input = append(all[1].Input, fmt.Sprintf("w%d", i))
	}
	g, err := flatten(t, "100 loops", graph(all, functions...))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for i := range 100 {
		if _, err = g.Function(fmt.Sprintf("body%d", i)); err != nil {
			break
		}
		read++
	}
	wantError(t, "the bodies", err, "the graph takes more than 256 MiB")
	if read == 0 || read > 5 {
		t.Errorf("%d bodies of 2^15 nodes were read", read)
	}
}

func types(n int) *attr_value_go_proto.AttrValue {
	list := &attr_value_go_proto.AttrValue_ListValue{}
	for range n {
		list.Type = append(list.Type, types_go_proto.DataType_DT_FLOAT)
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
}

// chain is n copies of an input, one of the other.
func chain(n int) nodes {
	all := nodes{node("n0", "Placeholder")}
	for i := range n {
		all = append(all, node(fmt.Sprintf("n%d", i+1), "Identity", fmt.Sprintf("n%d", i)))
	}
	return append(all, node("out", "Identity", fmt.Sprintf("n%d", n)))
}

// A stack that overflows ends the process, which no caller can prevent.
func TestDeepGraphs(t *testing.T) {
	g, err := flatten(t, "a path of 90,000", graph(chain(90_000)))
	if err != nil {
		t.Fatal(err)
	}
	if end := g.Outputs["out"].Through(); end.Node.Name != "n0" || len(g.Nodes) != 90_002 {
		t.Errorf("the output is a copy of %s, of %d nodes", end, len(g.Nodes))
	}
	_, err = flatten(t, "a path of 300,000", graph(chain(300_000)))
	wantError(t, "deep", err, "a path of more than 100000 nodes")

	controls := chain(200_000)
	for _, n := range controls[1:] {
		n.Input[0] = "^" + n.Input[0]
	}
	_, err = flatten(t, "a path of control inputs", graph(controls))
	wantError(t, "deep", err, "a path of more than 100000 nodes")

	// The path leads through as many calls, one after the other.
	calls := chain(200_000)
	for i, n := range calls[1:] {
		calls[i+1] = call(n.Name, "f", n.Input...)
	}
	_, err = flatten(t, "a path of calls", graph(calls, fn("f", "x")))
	wantError(t, "deep", err, "a path of more than 100000 nodes")
}

func TestGraphsRefuse(t *testing.T) {
	in := node("in", "Placeholder")
	out := func(inputs ...string) *node_def_go_proto.NodeDef { return node("out", "Identity", inputs...) }
	split := func(n int64) *node_def_go_proto.NodeDef {
		return attr(node("s", "Split", "in", "in"), "num_split", intAttr(n))
	}
	nested := []*function_go_proto.FunctionDef{fn("f70", "x")}
	for i := 69; i >= 0; i-- {
		nested = append(nested, fn(fmt.Sprintf("f%d", i), "c:output:0", call("c", fmt.Sprintf("f%d", i+1), "x")))
	}
	open := fn("f", "m:product:0", node("m", "MatMul", "x", "x"))
	open.NodeDef[0].Attr["transpose_b"] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Placeholder{Placeholder: "t"}}
	openInside := fn("f", "w:output:0", attr(node("w", "While", "x"), "body", funcAttr("g")))
	openInside.NodeDef[0].Attr["body"].GetFunc().Attr = map[string]*attr_value_go_proto.AttrValue{
		"t": {Value: &attr_value_go_proto.AttrValue_Placeholder{Placeholder: "t"}},
	}
	list := fn("f", "x")
	list.Signature.InputArg[0].NumberAttr = "N"
	noRet := fn("f", "x")
	noRet.Ret = nil
	badEffect := fn("f", "x")
	badEffect.Signature.ControlOutput = []string{"e"}

	for name, c := range map[string]struct {
		graph *pb.MetaGraphDef
		words []string
	}{
		"no such node":          {graph(nodes{in}), []string{`output "out" of signature "serving_default"`, `the graph has no node "out"`}},
		"no such input":         {graph(nodes{out("none")}), []string{`no node "none"`}},
		"no name":               {graph(nodes{out("")}), []string{`no node ""`}},
		"a negative index":      {graph(nodes{in, out("in:-1")}), []string{`"in:-1" is not the name of a tensor`}},
		"no number":             {graph(nodes{in, out("in:a")}), []string{`"in:a" is not the name of a tensor`}},
		"a result in main":      {graph(nodes{in, out("in:output:0")}), []string{`"in:output:0" is not the name of a tensor`}},
		"a huge index":          {graph(nodes{in, out("in:99999999999999999999")}), []string{"is not the name of a tensor"}},
		"an index beyond":       {graph(nodes{in, out("in:1")}), []string{`node "in" (Placeholder) has 1 outputs`}},
		"a cycle":               {graph(nodes{node("a", "Identity", "out"), out("a")}), []string{"the graph has a cycle through"}},
		"itself":                {graph(nodes{out("out")}), []string{"a cycle through \"out\""}},
		"a cycle of waiting":    {graph(nodes{in, node("a", "Identity", "in", "^out"), out("a")}), []string{"a cycle"}},
		"through a call":        {graph(nodes{call("c", "f", "out"), out("c")}, fn("f", "x")), []string{"a cycle"}},
		"in a function":         {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:output:0", node("a", "Identity", "a:output:0"))), []string{`a cycle through "out/a"`}},
		"an unknown operation":  {graph(nodes{in, node("out", "Frobnicate", "in")}), []string{"operation Frobnicate is not one of TensorFlow's"}},
		"split into -1":         {graph(nodes{in, split(-1), out("s")}), []string{`node "s": Split: attribute "num_split" counts -1 results`}},
		"split into many":       {graph(nodes{in, split(math.MaxInt64), out("s")}), []string{"counts 9223372036854775807 results, want 0 to 100000"}},
		"split into none":       {graph(nodes{in, split(0), out("s")}), []string{`node "s" (Split) has 0 outputs`}},
		"split into ?":          {graph(nodes{in, node("s", "Split", "in", "in"), out("s")}), []string{`Split has no attribute "num_split"`}},
		"no function":           {graph(nodes{in, call("out", "f", "in")}), []string{`no function "f"`}},
		"too few arguments":     {graph(nodes{call("out", "f")}, fn("f", "x")), []string{`function "f" takes 1 arguments and is called with 0`}},
		"calls itself":          {graph(nodes{in, call("out", "f", "in")}, fn("f", "c:output:0", call("c", "f", "x"))), []string{`function "f" calls itself`}},
		"calls each other":      {graph(nodes{in, call("out", "f", "in")}, fn("f", "c:output:0", call("c", "g", "x")), fn("g", "c:output:0", call("c", "f", "x"))), []string{"calls itself"}},
		"nested too deep":       {graph(nodes{in, call("out", "f0", "in")}, nested...), []string{"calls are nested more than 64 deep"}},
		"an open attribute":     {graph(nodes{in, call("out", "f", "in")}, open), []string{`leaves the attribute "transpose_b" of its node "m" to its caller`}},
		"one inside":            {graph(nodes{in, call("out", "f", "in")}, openInside), []string{`leaves the attribute "body"`}},
		"two nodes":             {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:output:0", node("a", "Identity", "x"), node("a", "Tanh", "x"))), []string{`function "f" has two nodes "a"`}},
		"a list of tensors":     {graph(nodes{in, call("out", "f", "in")}, list), []string{"takes a list of tensors"}},
		"a result of nothing":   {graph(nodes{in, call("out", "f", "in")}, noRet), []string{`does not define its result "y"`}},
		"an effect of nothing":  {graph(nodes{in, call("out", "f", "in")}, badEffect), []string{`effect "e"`}},
		"a result of no name":   {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:nothing:0", node("a", "Identity", "x"))), []string{"operation Identity has no result \"nothing\""}},
		"a result beyond":       {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:output:1", node("a", "Identity", "x"))), []string{`the result "output" of Identity is 1 tensors`}},
		"into the next result":  {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:y:1", attr(node("a", "Unique", "x"), "T", intAttr(1)))), []string{`the result "y" of Unique is 1 tensors`}},
		"a call's result":       {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:y:0", call("a", "g", "x")), fn("g", "x")), []string{`a call has the result "output" alone`}},
		"a call's result 2":     {graph(nodes{in, call("c", "f", "in"), out("c:1")}, fn("f", "x")), []string{`function "f" has 1 results, no number 1`}},
		"a function's result":   {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:z:0", node("a", "g", "x")), fn("g", "x")), []string{`function "g" has no result "z"`}},
		"a function's result 1": {graph(nodes{in, call("out", "f", "in")}, fn("f", "a:y:1", node("a", "g", "x")), fn("g", "x")), []string{`function "g" has no result "y" at 1`}},
	} {
		_, err := flatten(t, name, c.graph)
		wantError(t, name, err, c.words...)
	}

	for name, c := range map[string]struct {
		graph *pb.MetaGraphDef
		words []string
	}{
		"two nodes":            {graph(nodes{in, in}), []string{`two nodes "in"`}},
		"two functions":        {graph(nodes{in}, fn("f", "x"), fn("f", "z")), []string{`two functions "f"`}},
		"a function as MatMul": {graph(nodes{in}, fn("MatMul", "x")), []string{`"MatMul", which is the name of an operation`}},
	} {
		_, err := hostile(t, c.graph).MetaGraph()
		wantError(t, name, err, c.words...)
	}
}
