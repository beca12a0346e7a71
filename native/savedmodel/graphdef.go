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
	out := &graph_go_proto.GraphDef{Versions: g.meta.pb.GetGraphDef().GetVersions()}
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
		out.Node = append(out.Node, n.export())
	}
	if def, err = proto.Marshal(out); err != nil {
		return nil, nil, fmt.Errorf("savedmodel: %w", err)
	}
	return def, main, nil
}

// export returns the node's definition under its flat name and inputs.
func (n *Node) export() *node_def_go_proto.NodeDef {
	def := &node_def_go_proto.NodeDef{Name: n.Name, Op: n.Op, Attr: map[string]*attr_value_go_proto.AttrValue{}}
	for _, in := range n.Inputs {
		name := in.Node.Name
		if in.Index > 0 {
			name = fmt.Sprintf("%s:%d", name, in.Index)
		}
		def.Input = append(def.Input, name)
	}
	for _, c := range n.Control {
		def.Input = append(def.Input, "^"+c.Name)
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
