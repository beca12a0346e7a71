package savedmodel

import (
	"fmt"
	"maps"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Nodes that are in no file: an edit of a graph has them read in the place of
// others. See source.Source.ReadInstead.

// NewNode makes an operation with one result. An attribute's value is a
// lockstep.DType, a string, a bool, a float32, a list of integers or, as the
// value of a Const, a tensor.
func NewNode(name, op string, inputs []Ref, attrs map[string]any) (*Node, error) {
	n := &Node{Name: name, Op: op, Inputs: inputs, NumOutputs: 1, def: &tfpb.NodeDef{Name: name, Op: op, Attr: map[string]*tfpb.AttrValue{}}}
	for key, value := range attrs {
		if err := n.set(key, value); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Copy returns a copy of the node that reads other tensors, with some of its
// attributes changed: see NewNode.
func (n *Node) Copy(name string, inputs []Ref, attrs map[string]any) (*Node, error) {
	out := *n
	out.Name, out.Inputs, out.Main = name, inputs, false
	out.def = &tfpb.NodeDef{Name: name, Op: n.Op, Attr: maps.Clone(n.def.GetAttr())}
	if out.def.Attr == nil {
		out.def.Attr = map[string]*tfpb.AttrValue{}
	}
	for key, value := range attrs {
		if err := out.set(key, value); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// set sets an attribute of a node that is being made.
func (n *Node) set(key string, value any) error {
	out := &tfpb.AttrValue{}
	switch v := value.(type) {
	case lockstep.DType:
		t, err := protoType(v)
		if err != nil {
			return err
		}
		out.Value = &tfpb.AttrValue_Type{Type: t}
	case string:
		out.Value = &tfpb.AttrValue_S{S: []byte(v)}
	case bool:
		out.Value = &tfpb.AttrValue_B{B: v}
	case float32:
		out.Value = &tfpb.AttrValue_F{F: v}
	case []int64:
		out.Value = &tfpb.AttrValue_List{List: &tfpb.AttrValue_ListValue{I: v}}
	case *lockstep.Tensor:
		t, err := writeTensor(v)
		if err != nil {
			return err
		}
		out.Value = &tfpb.AttrValue_Tensor{Tensor: t}
	default:
		return fmt.Errorf("savedmodel: node %q: the attribute %q is a %T, which cannot be written", n.Name, key, value)
	}
	n.def.Attr[key] = out
	return nil
}

func protoType(d lockstep.DType) (tfpb.DataType, error) {
	for p, known := range dtypes {
		if known == d {
			return p, nil
		}
	}
	return 0, fmt.Errorf("savedmodel: no element type is called %s", d)
}

// writeTensor is the reverse of readTensor.
func writeTensor(t *lockstep.Tensor) (*tfpb.TensorProto, error) {
	dtype, err := protoType(t.DType())
	if err != nil {
		return nil, err
	}
	content, err := raw.Encode(t)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	shape := &tfpb.TensorShapeProto{}
	for _, n := range t.Shape() {
		shape.Dim = append(shape.Dim, &tfpb.TensorShapeProto_Dim{Size: int64(n)})
	}
	return &tfpb.TensorProto{Dtype: dtype, TensorShape: shape, TensorContent: content}, nil
}

// WithOutputs returns a copy of the graph that computes other tensors.
func (g *Graph) WithOutputs(outputs map[string]Ref) *Graph {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &Graph{
		Signature: g.Signature, Nodes: g.Nodes, Inputs: g.Inputs, Outputs: outputs, Effects: g.Effects,
		meta: g.meta, budget: newBudget(), functions: maps.Clone(g.functions),
	}
}
