package lockstep

import "math"

// Float8E4M3FNBits is a number of 8 bits, as its bits: a sign, 4 bits of exponent
// and 3 of fraction. It has no infinities, and one NaN of each sign.
type Float8E4M3FNBits uint8

// Float32 returns the same number in float32, which holds every float8_e4m3fn.
func (f Float8E4M3FNBits) Float32() float32 {
	sign, exponent, fraction := uint32(f&0x80)<<24, int(f>>3&15), float64(f&7)
	switch {
	case f&0x7f == 0x7f:
		return math.Float32frombits(sign | 0x7fc00000)
	case exponent == 0: // zero or subnormal
		exponent = 1
	default:
		fraction += 8
	}
	return math.Float32frombits(sign | math.Float32bits(float32(math.Ldexp(fraction, exponent-10))))
}

// Float8E5M2Bits is a number of 8 bits, as its bits: the upper half of an IEEE
// 754 binary16 number.
type Float8E5M2Bits uint8

// Float32 returns the same number in float32, which holds every float8_e5m2.
func (f Float8E5M2Bits) Float32() float32 { return Float16Bits(uint16(f) << 8).Float32() }

// RoundFloat8E4M3FN rounds to the nearest float8_e4m3fn, to even between two.
// What would be above 448, the largest, is NaN.
func RoundFloat8E4M3FN(x float64) Float8E4M3FNBits {
	return Float8E4M3FNBits(float8{fraction: 3, bias: 7, largest: 0x7e, infinite: 0x7f, nan: 0x7f}.round(x))
}

// RoundFloat8E5M2 rounds to the nearest float8_e5m2, to even between two.
func RoundFloat8E5M2(x float64) Float8E5M2Bits {
	return Float8E5M2Bits(float8{fraction: 2, bias: 15, largest: 0x7b, infinite: 0x7c, nan: 0x7e}.round(x))
}

// float8 is a format of 8 bits: the bits of its fraction, and what it has at its
// upper end.
type float8 struct {
	fraction, bias         int
	largest, infinite, nan uint8
}

func (f float8) round(x float64) uint8 {
	var sign uint8
	if math.Signbit(x) {
		sign = 0x80
	}
	switch {
	case math.IsNaN(x):
		return sign | f.nan
	case math.IsInf(x, 0):
		return sign | f.infinite
	case x == 0:
		return sign
	}
	_, exponent := math.Frexp(x)
	exponent = max(exponent-1, 1-f.bias)                                // of the unit, and the fraction's bits
	n := math.RoundToEven(math.Ldexp(math.Abs(x), f.fraction-exponent)) // exact but for this
	// A fraction that was rounded up to the next power of two carries on into the
	// exponent.
	bits := math.Ldexp(float64(exponent+f.bias-1), f.fraction) + n
	if bits > float64(f.largest) {
		return sign | f.infinite
	}
	return sign | uint8(bits)
}
