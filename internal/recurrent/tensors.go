package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// tensor is a weight in the graph around a loop: a variable or a constant of
// one or two axes, or what is computed of such.
type tensor struct {
	id    int
	ref   savedmodel.Ref
	shape []int
	dtype lockstep.DType
}

// columns returns the length of the last axis.
func (t *tensor) columns() int { return t.shape[len(t.shape)-1] }

// part is the rows and columns top:bottom, from:to of a weight. One of one axis
// has one row; vector says that the part has only the axis of the columns.
type part struct {
	of          *tensor
	top, bottom int
	from, to    int
	vector      bool
}

func (t *tensor) whole() part {
	p := part{of: t, bottom: 1, to: t.columns(), vector: len(t.shape) == 1}
	if !p.vector {
		p.bottom = t.shape[0]
	}
	return p
}

// tensors are the weights of a graph. Two reads of a variable are one tensor,
// since variables that a run changes are excluded.
type tensors struct {
	meta    *savedmodel.MetaGraph
	users   *userOf
	changed map[*savedmodel.Variable]bool
	byVar   map[*savedmodel.Variable]*tensor
	byNode  map[*savedmodel.Node]*tensor
	joined  map[*savedmodel.Node]*Joined
	err     error // why the last variable is not a weight
}

func newTensors(m *savedmodel.MetaGraph, g *savedmodel.Graph) (*tensors, error) {
	ts := &tensors{meta: m, users: newUserOf(g), changed: map[*savedmodel.Variable]bool{}, byVar: map[*savedmodel.Variable]*tensor{}, byNode: map[*savedmodel.Node]*tensor{}, joined: map[*savedmodel.Node]*Joined{}}
	used, err := ts.users.nodes(g.Nodes)
	if err != nil {
		return nil, err
	}
	for _, handle := range used.changed {
		// A variable without a checkpoint entry is not a weight anyway.
		if v, ok, err := m.Variable(handle); ok && err == nil {
			ts.changed[v] = true
		}
	}
	return ts, nil
}

// of returns the weight whose value r is, a tensor at a place in the graph.
func (ts *tensors) of(r savedmodel.Ref, at *savedmodel.Place) (*tensor, bool) {
	r = at.Resolve(r)
	switch {
	case r.Node == nil:
		return nil, false
	case r.Node.Op == "Const":
		return ts.constant(r)
	case r.Node.Op != "ReadVariableOp" || len(r.Node.Inputs) != 1:
		return ts.computed(r, at)
	}
	return ts.variable(at.Resolve(r.Node.Inputs[0]))
}

// variable returns the weight whose variable's handle r is.
func (ts *tensors) variable(r savedmodel.Ref) (*tensor, bool) {
	r = r.Through()
	if r.Node == nil || r.Node.Op != "VarHandleOp" {
		return nil, false
	}
	v, _, err := ts.meta.Variable(r)
	if err != nil {
		ts.err = err
		return nil, false
	}
	if ts.changed[v] {
		ts.err = fmt.Errorf("a call may change the variable %q", v.Name)
		return nil, false
	}
	t, done := ts.byVar[v]
	if !done {
		t = ts.add(r, v.Shape, v.DType)
		ts.byVar[v] = t
	}
	return t, t != nil
}

func (ts *tensors) constant(r savedmodel.Ref) (*tensor, bool) {
	t, done := ts.byNode[r.Node]
	if !done {
		if value, err := r.Node.Const(); err == nil {
			t = ts.add(r, value.Shape(), value.DType())
		}
		ts.byNode[r.Node] = t
	}
	return t, t != nil
}

func (ts *tensors) add(r savedmodel.Ref, shape []int, dtype lockstep.DType) *tensor {
	if len(shape) < 1 || len(shape) > 2 || slices.Contains(shape, 0) || !dtype.IsFloat() {
		return nil
	}
	return &tensor{id: len(ts.byVar) + len(ts.byNode), ref: r, shape: shape, dtype: dtype}
}
