package savedmodel

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// ref names a tensor of the original graph or function as an input.
func (s *watchScope) ref(r Ref) (string, error) {
	if s.args[r.Node] {
		return r.Node.Name, nil
	}
	return s.outputOf(r.Node.Name, r.Node.def, r.Index)
}

// output names a result of a node that is written.
func (s *watchScope) output(def *tfpb.NodeDef, index int) (string, error) {
	return s.outputOf(def.GetName(), def, index)
}

func (s *watchScope) outputOf(name string, def *tfpb.NodeDef, index int) (string, error) {
	if s.args == nil {
		return inputName(name, index), nil
	}
	result, at, err := s.w.graph.meta.resultAt(def, index)
	if err != nil {
		return "", fmt.Errorf("savedmodel: node %q: %w", name, err)
	}
	return fmt.Sprintf("%s:%s:%d", name, result, at), nil
}

// attrs are attributes by name: types, numbers.
type attrs map[string]any

// add writes a node of our own and returns its first result, as an input.
func (s *watchScope) add(op string, with attrs, inputs ...string) string {
	def := &tfpb.NodeDef{Name: fmt.Sprintf("lockstep_note_%d", s.added), Op: op, Input: inputs, Attr: map[string]*tfpb.AttrValue{}}
	s.added++
	for name, v := range with {
		switch v := v.(type) {
		case tfpb.DataType:
			def.Attr[name] = typeValue(v)
		case int64:
			def.Attr[name] = &tfpb.AttrValue{Value: &tfpb.AttrValue_I{I: v}}
		case *tfpb.TensorProto:
			def.Attr[name] = &tfpb.AttrValue{Value: &tfpb.AttrValue_Tensor{Tensor: v}}
		}
	}
	s.nodes = append(s.nodes, def)
	name, _ := s.output(def, 0) // all of our operations are known
	return name
}

// constant writes a constant of integers.
func (s *watchScope) constant(t tfpb.DataType, shape []int64, values ...int64) string {
	v := &tfpb.TensorProto{Dtype: t, TensorShape: &tfpb.TensorShapeProto{}}
	for _, n := range shape {
		v.TensorShape.Dim = append(v.TensorShape.Dim, &tfpb.TensorShapeProto_Dim{Size: n})
	}
	for _, n := range values {
		if t == tfpb.DataType_DT_INT64 {
			v.Int64Val = append(v.Int64Val, n)
		} else {
			v.IntVal = append(v.IntVal, int32(n))
		}
	}
	return s.add("Const", attrs{"dtype": t, "value": v})
}

func typeValue(t tfpb.DataType) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_Type{Type: t}}
}

// addTypes adds types to an attribute that lists some.
func addTypes(def *tfpb.NodeDef, name string, types []tfpb.DataType) {
	list := &tfpb.AttrValue_ListValue{}
	list.Type = append(append(list.Type, def.Attr[name].GetList().GetType()...), types...)
	def.Attr[name] = &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: list}}
}

// setFunctions sets the functions that a loop or a branch runs, in the order of
// Node.Functions.
func setFunctions(def *tfpb.NodeDef, names []string) {
	one := func(name string) *tfpb.AttrValue {
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_Func{Func: &tfpb.NameAttrList{Name: name}}}
	}
	switch def.GetOp() {
	case "While", "StatelessWhile":
		def.Attr["cond"], def.Attr["body"] = one(names[0]), one(names[1])
	case "If", "StatelessIf":
		def.Attr["then_branch"], def.Attr["else_branch"] = one(names[0]), one(names[1])
	default:
		list := &tfpb.AttrValue_ListValue{}
		for _, name := range names {
			list.Func = append(list.Func, &tfpb.NameAttrList{Name: name})
		}
		def.Attr["branches"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: list}}
	}
}

func argDef(name string, t tfpb.DataType) *tfpb.OpDef_ArgDef {
	return &tfpb.OpDef_ArgDef{Name: name, Type: t}
}
