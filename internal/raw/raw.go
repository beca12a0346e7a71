// Package raw turns tensors into bytes and back, bit for bit: the elements in
// row-major order, little-endian, as checkpoints, .npy files and libtensorflow
// hold them. Strings have no such form.
package raw

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
)

// Encode returns t's elements as bytes.
func Encode(t *lockstep.Tensor) ([]byte, error) {
	switch t.DType() {
	case lockstep.Float32:
		return encode[float32](t)
	case lockstep.Float64:
		return encode[float64](t)
	case lockstep.Float16:
		return encode[lockstep.Float16Bits](t)
	case lockstep.BFloat16:
		return encode[lockstep.BFloat16Bits](t)
	case lockstep.Float8E4M3FN:
		return encode[lockstep.Float8E4M3FNBits](t)
	case lockstep.Float8E5M2:
		return encode[lockstep.Float8E5M2Bits](t)
	case lockstep.Int32:
		return encode[int32](t)
	case lockstep.Int64:
		return encode[int64](t)
	case lockstep.Bool:
		return encode[bool](t)
	case lockstep.Int8:
		return encode[int8](t)
	case lockstep.Int16:
		return encode[int16](t)
	case lockstep.Uint8:
		return encode[uint8](t)
	case lockstep.Uint16:
		return encode[uint16](t)
	case lockstep.Uint32:
		return encode[uint32](t)
	case lockstep.Uint64:
		return encode[uint64](t)
	}
	return nil, fmt.Errorf("raw: %s has no bytes of fixed size", t)
}

func encode[E lockstep.Element](t *lockstep.Tensor) ([]byte, error) {
	data, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return binary.Append(make([]byte, 0, len(data)*t.DType().Size()), binary.LittleEndian, data)
}

// Decode makes a tensor from b, which must have exactly the bytes of the shape.
// b is not kept.
func Decode(dtype lockstep.DType, shape []int, b []byte) (*lockstep.Tensor, error) {
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	size := dtype.Size()
	if size == 0 {
		return nil, fmt.Errorf("raw: elements of the type %s have no fixed size", dtype)
	}
	if len(b)/size != n || len(b)%size != 0 {
		return nil, fmt.Errorf("raw: %d bytes for a %s tensor of shape %s, want %d elements of %d bytes", len(b), dtype, lockstep.FormatShape(shape), n, size)
	}
	le := binary.LittleEndian
	switch dtype {
	case lockstep.Float32:
		return decode(n, shape, func(i int) float32 { return math.Float32frombits(le.Uint32(b[4*i:])) })
	case lockstep.Float64:
		return decode(n, shape, func(i int) float64 { return math.Float64frombits(le.Uint64(b[8*i:])) })
	case lockstep.Float16:
		return decode(n, shape, func(i int) lockstep.Float16Bits { return lockstep.Float16Bits(le.Uint16(b[2*i:])) })
	case lockstep.BFloat16:
		return decode(n, shape, func(i int) lockstep.BFloat16Bits { return lockstep.BFloat16Bits(le.Uint16(b[2*i:])) })
	case lockstep.Float8E4M3FN:
		return decode(n, shape, func(i int) lockstep.Float8E4M3FNBits { return lockstep.Float8E4M3FNBits(b[i]) })
	case lockstep.Float8E5M2:
		return decode(n, shape, func(i int) lockstep.Float8E5M2Bits { return lockstep.Float8E5M2Bits(b[i]) })
	case lockstep.Int32:
		return decode(n, shape, func(i int) int32 { return int32(le.Uint32(b[4*i:])) })
	case lockstep.Int64:
		return decode(n, shape, func(i int) int64 { return int64(le.Uint64(b[8*i:])) })
	case lockstep.Bool:
		return decode(n, shape, func(i int) bool { return b[i] != 0 })
	case lockstep.Int8:
		return decode(n, shape, func(i int) int8 { return int8(b[i]) })
	case lockstep.Int16:
		return decode(n, shape, func(i int) int16 { return int16(le.Uint16(b[2*i:])) })
	case lockstep.Uint8:
		return decode(n, shape, func(i int) uint8 { return b[i] })
	case lockstep.Uint16:
		return decode(n, shape, func(i int) uint16 { return le.Uint16(b[2*i:]) })
	case lockstep.Uint32:
		return decode(n, shape, func(i int) uint32 { return le.Uint32(b[4*i:]) })
	case lockstep.Uint64:
		return decode(n, shape, func(i int) uint64 { return le.Uint64(b[8*i:]) })
	}
	return nil, fmt.Errorf("raw: elements of the type %s are not known", dtype)
}

func decode[E lockstep.Element](n int, shape []int, at func(int) E) (*lockstep.Tensor, error) {
	out := make([]E, n)
	for i := range out {
		out[i] = at(i)
	}
	return lockstep.New(out, shape...)
}
