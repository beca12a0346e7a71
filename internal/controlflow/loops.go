package controlflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// variable is a loop variable: the value before the first step, the one at the
// start of each, and the one that a step leaves.
type variable struct{ enter, merge, next *node }

// building is a loop whose While is made.
type building struct {
	*rewriter
	*loop
	cond      *node
	vars      []variable
	at        map[*node]int // the argument that a Merge or a constant Enter is
	constants []*node       // Enters of what no step changes, in the order of the arguments after vars
	constant  map[*node]bool
}

// while makes a While of a loop. Its Exits become copies of what it returns.
func (w *rewriter) while(l *loop) error {
	b := &building{rewriter: w, loop: l, at: map[*node]int{}, constant: map[*node]bool{}}
	if err := b.variables(); err != nil {
		return err
	}
	used := map[*node]bool{}
	cond := []tensor{b.cond.in[0]}
	if err := b.part(cond, false, used); err != nil {
		return err
	}
	var next []tensor
	for _, v := range b.vars {
		t, err := v.next.input(0, 1)
		if err != nil {
			return err
		}
		next = append(next, t)
	}
	if err := b.part(next, true, used); err != nil {
		return err
	}
	b.keep(used)
	types, in, control, err := b.inputs()
	if err != nil {
		return err
	}
	name := w.name(strings.TrimSuffix(l.name, "/while_context"))
	n := made(name, "While", attrs{"T": typesAttr(types)}, types...)
	n.in, n.control, n.loop = in, control, l.outer
	for attr, results := range map[string][]tensor{"cond": cond, "body": next} {
		function, err := b.function(name, attr, results, types)
		if err != nil {
			return err
		}
		n.def.Attr[attr] = functionAttr(function)
	}
	for _, e := range l.exits {
		i, err := b.exit(e)
		if err != nil {
			return err
		}
		e.copied(tensor{n, i}, types[i])
	}
	return nil
}

// variables finds the loop's variables and its condition.
func (b *building) variables() error {
	if len(b.conds) != 1 {
		return fmt.Errorf("it has %d LoopConds, want one", len(b.conds))
	}
	b.cond = b.conds[0]
	if _, err := b.cond.input(0, 1); err != nil {
		return err
	}
	entered := map[*node]bool{}
	for _, m := range b.merges {
		if len(m.in) != 2 {
			return m.errorf("it joins %d tensors, want an Enter's and a NextIteration's", len(m.in))
		}
		v := variable{enter: m.in[0].of, merge: m, next: m.in[1].of}
		if v.enter.op() == "NextIteration" {
			v.enter, v.next = v.next, v.enter
		}
		if v.enter.op() != "Enter" || v.next.op() != "NextIteration" {
			return m.errorf("it joins the results of %q (%s) and %q (%s), want an Enter's and a NextIteration's", m.in[0].of.name(), m.in[0].of.op(), m.in[1].of.name(), m.in[1].of.op())
		}
		if entered[v.enter] {
			return v.enter.errorf("two Merges begin with it")
		}
		entered[v.enter] = true
		b.at[m] = len(b.vars)
		b.vars = append(b.vars, v)
	}
	for _, e := range b.enters {
		if entered[e] {
			continue
		}
		if !e.def.GetAttr()["is_constant"].GetB() {
			return e.errorf("it is no constant of its loop, and no Merge takes it: its value would be there in the first step alone")
		}
		b.constants, b.constant[e] = append(b.constants, e), true
	}
	return nil
}

// keep leaves out the constants that no step reads, such as the handles of arrays.
func (b *building) keep(used map[*node]bool) {
	b.constants = slices.DeleteFunc(b.constants, func(e *node) bool { return !used[e] })
	for i, e := range b.constants {
		b.at[e] = len(b.vars) + i
	}
}

// inputs are what the While begins with.
func (b *building) inputs() (types []tfpb.DataType, in []tensor, control []*node, err error) {
	var enters []*node
	for _, v := range b.vars {
		enters = append(enters, v.enter)
	}
	waits := map[*node]bool{}
	for _, e := range append(enters, b.constants...) {
		t, err := e.input(0, 1)
		if err != nil {
			return nil, nil, nil, err
		}
		d := e.def.GetAttr()["T"].GetType()
		if d == 0 {
			return nil, nil, nil, e.errorf("it has no attribute T")
		}
		types, in = append(types, d), append(in, t)
		for _, c := range e.control {
			if !waits[c] {
				waits[c] = true
				control = append(control, c)
			}
		}
	}
	return types, in, control, nil
}

// part checks what the condition or the body computes, and adds its nodes to used.
// The body must depend on the condition, or TensorFlow's loop would never end.
func (b *building) part(results []tensor, body bool, used map[*node]bool) error {
	order, err := sorted(nodesOf(results), b.needsWithin)
	if err != nil {
		return err
	}
	late := map[*node]bool{} // what is computed after the condition
	for _, n := range order {
		used[n] = true
		if n.loop != b.loop {
			return n.errorf("it stands outside of the loop that reads it")
		}
		switch {
		case n.op() == "NextIteration":
			return n.errorf("what it brings to the next step is read in its own")
		case n.op() == "Exit":
			return n.errorf("it is read inside of the loop that it ends")
		case n.op() == "Enter" && !b.constant[n]:
			return n.errorf("the loop reads it where its Merge does not")
		case b.isSwitch(n):
			if !body {
				return n.errorf("the condition depends on what the condition decides")
			}
			late[n] = true
		default:
			late[n] = slices.ContainsFunc(b.needsWithin(n), func(in *node) bool { return late[in] })
		}
		for _, t := range n.in {
			if b.isSwitch(t.of) && t.at == 0 {
				return n.errorf("it reads in a step what leaves the loop, of %q", t.of.name())
			}
		}
	}
	for i, t := range results {
		if b.isSwitch(t.of) && t.at == 0 {
			return t.of.errorf("what leaves the loop is read in a step")
		}
		if body && !late[t.of] {
			return b.vars[i].next.errorf("what it brings to the next step does not depend on the loop's condition")
		}
	}
	return nil
}

// needsWithin lists what a node needs in its step: nothing before the loop's
// variables and constants.
func (b *building) needsWithin(n *node) []*node {
	if _, isArg := b.at[n]; isArg || n.op() == "Enter" {
		return nil
	}
	return n.needs()
}

// isSwitch tells whether a node is one that the loop's condition decides.
func (b *building) isSwitch(n *node) bool {
	return n.op() == "Switch" && len(n.in) == 2 && n.in[1].source().of == b.cond
}

// arg returns the argument that a tensor is.
func (b *building) arg(t tensor) (i int, ok bool, err error) {
	if b.isSwitch(t.of) {
		i, ok = b.at[t.of.in[0].source().of]
		if !ok || i >= len(b.vars) || t.of.in[0].source().at != 0 {
			return 0, false, t.of.errorf("the loop's condition decides on something that is no loop variable")
		}
		return i, true, nil
	}
	if i, ok = b.at[t.of]; ok && t.at != 0 {
		return 0, false, t.of.errorf("whether a value is the first is read, which is not supported")
	}
	return i, ok, nil
}

// exit returns the loop variable that an Exit returns.
func (b *building) exit(e *node) (int, error) {
	t, err := e.input(0, 1)
	if err != nil {
		return 0, err
	}
	t = t.source()
	if !b.isSwitch(t.of) || t.at != 0 {
		return 0, e.errorf("what it returns is no loop variable at the end of the loop, but %s (%s)", t, t.of.op())
	}
	i, _, err := b.arg(t)
	return i, err
}

// function writes the condition or the body.
func (b *building) function(loop, attr string, results []tensor, types []tfpb.DataType) (string, error) {
	c := b.newCopy()
	for i, t := range types {
		c.argument(i, t)
	}
	c.given = func(t tensor) (tensor, bool, error) {
		i, ok, err := b.arg(t)
		if !ok || err != nil {
			return t, false, err
		}
		return c.args[i].only(), true, nil
	}
	// A step waits for nothing that is there when it begins.
	c.waits = func(n *node) bool {
		_, isArg := b.at[n]
		return !isArg && !b.isSwitch(n) && n != b.cond
	}
	r, err := c.region(results)
	if err != nil {
		return "", err
	}
	if attr == "body" {
		for i := range b.constants {
			r.results = append(r.results, r.args[len(b.vars)+i].only())
		}
	}
	return b.write(r, loop+"_"+attr, 1)
}
