package savedmodel

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Graph is what one signature computes, every function call inlined.
type Graph struct {
	Signature lockstep.Signature
	// Nodes are the operations that run for the outputs, each after those that
	// it reads. Loops and branches are operations; Function reads their bodies.
	Nodes []*Node
	// Inputs and Outputs are the signature's tensors by name. An input is the
	// output of a Placeholder, which also stands for any other node that is fed;
	// one that no output needs has no node.
	Inputs, Outputs map[string]Ref
	// Effects are those of the Nodes that change something which outlives the
	// run, such as AssignVariableOp. No output may need their result.
	Effects []*Node

	meta      *MetaGraph
	mu        sync.Mutex // guards what follows
	budget    *budget
	functions map[string]*Function
}

// Function is the body of a loop or a branch, its own calls inlined.
type Function struct {
	Name  string
	Args  []*Node // of the type _Arg, one output each
	Nodes []*Node // as in Graph
	Rets  []Ref
	// Effects are as in Graph.
	Effects []*Node
}

// Flatten inlines what a signature reaches, and reads nothing else. An empty
// name is resolved as by MetaGraph.Signature.
func (g *MetaGraph) Flatten(signature string) (*Graph, error) {
	sig, err := g.Signature(signature)
	if err != nil {
		return nil, err
	}
	def := g.pb.GetSignatureDef()[sig.Name]
	out := &Graph{Signature: sig, Inputs: map[string]Ref{}, Outputs: map[string]Ref{}, meta: g, budget: newBudget(), functions: map[string]*Function{}}
	if out.meta, err = g.functional(def); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %q: %w", g.model.name, sig.Name, err)
	}
	in := newInliner(out.meta, out.budget)
	s := in.main()
	if s.fed, err = g.feeds(def.GetInputs()); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %q: %w", g.model.name, sig.Name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(def.GetOutputs())) {
		if spec, _ := sig.Output(name); def.GetOutputs()[name].GetName() == "" {
			return nil, fmt.Errorf("savedmodel: %s: output %q of signature %q is %s, which is not supported", g.model.name, name, sig.Name, spec.TypeName())
		}
		r, err := s.resolve(def.GetOutputs()[name].GetName())
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %s: output %q of signature %q: %w", g.model.name, name, sig.Name, err)
		}
		out.Outputs[name] = r
	}
	if out.Effects, err = in.finish(); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %q: %w", g.model.name, sig.Name, err)
	}
	out.Nodes = in.nodes
	if err := out.readInputs(s, def.GetInputs()); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %q: %w", g.model.name, sig.Name, err)
	}
	return out, nil
}

// feeds finds the nodes that the signature's inputs are fed to: placeholders, but
// also any other, which is then not computed.
func (g *MetaGraph) feeds(infos map[string]*tfpb.TensorInfo) (map[string]*feed, error) {
	all := map[string]*feed{}
	for _, name := range sortedKeys(infos) {
		info := infos[name]
		if info.GetName() == "" { // sparse: several tensors
			continue
		}
		node, index, err := cutTensor(info.GetName())
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", name, err)
		}
		if all[node] == nil {
			all[node] = &feed{inputs: map[int]string{}, def: &tfpb.NodeDef{Name: node, Op: "Placeholder"}}
		}
		if original := g.nodes[node]; original != nil {
			n, err := g.countOutputs(original)
			if err != nil {
				return nil, fmt.Errorf("input %q: node %q: %w", name, node, err)
			}
			if index >= n {
				return nil, fmt.Errorf("input %q is fed to %q, and node %q (%s) has %d outputs", name, info.GetName(), node, original.GetOp(), n)
			}
		}
		if other, twice := all[node].inputs[index]; twice {
			return nil, fmt.Errorf("inputs %q and %q are both fed to %q", other, name, info.GetName())
		}
		all[node].inputs[index] = name
		if original := g.nodes[node]; original.GetOp() == "Placeholder" {
			all[node].def = original
		} else {
			all[node].def.Attr = map[string]*tfpb.AttrValue{"dtype": {Value: &tfpb.AttrValue_Type{Type: info.GetDtype()}}}
		}
	}
	return all, nil
}

// cutTensor reads the name of a tensor of the main graph, "node" or "node:1".
func cutTensor(name string) (node string, index int, err error) {
	node, number, numbered := strings.Cut(name, ":")
	if numbered {
		if index, err = strconv.Atoi(number); err != nil || index < 0 {
			return "", 0, fmt.Errorf("%q is not the name of a tensor", name)
		}
	}
	return node, index, nil
}

// readInputs finds the placeholders that the signature's inputs are fed to.
func (g *Graph) readInputs(s *scope, infos map[string]*tfpb.TensorInfo) error {
	for _, name := range sortedKeys(infos) {
		g.Inputs[name] = Ref{}
		if infos[name].GetName() == "" {
			continue
		}
		node, index, err := cutTensor(infos[name].GetName())
		if err != nil {
			return fmt.Errorf("input %q: %w", name, err)
		}
		m, used := s.instances[node]
		if !used || m.node == nil {
			continue
		}
		g.Inputs[name] = Ref{Node: m.node, Index: index}
	}
	return nil
}

// Function reads the body of a loop or a branch by its function's name, which
// an attribute such as "body" holds.
func (g *Graph) Function(name string) (*Function, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, ok := g.functions[name]; ok {
		return f, nil
	}
	f, err := g.meta.function(name, g.budget)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: function %q: %w", g.meta.model.name, name, err)
	}
	g.functions[name] = f
	return f, nil
}

func (g *MetaGraph) function(name string, b *budget) (*Function, error) {
	fn, ok := g.functions[name]
	if !ok {
		return nil, fmt.Errorf("the graph's library has no such function")
	}
	parts, err := fn.parts()
	if err != nil {
		return nil, err
	}
	signature := parts.def.GetSignature()
	f := &Function{Name: name}
	in := newInliner(g, b)
	var args []Ref
	for _, a := range signature.GetInputArg() {
		n := &Node{Name: a.GetName(), Op: "_Arg", NumOutputs: 1}
		f.Args = append(f.Args, n)
		args = append(args, Ref{Node: n})
	}
	s, err := in.enter(nil, name, "", args)
	if err != nil {
		return nil, err
	}
	for _, a := range signature.GetOutputArg() {
		ret, err := s.ret(true, a.GetName(), 0)
		if err != nil {
			return nil, err
		}
		r, err := s.resolve(ret)
		if err != nil {
			return nil, fmt.Errorf("result %q: %w", a.GetName(), err)
		}
		f.Rets = append(f.Rets, r)
	}
	in.pending = append(in.pending, s)
	if f.Effects, err = in.finish(); err != nil {
		return nil, err
	}
	f.Nodes = in.nodes
	return f, nil
}
