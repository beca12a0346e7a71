package recurrent

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loop is a While operation with its loop variables sorted by how the body
// changes them.
type loop struct {
	node       *savedmodel.Node
	place      *savedmodel.Place // where it stands, nil in the signature's graph
	inputs     []savedmodel.Ref  // the node's, followed out of the functions around it
	body, cond *savedmodel.Function
	index      map[*savedmodel.Node]int // the body's arguments by position
	invariant  []bool                   // the body returns the variable unchanged
	counts     []bool                   // it begins at zero and the body adds one to it
	pickedBy   map[int]int              // the counter that picks the elements of a list, as far as they were looked at
}

// maxVariables bounds the loop variables of a layer; Keras's loops have some
// ten, and five more for each cell of a stack.
const maxVariables = 1000

func readLoop(g *savedmodel.Graph, n *savedmodel.Node, place *savedmodel.Place) (*loop, error) {
	l := &loop{node: n, place: place, index: map[*savedmodel.Node]int{}, pickedBy: map[int]int{}}
	for _, in := range n.Inputs {
		l.inputs = append(l.inputs, place.Resolve(in))
	}
	var err error
	if l.body, err = g.Function(n.AttrFunc("body")); err != nil {
		return nil, err
	}
	if l.cond, err = g.Function(n.AttrFunc("cond")); err != nil {
		return nil, err
	}
	vars := len(n.Inputs)
	if n.NumOutputs != vars || len(l.body.Args) != vars || len(l.body.Rets) != vars || len(l.cond.Args) != vars || len(l.cond.Rets) != 1 {
		return nil, fmt.Errorf("%d loop variables, a body from %d to %d and a condition from %d to %d: want as many each, and 1 from the condition",
			vars, len(l.body.Args), len(l.body.Rets), len(l.cond.Args), len(l.cond.Rets))
	}
	l.invariant, l.counts = make([]bool, vars), make([]bool, vars)
	for i, arg := range l.body.Args {
		l.index[arg] = i
	}
	for i := range l.body.Rets {
		j, ok := l.arg(l.body.Rets[i])
		l.invariant[i] = ok && i == j
		plusOne := func(a, b savedmodel.Ref) bool {
			j, ok := l.arg(a)
			return ok && i == j && isInt(b, 1)
		}
		l.counts[i] = isInt(l.inputs[i], 0) && (either(l.body.Rets[i], "AddV2", plusOne) || either(l.body.Rets[i], "Add", plusOne))
	}
	return l, nil
}

// changes returns an operation of the loop that may change something outside:
// one with an effect, or one that gets a resource, such as a variable, and does
// more than read it.
func (l *loop) changes(u *userOf) (*savedmodel.Node, error) {
	for _, f := range []*savedmodel.Function{l.cond, l.body} {
		resources := map[*savedmodel.Node]bool{}
		for i, arg := range f.Args {
			resources[arg] = l.node.TakesResource(i) || l.inputs[i].Node != nil && l.inputs[i].Node.Op == "VarHandleOp"
		}
		if n, err := u.changer(f, resources); n != nil || err != nil {
			return n, err
		}
	}
	return nil, nil
}

// arg returns which of the loop variables r is, unchanged since the step began.
func (l *loop) arg(r savedmodel.Ref) (int, bool) {
	i, ok := l.index[r.Through().Node]
	return i, ok
}

// out returns loop variable i after the loop.
func (l *loop) out(i int) savedmodel.Ref { return savedmodel.Ref{Node: l.node, Index: i} }

// item returns which loop variable, a list that no step changes, r is the
// step's element of.
func (l *loop) item(r savedmodel.Ref) (list int, ok bool) {
	in, ok := operands(r, "TensorListGetItem", 3)
	if !ok {
		return 0, false
	}
	list, ok = l.arg(in[0])
	counter, isArg := l.arg(in[1])
	if !ok || !isArg || !l.invariant[list] || !l.counts[counter] {
		return 0, false
	}
	l.pickedBy[list] = counter
	return list, true
}

// counters returns the variables that count the steps.
func (l *loop) counters() []int {
	var out []int
	for i, counts := range l.counts {
		if counts {
			out = append(out, i)
		}
	}
	return out
}

// maxBounds bounds the terms of a condition; Keras writes one or two.
const maxBounds = 8

// bounds reads the condition: a conjunction of counter < bound. One of them
// must bound the variable that picks the elements of a list.
func (l *loop) bounds(list int) ([]Bound, error) {
	args := map[*savedmodel.Node]int{}
	for i, a := range l.cond.Args {
		args[a] = i
	}
	var out []Bound
	bySteps := false
	var read func(r savedmodel.Ref) error
	read = func(r savedmodel.Ref) error {
		if in, ok := operands(r, "LogicalAnd", 2); ok {
			if err := read(in[0]); err != nil {
				return err
			}
			return read(in[1])
		}
		in, ok := operands(r, "Less", 2)
		if !ok {
			return fmt.Errorf("its condition has %s (%s), want counters below bounds", r.Through(), r.Through().Node.Op)
		}
		counter, isArg := args[in[0].Through().Node]
		if !isArg || !l.counts[counter] {
			return fmt.Errorf("its condition compares something else than a counter from zero")
		}
		bound := Bound{Variable: -1, ref: in[1].Through()}
		if i, isVar := args[bound.ref.Node]; isVar && l.invariant[i] {
			bound.Variable, bound.ref = i, l.node.Inputs[i].Through()
		} else if bound.Const, ok = constInt(bound.ref); !ok { // a fixed length is written into the condition
			return fmt.Errorf("its condition compares a counter with something that changes")
		}
		bySteps = bySteps || counter == l.pickedBy[list]
		if out = append(out, bound); len(out) > maxBounds {
			return fmt.Errorf("its condition has more than %d bounds", maxBounds)
		}
		return nil
	}
	if err := read(l.cond.Rets[0]); err != nil {
		return nil, err
	}
	if !bySteps {
		return nil, fmt.Errorf("its condition does not bound the variable that picks the input step")
	}
	return out, nil
}

// written tells whether loop variable i is a list, one element of which each
// step writes: the one that a counter picks, or if that is -1 the first.
func (l *loop) written(i int) (item savedmodel.Ref, counter int, ok bool) {
	in, ok := operands(l.body.Rets[i], "TensorListSetItem", 3)
	if !ok {
		return item, 0, false
	}
	if from, isArg := l.arg(in[0]); !isArg || from != i {
		return item, 0, false
	}
	if isInt(in[1], 0) {
		return in[2], -1, true
	}
	counter, ok = l.arg(in[1])
	return in[2], counter, ok && l.counts[counter]
}
