package savedmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// GraphDef writes the nodes that the wanted tensors need as a GraphDef that can
// be imported into the graph that libtensorflow has loaded: inner nodes under
// their flat names, without calls. Nodes of the main graph are not written;
// they are returned, and the importer maps their names to the existing nodes.
// Loops name functions of the library, which also exists there. Effects are
// left out where the tensors only wait for them.
func (g *Graph) GraphDef(want []Ref) (def []byte, main []*Node, err error) {
	needed := map[*Node]bool{}
	for _, r := range want {
		needed[r.Node] = true
	}
	out := g.newDef()
	main = g.exportNeeded(needed, out)
	def, err = g.marshal(out, nil)
	return def, main, err
}

// Changes tells whether computing the wanted tensors with GraphDef's nodes
// changes something that outlives the run.
func (g *Graph) Changes(want []Ref) bool {
	needed := map[*Node]bool{}
	for _, r := range want {
		needed[r.Node] = true
	}
	return len(g.Effects) > 0 && g.idle(needed) == nil
}

// idle returns those of the Effects that the needed tensors only wait for: none
// of them is read, and no variable is read after one of them.
func (g *Graph) idle(needed map[*Node]bool) map[*Node]bool {
	if len(g.Effects) == 0 {
		return nil
	}
	effects, late := map[*Node]bool{}, map[*Node]bool{}
	for _, n := range g.Effects {
		effects[n] = true
	}
	for _, n := range g.Nodes { // each comes after those that it waits for
		after := func(other *Node) bool { return effects[other] || late[other] }
		late[n] = slices.ContainsFunc(n.Control, after) || slices.ContainsFunc(n.Inputs, func(r Ref) bool { return after(r.Node) })
	}
	all := maps.Clone(needed)
	for _, n := range slices.Backward(g.Nodes) {
		if !all[n] {
			continue
		}
		if effects[n] || late[n] && (n.Op == "ReadVariableOp" || strings.HasPrefix(n.Op, "Resource")) {
			return nil
		}
		for _, in := range n.Inputs {
			all[in.Node] = true
		}
		for _, c := range n.Control {
			if !effects[c] {
				all[c] = true
			}
		}
	}
	return effects
}

func (g *Graph) newDef() *tfpb.GraphDef {
	return &tfpb.GraphDef{Versions: g.meta.pb.GetGraphDef().GetVersions()}
}

// exportNeeded adds the needed nodes, and those that they need, to out, and
// returns those of the main graph.
func (g *Graph) exportNeeded(needed map[*Node]bool, out *tfpb.GraphDef) (main []*Node) {
	idle := g.idle(needed)
	// Nodes come after their inputs, so one pass backwards finds all that are
	// needed.
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !needed[n] {
			continue
		}
		if n.Main {
			main = append(main, n)
			continue
		}
		for _, in := range n.Inputs {
			needed[in.Node] = true
		}
		for _, c := range n.Control {
			if !idle[c] {
				needed[c] = true
			}
		}
		out.Node = append(out.Node, n.export(func(n *Node) string {
			if idle[n] {
				return ""
			}
			return n.Name
		}))
	}
	return main
}

// export returns the node's definition, with its own name and those of the
// nodes that it reads mapped by name; it does not wait for nodes that name does
// not map.
func (n *Node) export(name func(*Node) string) *tfpb.NodeDef {
	def := &tfpb.NodeDef{Name: name(n), Op: n.Op, Attr: map[string]*tfpb.AttrValue{}}
	for _, in := range n.Inputs {
		def.Input = append(def.Input, inputName(name(in.Node), in.Index))
	}
	for _, c := range n.Control {
		if name := name(c); name != "" {
			def.Input = append(def.Input, "^"+name)
		}
	}
	for name, value := range n.def.GetAttr() {
		// Annotations of its original graph, such as colocation.
		if strings.HasPrefix(name, "_") {
			continue
		}
		def.Attr[name] = value
	}
	return def
}

func inputName(node string, index int) string {
	if index > 0 {
		return fmt.Sprintf("%s:%d", node, index)
	}
	return node
}
