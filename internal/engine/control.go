package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// MaxSteps bounds a loop whose condition never fails.
const MaxSteps = 100_000_000

// loop builds a While: by the native cells where it was recognised, step by
// step where it was not, or where the call's tensors do not fit the cells.
func (c *Compiler) loop(n *savedmodel.Node) (Operation, error) {
	interpreted, err := c.while(n)
	if err != nil {
		return nil, err
	}
	// What runs a recognised loop has its own use for the memory.
	instead := func(w *Work, in []value.Value) error {
		var keep any
		alone := *w
		alone.Keep, alone.Fixed = &keep, 0
		return interpreted(&alone, in)
	}
	if r := c.Recurrences[n]; r != nil {
		return c.recurrence(r, instead)
	}
	if s := c.Slices[n]; s != nil {
		return sliced(s, instead), nil
	}
	cond, body, err := c.LoopFunctions(n)
	c.loops[n] = LoopBodies{cond, body}
	return interpreted, err
}

func (c *Compiler) while(n *savedmodel.Node) (Operation, error) {
	cond, body, err := c.LoopFunctions(n)
	if err != nil {
		return nil, err
	}
	assigns := len(c.assigned) > 0
	return func(w *Work, in []value.Value) error {
		state := in
		m := op.Room[loopMemory](&w.Call)
		if m.body.of != body {
			fixed := w.Fixed
			if assigns { // variables are not what they were
				fixed = 0
			}
			unchanged := body.unchanged(fixed)
			m.condition.prepare(cond, unchanged)
			m.body.prepare(body, unchanged)
		}
		loops := len(w.at)
		defer func() { w.at = w.at[:loops] }()
		for i := range MaxSteps {
			w.at = append(w.at[:loops], i)
			more, err := m.condition.run(cond, w.Running, state)
			if err != nil {
				return err
			}
			on, err := Truth(more[0])
			if err != nil {
				return fmt.Errorf("the condition: %w", err)
			}
			if !on {
				copy(w.Out, state)
				return nil
			}
			if state, err = m.body.run(body, w.Running, state); err != nil {
				return err
			}
			if err := w.watch(n, state); err != nil {
				return err
			}
		}
		return ErrEndless
	}, nil
}

var ErrEndless = fmt.Errorf("a loop of more than %d steps", MaxSteps)

// LoopFunctions compiles the condition and the body of a While.
func (c *Compiler) LoopFunctions(n *savedmodel.Node) (cond, body *Body, err error) {
	if cond, err = c.function(n.AttrFunc("cond")); err != nil {
		return nil, nil, err
	}
	if body, err = c.function(n.AttrFunc("body")); err != nil {
		return nil, nil, err
	}
	vars := len(n.Inputs)
	if cond.arity() != (arity{vars, 1}) || body.arity() != (arity{vars, vars}) || n.NumOutputs != vars {
		return nil, nil, fmt.Errorf("%d loop variables, a condition of %s and a body of %s", vars, cond.arity(), body.arity())
	}
	return cond, body, nil
}

// choice builds an If or a Case.
func (c *Compiler) choice(n *savedmodel.Node) (Operation, error) {
	branches, err := c.Branches(n)
	if err != nil {
		return nil, err
	}
	spec, _ := ops.SpecOf(n)
	return func(w *Work, in []value.Value) error {
		i, err := Chosen(spec.Control, in[0], len(branches))
		if err != nil {
			return err
		}
		out, err := branches[i].call(w.Running, in[1:])
		copy(w.Out, out)
		return err
	}, nil
}

// Branches compiles the branches of a Case, and of an If the one for false and
// the one for true.
func (c *Compiler) Branches(n *savedmodel.Node) ([]*Body, error) {
	names := []string{n.AttrFunc("else_branch"), n.AttrFunc("then_branch")}
	if ControlOf(n) == op.Numbered {
		names = n.AttrFuncs("branches")
	}
	var out []*Body
	for _, name := range names {
		b, err := c.function(name)
		if err != nil {
			return nil, err
		}
		if args := len(n.Inputs) - 1; args < 0 || b.arity() != (arity{args, n.NumOutputs}) {
			return nil, fmt.Errorf("%d arguments and %d results, and a branch of %s", args, n.NumOutputs, b.arity())
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, errors.New("a choice between no branches")
	}
	return out, nil
}

// Chosen is the number of the branch that a value chooses; a number that no
// branch has means the last.
func Chosen(control op.Control, by value.Value, branches int) (int, error) {
	if control == op.Choice {
		yes, err := Truth(by)
		if yes {
			return 1, err
		}
		return 0, err
	}
	if by.Tensor == nil {
		return 0, fmt.Errorf("the number of the branch is %s", by)
	}
	i, err := value.ScalarInt(by.Tensor)
	if err != nil {
		return 0, fmt.Errorf("the number of the branch: %w", err)
	}
	if i < 0 || i >= branches {
		i = branches - 1
	}
	return i, nil
}

// arity is how many values a function takes and returns.
type arity struct{ args, rets int }

func (b *Body) arity() arity { return arity{len(b.Args), len(b.Rets)} }

func (a arity) String() string { return fmt.Sprintf("%d to %d", a.args, a.rets) }

// Assert fails if its condition does not hold.
func Assert(_ *Work, in []value.Value) error {
	if len(in) == 0 {
		return errors.New("an assertion of nothing")
	}
	holds, err := Truth(in[0])
	if err == nil && !holds {
		err = errors.New("the model asserts something of its inputs that does not hold")
	}
	return err
}

// Truth reads a condition: a bool, or a number that is not zero.
func Truth(v value.Value) (bool, error) {
	if v.Tensor == nil || v.Tensor.Len() != 1 {
		return false, fmt.Errorf("%s, want one bool", v)
	}
	if b, err := lockstep.Data[bool](v.Tensor); err == nil {
		return b[0], nil
	}
	f, err := v.Tensor.Float64s()
	if err != nil {
		return false, err
	}
	return f[0] != 0, nil
}
