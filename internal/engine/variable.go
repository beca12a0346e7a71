package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Variables. Most are weights, which no call changes. A layer that is stateful
// keeps its states in some, and assigns to them at the end of a call: they
// belong to the call (Running.Variables), and the caller says whether the next
// call begins with them.

// Live returns the nodes that the outputs need, and the effects that a later
// call could see in them, in their order. An assignment to a variable that no
// output depends on, such as the seed of a layer that inference does not use,
// is not one. An assertion is an effect too. All others are refused.
func (c *Compiler) Live() []*savedmodel.Node {
	var wanted []*savedmodel.Node
	for _, outputs := range []map[string]savedmodel.Ref{c.insteadOf(c.graph.Outputs), c.Options.Extra} {
		for _, r := range outputs {
			wanted = append(wanted, r.Node)
		}
	}
	needed := c.reach(wanted)
	effects := slices.Clone(c.graph.Effects)
	for again := true; again; { // an assigned value may need another variable
		again = false
		effects = slices.DeleteFunc(effects, func(n *savedmodel.Node) bool {
			handle, ok := assignedTo(n)
			if ControlOf(n) == op.Assertion {
				maps.Copy(needed, c.reach([]*savedmodel.Node{n}))
				again = true
				return true
			}
			if !ok {
				c.fail(n, errors.New("it changes something that outlives the call, which is not supported"))
				return true
			}
			if !anyGets(needed, handle) {
				return false
			}
			if err := c.ordered(needed, handle, n); err != nil {
				c.fail(n, err)
			}
			c.assigned[handle] = true
			maps.Copy(needed, c.reach([]*savedmodel.Node{n}))
			again = true
			return true
		})
	}
	var out []*savedmodel.Node
	for _, n := range c.graph.Nodes {
		if needed[n] {
			out = append(out, n)
		}
	}
	return append(out, c.returned(slices.Collect(maps.Values(c.graph.Outputs)))...)
}

// reach returns the given nodes and those whose results they need.
func (c *Compiler) reach(from []*savedmodel.Node) map[*savedmodel.Node]bool {
	seen := map[*savedmodel.Node]bool{}
	for _, n := range from {
		seen[n] = true
	}
	for pending := slices.Clone(from); len(pending) > 0; pending = pending[1:] {
		for _, in := range c.reads(pending[0]) {
			if !seen[in.Node] {
				seen[in.Node] = true
				pending = append(pending, in.Node)
			}
		}
	}
	return seen
}

// assignedTo returns the handle of the variable that an effect assigns to.
func assignedTo(n *savedmodel.Node) (handle *savedmodel.Node, ok bool) {
	if ControlOf(n) != op.Assign || len(n.Inputs) != 2 {
		return nil, false
	}
	handle = n.Inputs[0].Through().Node
	return handle, ControlOf(handle) == op.Variable
}

// anyGets tells whether any of the nodes gets a variable's handle.
func anyGets(nodes map[*savedmodel.Node]bool, handle *savedmodel.Node) bool {
	for n := range nodes {
		if slices.ContainsFunc(n.Inputs, func(r savedmodel.Ref) bool { return sameVariable(r.Through().Node, handle) }) {
			return true
		}
	}
	return false
}

// sameVariable tells whether n is a handle of the variable that handle is of.
func sameVariable(n, handle *savedmodel.Node) bool {
	return n == handle || ControlOf(n) == op.Variable && n.AttrString("shared_name") == handle.AttrString("shared_name") && n.AttrString("container") == handle.AttrString("container")
}

// ordered makes sure that it cannot matter when a variable is read: the value
// which is assigned depends on all that is read.
func (c *Compiler) ordered(needed map[*savedmodel.Node]bool, handle, assign *savedmodel.Node) error {
	before := c.reach([]*savedmodel.Node{assign})
	for _, n := range c.graph.Nodes {
		if !needed[n] || n == assign || (savedmodel.Ref{Node: n}).Through().Node != n {
			continue
		}
		for _, in := range n.Inputs {
			switch from := in.Through().Node; {
			case !sameVariable(from, handle):
			case from != handle:
				return fmt.Errorf("it assigns to the variable %q, which has a second handle %q: that is not supported", handle.Name, from.Name)
			case ControlOf(n) != op.Read && !onlyReads(n):
				return fmt.Errorf("it assigns to the variable %q, which %q (%s) gets: that is not supported", handle.Name, n.Name, n.Op)
			case !before[n]:
				return fmt.Errorf("it assigns to the variable %q whether or not %q has read it: that is not supported", handle.Name, n.Name)
			}
		}
	}
	return nil
}

// onlyReads tells whether an operation that gets a variable's handle does no more
// with it than read: a branch that does not return it. That its functions change
// nothing is checked when they are compiled.
func onlyReads(n *savedmodel.Node) bool {
	control := ControlOf(n)
	return (control == op.Choice || control == op.Numbered) && !n.ReturnsResource()
}

// variable assigns a variable its index among those of a call.
func (c *Compiler) variable(n *savedmodel.Node) (Operation, error) {
	for _, e := range c.graph.Effects {
		if handle, ok := assignedTo(e); ok && c.within != n && sameVariable(n, handle) {
			return nil, fmt.Errorf("it is a function's own handle of the variable %q, which the call assigns to: that is not supported", handle.Name)
		}
	}
	at, ok := c.Handles[n]
	if !ok {
		t, err := c.Options.Variable(savedmodel.Ref{Node: n})
		if err != nil {
			return nil, err
		}
		at = len(c.initial)
		c.Handles[n] = at
		c.initial = append(c.initial, t)
	}
	return func(w *Work, _ []value.Value) error {
		w.Out[0] = value.Value{Handle: at + 1}
		return nil
	}, nil
}

// table makes a lookup table's handle.
func (c *Compiler) table(n *savedmodel.Node) (Operation, error) {
	t, err := c.Table(n)
	if err != nil {
		return nil, err
	}
	return func(w *Work, _ []value.Value) error {
		w.Out[0] = value.Value{Table: t}
		return nil
	}, nil
}

// Table returns the lookup table whose handle a node is.
func (c *Compiler) Table(n *savedmodel.Node) (*value.LookupTable, error) {
	if c.Options.Table == nil {
		return nil, errors.New("lookup tables are not supported here")
	}
	return c.Options.Table(n)
}

// ControlOf is the control of a node.
func ControlOf(n *savedmodel.Node) op.Control {
	spec, _ := ops.SpecOf(n)
	return spec.Control
}

// assign gives a variable its next value.
func assign(w *Work, in []value.Value) error {
	if len(in) != 2 || in[0].Handle == 0 || in[1].Tensor == nil {
		return errors.New("it assigns to something that is not a variable")
	}
	old, next := in[0].Variable, in[1].Tensor
	if next.DType() != old.DType() || !slices.Equal(next.Shape(), old.Shape()) {
		return fmt.Errorf("it assigns %s to a variable of %s", next, old)
	}
	// A copy, since a later call overwrites next; never into old, which may be
	// the value in the file.
	fresh, err := value.CloneTensor(next)
	if err != nil {
		return err
	}
	w.Variables[in[0].Handle-1] = fresh
	return nil
}
