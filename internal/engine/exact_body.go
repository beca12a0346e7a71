package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// exactBody is a graph or a function as the exact evaluation takes it.
type exactBody struct {
	steps      []exactStep
	slots      int
	args, rets []int
}

// exactStep is one operation.
type exactStep struct {
	node *savedmodel.Node
	in   []int
	out  int // the first of its slots
	n    int
	run  exactOperation
}

// exactOperation computes an operation's n results.
type exactOperation func(r *exactRun, in []Bounded, n int) ([]Bounded, error)

// exactCompiler compiles the graph, and once each the functions that it runs.
type exactCompiler struct {
	*compiler
	exact  *Exact
	bodies map[string]*exactBody
	single bool // something is float32
}

// exactBuilding is a body on its way.
type exactBuilding struct {
	building
	body *exactBody
}

func (c *exactCompiler) steps(args, nodes []*savedmodel.Node) (*exactBuilding, error) {
	b := &exactBuilding{body: &exactBody{}}
	b.first = map[*savedmodel.Node]int{}
	place := func(n *savedmodel.Node) {
		if _, placed := b.first[n]; !placed {
			b.first[n] = b.body.slots
			b.body.slots += n.NumOutputs
		}
	}
	for _, a := range args {
		place(a)
		b.body.args = append(b.body.args, b.first[a])
	}
	for _, n := range nodes {
		place(n)
		c.single = c.single || n.Uses(lockstep.Float32)
		if spec, _ := SpecOf(n); spec.Control == Input || spec.Control == Nothing {
			continue
		}
		s := exactStep{node: n, out: b.first[n], n: n.NumOutputs}
		for _, in := range n.Inputs {
			s.in = append(s.in, b.slot(in))
		}
		var err error
		if s.run, err = c.operation(n); err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", n.Name, n.Op, err)
		}
		b.body.steps = append(b.body.steps, s)
	}
	return b, nil
}

func (c *exactCompiler) operation(n *savedmodel.Node) (exactOperation, error) {
	switch spec, _ := SpecOf(n); spec.Control {
	case Loop:
		return c.exactLoop(n)
	case Choice, Numbered:
		return c.exactBranches(n)
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

// body compiles a function.
func (c *exactCompiler) function(name string) (*exactBody, error) {
	if b, ok := c.bodies[name]; ok {
		if b == nil {
			return nil, errors.New("a function within itself")
		}
		return b, nil
	}
	f, err := c.graph.Function(name)
	if err != nil {
		return nil, err
	}
	c.bodies[name] = nil
	b, err := c.steps(f.Args, f.Nodes)
	if err != nil {
		return nil, err
	}
	for _, r := range f.Rets {
		b.body.rets = append(b.body.rets, b.slot(r))
	}
	c.bodies[name] = b.body
	return b.body, nil
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
		out, err := s.run(r, in, s.n)
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
