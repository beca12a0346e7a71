package savedmodel

import (
	"maps"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Uses tells whether an attribute of the node names an element type.
func (n *Node) Uses(d lockstep.DType) bool {
	for _, a := range n.def.GetAttr() {
		if t, ok := dtypes[a.GetType()]; ok && t == d {
			return true
		}
		for _, t := range a.GetList().GetType() {
			if dtypes[t] == d {
				return true
			}
		}
	}
	return false
}

// Retyped returns a copy of the node whose attributes name another element type
// where they name from. Attributes named in absent, whose default is from, are
// added where the node does not have them.
func (n *Node) Retyped(from, to lockstep.DType, absent ...string) *Node {
	named, found := tfpb.AttrValue_Type{}, false
	for p, d := range dtypes {
		if d == to {
			named.Type, found = p, true
		}
	}
	if !found {
		return n
	}
	attrs := maps.Clone(n.def.GetAttr())
	if attrs == nil {
		attrs = map[string]*tfpb.AttrValue{}
	}
	for name, a := range attrs {
		if t, ok := a.GetValue().(*tfpb.AttrValue_Type); ok && dtypes[t.Type] == from {
			attrs[name] = &tfpb.AttrValue{Value: &named}
		}
	}
	for _, name := range absent {
		if attrs[name] == nil {
			attrs[name] = &tfpb.AttrValue{Value: &named}
		}
	}
	out := *n
	out.def = &tfpb.NodeDef{Name: n.def.GetName(), Op: n.def.GetOp(), Attr: attrs}
	return &out
}
