package savedmodel

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// dtypes pairs TensorFlow's element types with ours.
var dtypes = map[tfpb.DataType]lockstep.DType{
	tfpb.DataType_DT_FLOAT:    lockstep.Float32,
	tfpb.DataType_DT_DOUBLE:   lockstep.Float64,
	tfpb.DataType_DT_HALF:     lockstep.Float16,
	tfpb.DataType_DT_BFLOAT16: lockstep.BFloat16,
	tfpb.DataType_DT_INT8:     lockstep.Int8,
	tfpb.DataType_DT_INT16:    lockstep.Int16,
	tfpb.DataType_DT_INT32:    lockstep.Int32,
	tfpb.DataType_DT_INT64:    lockstep.Int64,
	tfpb.DataType_DT_UINT8:    lockstep.Uint8,
	tfpb.DataType_DT_UINT16:   lockstep.Uint16,
	tfpb.DataType_DT_UINT32:   lockstep.Uint32,
	tfpb.DataType_DT_UINT64:   lockstep.Uint64,

	tfpb.DataType_DT_FLOAT8_E4M3FN: lockstep.Float8E4M3FN,
	tfpb.DataType_DT_FLOAT8_E5M2:   lockstep.Float8E5M2,

	tfpb.DataType_DT_COMPLEX64:  lockstep.Complex64,
	tfpb.DataType_DT_COMPLEX128: lockstep.Complex128,

	tfpb.DataType_DT_BOOL:   lockstep.Bool,
	tfpb.DataType_DT_STRING: lockstep.String,
}

func readDType(d tfpb.DataType) (lockstep.DType, error) {
	if t, ok := dtypes[d]; ok {
		return t, nil
	}
	return lockstep.Invalid, fmt.Errorf("the element type %s is not supported", typeName(d))
}

// TypeName returns TensorFlow's name for a type of TensorFlow's, by its number.
func TypeName(d int32) string { return typeName(tfpb.DataType(d)) }

// typeName returns the name that TensorFlow's Python shows for a type. One of
// TensorFlow 1's references has the number of its type and 100.
func typeName(d tfpb.DataType) string {
	if d > 100 && d < 200 {
		return typeName(d-100) + "_ref"
	}
	if t, ok := dtypes[d]; ok {
		return t.String()
	}
	if name, ok := tfpb.DataType_name[int32(d)]; ok {
		return strings.ToLower(strings.TrimPrefix(name, "DT_"))
	}
	return fmt.Sprintf("type %d", int32(d))
}
