package savedmodel

import (
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
)

// dtypes pairs TensorFlow's element types with ours.
var dtypes = map[types_go_proto.DataType]lockstep.DType{
	types_go_proto.DataType_DT_FLOAT:    lockstep.Float32,
	types_go_proto.DataType_DT_DOUBLE:   lockstep.Float64,
	types_go_proto.DataType_DT_HALF:     lockstep.Float16,
	types_go_proto.DataType_DT_BFLOAT16: lockstep.BFloat16,
	types_go_proto.DataType_DT_INT8:     lockstep.Int8,
	types_go_proto.DataType_DT_INT16:    lockstep.Int16,
	types_go_proto.DataType_DT_INT32:    lockstep.Int32,
	types_go_proto.DataType_DT_INT64:    lockstep.Int64,
	types_go_proto.DataType_DT_UINT8:    lockstep.Uint8,
	types_go_proto.DataType_DT_UINT16:   lockstep.Uint16,
	types_go_proto.DataType_DT_UINT32:   lockstep.Uint32,
	types_go_proto.DataType_DT_UINT64:   lockstep.Uint64,
	types_go_proto.DataType_DT_BOOL:     lockstep.Bool,
	types_go_proto.DataType_DT_STRING:   lockstep.String,
}

func readDType(d types_go_proto.DataType) (lockstep.DType, error) {
	if t, ok := dtypes[d]; ok {
		return t, nil
	}
	return lockstep.Invalid, fmt.Errorf("the element type %s is not supported", typeName(d))
}

// laterTypes are those that the binding's protobufs, of 2022, do not have yet
// (tensorflow/core/framework/types.proto).
var laterTypes = map[types_go_proto.DataType]string{
	24: "float8_e5m2", 25: "float8_e4m3fn", 26: "float8_e4m3fnuz", 27: "float8_e4m3b11fnuz", 28: "float8_e5m2fnuz",
	29: "int4", 30: "uint4", 31: "int2", 32: "uint2", 33: "float4_e2m1fn",
}

// TypeName returns TensorFlow's name for a type of TensorFlow's, by its number.
func TypeName(d int32) string { return typeName(types_go_proto.DataType(d)) }

// typeName returns the name that TensorFlow's Python shows for a type. One of
// TensorFlow 1's references has the number of its type and 100.
func typeName(d types_go_proto.DataType) string {
	if d > 100 && d < 200 {
		return typeName(d-100) + "_ref"
	}
	if t, ok := dtypes[d]; ok {
		return t.String()
	}
	if name, ok := laterTypes[d]; ok {
		return name
	}
	if name, ok := types_go_proto.DataType_name[int32(d)]; ok {
		return strings.ToLower(strings.TrimPrefix(name, "DT_"))
	}
	return fmt.Sprintf("type %d", int32(d))
}
