package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// maxSteps bounds a loop whose condition never fails.
const maxSteps = 100_000_000

// loop builds a While: by the native cells where it was recognised, step by
// step where it was not, or where the call's tensors are not what the cells
// take.
func (c *compiler) loop(n *savedmodel.Node) (operation, error) {
	interpreted, err := c.while(n)
	if err != nil {
		return nil, err
	}
	if r := c.recurrences[n]; r != nil {
		return c.recurrence(r, interpreted)
	}
	if s := c.slices[n]; s != nil {
		return sliced(s, interpreted), nil
	}
	return interpreted, nil
}

func (c *compiler) while(n *savedmodel.Node) (operation, error) {
	cond, body, err := c.loopFunctions(n)
	if err != nil {
		return nil, err
	}
	return func(w *work, in []Value) error {
		state := in
		for range maxSteps {
			more, err := cond.call(w.running, state)
			if err != nil {
				return err
			}
			on, err := truth(more[0])
			if err != nil {
				return fmt.Errorf("the condition: %w", err)
			}
			if !on {
				copy(w.Out, state)
				return nil
			}
			if state, err = body.call(w.running, state); err != nil {
				return err
			}
		}
		return errEndless
	}, nil
}

var errEndless = fmt.Errorf("a loop of more than %d steps", maxSteps)

// loopFunctions compiles the condition and the body of a While.
func (c *compiler) loopFunctions(n *savedmodel.Node) (cond, body *body, err error) {
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
func (c *compiler) choice(n *savedmodel.Node) (operation, error) {
	branches, err := c.branches(n)
	if err != nil {
		return nil, err
	}
	spec, _ := SpecOf(n)
	return func(w *work, in []Value) error {
		i, err := chosen(spec.Control, in[0], len(branches))
		if err != nil {
			return err
		}
		out, err := branches[i].call(w.running, in[1:])
		copy(w.Out, out)
		return err
	}, nil
}

// branches compiles the branches of a Case, and of an If the one for false and
// the one for true.
func (c *compiler) branches(n *savedmodel.Node) ([]*body, error) {
	names := []string{n.AttrFunc("else_branch"), n.AttrFunc("then_branch")}
	if controlOf(n) == Numbered {
		names = nil
		for _, f := range n.Attr("branches").GetList().GetFunc() {
			names = append(names, f.GetName())
		}
	}
	var out []*body
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

// chosen is the number of the branch that a value chooses; a number that no
// branch has means the last.
func chosen(control Control, by Value, branches int) (int, error) {
	if control == Choice {
		yes, err := truth(by)
		if yes {
			return 1, err
		}
		return 0, err
	}
	if by.Tensor == nil {
		return 0, fmt.Errorf("the number of the branch is %s", by)
	}
	i, err := scalarInt(by.Tensor)
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

func (b *body) arity() arity { return arity{len(b.args), len(b.rets)} }

func (a arity) String() string { return fmt.Sprintf("%d to %d", a.args, a.rets) }

// assert fails if its condition does not hold.
func assert(_ *work, in []Value) error {
	if len(in) == 0 {
		return errors.New("an assertion of nothing")
	}
	holds, err := truth(in[0])
	if err == nil && !holds {
		err = errors.New("the model asserts something of its inputs that does not hold")
	}
	return err
}

// truth reads a condition: a bool, or a number that is not zero.
func truth(v Value) (bool, error) {
	if v.Tensor == nil || v.Tensor.Len() != 1 {
		return false, fmt.Errorf("%s, want one bool", v)
	}
	f, err := v.Tensor.Float64s()
	if err != nil {
		return false, err
	}
	return f[0] != 0, nil
}
