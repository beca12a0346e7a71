package savedmodel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// What a hostile graph may ask for; the largest that Keras is known to write,
// an unrolled layer of 1,000 steps, is far below.
const (
	maxInlineDepth = 64        // calls within calls
	maxNodes       = 2_000_000 // nodes of a flat graph
	maxPath        = 200_000   // nodes on a path, which a reader's stack follows
)

// inliner makes nodes out of definitions, inlining calls, from the wanted
// tensors backwards.
type inliner struct {
	meta    *MetaGraph
	nodes   []*Node // each after its inputs
	effects []*Node
	path    int
	pending []*scope // called functions whose effects have not been looked at
}

func newInliner(g *MetaGraph) *inliner { return &inliner{meta: g} }

// scope is the main graph or one call of a function.
type scope struct {
	in     *inliner
	prefix string
	depth  int
	caller *scope
	fname  string                         // "" in the main graph
	fn     *function_go_proto.FunctionDef // nil in the main graph
	defs   map[string]*node_def_go_proto.NodeDef
	args   map[string]Ref
	made   map[string]*made
}

// made is what a definition became: a node, or an inlined call.
type made struct {
	node *Node
	call *scope
	busy bool // its inputs are being made; meeting it again is a cycle
}

func (in *inliner) main() *scope {
	return &scope{in: in, defs: in.meta.nodes, made: map[string]*made{}}
}

// enter begins a call of a function.
func (in *inliner) enter(caller *scope, fname, prefix string, args []Ref) (*scope, error) {
	fn, ok := in.meta.functions[fname]
	if !ok {
		return nil, fmt.Errorf("the graph's library has no function %q", fname)
	}
	s := &scope{in: in, prefix: prefix, caller: caller, fname: fname, fn: fn, args: map[string]Ref{}, made: map[string]*made{}}
	if caller != nil {
		s.depth = caller.depth + 1
	}
	for c := caller; c != nil; c = c.caller {
		if c.fname == fname {
			return nil, fmt.Errorf("function %q calls itself", fname)
		}
	}
	if s.depth > maxInlineDepth {
		return nil, fmt.Errorf("calls are nested more than %d deep at %q", maxInlineDepth, prefix)
	}
	formal := fn.GetSignature().GetInputArg()
	if len(formal) != len(args) {
		return nil, fmt.Errorf("function %q takes %d arguments and is called with %d", fname, len(formal), len(args))
	}
	for i, a := range formal {
		if a.GetNumberAttr() != "" || a.GetTypeListAttr() != "" {
			return nil, fmt.Errorf("function %q takes a list of tensors as %q, which is not supported", fname, a.GetName())
		}
		s.args[a.GetName()] = args[i]
	}
	s.defs = make(map[string]*node_def_go_proto.NodeDef, len(fn.GetNodeDef()))
	for _, n := range fn.GetNodeDef() {
		s.defs[n.GetName()] = n
	}
	return s, nil
}

// resolve makes the tensor that a name stands for: "node", "node:1" in the
// main graph; "argument" or "node:result:0" in a function.
func (s *scope) resolve(name string) (Ref, error) {
	if s.fn != nil {
		if r, ok := s.args[name]; ok {
			return r, nil
		}
	}
	node, rest, _ := strings.Cut(name, ":")
	m, err := s.make(node)
	if err != nil {
		return Ref{}, err
	}
	result, index := "", 0
	if s.fn != nil {
		var number string
		result, number, _ = strings.Cut(rest, ":")
		rest = number
	}
	if rest != "" {
		if index, err = strconv.Atoi(rest); err != nil || index < 0 {
			return Ref{}, fmt.Errorf("%q is not the name of a tensor", name)
		}
	}
	if m.call != nil {
		return s.callResult(m.call, result, index)
	}
	if s.fn != nil {
		base, err := s.in.meta.resultOffset(m.node.def, result)
		if err != nil {
			return Ref{}, fmt.Errorf("%q: %w", name, err)
		}
		index += base
	}
	if index >= m.node.NumOutputs {
		return Ref{}, fmt.Errorf("%q: node %q (%s) has %d outputs", name, m.node.Name, m.node.Op, m.node.NumOutputs)
	}
	return Ref{Node: m.node, Index: index}, nil
}

// callResult resolves a result of an inlined call: by position for the call
// operations, whose one list is "output", by name where a function is called
// as an operation.
func (s *scope) callResult(call *scope, result string, index int) (Ref, error) {
	results := call.fn.GetSignature().GetOutputArg()
	for i, a := range results {
		if result != "" && result != "output" && a.GetName() == result {
			index += i
			break
		}
	}
	if index >= len(results) {
		return Ref{}, fmt.Errorf("function %q has %d results, no result %d", call.fname, len(results), index)
	}
	name := results[index].GetName()
	ret, ok := call.fn.GetRet()[name]
	if !ok {
		return Ref{}, fmt.Errorf("function %q says nothing of its result %q", call.fname, name)
	}
	return call.resolve(ret)
}

// make makes the node of a definition, once, after all that it needs.
func (s *scope) make(name string) (*made, error) {
	if m, ok := s.made[name]; ok {
		if m.busy {
			return nil, fmt.Errorf("the graph has a cycle through %q (control flow of TensorFlow 1 is not supported)", s.prefix+name)
		}
		return m, nil
	}
	def, ok := s.defs[name]
	if !ok {
		where := "the graph"
		if s.fn != nil {
			where = fmt.Sprintf("function %q", s.fname)
		}
		return nil, fmt.Errorf("%s has no node %q", where, name)
	}
	if s.in.path++; s.in.path > maxPath {
		return nil, fmt.Errorf("a path of more than %d nodes", maxPath)
	}
	defer func() { s.in.path-- }()

	m := &made{busy: true}
	s.made[name] = m
	inputs, controls, err := s.inputs(def)
	if err != nil {
		return nil, err
	}
	if fname := s.in.meta.callee(def); fname != "" {
		if m.call, err = s.in.enter(s, fname, s.prefix+name+"/", inputs); err != nil {
			return nil, err
		}
		s.in.pending = append(s.in.pending, m.call)
		m.busy = false
		return m, nil
	}
	outputs, err := s.in.meta.numOutputs(def)
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", s.prefix+name, err)
	}
	m.node = &Node{
		Name: s.prefix + name, Op: def.GetOp(), Inputs: inputs, Control: controls,
		NumOutputs: outputs, Main: s.fn == nil, def: def,
	}
	if s.in.nodes = append(s.in.nodes, m.node); len(s.in.nodes) > maxNodes {
		return nil, fmt.Errorf("the inlined graph has more than %d nodes", maxNodes)
	}
	m.busy = false
	return m, nil
}

// inputs makes what a definition reads and waits for.
func (s *scope) inputs(def *node_def_go_proto.NodeDef) (inputs []Ref, controls []*Node, err error) {
	for _, name := range def.GetInput() {
		if after, isControl := strings.CutPrefix(name, "^"); isControl {
			if s.fn != nil {
				if _, isArg := s.args[after]; isArg {
					continue // an argument is there when the call begins
				}
			}
			m, err := s.make(after)
			if err != nil {
				return nil, nil, err
			}
			if m.node != nil {
				controls = append(controls, m.node)
			}
			continue
		}
		r, err := s.resolve(name)
		if err != nil {
			return nil, nil, err
		}
		inputs = append(inputs, r)
	}
	return inputs, controls, nil
}

// controlReturns makes the operations that a function runs for their effect.
func (s *scope) controlReturns() error {
	for _, name := range s.fn.GetSignature().GetControlOutput() {
		m, err := s.make(s.fn.GetControlRet()[name])
		if err != nil {
			return fmt.Errorf("effect %q: %w", name, err)
		}
		if m.node != nil && hasEffect(m.node.Op) {
			s.in.effects = append(s.in.effects, m.node)
		}
	}
	return nil
}

// finish looks at the effects of every function that was called.
func (in *inliner) finish() error {
	for len(in.pending) > 0 {
		s := in.pending[0]
		in.pending = in.pending[1:]
		if err := s.controlReturns(); err != nil {
			return err
		}
	}
	return nil
}

// hasEffect tells whether an operation changes something that a later one, or
// a later call, can see. Reading a variable and running a loop do not by
// themselves; Keras lists them among a function's control results.
func hasEffect(op string) bool {
	switch op {
	case "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "ResourceScatterUpdate", "ResourceScatterAdd", "Assert", "PrintV2":
		return true
	}
	return false
}
