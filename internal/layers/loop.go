package layers

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loop is a While operation with its loop variables sorted by what the body
// does to them.
type loop struct {
	node       *savedmodel.Node
	body, cond *savedmodel.Function
	index      map[*savedmodel.Node]int // the body's arguments by position
	invariant  []bool                   // the body returns the variable as it got it
	counts     []bool                   // the body adds one to it
}

// maxVariables bounds the loop variables of a layer; Keras's loops have some
// ten. Of more, every pair would have to be tried as its states.
const maxVariables = 100

func readLoop(g *savedmodel.Graph, n *savedmodel.Node) (*loop, error) {
	l := &loop{node: n, index: map[*savedmodel.Node]int{}}
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
		l.counts[i] = either(l.body.Rets[i], "AddV2", func(a, b savedmodel.Ref) bool {
			j, ok := l.arg(a)
			return ok && i == j && isInt(b, 1)
		})
	}
	return l, nil
}

// changes returns an operation of the loop that may change something outside:
// one with an effect, or one that gets a variable and does not just read it.
func (l *loop) changes() *savedmodel.Node {
	for _, f := range []*savedmodel.Function{l.cond, l.body} {
		if len(f.Effects) > 0 {
			return f.Effects[0]
		}
		for _, n := range f.Nodes {
			for _, in := range n.Inputs {
				i := slices.Index(f.Args, in.Through().Node)
				if i >= 0 && l.node.Inputs[i].Through().Node.Op == "VarHandleOp" && !readsVariable(n) {
					return n
				}
			}
		}
	}
	return nil
}

// readsVariable tells whether an operation that gets a variable's handle
// leaves the variable as it is.
func readsVariable(n *savedmodel.Node) bool {
	return n.Op == "ReadVariableOp" || n.Op == "Identity" || n.Op == "IdentityN"
}

// arg returns which of the loop variables r is, unchanged since the step began.
func (l *loop) arg(r savedmodel.Ref) (int, bool) {
	i, ok := l.index[r.Through().Node]
	return i, ok
}

// outer returns the tensor in the graph around the loop that r is a copy of:
// a variable that no step changes, or the value that a captured handle holds.
func (l *loop) outer(r savedmodel.Ref) (savedmodel.Ref, bool) {
	r = r.Through()
	if in, ok := operands(r, "ReadVariableOp", 1); ok {
		r = in[0].Through()
	}
	i, ok := l.arg(r)
	if !ok || !l.invariant[i] {
		return savedmodel.Ref{}, false
	}
	return l.node.Inputs[i].Through(), true
}

// out returns loop variable i as the loop leaves it.
func (l *loop) out(i int) savedmodel.Ref { return savedmodel.Ref{Node: l.node, Index: i} }

// step returns the loop variable that counts the steps and picks the input of
// each, and that input: an element of a list that no step changes.
func (l *loop) stepInput(r savedmodel.Ref) (list savedmodel.Ref, step int, ok bool) {
	in, ok := operands(r, "TensorListGetItem", 3)
	if !ok {
		return list, 0, false
	}
	step, ok = l.arg(in[1])
	if !ok || !l.counts[step] || !isInt(l.node.Inputs[step], 0) {
		return list, 0, false
	}
	list, ok = l.outer(in[0])
	return list, step, ok
}

// maxBounds bounds the terms of a condition; Keras writes one or two.
const maxBounds = 8

// bounds reads the condition: a conjunction of counter < bound, each counter
// beginning at zero. The step variable must be among the counters.
func (l *loop) bounds(step int) ([]savedmodel.Ref, error) {
	args := map[*savedmodel.Node]int{}
	for i, a := range l.cond.Args {
		args[a] = i
	}
	var out []savedmodel.Ref
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
		if !isArg || !l.counts[counter] || !isInt(l.node.Inputs[counter], 0) {
			return fmt.Errorf("its condition compares something else than a counter from zero")
		}
		bound := in[1].Through()
		if i, isVar := args[bound.Node]; isVar && l.invariant[i] {
			bound = l.node.Inputs[i].Through()
		} else if bound.Node == nil || bound.Node.Op != "Const" { // a fixed length is written into the condition
			return fmt.Errorf("its condition compares a counter with something that changes")
		}
		bySteps = bySteps || counter == step
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

// written finds the list that item is written to at each step: the position of
// its loop variable, and whether every step writes to element 0.
func (l *loop) written(item savedmodel.Ref, step int) (list int, lastOnly, ok bool) {
	for i, ret := range l.body.Rets {
		in, isSet := operands(ret, "TensorListSetItem", 3)
		if !isSet || !same(in[2], item) {
			continue
		}
		if from, isArg := l.arg(in[0]); !isArg || from != i {
			continue
		}
		if at, isArg := l.arg(in[1]); isArg && at == step {
			return i, false, true
		}
		if isInt(in[1], 0) {
			return i, true, true
		}
	}
	return 0, false, false
}
