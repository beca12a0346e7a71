package compare

import (
	"math"
	"math/rand/v2"

	"github.com/lockstep-go/lockstep"
)

// randomPair makes two vectors of a float type that lie near each other, or
// not at all, over the whole range of the type, subnormals and zeros included.
// None of the elements is NaN or infinite.
func randomPair(r *rand.Rand, d lockstep.DType, n int) (ref, cand *lockstep.Tensor) {
	width := 8 * d.Size()
	mantissa := map[lockstep.DType]int{lockstep.Float16: 10, lockstep.BFloat16: 7, lockstep.Float32: 23, lockstep.Float64: 52}[d]
	sign := uint64(1) << (width - 1)
	exponent := (sign - 1) &^ (1<<mantissa - 1) // all ones: NaN or infinite
	isFinite := func(bits uint64) bool { return bits&exponent != exponent }
	one := func() uint64 {
		for {
			if bits := r.Uint64() & (sign<<1 - 1); isFinite(bits) {
				switch r.IntN(8) {
				case 0:
					return bits & sign // a zero
				case 1:
					return bits &^ exponent // subnormal
				}
				return bits
			}
		}
	}
	a, b := make([]uint64, n), make([]uint64, n)
	for i := range a {
		b[i] = one()
		switch a[i] = b[i] + uint64(r.IntN(9)) - 4; {
		case r.IntN(4) == 0:
			a[i] = b[i]
		case r.IntN(6) == 0:
			a[i] = one()
		case r.IntN(4) == 0:
			a[i] = b[i] ^ (r.Uint64() & (1<<mantissa - 1)) // the same binade
		}
		a[i] &= sign<<1 - 1
		if !isFinite(a[i]) {
			a[i] = b[i]
		}
	}
	return fromBits(d, b), fromBits(d, a)
}

// fromBits makes a vector of a float type.
func fromBits(d lockstep.DType, bits []uint64) *lockstep.Tensor {
	var t *lockstep.Tensor
	var err error
	switch d {
	case lockstep.Float16:
		t, err = lockstep.New(convert(bits, func(b uint64) lockstep.Float16Bits { return lockstep.Float16Bits(b) }), len(bits))
	case lockstep.BFloat16:
		t, err = lockstep.New(convert(bits, func(b uint64) lockstep.BFloat16Bits { return lockstep.BFloat16Bits(b) }), len(bits))
	case lockstep.Float32:
		t, err = lockstep.New(convert(bits, func(b uint64) float32 { return math.Float32frombits(uint32(b)) }), len(bits))
	default:
		t, err = lockstep.New(convert(bits, math.Float64frombits), len(bits))
	}
	if err != nil {
		panic(err)
	}
	return t
}

func convert[E any](bits []uint64, f func(uint64) E) []E {
	out := make([]E, len(bits))
	for i, b := range bits {
		out[i] = f(b)
	}
	return out
}

var floatTypes = []lockstep.DType{lockstep.Float16, lockstep.BFloat16, lockstep.Float32, lockstep.Float64}
