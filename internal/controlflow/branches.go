package controlflow

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// region is the main graph or a function: what it returns, and the nodes that this
// needs.
type region struct {
	args    []*node
	results []tensor
}

// state says under which conditions a node runs: pairs of a condition and its value,
// in the order of their numbers. States are equal if their pointers are.
type state struct{ when []when }

type when struct {
	condition int // a number of states.conditions
	value     bool
}

// states are those of the nodes of a region.
type states struct {
	conditions map[tensor]int
	list       []tensor // the conditions by number
	known      map[string]*state
	always     *state
}

func newStates() *states {
	s := &states{conditions: map[tensor]int{}, known: map[string]*state{}}
	s.always = s.of(nil)
	return s
}

// of returns the state of a list of conditions.
func (s *states) of(list []when) *state {
	key := make([]byte, 0, 8*len(list))
	for _, c := range list {
		key = binary.AppendVarint(key, int64(c.condition))
		if c.value {
			key = append(key, 1)
		} else {
			key = append(key, 0)
		}
	}
	if known, ok := s.known[string(key)]; ok {
		return known
	}
	st := &state{list}
	s.known[string(key)] = st
	return st
}

// both is the state of what runs where a and b do. It is nil if they contradict
// each other: then it never runs.
func (s *states) both(a, b *state) *state {
	if a == b || b == s.always {
		return a
	}
	if a == s.always {
		return b
	}
	var out []when
	x, y := a.when, b.when
	for len(x) > 0 && len(y) > 0 {
		switch {
		case x[0].condition < y[0].condition:
			out, x = append(out, x[0]), x[1:]
		case x[0].condition > y[0].condition:
			out, y = append(out, y[0]), y[1:]
		case x[0].value != y[0].value:
			return nil
		default:
			out, x, y = append(out, x[0]), x[1:], y[1:]
		}
	}
	return s.of(append(append(out, x...), y...))
}

// has tells whether a node runs only where a condition has a value.
func (s *state) has(w when) bool { return slices.Contains(s.when, w) }

// without leaves a condition out.
func (s *states) without(st *state, condition int) *state {
	return s.of(slices.DeleteFunc(slices.Clone(st.when), func(w when) bool { return w.condition == condition }))
}

// number returns the number of a condition.
func (s *states) number(t tensor) int {
	t = t.source()
	n, ok := s.conditions[t]
	if !ok {
		n = len(s.conditions)
		s.conditions[t] = n
		s.list = append(s.list, t)
	}
	return n
}

// tensor returns the state of a tensor, nil where it never is.
func (s *states) tensor(t tensor) *state {
	if t.of.op() != "Switch" {
		return t.of.state
	}
	return s.both(t.of.state, s.of([]when{{s.number(t.of.in[1]), t.at == 1}}))
}

// join is Merges of one condition that one If replaces: those that depend on as
// many others.
type join struct {
	condition int
	by        tensor
	merges    []*node
}

// branches makes an If of each branch in a region.
func (w *rewriter) branches(r *region, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("branches are nested more than %d deep", maxNesting)
	}
	order, err := sorted(nodesOf(r.results), (*node).needs)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(order, func(n *node) bool { return n.op() == "Switch" || n.op() == "Merge" }) {
		return nil
	}
	s := newStates()
	type group struct{ condition, depth int }
	known := map[group]*join{}
	var joins []*join
	for _, n := range order {
		j, err := s.place(n)
		if err != nil {
			return err
		}
		if j == nil || n.state != s.always {
			continue // a Merge inside a branch is handled there
		}
		if same := known[group{j.condition, n.depth}]; same != nil {
			same.merges = append(same.merges, n)
			continue
		}
		known[group{j.condition, n.depth}] = j
		joins = append(joins, j)
	}
	for _, t := range r.results {
		if s.tensor(t) != s.always {
			return t.of.errorf("what it computes is there in one branch alone, and no Merge joins it with that of the other")
		}
	}
	for _, j := range joins {
		if err := w.choice(s, j, depth); err != nil {
			return err
		}
	}
	return nil
}

// place finds the state of a node; of a Merge, it returns a join of it alone.
func (s *states) place(n *node) (*join, error) {
	n.state, n.depth = s.always, 0
	if n.op() == "Switch" && len(n.in) != 2 {
		return nil, n.errorf("it has %d inputs, want 2", len(n.in))
	}
	for _, in := range n.needs() {
		n.depth = max(n.depth, in.depth)
	}
	for _, t := range n.in {
		if t.of.op() == "Merge" && t.at != 0 {
			return nil, n.errorf("it reads which input of %q (Merge) arrived, which is not supported", t.of.name())
		}
	}
	if n.op() == "Merge" {
		n.depth++
		return s.merge(n)
	}
	and := func(st *state) bool {
		if st != nil {
			n.state = s.both(n.state, st)
		}
		return st != nil && n.state != nil
	}
	for _, t := range n.in {
		if !and(s.tensor(t)) {
			return nil, n.errorf("it reads what both branches of one condition compute, of which one never runs")
		}
	}
	for _, c := range n.control {
		if !and(c.state) {
			return nil, n.errorf("it waits for what both branches of one condition compute, of which one never runs")
		}
	}
	if len(n.state.when) > maxNesting {
		return nil, n.errorf("branches are nested more than %d deep", maxNesting)
	}
	return nil, nil
}

// merge finds the condition whose branches a Merge joins.
func (s *states) merge(n *node) (*join, error) {
	if len(n.in) != 2 {
		return nil, n.errorf("it joins %d tensors, want two", len(n.in))
	}
	a, b := s.tensor(n.in[0]), s.tensor(n.in[1])
	if a == nil || b == nil {
		return nil, n.errorf("it joins what never runs")
	}
	for _, w := range a.when {
		if !b.has(when{w.condition, !w.value}) {
			continue
		}
		if rest := s.without(a, w.condition); rest == s.without(b, w.condition) {
			n.state = rest
			return &join{condition: w.condition, by: s.list[w.condition], merges: []*node{n}}, nil
		}
	}
	return nil, n.errorf("%s and %s, which it joins, are not the branches of one condition", n.in[0], n.in[1])
}

// choice makes an If of Merges, which become copies of what it returns.
func (w *rewriter) choice(s *states, j *join, depth int) error {
	first := j.merges[0]
	var out []tfpb.DataType
	for _, m := range j.merges {
		t, err := w.typeOf(m.only())
		if err != nil {
			return err
		}
		out = append(out, t)
	}
	name := w.name(first.name() + "/If")
	captured := &captures{at: map[tensor]int{}}
	control := map[*node]bool{}
	n := made(name, "If", attrs{}, out...)
	var parts [2]*region
	for value, part := range [2]bool{false, true} {
		var results []tensor
		for _, m := range j.merges {
			t := m.in[0]
			if !s.tensor(t).has(when{j.condition, part}) {
				t = m.in[1]
			}
			results = append(results, t)
		}
		c := w.newCopy()
		c.given = func(t tensor) (tensor, bool, error) { return w.outside(s, when{j.condition, part}, captured, t) }
		c.waits = func(n *node) bool {
			inside := n.state.has(when{j.condition, part})
			if !inside && n.op() != "Switch" && n.op() != "_Arg" {
				control[n] = true
			}
			return inside
		}
		var err error
		if parts[value], err = c.region(results); err != nil {
			return err
		}
	}
	types := []tfpb.DataType{}
	n.in = append([]tensor{j.by}, captured.list...)
	for _, a := range captured.args {
		types = append(types, a.types[0])
	}
	condition, err := w.typeOf(j.by)
	if err != nil {
		return err
	}
	n.def.Attr = attrs{"Tcond": typeAttr(condition), "Tin": typesAttr(types), "Tout": typesAttr(out)}
	for value, attr := range [2]string{"else_branch", "then_branch"} {
		parts[value].args = captured.args
		function, err := w.write(parts[value], name+"_"+attr, depth+1)
		if err != nil {
			return err
		}
		n.def.Attr[attr] = functionAttr(function)
	}
	for _, m := range j.merges {
		for _, c := range m.control {
			control[c] = true
		}
	}
	for c := range control {
		n.control = append(n.control, c)
	}
	slices.SortFunc(n.control, func(a, b *node) int { return compareNames(a, b) })
	for i, m := range j.merges {
		m.copied(tensor{n, i}, out[i])
		m.state = s.always
	}
	return nil
}

// captures are the tensors around an If that its branches read.
type captures struct {
	list []tensor
	args []*node
	at   map[tensor]int
}

// outside returns the argument that a tensor is in a branch, if it is not computed
// there.
func (w *rewriter) outside(s *states, in when, c *captures, t tensor) (tensor, bool, error) {
	for range maxCopies {
		if t.of.op() != "Switch" || s.number(t.of.in[1]) != in.condition {
			break
		}
		t = t.of.in[0] // a tensor that is handed to the branch
	}
	if s.tensor(t).has(in) {
		return t, false, nil
	}
	i, ok := c.at[t]
	if !ok {
		d, err := w.typeOf(t)
		if err != nil {
			return t, false, err
		}
		i = len(c.list)
		c.at[t] = i
		c.list = append(c.list, t)
		c.args = append(c.args, argument(i, d))
	}
	return c.args[i].only(), true, nil
}
