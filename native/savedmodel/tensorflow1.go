package savedmodel

import (
	"fmt"
	"maps"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/controlflow"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// What TensorFlow 1 writes otherwise: variables that are references, and loops and
// branches in the graph itself. Both become what TensorFlow 2 has for them, here and
// for every reader of a graph.

// ofReferences are the operations on references, by those on values.
var ofReferences = map[string]string{
	"RefIdentity": "Identity", "RefSwitch": "Switch", "RefMerge": "Merge",
	"RefEnter": "Enter", "RefExit": "Exit", "RefNextIteration": "NextIteration",
}

// readReferences makes reads of variables of the operations whose result is a
// reference to the memory of one. What assigns to a reference is refused where it is
// run, so that its value is always the one in the checkpoint.
func (g *MetaGraph) readReferences() {
	for _, n := range g.pb.GetGraphDef().GetNode() {
		name := n.GetName()
		switch n.GetOp() {
		case "VariableV2", "Variable":
			handle := name + "/handle"
			for i := 1; g.nodes[handle] != nil; i++ {
				handle = fmt.Sprintf("%s/handle_%d", name, i)
			}
			attr := map[string]*tfpb.AttrValue{}
			for _, key := range []string{"dtype", "shape", "container", "shared_name"} {
				if a := n.GetAttr()[key]; a != nil {
					attr[key] = a
				}
			}
			if len(attr["shared_name"].GetS()) == 0 {
				attr["shared_name"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_S{S: []byte(name)}}
			}
			g.nodes[handle] = &tfpb.NodeDef{Name: handle, Op: "VarHandleOp", Attr: attr}
			g.nodes[name] = &tfpb.NodeDef{Name: name, Op: "ReadVariableOp", Input: append([]string{handle}, n.GetInput()...), Attr: map[string]*tfpb.AttrValue{"dtype": attr["dtype"]}}
			g.made[handle], g.references[handle] = true, name
			g.reads[name] = true
		default:
			if op, ok := ofReferences[n.GetOp()]; ok {
				g.nodes[name] = &tfpb.NodeDef{Name: name, Op: op, Input: n.GetInput(), Attr: n.GetAttr()}
			}
		}
		g.controlFlow = g.controlFlow || controlflow.Uses(g.nodes[name].GetOp())
	}
}

// isMain tells whether a node of the main graph is one that libtensorflow has too,
// with the same value: not one that was made here, or that reads what was.
func (g *MetaGraph) isMain(name string, inputs []Ref, controls []*Node) bool {
	if g.reads[name] {
		return true
	}
	if g.made[name] {
		return false
	}
	for _, in := range inputs {
		if !in.Node.Main {
			return false
		}
	}
	for _, c := range controls {
		if !c.Main {
			return false
		}
	}
	return true
}

// functional returns a meta graph in which what a signature's outputs need has loops
// and branches that are functions.
func (g *MetaGraph) functional(def *tfpb.SignatureDef) (*MetaGraph, error) {
	if !g.controlFlow {
		return g, nil
	}
	fed := map[string]bool{}
	for _, info := range def.GetInputs() {
		node, _, _ := strings.Cut(info.GetName(), ":")
		fed[node] = true
	}
	var wanted []string
	for _, name := range sortedKeys(def.GetOutputs()) {
		if tensor := def.GetOutputs()[name].GetName(); tensor != "" {
			wanted = append(wanted, tensor)
		}
	}
	from := &controlflow.Graph{
		Nodes:   g.nodes,
		Fed:     func(name string) bool { return fed[name] },
		Outputs: g.countOutputs,
		Result:  g.resultOf,
		Type:    g.typeOf,
		Taken: func(name string) bool {
			_, isOp := knownResults()[name]
			return isOp || g.functions[name] != nil
		},
	}
	rewritten, err := from.Rewrite(wanted)
	if err != nil || rewritten == nil {
		return g, err
	}
	out := *g
	out.nodes, out.functions, out.made = maps.Clone(g.nodes), maps.Clone(g.functions), maps.Clone(g.made)
	for name, n := range rewritten.Nodes {
		out.nodes[name], out.made[name] = n, true
	}
	for _, f := range rewritten.Functions {
		b, err := proto.Marshal(f)
		if err != nil {
			return nil, err
		}
		name := f.GetSignature().GetName()
		out.functions[name] = newFunction(rawFunction{name, b})
		out.library = protowire.AppendBytes(protowire.AppendTag(out.library, tfpb.FieldFunction, protowire.BytesType), b)
	}
	return &out, nil
}

// marshal writes a graph with the functions that libtensorflow does not have: those
// that were made of its control flow, and more, a FunctionDefLibrary.
func (g *Graph) marshal(def *tfpb.GraphDef, more []byte) ([]byte, error) {
	b, err := proto.Marshal(def)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	if len(g.meta.library)+len(more) == 0 {
		return b, nil
	}
	b = protowire.AppendTag(b, tfpb.FieldLibrary, protowire.BytesType)
	return protowire.AppendBytes(b, append(append([]byte{}, g.meta.library...), more...)), nil
}

// countOutputs is numOutputs, also of a call.
func (g *MetaGraph) countOutputs(def *tfpb.NodeDef) (int, error) {
	if f, byName := g.callee(def); byName {
		signature, err := g.signatureOf(f)
		return len(signature.GetOutputArg()), err
	}
	return g.numOutputs(def)
}

// resultOf is resultAt, also of a call.
func (g *MetaGraph) resultOf(def *tfpb.NodeDef, index int) (name string, at int, err error) {
	f, byName := g.callee(def)
	if !byName {
		return g.resultAt(def, index)
	}
	signature, err := g.signatureOf(f)
	if err == nil && index >= len(signature.GetOutputArg()) {
		err = fmt.Errorf("function %q has no result %d", f, index)
	}
	if err != nil {
		return "", 0, err
	}
	return signature.GetOutputArg()[index].GetName(), 0, nil
}

func (g *MetaGraph) signatureOf(function string) (*tfpb.OpDef, error) {
	parts, err := g.functions[function].parts()
	if err != nil {
		return nil, err
	}
	return parts.def.GetSignature(), nil
}

// typeOf returns the element type of a tensor of a node, from the definitions of
// operations that the file has.
func (g *MetaGraph) typeOf(def *tfpb.NodeDef, index int) (tfpb.DataType, error) {
	op := g.ops[def.GetOp()]
	if f, byName := g.callee(def); byName {
		var err error
		if op, err = g.signatureOf(f); err != nil {
			return 0, err
		}
	}
	if op == nil {
		return 0, fmt.Errorf("the file does not define the operation %s", def.GetOp())
	}
	attr := func(name string) *tfpb.AttrValue {
		if a := def.GetAttr()[name]; a != nil {
			return a
		}
		for _, a := range op.GetAttr() {
			if a.GetName() == name {
				return a.GetDefaultValue()
			}
		}
		return nil
	}
	for _, arg := range op.GetOutputArg() {
		count, each := 1, arg.GetType()
		if name := arg.GetTypeAttr(); name != "" {
			each = attr(name).GetType()
		}
		if name := arg.GetNumberAttr(); name != "" {
			count = int(min(max(attr(name).GetI(), 0), maxResults))
		}
		if name := arg.GetTypeListAttr(); name != "" {
			list := attr(name).GetList().GetType()
			if count = len(list); index < count {
				each = list[index]
			}
		}
		if index < count {
			if each == 0 {
				return 0, fmt.Errorf("the operation %s does not say it", def.GetOp())
			}
			return each, nil
		}
		index -= count
	}
	return 0, fmt.Errorf("the operation %s has no such result", def.GetOp())
}
