package lockstep

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types that a tensor can have. TensorFlow has more: quantized ones,
// int4 and handles; tensors of those are shown by
// TensorFlow's name of the type, and refused where they are needed.
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
	Int8
	Int16
	Uint8
	Uint16
	Uint32
	Uint64
	Float8E4M3FN
	Float8E5M2
	Complex64
	Complex128
)

var dtypeNames = [...]string{
	"invalid", "float32", "float64", "float16", "bfloat16", "int32", "int64", "bool", "string",
	"int8", "int16", "uint8", "uint16", "uint32", "uint64",
	"float8_e4m3fn", "float8_e5m2",
	"complex64", "complex128",
}

// DTypes returns every type that a tensor can have.
func DTypes() []DType {
	var all []DType
	for d := Invalid + 1; int(d) < len(dtypeNames); d++ {
		all = append(all, d)
	}
	return all
}

// ParseDType returns the type of a name that String writes.
func ParseDType(name string) (DType, error) {
	for _, d := range DTypes() {
		if d.String() == name {
			return d, nil
		}
	}
	return Invalid, fmt.Errorf("lockstep: no tensor can have the type %q", name)
}

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
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64, Complex64:
		return 8
	case Complex128:
		return 16
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Bool, Int8, Uint8, Float8E4M3FN, Float8E5M2:
		return 1
	}
	return 0
}

// IsFloat tells whether elements of the type can be fractions, NaN or infinite.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float64, Float16, BFloat16, Float8E4M3FN, Float8E5M2:
		return true
	}
	return false
}

// IsComplex tells whether elements of the type have a real and an imaginary part.
func (d DType) IsComplex() bool { return d == Complex64 || d == Complex128 }

// IsInt tells whether elements of the type are whole numbers.
func (d DType) IsInt() bool {
	switch d {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64:
		return true
	}
	return false
}
