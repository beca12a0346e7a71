package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Instead returns what is read in the place of a tensor: itself, unless an edit
// replaced it.
func (c *Compiler) Instead(r savedmodel.Ref) savedmodel.Ref {
	if other, ok := c.Options.Instead[r]; ok {
		return other
	}
	return r
}

func (c *Compiler) insteadOf(tensors map[string]savedmodel.Ref) map[string]savedmodel.Ref {
	if len(c.Options.Instead) == 0 {
		return tensors
	}
	out := maps.Clone(tensors)
	for name, r := range out {
		out[name] = c.Instead(r)
	}
	return out
}

// returned are the nodes of results that edits replaced: no other node may read
// them.
func (c *Compiler) returned(results []savedmodel.Ref) []*savedmodel.Node {
	var out []*savedmodel.Node
	for _, r := range results {
		if by := c.Instead(r); by != r {
			out = append(out, by.Node)
		}
	}
	slices.SortFunc(out, func(a, b *savedmodel.Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// reads are the tensors that a node reads.
func (c *Compiler) reads(n *savedmodel.Node) []savedmodel.Ref {
	if len(c.Options.Instead) == 0 {
		return n.Inputs
	}
	out := make([]savedmodel.Ref, len(n.Inputs))
	for i, in := range n.Inputs {
		out[i] = c.Instead(in)
	}
	return out
}

// withMade returns nodes, and those that edits made and they read, each after what
// it reads; args are a function's. Nodes that read each other stay where they
// are, and are refused where they run.
func (c *Compiler) withMade(args, nodes []*savedmodel.Node) []*savedmodel.Node {
	if len(c.Options.Instead) == 0 {
		return nodes
	}
	done := map[*savedmodel.Node]bool{}
	for _, a := range args {
		done[a] = true
	}
	out := make([]*savedmodel.Node, 0, len(nodes))
	var visit func(n *savedmodel.Node)
	visit = func(n *savedmodel.Node) {
		if done[n] {
			return
		}
		done[n] = true
		for _, in := range c.reads(n) {
			if in.Node != nil {
				visit(in.Node)
			}
		}
		out = append(out, n)
	}
	for _, n := range nodes {
		visit(n)
	}
	return out
}
