package program

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func init() {
	register(plain(identity), "Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics")
	register(buildConst, "Const")
}

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
	vars := len(n.Inputs)
	if len(cond.args) != vars || len(cond.rets) != 1 || len(body.args) != vars || len(body.rets) != vars || n.NumOutputs != vars {
		return nil, fmt.Errorf("%d loop variables, a condition of %d to %d and a body of %d to %d", vars, len(cond.args), len(cond.rets), len(body.args), len(body.rets))
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
				copy(w.out, state)
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
	then, err := c.function(n.AttrFunc("then_branch"))
	if err != nil {
		return nil, err
	}
	otherwise, err := c.function(n.AttrFunc("else_branch"))
	if err != nil {
		return nil, err
	}
	if then == nil || otherwise == nil {
		return nil, errors.New("a branch within itself")
	}
	args := len(n.Inputs) - 1
	if len(then.args) != args || len(otherwise.args) != args || len(then.rets) != n.NumOutputs || len(otherwise.rets) != n.NumOutputs {
		return nil, fmt.Errorf("%d arguments and %d results, and branches of %d to %d and %d to %d", args, n.NumOutputs, len(then.args), len(then.rets), len(otherwise.args), len(otherwise.rets))
	}
	return func(w *work, in []Value) error {
		yes, err := truth(in[0])
		if err != nil {
			return err
		}
		chosen := otherwise
		if yes {
			chosen = then
		}
		out, err := chosen.call(w.running, in[1:])
		if err != nil {
			return err
		}
		copy(w.out, out)
		return nil
	}, nil
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

func identity(w *work, in []Value) ([]Value, error) { return append([]Value(nil), in...), nil }

func buildConst(_ *compiler, n *savedmodel.Node) (exec, error) {
	t, err := n.Const()
	if err != nil {
		return nil, err
	}
	return func(*work, []Value) ([]Value, error) { return []Value{{Tensor: t}}, nil }, nil
}
