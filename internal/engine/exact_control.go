package engine

import (
	"errors"
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
	cond, err := c.function(n.AttrFunc("cond"))
	if err != nil {
		return nil, err
	}
	body, err := c.function(n.AttrFunc("body"))
	if err != nil {
		return nil, err
	}
	if err := fitsLoop(n, arity{len(cond.args), len(cond.rets)}, arity{len(body.args), len(body.rets)}); err != nil {
		return nil, err
	}
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
		return nil, fmt.Errorf("a loop of more than %d steps", maxSteps)
	}
	if r := c.recurrences[n]; r != nil {
		return c.exactRecurrence(r, interpreted)
	}
	if s := c.slices[n]; s != nil {
		return exactSliced(s, interpreted), nil
	}
	return interpreted, nil
}

// exactBranches builds an If or a Case.
func (c *exactCompiler) exactBranches(n *savedmodel.Node) (exactOperation, error) {
	names := []string{n.AttrFunc("else_branch"), n.AttrFunc("then_branch")}
	spec, _ := SpecOf(n)
	byNumber := spec.Control == Numbered
	if byNumber {
		names = nil
		for _, f := range n.Attr("branches").GetList().GetFunc() {
			names = append(names, f.GetName())
		}
	}
	var branches []*exactBody
	for _, name := range names {
		b, err := c.function(name)
		if err != nil {
			return nil, err
		}
		if err := fitsBranch(n, arity{len(b.args), len(b.rets)}); err != nil {
			return nil, err
		}
		branches = append(branches, b)
	}
	if len(branches) == 0 {
		return nil, errors.New("a choice between no branches")
	}
	return func(r *exactRun, in []Bounded, n int) ([]Bounded, error) {
		if !in[0].exact() {
			return unknown(n, in[0].reason()), nil
		}
		which := 0
		if byNumber {
			if in[0].Tensor == nil {
				return nil, fmt.Errorf("the number of the branch is %s", in[0].Value)
			}
			var err error
			if which, err = scalarInt(in[0].Tensor); err != nil {
				return nil, fmt.Errorf("the number of the branch: %w", err)
			}
			if which < 0 || which >= len(branches) {
				which = len(branches) - 1
			}
		} else if yes, err := truth(in[0].Value); err != nil {
			return nil, err
		} else if yes {
			which = 1
		}
		return branches[which].call(r, in[1:])
	}, nil
}

// rowsList is a list of a tensor's rows, of the kind of another.
func rowsList(rows *lockstep.Tensor, like *List) Value {
	return Value{List: &List{rows: rows, DType: rows.DType(), Shape: like.Shape, Known: like.Known, Below: like.Below}}
}
