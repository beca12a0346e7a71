// Package engine compiles a signature's flat graph into steps and runs them:
// one operation after the other, loops and branches by running their bodies,
// recognised recurrent layers by native cells.
//
// What an operation computes is TensorFlow's own definition of it. An
// operation, an attribute or an element type that is not supported is found
// when a program is compiled, all of them at once, and never approximated.
//
// A program is specialised to the shapes of its inputs when it first meets
// them: what depends on shapes alone is computed once and kept (plan.go).
package engine

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Program is a compiled signature. Any number of goroutines may run it.
type Program struct {
	In     []Port // in the order of their names; slot is -1 if nothing reads it
	Out    []Port // the signature's, then the extra ones that were requested
	Wanted int    // how many of outputs are the signature's
	Body   *Body
	// Initial are the variables' values before any call.
	Initial     []*lockstep.Tensor
	stateful    bool                                       // calls assign to some
	complete    bool                                       // nothing was left out: see Options.Partial
	Recurrences map[*savedmodel.Node]*recurrent.Recurrence // that run by native cells
	Slices      map[*savedmodel.Node]*recurrent.Slices
	cells       map[*recurrent.Layer]any        // the kernel.Cell of each
	loops       map[*savedmodel.Node]LoopBodies // that are run iteration by iteration
	Computed    []bool                          // by step: see analyse
	rigid       []bool                          // by slot: see analyse

	mu    sync.Mutex // held while plans grows
	plans atomic.Pointer[[]*Plan]

	isolated atomic.Pointer[isolatedFor] // of the last inputs that were traced

	runners sync.Pool
	Memory  int64 // see Options
}

// Limit is the budget for the tensors of a call.
func (p *Program) Limit() int64 {
	if p.Memory > 0 {
		return p.Memory
	}
	return memory.Budget()
}

// Port is a tensor that goes in or out.
type Port struct {
	Name string
	Slot int
}

// Options say how a graph is compiled.
type Options struct {
	// Variable returns the value of a variable, by its handle.
	Variable func(handle savedmodel.Ref) (*lockstep.Tensor, error)
	// Table returns the lookup table whose handle a node is.
	Table func(handle *savedmodel.Node) (*value.LookupTable, error)
	// Weight returns the value of a recognised layer's weight: a variable's or
	// a constant's.
	Weight func(weight savedmodel.Ref) (*lockstep.Tensor, error)
	// Recurrences and Slices are loops that are run by faster code than their
	// bodies.
	Recurrences []*recurrent.Recurrence
	Slices      []*recurrent.Slices
	// Edits change what recognised loops read, by the loop.
	Edits map[*savedmodel.Node]CellEdit
	// Instead are tensors that are read in the place of others, by those: what
	// an edit of the graph replaces, except in Extra.
	Instead map[savedmodel.Ref]savedmodel.Ref
	// Extra are tensors to compute beside the signature's outputs, by name.
	Extra map[string]savedmodel.Ref
	// Memory bounds the bytes of a call's tensors; 0 is what memory.Budget says.
	Memory int64
	// Workers is how many goroutines the rows of a batch may be shared out to in a
	// recognised loop; none is one.
	Workers int
	// Partial leaves out the operations that are not supported, and the
	// operations and outputs that need them: the rest shows which inputs the
	// graph accepts.
	Partial bool
}

// Compile compiles a flat graph. The error joins an Unsupported for every
// operation that is not supported.
func Compile(g *savedmodel.Graph, o Options) (*Program, error) {
	c := NewCompiler(g, o)
	live := c.Live()
	c.checkFed(live)
	b := c.Compile(nil, live)
	p := &Program{Body: b.Body, Memory: o.Memory}
	for _, name := range slices.Sorted(maps.Keys(g.Inputs)) {
		in := Port{name, -1}
		if r := g.Inputs[name]; r.Node != nil && b.Has(r) {
			in.Slot = b.Slot(r)
		}
		p.In = append(p.In, in)
	}
	p.addOutputs(b, c.insteadOf(g.Outputs))
	p.Wanted = len(p.Out)
	p.addOutputs(b, o.Extra)
	if len(c.Errs) > 0 && !o.Partial {
		return nil, errors.Join(c.Errs...)
	}
	p.complete = len(c.Errs) == 0
	p.Recurrences, p.Slices, p.cells, p.loops = c.Recurrences, c.Slices, c.cellOf, c.loops
	p.Initial, p.stateful = c.initial, len(c.assigned) > 0
	p.analyse(c.assigned)
	return p, nil
}

// checkFed refuses placeholders that are needed, and that no input is fed to.
func (c *Compiler) checkFed(nodes []*savedmodel.Node) {
	fed := map[*savedmodel.Node]bool{}
	for _, in := range c.graph.Inputs {
		fed[in.Node] = true
	}
	for _, n := range nodes {
		if ControlOf(n) == op.Input && !fed[n] {
			c.fail(n, errors.New("the signature has no input that is fed to it"))
		}
	}
}

// addOutputs adds the tensors that a step computes.
func (p *Program) addOutputs(b *building, refs map[string]savedmodel.Ref) {
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if !b.missing[refs[name].Node] {
			p.Out = append(p.Out, Port{name, b.Slot(refs[name])})
		}
	}
}

// Stateful tells whether a call leaves something for the next one.
func (p *Program) Stateful() bool { return p.stateful }

// Complete tells whether no operation was left out.
func (p *Program) Complete() bool { return p.complete }

// Inputs returns the names of the inputs of a call.
func (p *Program) Inputs() []string { return names(p.In) }

// Outputs returns the names of the signature's outputs, Extra those of the
// extra tensors that were requested.
func (p *Program) Outputs() []string { return names(p.Out[:p.Wanted]) }

// Extra: see Outputs.
func (p *Program) Extra() []string { return names(p.Out[p.Wanted:]) }

func names(ports []Port) []string {
	out := make([]string, len(ports))
	for i, at := range ports {
		out[i] = at.Name
	}
	return out
}
