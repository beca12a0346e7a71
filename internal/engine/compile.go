package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// operation runs an operation that needs more than its inputs: see work.
type operation func(w *work, in []Value) error

// simple makes an operation of one that needs its inputs alone.
func simple(run Exec) operation {
	return func(w *work, in []Value) error {
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

// compiler compiles the graph and, once each, the functions that it runs.
type compiler struct {
	graph       *savedmodel.Graph
	options     Options
	recurrences map[*savedmodel.Node]*recurrent.Recurrence
	slices      map[*savedmodel.Node]*recurrent.Slices
	cellOf      map[*recurrent.Layer]any // the kernel.Cell of each that runs as one
	functions   map[string]*body
	handles     map[*savedmodel.Node]int // the place of each variable in initial
	initial     []*lockstep.Tensor
	assigned    map[*savedmodel.Node]bool // the handles that a call assigns to
	within      *savedmodel.Node          // of the graph: whose functions are being compiled
	errs        []error
	// make makes what runs a node; another evaluation of the same graph has its own.
	make func(n *savedmodel.Node) (operation, error)
}

func newCompiler(g *savedmodel.Graph, o Options) *compiler {
	c := &compiler{
		graph: g, options: o,
		recurrences: map[*savedmodel.Node]*recurrent.Recurrence{},
		slices:      map[*savedmodel.Node]*recurrent.Slices{},
		cellOf:      map[*recurrent.Layer]any{},
		functions:   map[string]*body{},
		handles:     map[*savedmodel.Node]int{},
		assigned:    map[*savedmodel.Node]bool{},
	}
	c.make = c.operation
	for _, r := range o.Recurrences {
		c.recurrences[r.Loop] = r
	}
	for _, s := range o.Slices {
		c.slices[s.Loop] = s
	}
	return c
}

func (c *compiler) fail(n *savedmodel.Node, err error) {
	u := Unsupported{Node: n.Name, Op: n.Op, Reason: err}
	if c.within != nil && c.within != n {
		u.Within = c.within.Name
	}
	c.errs = append(c.errs, u)
}

// building is a body on its way.
type building struct {
	body  *body
	first map[*savedmodel.Node]int // the slot of a node's first result
	// missing are the nodes that no step computes: those that are not supported,
	// and in a partial program those that need them.
	missing map[*savedmodel.Node]bool
}

func (b *building) slot(r savedmodel.Ref) int { return b.first[r.Node] + r.Index }

// has tells whether anything makes a tensor.
func (b *building) has(r savedmodel.Ref) bool {
	_, ok := b.first[r.Node]
	return ok
}

// compile makes steps of nodes, each of which stands after those it reads; args,
// a function's, stand before all of them.
func (c *compiler) compile(args, nodes []*savedmodel.Node) *building {
	b := &building{body: &body{}, first: map[*savedmodel.Node]int{}, missing: map[*savedmodel.Node]bool{}}
	for _, a := range args {
		b.place(a)
		b.body.args = append(b.body.args, b.slot(savedmodel.Ref{Node: a}))
	}
	for _, n := range nodes {
		b.place(n)
		spec, _ := SpecOf(n)
		if spec.Control == Input || spec.Control == Nothing {
			continue
		}
		s := step{node: n, spec: spec, at: len(b.body.steps), out: b.first[n], n: n.NumOutputs}
		for _, in := range n.Inputs {
			s.in = append(s.in, b.slot(in))
		}
		if c.options.Partial && slices.ContainsFunc(n.Inputs, func(in savedmodel.Ref) bool { return b.missing[in.Node] }) {
			b.missing[n] = true
			continue
		}
		var err error
		if s.run, err = c.build(n); err != nil {
			c.fail(n, err)
			b.missing[n] = true
			continue
		}
		b.body.steps = append(b.body.steps, s)
	}
	return b
}

func (b *building) place(n *savedmodel.Node) {
	if _, placed := b.first[n]; !placed {
		b.first[n] = b.body.slots
		b.body.slots += n.NumOutputs
	}
}

func (c *compiler) build(n *savedmodel.Node) (operation, error) {
	if c.within == nil {
		c.within = n
		defer func() { c.within = nil }()
	}
	return c.make(n)
}

func (c *compiler) operation(n *savedmodel.Node) (operation, error) {
	spec, known := SpecOf(n)
	if err := spec.Takes(n); err != nil {
		return nil, err
	}
	if !known {
		return nil, errors.New("the operation is not supported")
	}
	switch spec.Control {
	case Loop:
		return c.loop(n)
	case Choice, Numbered:
		return c.choice(n)
	case Variable:
		return c.variable(n)
	case Assign:
		return assign, nil
	case Assertion:
		return assert, nil
	}
	run, err := spec.Build(n)
	if err != nil {
		return nil, err
	}
	return simple(run), nil
}

// function compiles the body of a loop or a branch.
func (c *compiler) function(name string) (*body, error) {
	if b, ok := c.functions[name]; ok {
		if b == nil {
			return nil, fmt.Errorf("the function %q within itself", name)
		}
		return b, nil
	}
	f, err := c.graph.Function(name)
	if err != nil {
		return nil, err
	}
	if len(f.Effects) > 0 {
		return nil, fmt.Errorf("its function %q changes something that outlives the call (%s), which is not supported", name, f.Effects[0].Op)
	}
	c.functions[name] = nil // until it is compiled
	b := c.compile(f.Args, f.Nodes)
	if c.options.Partial && len(b.missing) > 0 {
		return nil, fmt.Errorf("its function %q has operations that are not supported", name)
	}
	for _, r := range f.Rets {
		b.body.rets = append(b.body.rets, b.slot(r))
	}
	b.release()
	c.functions[name] = b.body
	return b.body, nil
}

// release finds for each step the slots that are read by it and by no later one,
// and are no result.
func (b *building) release() {
	seen := map[int]bool{}
	for _, slot := range b.body.rets {
		seen[slot] = true
	}
	for i := len(b.body.steps) - 1; i >= 0; i-- {
		s := &b.body.steps[i]
		for _, slot := range s.in {
			if !seen[slot] {
				seen[slot] = true
				s.last = append(s.last, slot)
			}
		}
	}
}
