package savedmodel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Limits for hostile graphs; the largest that Keras is known to write, an
// unrolled layer of 1,000 steps, is far below.
const (
	maxInlineDepth = 64        // calls within calls
	maxPath        = 100_000   // nodes on a path, which a reader's stack follows
	maxFlatBytes   = 256 << 20 // a flat graph with the loops' bodies, as estimated
	nodeBytes      = 400       // a node without its name, inputs and outputs
	callBytes      = 800       // an inlined call
)

// budget is how many bytes the flat graph may still use. A kilobyte of
// functions that call each other twice would make 2^60 nodes.
type budget struct{ left int }

func newBudget() *budget { return &budget{maxFlatBytes} }

func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return fmt.Errorf("the graph takes more than %d MiB with its calls inlined", maxFlatBytes>>20)
	}
	return nil
}

// inliner makes nodes out of definitions, inlining calls, from the wanted
// tensors backwards.
type inliner struct {
	meta    *MetaGraph
	budget  *budget
	nodes   []*Node // each after its inputs
	path    int
	pending []*scope // called functions whose effects have not been processed
}

func newInliner(g *MetaGraph, b *budget) *inliner { return &inliner{meta: g, budget: b} }

// scope is the main graph or one call of a function.
type scope struct {
	in        *inliner
	prefix    string
	depth     int
	caller    *scope
	fn        *function      // nil in the main graph
	parts     *functionParts // of fn
	defs      map[string]*tfpb.NodeDef
	args      map[string]Ref
	instances map[string]*instance
	fed       map[string]*feed // of the main graph: the nodes whose tensors are fed
}

// feed is a node of which tensors are fed to a call and not computed.
type feed struct {
	inputs map[int]string // the signature's, by the tensor's index
	def    *tfpb.NodeDef  // a placeholder in its place
}

// instance is what a definition became: a node, or an inlined call.
type instance struct {
	node   *Node
	call   *scope
	byName bool // the call's results are named as in the function
	busy   bool // its inputs are being made; meeting it again is a cycle
}

func (in *inliner) main() *scope {
	return &scope{in: in, defs: in.meta.nodes, instances: map[string]*instance{}}
}

// enter begins a call of a function.
func (in *inliner) enter(caller *scope, fname, prefix string, args []Ref) (*scope, error) {
	fn, ok := in.meta.functions[fname]
	if !ok {
		return nil, fmt.Errorf("the graph's library has no function %q", fname)
	}
	s := &scope{in: in, prefix: prefix, caller: caller, fn: fn, instances: map[string]*instance{}}
	if caller != nil {
		s.depth = caller.depth + 1
	}
	for c := caller; c != nil; c = c.caller {
		if c.fn == fn {
			return nil, fmt.Errorf("function %q calls itself", fname)
		}
	}
	if s.depth > maxInlineDepth {
		return nil, fmt.Errorf("calls are nested more than %d deep at %.200q", maxInlineDepth, prefix)
	}
	var err error
	if s.parts, err = fn.parts(); err != nil {
		return nil, err
	}
	formal, effects := s.parts.def.GetSignature().GetInputArg(), s.parts.def.GetSignature().GetControlOutput()
	if len(formal) != len(args) {
		return nil, fmt.Errorf("function %q takes %d arguments and is called with %d", fname, len(formal), len(args))
	}
	if err := in.budget.spend(callBytes + len(prefix) + 32*len(args) + 16*len(effects)); err != nil {
		return nil, err
	}
	s.defs = s.parts.nodes
	s.args = make(map[string]Ref, len(args))
	for i, a := range formal {
		s.args[a.GetName()] = args[i]
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
		ret, err := m.call.ret(m.byName, result, index)
		if err != nil {
			return Ref{}, fmt.Errorf("%q: %w", name, err)
		}
		return m.call.resolve(ret)
	}
	if result != "" {
		from, n, err := s.in.meta.resultRange(m.node.def, result)
		if err != nil {
			return Ref{}, fmt.Errorf("%q: %w", name, err)
		}
		if index >= n {
			return Ref{}, fmt.Errorf("%q: the result %q of %s is %d tensors", name, result, m.node.Op, n)
		}
		index += from
	}
	if fed := s.fed[node]; fed != nil && fed.inputs[index] == "" {
		return Ref{}, fmt.Errorf("%q is computed by a node of which the signature feeds another tensor, which is not supported", name)
	}
	if index >= m.node.NumOutputs {
		return Ref{}, fmt.Errorf("%q: node %q (%s) has %d outputs", name, m.node.Name, m.node.Op, m.node.NumOutputs)
	}
	return Ref{Node: m.node, Index: index}, nil
}

// ret returns the tensor inside an inlined call for one of its results: by
// position for the call operations, whose one list is "output"; in a function,
// by name where another is called as an operation. The main graph counts all
// results through.
func (call *scope) ret(byName bool, result string, index int) (string, error) {
	results := call.parts.def.GetSignature().GetOutputArg()
	switch {
	case result == "":
	case byName:
		at, ok := call.parts.results[result]
		if !ok || index != 0 {
			return "", fmt.Errorf("function %q has no result %q at %d", call.fn.name, result, index)
		}
		index = at
	case result != "output":
		return "", fmt.Errorf("a call has the result \"output\" alone")
	}
	if index >= len(results) {
		return "", fmt.Errorf("function %q has %d results, no number %d", call.fn.name, len(results), index)
	}
	name := results[index].GetName()
	ret, ok := call.parts.def.GetRet()[name]
	if !ok {
		return "", fmt.Errorf("function %q does not define its result %q", call.fn.name, name)
	}
	return ret, nil
}

// make makes the node of a definition, once, after all that it needs.
func (s *scope) make(name string) (*instance, error) {
	if m, ok := s.instances[name]; ok {
		if m.busy {
			return nil, fmt.Errorf("the graph has a cycle through %q", s.prefix+name)
		}
		return m, nil
	}
	def, ok := s.defs[name]
	if !ok {
		where := "the graph"
		if s.fn != nil {
			where = fmt.Sprintf("function %q", s.fn.name)
		}
		return nil, fmt.Errorf("%s has no node %q", where, name)
	}
	if s.parts != nil {
		if attr, open := s.parts.open[name]; open {
			return nil, fmt.Errorf("function %q leaves the attribute %q of its node %q to its caller, which is not supported", s.fn.name, attr, name)
		}
	}
	if s.in.path++; s.in.path > maxPath {
		return nil, fmt.Errorf("a path of more than %d nodes", maxPath)
	}
	defer func() { s.in.path-- }()

	if err := s.in.budget.spend(nodeBytes + len(s.prefix) + len(name) + 16*len(def.GetInput())); err != nil {
		return nil, err
	}
	fed := s.fed[name]
	if fed != nil {
		def = fed.def
	}
	m := &instance{busy: true}
	s.instances[name] = m
	inputs, controls, err := s.inputs(def)
	if err != nil {
		return nil, err
	}
	if fname, byName := s.in.meta.callee(def); fname != "" {
		m.byName = byName
		if m.call, err = s.in.enter(s, fname, s.prefix+name+"/", inputs); err != nil {
			return nil, err
		}
		s.in.pending = append(s.in.pending, m.call)
		m.busy = false
		return m, nil
	}
	outputs, err := s.in.meta.numOutputs(def)
	if fed != nil {
		outputs, err = s.in.meta.countOutputs(s.defs[name])
	}
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", s.prefix+name, err)
	}
	if err := s.in.budget.spend(16 * outputs); err != nil { // a reader's, for what they hold
		return nil, err
	}
	m.node = &Node{
		Name: s.prefix + name, Op: def.GetOp(), Inputs: inputs, Control: controls,
		NumOutputs: outputs, Main: s.fn == nil && s.in.meta.isMain(name, inputs, controls), def: def,
	}
	s.in.nodes = append(s.in.nodes, m.node)
	m.busy = false
	return m, nil
}

// inputs makes what a definition reads and waits for.
func (s *scope) inputs(def *tfpb.NodeDef) (inputs []Ref, controls []*Node, err error) {
	inputs = make([]Ref, 0, len(def.GetInput()))
	for _, name := range def.GetInput() {
		if after, isControl := strings.CutPrefix(name, "^"); isControl {
			if s.fn != nil {
				if _, isArg := s.args[after]; isArg {
					continue // arguments exist when the call begins
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

// runEffects makes the operations that a function runs for their effect: those
// that it names, and all that change something, which libtensorflow keeps too.
func (s *scope) runEffects() error {
	for _, name := range s.parts.def.GetSignature().GetControlOutput() {
		if _, err := s.make(s.parts.def.GetControlRet()[name]); err != nil {
			return fmt.Errorf("effect %q: %w", name, err)
		}
	}
	for _, name := range s.parts.effects {
		if _, err := s.make(name); err != nil {
			return fmt.Errorf("effect %q: %w", name, err)
		}
	}
	return nil
}

// finish makes the operations that every called function runs for their effect,
// and returns the nodes with one.
func (in *inliner) finish() (effects []*Node, err error) {
	for len(in.pending) > 0 {
		s := in.pending[0]
		in.pending = in.pending[1:]
		if err := s.runEffects(); err != nil {
			return nil, err
		}
	}
	for _, n := range in.nodes {
		if hasEffect(n.Op) {
			effects = append(effects, n)
		}
	}
	return effects, nil
}
