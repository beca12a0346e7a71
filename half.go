package lockstep

import "math"

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

// RoundFloat16 rounds to the nearest float16, to even between two.
func RoundFloat16(x float32) Float16Bits {
	bits := math.Float32bits(x)
	sign := uint16(bits>>16) & 0x8000
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000: // NaN
		return Float16Bits(sign | 0x7e00)
	case bits >= 0x477ff000: // 65520 and above
		return Float16Bits(sign | 0x7c00)
	case bits < 0x38800000: // below 2^-14: a multiple of 2^-24
		n := math.RoundToEven(float64(math.Float32frombits(bits)) * (1 << 24))
		return Float16Bits(sign | uint16(n))
	}
	bits += 0xfff + bits>>13&1
	return Float16Bits(sign | uint16(bits>>13-112<<10))
}

// RoundBFloat16 rounds to the nearest bfloat16, to even between two.
func RoundBFloat16(x float32) BFloat16Bits {
	bits := math.Float32bits(x)
	if x != x {
		return BFloat16Bits(bits>>16&0x8000 | 0x7fc0)
	}
	return BFloat16Bits((bits + 0x7fff + bits>>16&1) >> 16)
}
