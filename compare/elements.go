package compare

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// floats reads a tensor of any float type element by element: it has the elements
// of one of the fields.
type floats struct {
	single []float32
	double []float64
	few    fewBits
}

// fewBits reads elements of 8 or 16 bits.
type fewBits interface {
	at(i int) float64
	bits(i int) uint64
}

// at is exact: float64 holds every number of every float type.
func (f *floats) at(i int) float64 {
	if f.single != nil {
		return float64(f.single[i])
	}
	return f.other(i)
}

func (f *floats) other(i int) float64 {
	if f.few != nil {
		return f.few.at(i)
	}
	return f.double[i]
}

// bits are those of the tensor's format.
func (f *floats) bits(i int) uint64 {
	if f.single != nil {
		return uint64(math.Float32bits(f.single[i]))
	}
	return f.otherBits(i)
}

func (f *floats) otherBits(i int) uint64 {
	if f.few != nil {
		return f.few.bits(i)
	}
	return math.Float64bits(f.double[i])
}

// finite tells whether all n elements are finite numbers.
func (f *floats) finite(n int) bool {
	for i := range n {
		if !finite(f.at(i)) {
			return false
		}
	}
	return true
}

// floatsOf fails for a tensor of anything but floats.
func floatsOf(t *lockstep.Tensor) (f floats, ok bool) {
	var err error
	switch t.DType() {
	case lockstep.Float32:
		f.single, err = lockstep.Data[float32](t)
	case lockstep.Float64:
		f.double, err = lockstep.Data[float64](t)
	case lockstep.Float16:
		f.few, err = readBits[lockstep.Float16Bits](t)
	case lockstep.BFloat16:
		f.few, err = readBits[lockstep.BFloat16Bits](t)
	case lockstep.Float8E4M3FN:
		f.few, err = readBits[lockstep.Float8E4M3FNBits](t)
	case lockstep.Float8E5M2:
		f.few, err = readBits[lockstep.Float8E5M2Bits](t)
	default:
		return f, false
	}
	return f, err == nil
}

// byBits is a float that is given by its bits.
type byBits interface {
	lockstep.Float16Bits | lockstep.BFloat16Bits | lockstep.Float8E4M3FNBits | lockstep.Float8E5M2Bits
	Float32() float32
}

type elementsByBits[E byBits] []E

func (d elementsByBits[E]) at(i int) float64  { return float64(d[i].Float32()) }
func (d elementsByBits[E]) bits(i int) uint64 { return uint64(d[i]) }

func readBits[E byBits](t *lockstep.Tensor) (elementsByBits[E], error) {
	return lockstep.Data[E](t)
}

// integers reads a tensor of any integer type element by element.
type integers struct {
	at       func(i int) uint64 // the two's complement in 64 bits of a signed one
	unsigned bool
}

// intsOf fails for a tensor of anything but integers.
func intsOf(t *lockstep.Tensor) (integers, bool) {
	switch t.DType() {
	case lockstep.Int8:
		return readInts[int8](t, false)
	case lockstep.Int16:
		return readInts[int16](t, false)
	case lockstep.Int32:
		return readInts[int32](t, false)
	case lockstep.Int64:
		return readInts[int64](t, false)
	case lockstep.Uint8:
		return readInts[uint8](t, true)
	case lockstep.Uint16:
		return readInts[uint16](t, true)
	case lockstep.Uint32:
		return readInts[uint32](t, true)
	case lockstep.Uint64:
		return readInts[uint64](t, true)
	}
	return integers{}, false
}

func readInts[E int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](t *lockstep.Tensor, unsigned bool) (integers, bool) {
	d, err := lockstep.Data[E](t)
	return integers{at: func(i int) uint64 { return uint64(d[i]) }, unsigned: unsigned}, err == nil
}

// distance is |a-b|, which uint64 always holds; the subtraction wraps to it.
func (n integers) distance(a, b uint64) uint64 {
	larger := int64(a) > int64(b)
	if n.unsigned {
		larger = a > b
	}
	if larger {
		return a - b
	}
	return b - a
}

// magnitude is |a| as a float64, which may be rounded.
func (n integers) magnitude(a uint64) float64 { return float64(n.distance(a, 0)) }

// equalityOf compares two tensors of the same type, of integers, bools or
// strings, element by element; it fails for all others.
func equalityOf(a, b *lockstep.Tensor) (same func(i int) bool, ok bool) {
	switch a.DType() {
	case lockstep.Int8:
		return equality[int8](a, b)
	case lockstep.Int16:
		return equality[int16](a, b)
	case lockstep.Int32:
		return equality[int32](a, b)
	case lockstep.Int64:
		return equality[int64](a, b)
	case lockstep.Uint8:
		return equality[uint8](a, b)
	case lockstep.Uint16:
		return equality[uint16](a, b)
	case lockstep.Uint32:
		return equality[uint32](a, b)
	case lockstep.Uint64:
		return equality[uint64](a, b)
	case lockstep.Bool:
		return equality[bool](a, b)
	case lockstep.String:
		return equality[string](a, b)
	}
	return nil, false
}

func equality[E interface {
	lockstep.Element
	comparable
}](a, b *lockstep.Tensor) (func(i int) bool, bool) {
	x, errX := lockstep.Data[E](a)
	y, errY := lockstep.Data[E](b)
	return func(i int) bool { return x[i] == y[i] }, errX == nil && errY == nil
}

// signBit is the sign's bit in a float of that type.
func signBit(d lockstep.DType) uint64 { return 1 << (8*d.Size() - 1) }

// ulpDistance counts the steps from one number to the next that lead from a to
// b, both finite and in the format whose sign bit is given. Numbers of
// opposite sign are counted through zero, and +0 and -0 are the same number.
// It cannot overflow: the largest distance, between the float64s of largest
// magnitude, is below 2^64.
func ulpDistance(a, b, sign uint64) uint64 {
	ma, mb := a&^sign, b&^sign
	if (a^b)&sign != 0 {
		return ma + mb
	}
	return max(ma, mb) - min(ma, mb)
}
