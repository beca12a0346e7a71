package lockstep

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Element is a Go type that a Tensor can hold.
type Element interface {
	float32 | float64 | Float16Bits | BFloat16Bits | Float8E4M3FNBits | Float8E5M2Bits | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | complex64 | complex128 | bool | string
}

// Tensor is a dense array in row-major order: the last axis runs fastest.
// The zero Tensor is invalid; New makes one.
//
// A Tensor does not copy its data, and returns its own slices. Code that writes
// to them must be the only user of the tensor.
type Tensor struct {
	dtype DType
	shape []int
	data  any // []E of the E that dtype names
}

// New makes a tensor of the given shape over data, which it keeps. A scalar
// has no axes: New([]float32{1}).
func New[E Element](data []E, shape ...int) (*Tensor, error) {
	n, err := NumElements(shape)
	if err != nil {
		return nil, err
	}
	if n != len(data) {
		return nil, fmt.Errorf("lockstep: shape %s wants %d elements, got %d", FormatShape(shape), n, len(data))
	}
	return &Tensor{dtype: dtypeOf[E](), shape: slices.Clone(shape), data: data}, nil
}

// Zeros makes a tensor of zeros, false or empty strings.
func Zeros(dtype DType, shape ...int) (*Tensor, error) {
	n, err := NumElements(shape)
	if err != nil {
		return nil, err
	}
	switch dtype {
	case Float32:
		return New(make([]float32, n), shape...)
	case Float64:
		return New(make([]float64, n), shape...)
	case Float16:
		return New(make([]Float16Bits, n), shape...)
	case BFloat16:
		return New(make([]BFloat16Bits, n), shape...)
	case Float8E4M3FN:
		return New(make([]Float8E4M3FNBits, n), shape...)
	case Float8E5M2:
		return New(make([]Float8E5M2Bits, n), shape...)
	case Int32:
		return New(make([]int32, n), shape...)
	case Int64:
		return New(make([]int64, n), shape...)
	case Bool:
		return New(make([]bool, n), shape...)
	case String:
		return New(make([]string, n), shape...)
	case Int8:
		return New(make([]int8, n), shape...)
	case Int16:
		return New(make([]int16, n), shape...)
	case Uint8:
		return New(make([]uint8, n), shape...)
	case Uint16:
		return New(make([]uint16, n), shape...)
	case Uint32:
		return New(make([]uint32, n), shape...)
	case Uint64:
		return New(make([]uint64, n), shape...)
	case Complex64:
		return New(make([]complex64, n), shape...)
	case Complex128:
		return New(make([]complex128, n), shape...)
	}
	return nil, fmt.Errorf("lockstep: no tensor can have the type %s", dtype)
}

// Data returns the elements of t themselves, not a copy. It fails if t does not
// hold E.
func Data[E Element](t *Tensor) ([]E, error) {
	if t == nil {
		return nil, fmt.Errorf("lockstep: no tensor where one of %s was wanted", dtypeOf[E]())
	}
	d, ok := t.data.([]E)
	if !ok {
		return nil, fmt.Errorf("lockstep: tensor holds %s, wanted %s", t.dtype, dtypeOf[E]())
	}
	return d, nil
}

// DType returns the type of t's elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape returns the length of each axis; the caller must not change it.
func (t *Tensor) Shape() []int { return t.shape }

// Rank returns the number of axes.
func (t *Tensor) Rank() int { return len(t.shape) }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// String describes t without its elements, as in "float32 (2, 10, 1)".
func (t *Tensor) String() string {
	if t == nil {
		return "no tensor"
	}
	return t.dtype.String() + " " + FormatShape(t.shape)
}

// Float64s returns the elements as a new slice of float64. It fails for
// strings and complex numbers; false is 0 and true is 1; an integer beyond 2^53 is
// rounded.
func (t *Tensor) Float64s() ([]float64, error) {
	out := make([]float64, t.Len())
	switch d := t.data.(type) {
	case []float32:
		widen(out, d)
	case []float64:
		copy(out, d)
	case []Float16Bits:
		widenBits(out, d)
	case []BFloat16Bits:
		widenBits(out, d)
	case []Float8E4M3FNBits:
		widenBits(out, d)
	case []Float8E5M2Bits:
		widenBits(out, d)
	case []int8:
		widen(out, d)
	case []int16:
		widen(out, d)
	case []int32:
		widen(out, d)
	case []int64:
		widen(out, d)
	case []uint8:
		widen(out, d)
	case []uint16:
		widen(out, d)
	case []uint32:
		widen(out, d)
	case []uint64:
		widen(out, d)
	case []bool:
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
	default:
		return nil, fmt.Errorf("lockstep: %s cannot be read as numbers", t)
	}
	return out, nil
}

// widen converts numbers to float64 by their Go types.
func widen[E float32 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](out []float64, d []E) {
	for i, v := range d {
		out[i] = float64(v)
	}
}

// widenBits converts floats to float64 that are given by their bits.
func widenBits[E interface{ Float32() float32 }](out []float64, d []E) {
	for i, v := range d {
		out[i] = float64(v.Float32())
	}
}

// BitEqual tells whether t and u have the same type, the same shape and the
// same elements, floats by their bits: NaN equals the same NaN, and -0 is not 0.
func (t *Tensor) BitEqual(u *Tensor) bool {
	if t == nil || u == nil {
		return t == u
	}
	if t.dtype != u.dtype || !slices.Equal(t.shape, u.shape) {
		return false
	}
	switch d := t.data.(type) {
	case []float32:
		return slices.EqualFunc(d, u.data.([]float32), func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
	case []float64:
		return slices.EqualFunc(d, u.data.([]float64), func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	case []Float16Bits:
		return equal(d, u.data)
	case []BFloat16Bits:
		return equal(d, u.data)
	case []Float8E4M3FNBits:
		return equal(d, u.data)
	case []Float8E5M2Bits:
		return equal(d, u.data)
	case []int8:
		return equal(d, u.data)
	case []int16:
		return equal(d, u.data)
	case []int32:
		return equal(d, u.data)
	case []int64:
		return equal(d, u.data)
	case []uint8:
		return equal(d, u.data)
	case []uint16:
		return equal(d, u.data)
	case []uint32:
		return equal(d, u.data)
	case []uint64:
		return equal(d, u.data)
	case []complex64, []complex128:
		return t.RealParts().BitEqual(u.RealParts())
	case []bool:
		return equal(d, u.data)
	case []string:
		return equal(d, u.data)
	}
	return false
}

// RealParts returns a tensor of complex numbers as floats, with one more axis: of the
// real and the imaginary part of each. Any other tensor is returned itself.
func (t *Tensor) RealParts() *Tensor {
	if t == nil {
		return nil
	}
	out := &Tensor{shape: append(slices.Clone(t.shape), 2)}
	switch d := t.data.(type) {
	case []complex64:
		parts := make([]float32, 0, 2*len(d))
		for _, v := range d {
			parts = append(parts, real(v), imag(v))
		}
		out.dtype, out.data = Float32, parts
	case []complex128:
		parts := make([]float64, 0, 2*len(d))
		for _, v := range d {
			parts = append(parts, real(v), imag(v))
		}
		out.dtype, out.data = Float64, parts
	default:
		return t
	}
	return out
}

func equal[E comparable](d []E, other any) bool { return slices.Equal(d, other.([]E)) }

// NumElements returns the product of a shape's axes. It fails if an axis is
// negative or the product does not fit an int.
func NumElements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("lockstep: shape %s has a negative axis", FormatShape(shape))
		}
	}
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	for _, d := range shape {
		if n > math.MaxInt/d {
			return 0, fmt.Errorf("lockstep: shape %s has more elements than memory can hold", FormatShape(shape))
		}
		n *= d
	}
	return n, nil
}

// FormatShape writes a shape as Python does, an axis of any length as "?":
// (2, ?, 1), (3,), ().
func FormatShape(shape []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		if d < 0 {
			b.WriteByte('?')
		} else {
			b.WriteString(strconv.Itoa(d))
		}
	}
	if len(shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

func dtypeOf[E Element]() DType {
	var e E
	switch any(e).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case Float16Bits:
		return Float16
	case BFloat16Bits:
		return BFloat16
	case Float8E4M3FNBits:
		return Float8E4M3FN
	case Float8E5M2Bits:
		return Float8E5M2
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	case bool:
		return Bool
	}
	return String
}
