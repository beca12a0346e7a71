package graphtest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
)

// Attr is written {"type": …, "value": …}, or [type, value], which is shorter.
type Attr struct {
	Type  string
	Value json.RawMessage
}

func (a *Attr) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		var pair [2]json.RawMessage
		if err := json.Unmarshal(b, &pair); err != nil {
			return err
		}
		a.Value = pair[1]
		return json.Unmarshal(pair[0], &a.Type)
	}
	type plain Attr
	return json.Unmarshal(b, (*plain)(a))
}

func typeAttr(d types_go_proto.DataType) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: d}}
}

func ProtoType(d lockstep.DType) types_go_proto.DataType { return namedType(d.String()) }

// namedType reads Python's name of a type, such as "float32".
func namedType(name string) types_go_proto.DataType {
	switch name {
	case "float32":
		return types_go_proto.DataType_DT_FLOAT
	case "float64":
		return types_go_proto.DataType_DT_DOUBLE
	case "float16":
		return types_go_proto.DataType_DT_HALF
	case "float8_e5m2": // newer than the binding
		return 24
	case "float8_e4m3fn":
		return 25
	}
	return types_go_proto.DataType(types_go_proto.DataType_value["DT_"+strings.ToUpper(name)])
}

// Proto makes an attribute's value of type and value: a shape is null or a
// list with -1 for an unknown axis, a float may be the string "inf" or "nan".
func (a Attr) Proto() (*attr_value_go_proto.AttrValue, error) {
	kind, isList := strings.CutPrefix(a.Type, "list(")
	raws := []json.RawMessage{a.Value}
	if isList {
		kind = strings.TrimSuffix(kind, ")")
		raws = nil // copied, since it is a's own memory
		if err := json.Unmarshal(a.Value, &raws); err != nil {
			return nil, err
		}
	}
	list := &attr_value_go_proto.AttrValue_ListValue{}
	for _, r := range raws {
		if err := appendAttr(list, kind, r); err != nil {
			return nil, err
		}
	}
	if isList {
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}, nil
	}
	out := &attr_value_go_proto.AttrValue{}
	switch kind {
	case "bool":
		out.Value = &attr_value_go_proto.AttrValue_B{B: list.B[0]}
	case "int":
		out.Value = &attr_value_go_proto.AttrValue_I{I: list.I[0]}
	case "float":
		out.Value = &attr_value_go_proto.AttrValue_F{F: list.F[0]}
	case "string":
		out.Value = &attr_value_go_proto.AttrValue_S{S: list.S[0]}
	case "type":
		out.Value = &attr_value_go_proto.AttrValue_Type{Type: list.Type[0]}
	case "shape":
		out.Value = &attr_value_go_proto.AttrValue_Shape{Shape: list.Shape[0]}
	}
	return out, nil
}

func appendAttr(list *attr_value_go_proto.AttrValue_ListValue, kind string, r json.RawMessage) error {
	text := ""
	switch kind {
	case "bool":
		list.B = append(list.B, false)
		return json.Unmarshal(r, &list.B[len(list.B)-1])
	case "int":
		list.I = append(list.I, 0)
		return json.Unmarshal(r, &list.I[len(list.I)-1])
	case "float":
		if err := json.Unmarshal(r, &text); err == nil {
			special := map[string]float64{"inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN()}
			list.F = append(list.F, float32(special[text]))
			return nil
		}
		list.F = append(list.F, 0)
		return json.Unmarshal(r, &list.F[len(list.F)-1])
	case "string":
		if err := json.Unmarshal(r, &text); err != nil {
			return err
		}
		list.S = append(list.S, []byte(text))
	case "type":
		if err := json.Unmarshal(r, &text); err != nil {
			return err
		}
		list.Type = append(list.Type, namedType(text))
	case "shape":
		var axes []int64
		if err := json.Unmarshal(r, &axes); err != nil {
			return err
		}
		shape := &tensor_shape_go_proto.TensorShapeProto{UnknownRank: axes == nil}
		for _, d := range axes {
			shape.Dim = append(shape.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
		}
		list.Shape = append(list.Shape, shape)
	default:
		return fmt.Errorf("type %q", kind)
	}
	return nil
}
