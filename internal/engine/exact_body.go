package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// exactBody is a graph or a function as the exact evaluation takes it: what the
// engine's compiler made of it, with operations of the evaluation's own.
type exactBody struct {
	*body
	operations []exactOperation // by step
}

// exactOperation computes an operation's n results.
type exactOperation func(r *exactRun, in []Bounded, n int) ([]Bounded, error)

// exactCompiler compiles the graph, and once each the functions that it runs.
type exactCompiler struct {
	*compiler
	exact      *Exact
	operations map[*savedmodel.Node]exactOperation
	single     bool // something is float32
}

func newExactCompiler(g *savedmodel.Graph, o Options, e *Exact) *exactCompiler {
	c := &exactCompiler{compiler: newCompiler(g, o), exact: e, operations: map[*savedmodel.Node]exactOperation{}}
	c.make = func(n *savedmodel.Node) (operation, error) {
		c.single = c.single || n.Uses(lockstep.Float32)
		run, err := c.exactOperation(n)
		c.operations[n] = run
		return nil, err
	}
	return c
}

func (c *exactCompiler) exactOperation(n *savedmodel.Node) (exactOperation, error) {
	switch controlOf(n) {
	case Loop:
		return c.exactLoop(n)
	case Choice, Numbered:
		return c.exactChoice(n)
	case Variable:
		return c.exactVariable(n)
	case Assign:
		// Whatever reads the variable in this call has read it before.
		return func(*exactRun, []Bounded, int) ([]Bounded, error) { return nil, nil }, nil
	case Assertion:
		return exactAssert, nil
	case Constant:
		t, err := n.Const()
		if err != nil {
			return nil, err
		}
		v, err := widen(t)
		return func(*exactRun, []Bounded, int) ([]Bounded, error) { return []Bounded{v}, nil }, err
	}
	return c.ordinary(n), nil
}

// of gives a compiled graph or function its operations.
func (c *exactCompiler) of(b *body) *exactBody {
	out := &exactBody{body: b}
	for i := range b.steps {
		out.operations = append(out.operations, c.operations[b.steps[i].node])
	}
	return out
}

// run runs the steps on slots.
func (b *exactBody) run(r *exactRun, slots []Bounded) error {
	r.mem.exact = append(r.mem.exact, slots)
	defer func() { r.mem.exact = r.mem.exact[:len(r.mem.exact)-1] }()
	for i := range b.steps {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		s := &b.steps[i]
		in := make([]Bounded, len(s.in))
		for k, slot := range s.in {
			in[k] = slots[slot]
			if h := in[k].handle; h != 0 {
				of := r.exact.variables[h-1]
				in[k].Variable, in[k].Bound = of.Tensor, Value{}
				if of.Bound.Tensor != nil {
					in[k].Bound = Value{Variable: of.Bound.Tensor}
				}
			}
		}
		out, err := b.operations[i](r, in, s.n)
		if err != nil {
			return fmt.Errorf("node %q (%s): %w", s.node.Name, s.node.Op, err)
		}
		if len(out) != s.n {
			return fmt.Errorf("node %q (%s): %d results, want %d", s.node.Name, s.node.Op, len(out), s.n)
		}
		copy(slots[s.out:], out)
		if err := r.mem.addExact(out); err != nil {
			return fmt.Errorf("node %q (%s): the tensors of the evaluation in float64: %w", s.node.Name, s.node.Op, err)
		}
	}
	return nil
}

// call runs a function.
func (b *exactBody) call(r *exactRun, args []Bounded) ([]Bounded, error) {
	slots := make([]Bounded, b.slots)
	for i, slot := range b.args {
		slots[slot] = args[i]
	}
	if err := b.run(r, slots); err != nil {
		return nil, err
	}
	out := make([]Bounded, len(b.rets))
	for i, slot := range b.rets {
		out[i] = slots[slot]
	}
	return out, nil
}

// unknown are n results of which nothing is known.
func unknown(n int, why error) []Bounded {
	return slices.Repeat([]Bounded{{Why: why, FreeShape: true}}, n)
}
