package savedmodel

import (
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// GraphDef writes what the wanted tensors need as a GraphDef that can be
// imported into the graph that libtensorflow has loaded: inner nodes under
// their flat names, without calls. Nodes of the main graph are not written;
// they are returned, and the importer maps their names to the nodes that are
// there. Loops name functions of the library, which is there as well.
func (g *Graph) GraphDef(want []Ref) (def []byte, main []*Node, err error) {
	needed := map[*Node]bool{}
	for _, r := range want {
		needed[r.Node] = true
	}
	out := g.newDef()
	main = g.exportNeeded(needed, out)
	if def, err = proto.Marshal(out); err != nil {
		return nil, nil, fmt.Errorf("savedmodel: %w", err)
	}
	return def, main, nil
}

func (g *Graph) newDef() *graph_go_proto.GraphDef {
	return &graph_go_proto.GraphDef{Versions: g.meta.pb.GetGraphDef().GetVersions()}
}

// exportNeeded adds the needed nodes, and those that they need, to out, and
// returns those of the main graph.
func (g *Graph) exportNeeded(needed map[*Node]bool, out *graph_go_proto.GraphDef) (main []*Node) {
	// Nodes stand after their inputs, so one pass backwards finds all needed.
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
			needed[c] = true
		}
		out.Node = append(out.Node, n.export(func(n *Node) string { return n.Name }))
	}
	return main
}

// export returns the node's definition, its own name and those of the nodes
// that it reads as name says; those that it says nothing of it does not wait for.
func (n *Node) export(name func(*Node) string) *node_def_go_proto.NodeDef {
	def := &node_def_go_proto.NodeDef{Name: name(n), Op: n.Op, Attr: map[string]*attr_value_go_proto.AttrValue{}}
	for _, in := range n.Inputs {
		def.Input = append(def.Input, inputName(name(in.Node), in.Index))
	}
	for _, c := range n.Control {
		if name := name(c); name != "" {
			def.Input = append(def.Input, "^"+name)
		}
	}
	for name, value := range n.def.GetAttr() {
		// Notes of the graph that it stood in, such as colocation.
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
