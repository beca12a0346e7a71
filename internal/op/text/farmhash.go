package text

import "math/bits"

// fingerprint is FarmHash's Fingerprint64, which is the same for ever: farmhashna::
// Hash64 of Google's FarmHash 1.1, whose names of constants and steps it keeps.
func fingerprint(s string) uint64 {
	switch n := len(s); {
	case n <= 16:
		return farm0to16(s)
	case n <= 32:
		return farm17to32(s)
	case n <= 64:
		return farm33to64(s)
	}
	const seed = 81
	x, y := uint64(seed), uint64(seed)
	x = x*farmK2 + word(s)
	y = y*farmK1 + 113
	z := farmShift(y*farmK2+113) * farmK2
	v, w := [2]uint64{}, [2]uint64{}
	// All blocks of 64 bytes but the last, which may overlap the one before.
	blocks := (len(s) - 1) / 64
	last := (len(s) - 1) & 63
	rest := s
	for range blocks {
		x = bits.RotateLeft64(x+y+v[0]+word(rest[8:]), -37) * farmK1
		y = bits.RotateLeft64(y+v[1]+word(rest[48:]), -42) * farmK1
		x ^= w[1]
		y += v[0] + word(rest[40:])
		z = bits.RotateLeft64(z+w[0], -33) * farmK1
		v = farmWeak(rest, v[1]*farmK1, x+w[0])
		w = farmWeak(rest[32:], z+w[1], y+word(rest[16:]))
		z, x = x, z
		rest = rest[64:]
	}
	mul := farmK1 + (z&0xff)<<1
	rest = s[len(s)-64:]
	w[0] += uint64(last)
	v[0] += w[0]
	w[0] += v[0]
	x = bits.RotateLeft64(x+y+v[0]+word(rest[8:]), -37) * mul
	y = bits.RotateLeft64(y+v[1]+word(rest[48:]), -42) * mul
	x ^= w[1] * 9
	y += v[0]*9 + word(rest[40:])
	z = bits.RotateLeft64(z+w[0], -33) * mul
	v = farmWeak(rest, v[1]*mul, x+w[0])
	w = farmWeak(rest[32:], z+w[1], y+word(rest[16:]))
	z, x = x, z
	return farmLength16(farmLength16(v[0], w[0], mul)+farmShift(y)*farmK0+z, farmLength16(v[1], w[1], mul)+x, mul)
}

const (
	farmK0 uint64 = 0xc3a5c85c97cb3127
	farmK1 uint64 = 0xb492b66fbe98f273
	farmK2 uint64 = 0x9ae16a3b2f90404f
)

func farmShift(v uint64) uint64 { return v ^ v>>47 }

func farmLength16(u, v, mul uint64) uint64 {
	a := farmShift((u ^ v) * mul)
	return farmShift((v^a)*mul) * mul
}

func farm0to16(s string) uint64 {
	n := uint64(len(s))
	switch {
	case n >= 8:
		mul := farmK2 + n*2
		a := word(s) + farmK2
		b := word(s[n-8:])
		c := bits.RotateLeft64(b, -37)*mul + a
		d := (bits.RotateLeft64(a, -25) + b) * mul
		return farmLength16(c, d, mul)
	case n >= 4:
		return farmLength16(n+half(s)<<3, half(s[n-4:]), farmK2+n*2)
	case n > 0:
		y := uint64(s[0]) + uint64(s[n>>1])<<8
		z := n + uint64(s[n-1])<<2
		return farmShift(y*farmK2^z*farmK0) * farmK2
	}
	return farmK2
}

func farm17to32(s string) uint64 {
	n := uint64(len(s))
	mul := farmK2 + n*2
	a, b := word(s)*farmK1, word(s[8:])
	c, d := word(s[n-8:])*mul, word(s[n-16:])*farmK2
	return farmLength16(bits.RotateLeft64(a+b, -43)+bits.RotateLeft64(c, -30)+d, a+bits.RotateLeft64(b+farmK2, -18)+c, mul)
}

func farm33to64(s string) uint64 {
	n := uint64(len(s))
	mul := farmK2 + n*2
	a, b := word(s)*farmK2, word(s[8:])
	c, d := word(s[n-8:])*mul, word(s[n-16:])*farmK2
	y := bits.RotateLeft64(a+b, -43) + bits.RotateLeft64(c, -30) + d
	z := farmLength16(y, a+bits.RotateLeft64(b+farmK2, -18)+c, mul)
	e, f := word(s[16:])*mul, word(s[24:])
	g, h := (y+word(s[n-32:]))*mul, (z+word(s[n-24:]))*mul
	return farmLength16(bits.RotateLeft64(e+f, -43)+bits.RotateLeft64(g, -30)+h, e+bits.RotateLeft64(f+a, -18)+g, mul)
}

// farmWeak hashes 32 bytes with two seeds.
func farmWeak(s string, a, b uint64) [2]uint64 {
	w, x, y, z := word(s), word(s[8:]), word(s[16:]), word(s[24:])
	a += w
	b = bits.RotateLeft64(b+a+z, -21)
	c := a
	a += x + y
	b += bits.RotateLeft64(a, -44)
	return [2]uint64{a + z, b + c}
}

// joinedFingerprint is the fingerprint of two (FingerprintCat64 in TensorFlow's
// fingerprint.h).
func joinedFingerprint(first, second uint64) uint64 {
	const mul = 0xc6a4a7935bd1e995
	f := first ^ mul ^ farmShift(second*mul)*mul
	return farmShift(farmShift(f*mul) * mul)
}
