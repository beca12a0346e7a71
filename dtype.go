package lockstep

import (
	"fmt"
	"math"
)

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

// Float16Bits is an IEEE 754 binary16 number, as its bits.
type Float16Bits uint16

// Float32 returns the same number in float32, which holds every float16.
func (f Float16Bits) Float32() float32 {
	sign := uint32(f&0x8000) << 16
	exp := uint32(f>>10) & 0x1f
	frac := uint32(f) & 0x3ff
	switch exp {
	case 0: // zero or subnormal: frac × 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// BFloat16Bits is the upper half of an IEEE 754 binary32 number, as its bits.
type BFloat16Bits uint16

// Float32 returns the same number in float32, which holds every bfloat16.
func (b BFloat16Bits) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }
