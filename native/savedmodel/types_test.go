package savedmodel

import (
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
)

// Every type that tensors can have is one of TensorFlow's, under the same name.
func TestTypes(t *testing.T) {
	paired := map[lockstep.DType]bool{}
	for p, d := range dtypes {
		if paired[d] {
			t.Errorf("%s is two types of TensorFlow's", d)
		}
		paired[d] = true
		if name := typeName(p); name != d.String() {
			t.Errorf("%s is called %s", d, name)
		}
	}
	for _, d := range lockstep.DTypes() {
		if !paired[d] {
			t.Errorf("%s is no type of TensorFlow's", d)
		}
	}
	// The names are those of tf.dtypes.as_dtype(n).name, TensorFlow 2.21.
	for n, want := range map[int32]string{
		0: "invalid", 1: "float32", 4: "uint8", 8: "complex64", 11: "qint8", 12: "quint8", 16: "quint16", 18: "complex128", 19: "float16",
		20: "resource", 21: "variant", 23: "uint64", 24: "float8_e5m2", 25: "float8_e4m3fn", 27: "float8_e4m3b11fnuz", 29: "int4", 30: "uint4",
		33: "float4_e2m1fn", 101: "float32_ref", 107: "string_ref", 119: "float16_ref", 125: "float8_e4m3fn_ref",
		99: "type 99", 199: "type 99_ref", 200: "type 200", 1<<31 - 1: "type 2147483647", -5: "type -5",
	} {
		if got := TypeName(n); got != want {
			t.Errorf("type %d is called %s, want %s", n, got, want)
		}
	}
	for n, name := range types_go_proto.DataType_name {
		if got := TypeName(n); strings.Contains(got, "type") || strings.Contains(got, "DT_") {
			t.Errorf("%s is called %s", name, got)
		}
	}
}
