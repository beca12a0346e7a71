package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Operation runs an operation that needs more than its inputs: see Work.
type Operation func(w *Work, in []value.Value) error

// simple makes an Operation from one that needs its inputs alone.
func simple(run op.Exec) Operation {
	return func(w *Work, in []value.Value) error {
		out, err := run(&w.Call, in)
		if err != nil {
			return err
		}
		if len(out) != len(w.Out) {
			return fmt.Errorf("%d results, want %d", len(out), len(w.Out))
		}
		copy(w.Out, out)
		return nil
	}
}

// Compiler compiles the graph and, once each, the functions that it runs.
type Compiler struct {
	graph       *savedmodel.Graph
	Options     Options
	Recurrences map[*savedmodel.Node]*recurrent.Recurrence
	Slices      map[*savedmodel.Node]*recurrent.Slices
	cellOf      map[*recurrent.Layer]any // the kernel.Cell of each that runs as one
	functions   map[string]*Body
	loops       map[*savedmodel.Node]LoopBodies
	Handles     map[*savedmodel.Node]int // the place of each variable in initial
	initial     []*lockstep.Tensor
	assigned    map[*savedmodel.Node]bool // the handles that a call assigns to
	within      *savedmodel.Node          // of the graph: whose functions are being compiled
	Errs        []error
	// Make makes what runs a node; another evaluation of the same graph has its own.
	Make func(n *savedmodel.Node) (Operation, error)
}

func NewCompiler(g *savedmodel.Graph, o Options) *Compiler {
	c := &Compiler{
		graph: g, Options: o,
		Recurrences: map[*savedmodel.Node]*recurrent.Recurrence{},
		Slices:      map[*savedmodel.Node]*recurrent.Slices{},
		cellOf:      map[*recurrent.Layer]any{},
		functions:   map[string]*Body{},
		loops:       map[*savedmodel.Node]LoopBodies{},
		Handles:     map[*savedmodel.Node]int{},
		assigned:    map[*savedmodel.Node]bool{},
	}
	c.Make = c.operation
	for _, r := range o.Recurrences {
		c.Recurrences[r.Loop] = r
	}
	for _, s := range o.Slices {
		c.Slices[s.Loop] = s
	}
	return c
}

func (c *Compiler) fail(n *savedmodel.Node, err error) {
	u := op.Unsupported{Node: n.Name, Op: n.Op, Reason: err}
	if c.within != nil && c.within != n {
		u.Caller = c.within.Name
	}
	c.Errs = append(c.Errs, u)
}

// building is a body that is being compiled.
type building struct {
	Body  *Body
	first map[*savedmodel.Node]int // the slot of a node's first result
	// missing are the nodes that no step computes: those that are not supported,
	// and in a partial program those that need them.
	missing map[*savedmodel.Node]bool
}

func (b *building) Slot(r savedmodel.Ref) int { return b.first[r.Node] + r.Index }

// Has tells whether anything makes a tensor.
func (b *building) Has(r savedmodel.Ref) bool {
	_, ok := b.first[r.Node]
	return ok
}

// Compile makes steps from nodes, each of which comes after those it reads;
// args, a function's, come before all of them.
func (c *Compiler) Compile(args, nodes []*savedmodel.Node) *building {
	b := &building{Body: &Body{}, first: map[*savedmodel.Node]int{}, missing: map[*savedmodel.Node]bool{}}
	for _, a := range args {
		b.place(a)
		b.Body.Args = append(b.Body.Args, b.Slot(savedmodel.Ref{Node: a}))
	}
	for _, n := range c.withMade(args, nodes) {
		b.place(n)
		spec, _ := ops.SpecOf(n)
		if spec.Control == op.Input || spec.Control == op.Nothing {
			continue
		}
		s := Step{Node: n, Spec: spec, at: len(b.Body.Steps), Out: b.first[n], N: n.NumOutputs}
		inputs := c.reads(n)
		for _, in := range inputs {
			s.In = append(s.In, b.Slot(in))
			if len(c.Options.Instead) > 0 && (in.Node == n || !b.Has(in)) {
				c.fail(n, fmt.Errorf("an edit has it read %s, which is computed from its result, or in another function", in))
			}
		}
		if c.Options.Partial && slices.ContainsFunc(inputs, func(in savedmodel.Ref) bool { return b.missing[in.Node] }) {
			b.missing[n] = true
			continue
		}
		var err error
		if s.Run, err = c.build(n); err != nil {
			c.fail(n, err)
			b.missing[n] = true
			continue
		}
		b.Body.Steps = append(b.Body.Steps, s)
	}
	return b
}

func (b *building) place(n *savedmodel.Node) {
	if _, placed := b.first[n]; !placed {
		b.first[n] = b.Body.Slots
		b.Body.Slots += n.NumOutputs
	}
}

func (c *Compiler) build(n *savedmodel.Node) (Operation, error) {
	if c.within == nil {
		c.within = n
		defer func() { c.within = nil }()
	}
	return c.Make(n)
}

func (c *Compiler) operation(n *savedmodel.Node) (Operation, error) {
	spec, supported := ops.SpecOf(n)
	if err := spec.Takes(n); err != nil {
		return nil, err
	}
	if !supported {
		return nil, ops.Refusal(n)
	}
	switch spec.Control {
	case op.Loop:
		return c.loop(n)
	case op.Choice, op.Numbered:
		return c.choice(n)
	case op.Variable:
		return c.variable(n)
	case op.Assign:
		return assign, nil
	case op.Assertion:
		return Assert, nil
	case op.LookupTable:
		return c.table(n)
	}
	run, err := spec.Build(n)
	if err != nil {
		return nil, err
	}
	return simple(run), nil
}

// function compiles the body of a loop or a branch.
func (c *Compiler) function(name string) (*Body, error) {
	if b, ok := c.functions[name]; ok {
		if b == nil {
			return nil, fmt.Errorf("the function %q calls itself", name)
		}
		return b, nil
	}
	f, err := c.graph.Function(name)
	if err != nil {
		return nil, err
	}
	for _, n := range f.Effects {
		if ControlOf(n) != op.Assertion { // which is one of the function's nodes, and runs with them
			return nil, fmt.Errorf("its function %q changes something that outlives the call (%s), which is not supported", name, n.Op)
		}
	}
	c.functions[name] = nil // until it is compiled
	b := c.Compile(f.Args, slices.Concat(f.Nodes, c.returned(f.Rets)))
	if c.Options.Partial && len(b.missing) > 0 {
		return nil, fmt.Errorf("its function %q has operations that are not supported", name)
	}
	for _, r := range f.Rets {
		b.Body.Rets = append(b.Body.Rets, b.Slot(c.Instead(r)))
	}
	b.release()
	b.Body.temporary()
	c.functions[name] = b.Body
	return b.Body, nil
}

// release finds for each step the slots that are read by it and by no later one,
// and are no result.
func (b *building) release() {
	seen := map[int]bool{}
	for _, slot := range b.Body.Rets {
		seen[slot] = true
	}
	for i := len(b.Body.Steps) - 1; i >= 0; i-- {
		s := &b.Body.Steps[i]
		for _, slot := range s.In {
			if !seen[slot] {
				seen[slot] = true
				s.last = append(s.last, slot)
			}
		}
	}
}
