package savedmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Graph is what one signature computes, every function call inlined.
type Graph struct {
	Signature lockstep.Signature
	// Nodes are the operations that the outputs need, each after those that it
	// reads. Loops and branches stand as operations; Function reads their bodies.
	Nodes []*Node
	// Inputs and Outputs are the signature's tensors by name. An input is the
	// output of a Placeholder; one that no output needs has no node.
	Inputs, Outputs map[string]Ref
	// Effects are operations with an effect, such as AssignVariableOp, that
	// run although no output needs their result.
	Effects []*Node

	meta      *MetaGraph
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

// Flatten inlines what a signature reaches. The empty name is chosen as by
// MetaGraph.Signature.
func (g *MetaGraph) Flatten(signature string) (*Graph, error) {
	sig, err := g.Signature(signature)
	if err != nil {
		return nil, err
	}
	def := g.pb.GetSignatureDef()[sig.Name]
	out := &Graph{Signature: sig, Inputs: map[string]Ref{}, Outputs: map[string]Ref{}, meta: g, functions: map[string]*Function{}}
	in := newInliner(g)
	s := in.main()
	for _, name := range slices.Sorted(maps.Keys(def.GetOutputs())) {
		r, err := s.resolve(def.GetOutputs()[name].GetName())
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %s: output %q of signature %q: %w", g.model.name, name, sig.Name, err)
		}
		out.Outputs[name] = r
	}
	if err := in.finish(); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %q: %w", g.model.name, sig.Name, err)
	}
	out.Nodes, out.Effects = in.nodes, in.effects
	for name, info := range def.GetInputs() {
		placeholder, _, _ := strings.Cut(info.GetName(), ":")
		n, used := s.made[placeholder]
		if !used {
			out.Inputs[name] = Ref{}
			continue
		}
		if n.node == nil || n.node.Op != "Placeholder" {
			return nil, fmt.Errorf("savedmodel: %s: input %q of signature %q is not a placeholder", g.model.name, name, sig.Name)
		}
		out.Inputs[name] = Ref{Node: n.node}
	}
	return out, nil
}

// Function reads the body of a loop or a branch by its function's name, which
// an attribute such as "body" holds.
func (g *Graph) Function(name string) (*Function, error) {
	if f, ok := g.functions[name]; ok {
		return f, nil
	}
	f, err := g.meta.function(name)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: function %q: %w", g.meta.model.name, name, err)
	}
	g.functions[name] = f
	return f, nil
}

func (g *MetaGraph) function(name string) (*Function, error) {
	def, ok := g.functions[name]
	if !ok {
		return nil, fmt.Errorf("the graph's library has no such function")
	}
	f := &Function{Name: name}
	in := newInliner(g)
	var args []Ref
	for _, a := range def.GetSignature().GetInputArg() {
		n := &Node{Name: a.GetName(), Op: "_Arg", NumOutputs: 1}
		f.Args = append(f.Args, n)
		args = append(args, Ref{Node: n})
	}
	s, err := in.enter(nil, name, "", args)
	if err != nil {
		return nil, err
	}
	for _, a := range def.GetSignature().GetOutputArg() {
		r, err := s.resolve(def.GetRet()[a.GetName()])
		if err != nil {
			return nil, fmt.Errorf("result %q: %w", a.GetName(), err)
		}
		f.Rets = append(f.Rets, r)
	}
	if err := s.controlReturns(); err != nil {
		return nil, err
	}
	if err := in.finish(); err != nil {
		return nil, err
	}
	f.Nodes, f.Effects = in.nodes, in.effects
	return f, nil
}
