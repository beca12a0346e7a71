package errbound

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// mostKept are the bytes of variables that are kept in float64; others are widened
// when they are read.
const mostKept = 64 << 20

// exactVariable assigns a variable its index.
func (c *compiler) exactVariable(n *savedmodel.Node) (operation, error) {
	at, ok := c.Handles[n]
	if !ok {
		t, err := c.Options.Variable(savedmodel.Ref{Node: n})
		if err != nil {
			return nil, err
		}
		v := op.BoundedValue{Value: value.Value{Tensor: t}}
		if c.exact.kept += 8 * t.Len(); c.exact.kept <= mostKept {
			if v, err = op.Widen(t); err != nil {
				return nil, err
			}
		}
		at = len(c.exact.variables)
		c.Handles[n] = at
		c.exact.variables = append(c.exact.variables, v)
	}
	return func(*evaluationRun, []op.BoundedValue, int) ([]op.BoundedValue, error) {
		return []op.BoundedValue{{Value: value.Value{Handle: at + 1}}}, nil
	}, nil
}

// exactTable makes the handle of a lookup table, whose values are exact.
func (c *compiler) exactTable(n *savedmodel.Node) (operation, error) {
	t, err := c.Table(n)
	if err == nil {
		t, err = t.InFloat64()
	}
	if err != nil {
		return nil, err
	}
	return func(*evaluationRun, []op.BoundedValue, int) ([]op.BoundedValue, error) {
		return []op.BoundedValue{{Value: value.Value{Table: t}}}, nil
	}, nil
}

// exactAssert fails if the assertion does not hold whatever the rounding.
func exactAssert(_ *evaluationRun, in []op.BoundedValue, _ int) ([]op.BoundedValue, error) {
	if len(in) > 0 && !in[0].Exact() {
		return nil, nil
	}
	values := make([]value.Value, len(in))
	for i := range in {
		values[i] = in[i].Value
	}
	return nil, engine.Assert(nil, values)
}

// exactLoop builds a While.
func (c *compiler) exactLoop(n *savedmodel.Node) (operation, error) {
	first, second, err := c.LoopFunctions(n)
	if err != nil {
		return nil, err
	}
	cond, body := c.of(first), c.of(second)
	interpreted := func(r *evaluationRun, state []op.BoundedValue, n int) ([]op.BoundedValue, error) {
		loops := len(r.at)
		defer func() { r.at = r.at[:loops] }()
		for i := range engine.MaxSteps {
			r.at = append(r.at[:loops], i)
			more, err := cond.call(r, state)
			if err != nil {
				return nil, err
			}
			if !more[0].Exact() {
				return unknown(n, more[0].Reason()), nil
			}
			on, err := engine.Truth(more[0].Value)
			if err != nil {
				return nil, fmt.Errorf("the condition: %w", err)
			}
			if !on {
				return state, nil
			}
			if state, err = body.call(r, state); err != nil {
				return nil, err
			}
		}
		return nil, engine.ErrEndless
	}
	if r := c.Recurrences[n]; r != nil {
		return c.exactRecurrence(r, interpreted)
	}
	if s := c.Slices[n]; s != nil {
		return exactSliced(s, interpreted), nil
	}
	c.exact.loops[n] = loopBodies{cond, body}
	return interpreted, nil
}

// exactChoice builds an If or a Case.
func (c *compiler) exactChoice(n *savedmodel.Node) (operation, error) {
	compiled, err := c.Branches(n)
	if err != nil {
		return nil, err
	}
	var branches []*body
	for _, b := range compiled {
		branches = append(branches, c.of(b))
	}
	control := engine.ControlOf(n)
	return func(r *evaluationRun, in []op.BoundedValue, results int) ([]op.BoundedValue, error) {
		if !in[0].Exact() {
			return unknown(results, in[0].Reason()), nil
		}
		i, err := engine.Chosen(control, in[0].Value, len(branches))
		if err != nil {
			return nil, err
		}
		return branches[i].call(r, in[1:])
	}, nil
}
