package lockstep

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types that Keras writes into a SavedModel.
const (
	Invalid DType = iota
	Float32
	Float64
	Float16
	BFloat16
	Int32
	Int64
	Bool
	String
)

var dtypeNames = [...]string{"invalid", "float32", "float64", "float16", "bfloat16", "int32", "int64", "bool", "string"}

// String returns numpy's and TensorFlow's name of the type, such as "float32".
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size returns the bytes that one element takes in a file, and 0 for String
// and Invalid, whose elements have no fixed size.
func (d DType) Size() int {
	switch d {
	case Float32, Int32:
		return 4
	case Float64, Int64:
		return 8
	case Float16, BFloat16:
		return 2
	case Bool:
		return 1
	}
	return 0
}

// IsFloat tells whether elements of the type can be fractions, NaN or infinite.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float64, Float16, BFloat16:
		return true
	}
	return false
}
