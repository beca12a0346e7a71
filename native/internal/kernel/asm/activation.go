package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The constants of e^x. ln 2 is in two parts, the first of 10 bits, so that its
// product with a small integer is exact (W. J. Cody and W. Waite, Software
// Manual for the Elementary Functions, 1980; the parts are those of S. L.
// Moshier's Cephes). The polynomial is
//
//	e^r = 1 + r + r²·(c[0] + c[1]·r + c[2]·r² + c[3]·r³ + c[4]·r⁴)
//
// for |r| ≤ ln(2)/2, found by Remez's exchange for the least greatest relative
// error of e^r, and then rounded: 3.7e-9 of e^r, 1.9e-8 of e^r - 1.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
)

var expPolynomial = [5]float64{0.49999993442315, 0.1666652047537255, 0.041668389404828754, 0.008368738014509356, 0.001381457721315535}

// Adding it to t, |t| < 2²², leaves the integer nearest to t in the low bits,
// with the exponent of 1 added: shifted to their place they are 2^t.
const (
	shifter     = 3<<22 + 127
	shifterBits = 0x4b400000 // of 3<<22
)

func bits(x float64) uint32 { return math.Float32bits(float32(x)) }

// constant is a vector of eight of the same.
func constant(b uint32) Mem {
	if m, ok := vectors[b]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("c%08x", b), RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(b))
	}
	vectors[b] = m
	return m
}

var vectors = map[uint32]Mem{}

// loaded brings a constant into a register.
func loaded(m Mem) VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

func number(x float64) Mem { return constant(bits(x)) }

// polynomial sets p to c[0] + c[1]·x + c[2]·x² …
func polynomial(p, x VecVirtual, c ...float64) {
	VMOVUPS(number(c[len(c)-1]), p)
	for i := len(c) - 2; i >= 0; i-- {
		VFMADD213PS(number(c[i]), x, p)
	}
}

// sigmoid replaces x. With y = -|x|, m the integer nearest to y/ln 2, and s the rest,
//
//	1/(1 + e^|x|) = 2^m / (1 + (2^m + (e^-s - 1)))
//
// where the inner sum is of small terms, so that of the two roundings one is of
// little weight. Where 2^m is no normal number, 2^-126 and the denominator times
// 2^(-126-m) stand for it. If x is positive the result is 1 less that: an LSTM's
// forget gate is often near 1, and there it is correctly rounded nearly always.
// NaN passes the bound: it stands second in MAX.
func sigmoid(x VecVirtual) {
	y, t, m := YMM(), YMM(), YMM()
	VORPS(constant(0x80000000), x, y)
	VMAXPS(y, loaded(number(-104)), y)
	VMOVUPS(number(math.Log2E), t)
	VFMADD213PS(number(shifter), y, t)
	VSUBPS(number(shifter), t, m)
	VFNMADD231PS(number(ln2High), m, y)
	VFNMADD231PS(number(ln2Low), m, y) // s
	c := expPolynomial
	p := m
	polynomial(p, y, -1, c[0], -c[1], c[2], -c[3], c[4]) // (e^-s - 1)/s
	normal := YMM()
	VPMAXSD(constant(shifterBits+1), t, normal)
	VPSUBD(t, normal, t)
	VPSLLD(Imm(23), normal, normal) // 2^m
	VPSLLD(Imm(23), t, t)
	VPADDD(number(1), t, t) // 2^(-126-m)
	VFMADD213PS(normal, y, p)
	VFMADD213PS(t, t, p)
	VDIVPS(p, normal, p)
	rest := loaded(number(1))
	VSUBPS(p, rest, rest)
	VBLENDVPS(x, p, rest, x)
}

// tanh replaces x. With y = -|x|, m the integer nearest to 2y/ln 2, and 2s the rest,
//
//	tanh |x| = (1 - e^2y) / (1 + e^2y), 1 ± e^2y = (1 ± 2^m) ± 2^m·(e^2s - 1)
//
// and the sign is that of x.
func tanh(x VecVirtual) {
	y, t, m := YMM(), YMM(), YMM()
	sign := loaded(constant(0x80000000))
	VORPS(sign, x, y)
	VANDPS(sign, x, x)
	VMAXPS(y, loaded(number(-9.5)), y)
	VMOVUPS(number(2*math.Log2E), t)
	VFMADD213PS(number(shifter), y, t)
	VSUBPS(number(shifter), t, m)
	VFNMADD231PS(number(ln2High/2), m, y)
	VFNMADD231PS(number(ln2Low/2), m, y) // s
	c := expPolynomial
	for i := range c { // of 2s
		c[i] *= float64(uint(4) << i)
	}
	p := m
	polynomial(p, y, c[:]...)
	square := YMM()
	VMULPS(y, y, square)
	VADDPS(y, y, y)
	VFMADD213PS(y, square, p) // e^2s - 1
	VPSLLD(Imm(23), t, t)     // 2^m
	one := loaded(number(1))
	numerator, denominator := square, y
	VSUBPS(t, one, numerator)
	VADDPS(t, one, denominator)
	VFNMADD231PS(p, t, numerator)
	VFMADD231PS(p, t, denominator)
	VDIVPS(denominator, numerator, numerator)
	VORPS(numerator, x, x)
}
