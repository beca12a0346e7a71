package controlflow

import "slices"

// loop is a frame: the nodes between its Enters and its Exits.
type loop struct {
	name   string
	outer  *loop
	depth  int
	enters []*node
	merges []*node // those of loop variables
	conds  []*node
	exits  []*node
}

// key is what distinguishes frames.
type key struct {
	outer *loop
	name  string
}

// frames puts the nodes in order and finds the loop in which each stands, as
// TensorFlow does (BuildControlFlowInfo in tensorflow/core/graph/control_flow.cc):
// all that a node reads must stand in one.
func (w *rewriter) frames(roots []tensor) error {
	pending := nodesOf(roots)
	sort := &sorter{seen: map[*node]int{}, needs: func(n *node) []*node {
		all := n.needs()
		if n.op() != "Merge" {
			return all
		}
		return slices.DeleteFunc(all, func(in *node) bool {
			if in.op() != "NextIteration" {
				return false
			}
			pending = append(pending, in) // what closes a loop is sorted after it
			return true
		})
	}}
	for len(pending) > 0 {
		n := pending[0]
		pending = pending[1:]
		if err := sort.add(n); err != nil {
			return err
		}
	}
	w.order = sort.out
	known := map[key]*loop{}
	for _, n := range w.order {
		if err := w.place(n, known); err != nil {
			return err
		}
	}
	for _, l := range w.loops {
		for _, m := range l.merges {
			for _, t := range m.in {
				if t.of.op() == "NextIteration" && t.of.loop != l {
					return t.of.errorf("it goes on with a loop that it does not stand in, %q", l.name)
				}
			}
		}
	}
	return nil
}

// place finds the loop that a node stands in.
func (w *rewriter) place(n *node, known map[key]*loop) error {
	first := true
	for _, in := range n.needs() {
		if n.op() == "Merge" && in.op() == "NextIteration" {
			continue
		}
		if !first && in.loop != n.loop {
			return n.errorf("it reads tensors of two loops, %s and %s", n.loop, in.loop)
		}
		n.loop, first = in.loop, false
	}
	switch n.op() {
	case "Enter":
		k := key{n.loop, string(n.def.GetAttr()["frame_name"].GetS())}
		l := known[k]
		if l == nil {
			l = &loop{name: k.name, outer: n.loop, depth: 1}
			if n.loop != nil {
				l.depth = n.loop.depth + 1
			}
			if l.depth > maxNesting {
				return n.errorf("loops are nested more than %d deep", maxNesting)
			}
			known[k] = l
			w.loops = append(w.loops, l)
		}
		n.loop = l
		l.enters = append(l.enters, n)
	case "Exit":
		if n.loop == nil {
			return n.errorf("it stands in no loop: no Enter leads to it")
		}
		n.loop.exits = append(n.loop.exits, n)
		n.loop = n.loop.outer
	case "NextIteration", "LoopCond":
		if n.loop == nil {
			return n.errorf("it stands in no loop: no Enter leads to it")
		}
		if n.op() == "LoopCond" {
			n.loop.conds = append(n.loop.conds, n)
		}
	case "Merge":
		if slices.ContainsFunc(n.in, func(t tensor) bool { return t.of.op() == "NextIteration" }) {
			if n.loop == nil {
				return n.errorf("it stands in no loop: no Enter leads to it")
			}
			n.loop.merges = append(n.loop.merges, n)
		}
	}
	return nil
}

func (l *loop) String() string {
	if l == nil {
		return "the main graph"
	}
	return l.name
}
