package savedmodel

import (
	"fmt"
	"slices"
)

// Functions returns the functions that a loop or a branch runs, and which of its
// inputs is their first argument: of a While the condition and the body, of an If
// the branches for true and for false. Any other operation runs none.
func (n *Node) Functions() (names []string, first int) {
	switch n.Op {
	case "While", "StatelessWhile":
		return []string{n.AttrFunc("cond"), n.AttrFunc("body")}, 0
	case "If", "StatelessIf":
		return []string{n.AttrFunc("then_branch"), n.AttrFunc("else_branch")}, 1
	case "Case", "StatelessCase":
		return n.AttrFuncs("branches"), 1
	}
	return nil, 0
}

// IsLoop tells whether the operation runs its functions again and again.
func (n *Node) IsLoop() bool { return n.Op == "While" || n.Op == "StatelessWhile" }

// Place is where the nodes of a function stand: the loop or the branch that runs
// it, and where that stands itself.
type Place struct {
	Node     *Node
	Number   int // of the function among those of Node.Functions
	Function *Function
	Outer    *Place // nil where Node is in the signature's graph

	first int           // the input of Node that is the first argument
	index map[*Node]int // the arguments by position
	keeps []bool        // of a loop: the arguments that no step changes
}

// Places returns the functions that n runs. outer is where n stands, nil for the
// signature's graph.
func (g *Graph) Places(n *Node, outer *Place) ([]*Place, error) {
	names, first := n.Functions()
	var all []*Place
	for number, name := range names {
		f, err := g.Function(name)
		if err != nil {
			return nil, err
		}
		p := &Place{Node: n, Number: number, Function: f, Outer: outer, first: first, index: map[*Node]int{}}
		if args := len(n.Inputs) - first; args != len(f.Args) {
			return nil, fmt.Errorf("savedmodel: node %q (%s) gives %d arguments to the function %q, which takes %d", n.Name, n.Op, args, name, len(f.Args))
		}
		for i, arg := range f.Args {
			p.index[arg] = i
		}
		all = append(all, p)
	}
	if !n.IsLoop() {
		return all, nil
	}
	body := all[1]
	if len(body.Function.Rets) != len(body.Function.Args) {
		return nil, fmt.Errorf("savedmodel: the body %q of loop %q takes %d arguments and returns %d", body.Function.Name, n.Name, len(body.Function.Args), len(body.Function.Rets))
	}
	keeps := make([]bool, len(body.Function.Rets))
	for i, r := range body.Function.Rets {
		keeps[i] = r.Through().Node == body.Function.Args[i]
	}
	for _, p := range all {
		p.keeps = keeps
	}
	return all, nil
}

// Resolve follows a tensor through copies, and where it is a function's argument
// that no step of the loop changes, to what the function is given: out of p and
// the places around it, as far as it is the same each time. p may be nil.
func (p *Place) Resolve(r Ref) Ref {
	r = r.Through()
	for q := p; q != nil; q = q.Outer {
		i, isArg := q.index[r.Node]
		if !isArg {
			continue
		}
		if q.keeps != nil && !q.keeps[i] {
			break
		}
		r = q.Node.Inputs[q.first+i].Through()
	}
	return r
}

// has tells whether a node is one of the function's, or one of its arguments.
func (p *Place) has(n *Node) bool {
	_, isArg := p.index[n]
	return isArg || slices.Contains(p.Function.Nodes, n)
}

// path lists the places from the outermost to p.
func (p *Place) path() []*Place {
	if p == nil {
		return nil
	}
	return append(p.Outer.path(), p)
}

// Depth is how many functions p is inside of, its own among them.
func (p *Place) Depth() int { return len(p.path()) }

// Loops are the loops around the nodes of p, the outermost first.
func (p *Place) Loops() []*Node {
	var out []*Node
	for _, q := range p.path() {
		if q.Node.IsLoop() {
			out = append(out, q.Node)
		}
	}
	return out
}

// isCondition tells whether the function decides whether a loop goes on, and so
// returns nothing else.
func (p *Place) isCondition() bool { return p.Node.IsLoop() && p.Number == 0 }

// InCondition tells whether p is inside the condition of a loop, out of which
// nothing comes.
func (p *Place) InCondition() bool { return slices.ContainsFunc(p.path(), (*Place).isCondition) }

// String says where p is, as in "the body of loop while".
func (p *Place) String() string {
	var s string
	switch {
	case p.Node.IsLoop():
		s = []string{"the condition", "the body"}[p.Number] + " of loop " + p.Node.Name
	case p.Node.Op == "If" || p.Node.Op == "StatelessIf":
		s = []string{"the branch for true", "the branch for false"}[p.Number] + " of " + p.Node.Name
	default:
		s = fmt.Sprintf("branch %d of %s", p.Number, p.Node.Name)
	}
	if p.Outer != nil {
		s += ", in " + p.Outer.String()
	}
	return s
}
