package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// exactVariable gives a variable its place.
func (c *exactCompiler) exactVariable(n *savedmodel.Node) (exactOperation, error) {
	at, ok := c.handles[n]
	if !ok {
		t, err := c.options.Variable(savedmodel.Ref{Node: n})
		if err != nil {
			return nil, err
		}
		v, err := widen(t)
		if err != nil {
			return nil, err
		}
		at = len(c.exact.variables)
		c.handles[n] = at
		c.exact.variables = append(c.exact.variables, v)
	}
	return func(*exactRun, []Bounded, int) ([]Bounded, error) {
		return []Bounded{{Value: Value{handle: at + 1}}}, nil
	}, nil
}

// exactAssert fails if what is asserted does not hold whatever the rounding.
func exactAssert(_ *exactRun, in []Bounded, _ int) ([]Bounded, error) {
	if len(in) > 0 && !in[0].exact() {
		return nil, nil
	}
	values := make([]Value, len(in))
	for i := range in {
		values[i] = in[i].Value
	}
	return nil, assert(nil, values)
}

// exactLoop builds a While.
func (c *exactCompiler) exactLoop(n *savedmodel.Node) (exactOperation, error) {
	first, second, err := c.loopFunctions(n)
	if err != nil {
		return nil, err
	}
	cond, body := c.of(first), c.of(second)
	interpreted := func(r *exactRun, state []Bounded, n int) ([]Bounded, error) {
		for range maxSteps {
			more, err := cond.call(r, state)
			if err != nil {
				return nil, err
			}
			if !more[0].exact() {
				return unknown(n, more[0].reason()), nil
			}
			on, err := truth(more[0].Value)
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
		return nil, errEndless
	}
	if r := c.recurrences[n]; r != nil {
		return c.exactRecurrence(r, interpreted)
	}
	if s := c.slices[n]; s != nil {
		return exactSliced(s, interpreted), nil
	}
	return interpreted, nil
}

// exactChoice builds an If or a Case.
func (c *exactCompiler) exactChoice(n *savedmodel.Node) (exactOperation, error) {
	compiled, err := c.branches(n)
	if err != nil {
		return nil, err
	}
	var branches []*exactBody
	for _, b := range compiled {
		branches = append(branches, c.of(b))
	}
	return func(r *exactRun, in []Bounded, results int) ([]Bounded, error) {
		if !in[0].exact() {
			return unknown(results, in[0].reason()), nil
		}
		i, err := chosen(controlOf(n), in[0].Value, len(branches))
		if err != nil {
			return nil, err
		}
		return branches[i].call(r, in[1:])
	}, nil
}

// rowsList is a list of a tensor's rows, of the kind of another.
func rowsList(rows *lockstep.Tensor, like *List) Value {
	return Value{List: &List{rows: rows, DType: rows.DType(), Shape: like.Shape, Known: like.Known, Below: like.Below}}
}
