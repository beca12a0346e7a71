package program

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// half is a type of 16 bits.
type half interface {
	lockstep.Float16Bits | lockstep.BFloat16Bits
	Float32() float32
}

// to16 rounds to the nearest number of 16 bits.
func to16[H half](x float32) H {
	var h H
	switch p := any(&h).(type) {
	case *lockstep.Float16Bits:
		*p = toFloat16(x)
	case *lockstep.BFloat16Bits:
		*p = toBFloat16(x)
	}
	return h
}

// via16 computes a function of 16 bits in float32, and rounds once.
func via16[H half](f func(x, y float32) float32) func(x, y H) H {
	return func(x, y H) H { return to16[H](f(x.Float32(), y.Float32())) }
}

// toFloat16 rounds to the nearest, to even between two.
func toFloat16(x float32) lockstep.Float16Bits {
	bits := math.Float32bits(x)
	sign := uint16(bits>>16) & 0x8000
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000: // NaN
		return lockstep.Float16Bits(sign | 0x7e00)
	case bits >= 0x477ff000: // 65520 and above
		return lockstep.Float16Bits(sign | 0x7c00)
	case bits < 0x38800000: // below 2^-14: a multiple of 2^-24
		n := math.RoundToEven(float64(math.Float32frombits(bits)) * (1 << 24))
		return lockstep.Float16Bits(sign | uint16(n))
	}
	bits += 0xfff + bits>>13&1
	return lockstep.Float16Bits(sign | uint16(bits>>13-112<<10))
}

// toBFloat16 rounds to the nearest, to even between two.
func toBFloat16(x float32) lockstep.BFloat16Bits {
	bits := math.Float32bits(x)
	if x != x {
		return lockstep.BFloat16Bits(bits>>16&0x8000 | 0x7fc0)
	}
	return lockstep.BFloat16Bits((bits + 0x7fff + bits>>16&1) >> 16)
}
