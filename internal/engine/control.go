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
	cond, err := c.function(n.AttrFunc("cond"))
	if err != nil {
		return nil, err
	}
	body, err := c.function(n.AttrFunc("body"))
	if err != nil {
		return nil, err
	}
	if cond == nil || body == nil {
		return nil, errors.New("a loop within itself")
	}
	if err := fitsLoop(n, arity{len(cond.args), len(cond.rets)}, arity{len(body.args), len(body.rets)}); err != nil {
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
		return fmt.Errorf("a loop of more than %d steps", maxSteps)
	}, nil
}

// branch builds an If.
func (c *compiler) branch(n *savedmodel.Node) (operation, error) {
	then, err := c.alternative(n, n.AttrFunc("then_branch"))
	if err != nil {
		return nil, err
	}
	otherwise, err := c.alternative(n, n.AttrFunc("else_branch"))
	if err != nil {
		return nil, err
	}
	return func(w *work, in []Value) error {
		yes, err := truth(in[0])
		if err != nil {
			return err
		}
		if yes {
			return then.fill(w, in[1:])
		}
		return otherwise.fill(w, in[1:])
	}, nil
}

// cases builds a Case: the first input is the number of the branch, and any
// that there is none of means the last.
func (c *compiler) cases(n *savedmodel.Node) (operation, error) {
	var branches []*body
	for _, f := range n.Attr("branches").GetList().GetFunc() {
		b, err := c.alternative(n, f.GetName())
		if err != nil {
			return nil, err
		}
		branches = append(branches, b)
	}
	if len(branches) == 0 {
		return nil, errors.New("a choice between no branches")
	}
	return func(w *work, in []Value) error {
		if in[0].Tensor == nil {
			return fmt.Errorf("the number of the branch is %s", in[0])
		}
		i, err := scalarInt(in[0].Tensor)
		if err != nil {
			return fmt.Errorf("the number of the branch: %w", err)
		}
		if i < 0 || i >= len(branches) {
			i = len(branches) - 1
		}
		return branches[i].fill(w, in[1:])
	}, nil
}

// alternative compiles a branch.
func (c *compiler) alternative(n *savedmodel.Node, name string) (*body, error) {
	b, err := c.function(name)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errors.New("a branch within itself")
	}
	return b, fitsBranch(n, arity{len(b.args), len(b.rets)})
}

// arity is how many values a function takes and returns.
type arity struct{ args, rets int }

// fitsLoop tells whether a While's functions are for its variables.
func fitsLoop(n *savedmodel.Node, cond, body arity) error {
	vars := len(n.Inputs)
	if cond != (arity{vars, 1}) || body != (arity{vars, vars}) || n.NumOutputs != vars {
		return fmt.Errorf("%d loop variables, a condition of %d to %d and a body of %d to %d", vars, cond.args, cond.rets, body.args, body.rets)
	}
	return nil
}

// fitsBranch tells whether a function is for what an If or a Case gives it.
func fitsBranch(n *savedmodel.Node, branch arity) error {
	if args := len(n.Inputs) - 1; args < 0 || branch != (arity{args, n.NumOutputs}) {
		return fmt.Errorf("%d arguments and %d results, and a branch of %d to %d", args, n.NumOutputs, branch.args, branch.rets)
	}
	return nil
}

// fill runs a function for an operation's results.
func (b *body) fill(w *work, args []Value) error {
	out, err := b.call(w.running, args)
	copy(w.Out, out)
	return err
}

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
