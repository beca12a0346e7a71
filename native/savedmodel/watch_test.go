package savedmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// nestedLoops finds the loops inside loops and branches of a fixture.
func nestedLoops(t *testing.T, name string) (g *Graph, loops []*Node, places []*Place) {
	t.Helper()
	saved, err := OpenFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	if g, err = m.Flatten(""); err != nil {
		t.Fatal(err)
	}
	var look func(nodes []*Node, at *Place)
	look = func(nodes []*Node, at *Place) {
		for _, n := range nodes {
			if n.IsLoop() && at != nil {
				loops, places = append(loops, n), append(places, at)
			}
			inside, err := g.Places(n, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range inside {
				look(p.Function.Nodes, p)
			}
		}
	}
	look(g.Nodes, nil)
	return g, loops, places
}

// written is a graph with a library.
type written struct {
	nodes     []*tfpb.NodeDef
	functions map[string]*tfpb.FunctionDef
}

func readWritten(t *testing.T, b []byte) written {
	t.Helper()
	out := written{functions: map[string]*tfpb.FunctionDef{}}
	graph := &tfpb.GraphDef{}
	rest, err := tfpb.Rewrite(b, tfpb.FieldLibrary, func(library []byte) ([]byte, error) {
		return nil, tfpb.Fields(library, func(_ protowire.Number, _ protowire.Type, _, value []byte) error {
			f := &tfpb.FunctionDef{}
			if err := proto.Unmarshal(value, f); err != nil {
				return err
			}
			if out.functions[f.GetSignature().GetName()] != nil {
				t.Errorf("two functions %q", f.GetSignature().GetName())
			}
			out.functions[f.GetSignature().GetName()] = f
			return nil
		})
	})
	if err == nil {
		err = proto.Unmarshal(rest, graph)
	}
	if err != nil {
		t.Fatal(err)
	}
	out.nodes = graph.GetNode()
	return out
}

// check tells whether every input in a function is an argument or a result that a
// node has, and whether loops and branches give as many arguments as are taken.
func (w written) check(t *testing.T, g *Graph, f *tfpb.FunctionDef) {
	t.Helper()
	have := map[string]bool{}
	for _, a := range f.GetSignature().GetInputArg() {
		have[a.GetName()] = true
	}
	for _, n := range f.GetNodeDef() {
		results, err := g.meta.results(n.GetOp())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			count, err := r.length(n)
			if err != nil {
				t.Fatal(err)
			}
			for i := range count {
				have[fmt.Sprintf("%s:%s:%d", n.GetName(), r.name, i)] = true
			}
		}
		have["^"+n.GetName()] = true
	}
	name := f.GetSignature().GetName()
	for _, n := range f.GetNodeDef() {
		data := 0
		for i, in := range n.GetInput() {
			if !have[in] {
				t.Errorf("%s: %s reads %q, which there is not", name, n.GetName(), in)
			}
			if !strings.HasPrefix(in, "^") {
				if data++; data != i+1 {
					t.Errorf("%s: %s has inputs behind those that it waits for: %q", name, n.GetName(), n.GetInput())
				}
			}
		}
		w.arguments(t, n, data)
	}
	for _, a := range f.GetSignature().GetOutputArg() {
		if !have[f.GetRet()[a.GetName()]] {
			t.Errorf("%s returns %q as %s, which there is not", name, f.GetRet()[a.GetName()], a.GetName())
		}
	}
}

// arguments tells whether a loop or a branch fits the functions that it runs.
func (w written) arguments(t *testing.T, n *tfpb.NodeDef, data int) {
	t.Helper()
	names, first := (&Node{Op: n.GetOp(), def: n}).Functions()
	for i, name := range names {
		f := w.functions[name]
		if f == nil {
			continue // of the model's own library
		}
		args, rets := len(f.GetSignature().GetInputArg()), len(f.GetSignature().GetOutputArg())
		want := data
		switch {
		case first == 0 && i == 0:
			want = 1
		case first == 1:
			want = len(n.GetAttr()["Tout"].GetList().GetType())
		}
		if args != data-first || rets != want {
			t.Errorf("%s gives %d inputs to %s of %d arguments and %d results, want %d", n.GetName(), data, name, args, rets, want)
		}
		if types := n.GetAttr()["T"].GetList().GetType(); first == 0 && len(types) != data {
			t.Errorf("%s has %d inputs and %d types", n.GetName(), data, len(types))
		}
	}
}

// A copy that notes what loops compute is a whole graph: what it reads is there, and
// its loops, branches and functions fit each other, however deep they are.
func TestWatchDef(t *testing.T) {
	for name, deepest := range map[string]int{"nested_map_gru_keras3": 1, "nested_decoder_keras3": 1, "nested_branch_keras3": 1, "nested_map_masked_keras3": 1} {
		g, loops, places := nestedLoops(t, name)
		if len(loops) == 0 {
			t.Fatalf("%s: no loop is inside another", name)
		}
		var watches []Watch
		depth := 0
		for i, n := range loops {
			w := Watch{Place: places[i]}
			for k := range n.Inputs {
				if d, err := n.ElementType(k); err == nil && protoDTypes[d] != 0 {
					w.Tensors = append(w.Tensors, WatchedTensor{Ref: n.Inputs[k], DType: d}, WatchedTensor{Ref: Ref{Node: n, Index: k}, DType: d})
				}
			}
			watches = append(watches, w)
			depth = max(depth, places[i].Depth())
		}
		if depth != deepest {
			t.Errorf("%s: %d loops and branches around a loop, want %d", name, depth, deepest)
		}
		var want []Ref
		for _, r := range g.Outputs {
			want = append(want, r)
		}
		def, err := g.WatchDef(want, watches, 1000, 10)
		if err != nil {
			t.Fatal(err)
		}
		w := readWritten(t, def.Def)
		known := map[string]*tfpb.NodeDef{}
		for _, n := range w.nodes {
			known[n.GetName()] = n
			w.arguments(t, n, len(slices.DeleteFunc(slices.Clone(n.GetInput()), func(in string) bool { return strings.HasPrefix(in, "^") })))
		}
		if len(w.functions) == 0 {
			t.Errorf("%s: no function was written", name)
		}
		for _, f := range w.functions {
			w.check(t, g, f)
		}
		if len(def.Shown) != len(watches) {
			t.Fatalf("%s: %d of %d are shown", name, len(def.Shown), len(watches))
		}
		for i, notes := range def.Shown {
			if len(notes.Values) != len(watches[i].Tensors) || len(notes.Shapes) != len(notes.Values) {
				t.Errorf("%s: %d values and %d shapes of %d tensors", name, len(notes.Values), len(notes.Shapes), len(watches[i].Tensors))
			}
			for _, pair := range append(slices.Concat(notes.Values, notes.Shapes), notes.At) {
				for k, of := range pair {
					node, index, _ := strings.Cut(of, ":")
					if n := known[node]; n == nil || n.GetOp() != "TensorListConcatV2" || index != []string{"", "1"}[k] {
						t.Errorf("%s: shown is %q (%s)", name, of, n.GetOp())
					}
				}
			}
		}
	}
}

// What cannot be noted is refused, and says why.
func TestWatchDefRefuses(t *testing.T) {
	g, loops, places := nestedLoops(t, "nested_map_gru_keras3")
	condition, err := g.Places(places[0].Node, nil)
	if err != nil {
		t.Fatal(err)
	}
	tensor := func(d lockstep.DType) []WatchedTensor {
		return []WatchedTensor{{Ref: Ref{Node: loops[0]}, DType: d}}
	}
	for what, c := range map[string]struct {
		watch Watch
		words string
	}{
		"the signature's graph": {Watch{Tensors: tensor(lockstep.Int32)}, "is of no function that the graph runs"},
		"a condition":           {Watch{Place: condition[0], Tensors: tensor(lockstep.Int32)}, "returns nothing but whether the loop goes on"},
		"strings":               {Watch{Place: places[0], Tensors: tensor(lockstep.String)}, "which is not watched"},
	} {
		if _, err := g.WatchDef(nil, []Watch{c.watch}, 1000, 10); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", what, err, c.words)
		}
	}
}

// A loop that gives a function other arguments than it takes has no places.
func TestPlacesRefuse(t *testing.T) {
	g, _, places := nestedLoops(t, "nested_map_gru_keras3")
	n := *places[0].Node
	n.Inputs = n.Inputs[1:]
	if _, err := g.Places(&n, nil); err == nil || !strings.Contains(err.Error(), "arguments to the function") {
		t.Errorf("with an input fewer: %v", err)
	}
	if p, err := g.Places(&Node{Op: "MatMul"}, nil); err != nil || len(p) > 0 {
		t.Errorf("a MatMul runs %v, %v", p, err)
	}
}
