package errbound

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// body is a graph or a function compiled by the engine's compiler, with the
// exact evaluation's own operations.
type body struct {
	*engine.Body
	operations []operation // by step
	last       [][]int     // by step: the slots that no later one reads, and no result is
}

// operation computes an operation's n results.
type operation func(r *evaluationRun, in []op.BoundedValue, n int) ([]op.BoundedValue, error)

// compiler compiles the graph, and once each the functions that it runs.
type compiler struct {
	*engine.Compiler
	exact      *Evaluator
	operations map[*savedmodel.Node]operation
	single     bool // some tensor is float32
}

func newExactCompiler(g *savedmodel.Graph, o engine.Options, e *Evaluator) *compiler {
	c := &compiler{Compiler: engine.NewCompiler(g, o), exact: e, operations: map[*savedmodel.Node]operation{}}
	c.Make = func(n *savedmodel.Node) (engine.Operation, error) {
		c.single = c.single || usesNarrow(n)
		run, err := c.exactOperation(n)
		c.operations[n] = run
		return nil, err
	}
	return c
}

func (c *compiler) exactOperation(n *savedmodel.Node) (operation, error) {
	switch engine.ControlOf(n) {
	case op.Loop:
		return c.exactLoop(n)
	case op.Choice, op.Numbered:
		return c.exactChoice(n)
	case op.Variable:
		return c.exactVariable(n)
	case op.Assign:
		// All reads of the variable in this call come before.
		return func(*evaluationRun, []op.BoundedValue, int) ([]op.BoundedValue, error) { return nil, nil }, nil
	case op.Assertion:
		return exactAssert, nil
	case op.LookupTable:
		return c.exactTable(n)
	case op.ConstantValue:
		t, err := n.Const()
		v := op.BoundedValue{Value: value.Value{Tensor: t}}
		return func(*evaluationRun, []op.BoundedValue, int) ([]op.BoundedValue, error) {
			return []op.BoundedValue{v}, nil
		}, err
	}
	run := c.ordinary(n)
	if engine.ControlOf(n) != op.Read {
		return run, nil
	}
	return func(r *evaluationRun, in []op.BoundedValue, results int) ([]op.BoundedValue, error) {
		if results == 1 && isNarrow(in[0].Variable) {
			return []op.BoundedValue{{Value: value.Value{Tensor: in[0].Variable}}}, nil
		}
		return run(r, in, results)
	}, nil
}

// of gives a compiled graph or function its operations.
func (c *compiler) of(b *engine.Body) *body {
	out := &body{Body: b}
	for i := range b.Steps {
		out.operations = append(out.operations, c.operations[b.Steps[i].Node])
	}
	out.release(b.Rets)
	return out
}

// release finds the slots that each step is the last to read or to fill, those of
// results left out.
func (b *body) release(results []int) {
	b.last = make([][]int, len(b.Steps))
	seen := map[int]bool{}
	for _, slot := range results {
		seen[slot] = true
	}
	for i := len(b.Steps) - 1; i >= 0; i-- {
		s := &b.Steps[i]
		for k := range len(s.In) + s.N {
			slot := s.Out + k - len(s.In)
			if k < len(s.In) {
				slot = s.In[k]
			}
			if !seen[slot] {
				seen[slot] = true
				b.last[i] = append(b.last[i], slot)
			}
		}
	}
}

// run runs the steps on slots, and drops the values that no later one reads: all of
// a network's may be more than memory holds.
func (b *body) run(r *evaluationRun, slots []op.BoundedValue) error {
	r.mem.Exact = append(r.mem.Exact, slots)
	defer func() { r.mem.Exact = r.mem.Exact[:len(r.mem.Exact)-1] }()
	for i := range b.Steps {
		if err := b.do(r, slots, i); err != nil {
			return err
		}
		for _, slot := range b.last[i] {
			slots[slot] = op.BoundedValue{}
		}
	}
	return nil
}

// do runs one step.
func (b *body) do(r *evaluationRun, slots []op.BoundedValue, i int) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	s := &b.Steps[i]
	in, err := b.read(r, slots, s)
	if err != nil {
		return fmt.Errorf("node %q (%s): %w", s.Node.Name, s.Node.Op, err)
	}
	out, err := b.operations[i](r, in, s.N)
	if err == nil && len(out) != s.N {
		err = fmt.Errorf("%d results, want %d", len(out), s.N)
	}
	if err == nil && r.noise != nil {
		err = r.move(s.Node.Name, out)
	}
	if err != nil {
		return fmt.Errorf("node %q (%s): %w", s.Node.Name, s.Node.Op, err)
	}
	copy(slots[s.Out:], out)
	if err := r.mem.AddExact(out); err != nil {
		return fmt.Errorf("node %q (%s): the tensors of the evaluation in float64: %w", s.Node.Name, s.Node.Op, err)
	}
	r.collect(in, out)
	return nil
}

// collect counts what a step makes and drops: about as much again as its inputs and
// its results.
func (r *evaluationRun) collect(in, out []op.BoundedValue) {
	for _, values := range [][]op.BoundedValue{in, out} {
		for _, v := range values {
			for _, t := range []*lockstep.Tensor{v.Tensor, v.Bound.Tensor} {
				if t != nil {
					r.garbage.Add(2 * int64(t.Len()*t.DType().Size()))
				}
			}
		}
	}
}

// read reads the inputs of a step, floats in float64.
func (b *body) read(r *evaluationRun, slots []op.BoundedValue, s *engine.Step) (in []op.BoundedValue, err error) {
	in = make([]op.BoundedValue, len(s.In))
	for k, slot := range s.In {
		v := slots[slot]
		if v.Handle != 0 {
			of := r.variable(v.Handle - 1)
			if isNarrow(of.Tensor) && s.Spec.Control != op.Read {
				if of, err = widened(of); err != nil {
					return nil, err
				}
			}
			v.Variable, v.Bound = of.Tensor, value.Value{}
			if of.Bound.Tensor != nil && r.noise == nil {
				v.Bound = value.Value{Variable: of.Bound.Tensor}
			}
		} else if isNarrow(v.Tensor) {
			if v, err = widened(v); err != nil {
				return nil, err
			}
			if r.noise != nil {
				v.Bound = value.Value{}
			}
		}
		in[k] = v
	}
	return in, nil
}

// isNarrow tells whether a tensor is of floats narrower than float64: a weight, a
// constant, or what an engine has. It is widened when an operation reads it, so that
// it takes no more memory than it does in the engine.
func isNarrow(t *lockstep.Tensor) bool {
	return t != nil && (t.DType().IsFloat() && t.DType() != lockstep.Float64 || t.DType() == lockstep.Complex64)
}

// widened is a value whose tensor is of float64 if it was of narrower floats.
func widened(v op.BoundedValue) (op.BoundedValue, error) {
	if !isNarrow(v.Tensor) {
		return v, nil
	}
	return op.Widen(v.Tensor)
}

// call runs a function.
func (b *body) call(r *evaluationRun, args []op.BoundedValue) ([]op.BoundedValue, error) {
	slots := make([]op.BoundedValue, b.Slots)
	for i, slot := range b.Args {
		slots[slot] = args[i]
	}
	if err := b.run(r, slots); err != nil {
		return nil, err
	}
	out := make([]op.BoundedValue, len(b.Rets))
	for i, slot := range b.Rets {
		out[i] = slots[slot]
	}
	return out, nil
}

// unknown are n results without value or bound.
func unknown(n int, why error) []op.BoundedValue {
	return slices.Repeat([]op.BoundedValue{{Why: why, FreeShape: true}}, n)
}
