package main

import (
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

// steps are instructions that follow from one another.
type steps []func()

// inTurns is one step of each list after the other, so that the processor has work
// that does not wait for the last result.
func inTurns(lists ...steps) (s steps) {
	for i := 0; ; i++ {
		done := true
		for _, l := range lists {
			if i < len(l) {
				s = append(s, l[i])
				done = false
			}
		}
		if done {
			return s
		}
	}
}

// run emits some lists of steps in turns.
func run(lists ...steps) {
	for _, step := range inTurns(lists...) {
		step()
	}
}

// spread emits steps, and others evenly among them.
func spread(s, others steps) {
	done := 0
	for i, step := range s {
		step()
		for ; done*len(s) < (i+1)*len(others); done++ {
			others[done]()
		}
	}
}

// polynomial sets p to c[0] + c[1]·x + c[2]·x² …
func polynomial(p, x VecVirtual, c ...float64) steps {
	s := steps{func() { load(number(c[len(c)-1]), p) }}
	for i := len(c) - 2; i >= 0; i-- {
		s = append(s, func() { fma(number(c[i]), x, p) })
	}
	return s
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
func sigmoid(x VecVirtual) steps {
	if x.Size() == 64 {
		return sigmoidWide(x)
	}
	y, t, m, bound := vector(), vector(), vector(), vector()
	normal, rest := bound, t
	p := m
	c := expPolynomial
	s := steps{
		func() { or(constant(0x80000000), x, y) },
		func() { load(number(-104), bound) },
		func() { VMAXPS(y, bound, y) },
		func() { load(number(math.Log2E), t) },
		func() { fma(number(shifter), y, t) },
		func() { subtract(number(shifter), t, m) },
		func() { addNegative(number(ln2High), m, y) },
		func() { addNegative(number(ln2Low), m, y) }, // s
	}
	s = append(s, polynomial(p, y, -1, c[0], -c[1], c[2], -c[3], c[4])...) // (e^-s - 1)/s
	return append(s,
		func() { VPMAXSD(constant(shifterBits+1), t, normal) },
		func() { VPSUBD(t, normal, t) },
		func() { VPSLLD(Imm(23), normal, normal) }, // 2^m
		func() { VPSLLD(Imm(23), t, t) },
		func() { VPADDD(number(1), t, t) }, // 2^(-126-m)
		func() { VFMADD213PS(normal, y, p) },
		func() { VFMADD213PS(t, t, p) },
		func() { VDIVPS(p, normal, p) },
		func() { load(number(1), rest) },
		func() { VSUBPS(p, rest, rest) },
		func() { VBLENDVPS(x, p, rest, x) },
	)
}

// tanh replaces x. With y = -|x|, m the integer nearest to 2y/ln 2, and 2s the rest,
//
//	tanh |x| = (1 - e^2y) / (1 + e^2y), 1 ± e^2y = (1 ± 2^m) ± 2^m·(e^2s - 1)
//
// and the sign is that of x.
func tanh(x VecVirtual) steps {
	y, t, m, square := vector(), vector(), vector(), vector()
	p, numerator, denominator := m, square, y
	c := expPolynomial
	for i := range c { // of 2s
		c[i] *= float64(uint(4) << i)
	}
	s := steps{
		func() { or(constant(0x80000000), x, y) },
		func() { load(number(-9.5), t) },
		func() { VMAXPS(y, t, y) },
		func() { load(number(2*math.Log2E), t) },
		func() { fma(number(shifter), y, t) },
		func() { subtract(number(shifter), t, m) },
		func() { addNegative(number(ln2High/2), m, y) },
		func() { addNegative(number(ln2Low/2), m, y) }, // s
		func() { VMULPS(y, y, square) },
	}
	s = append(s, polynomial(p, y, c[:]...)...)
	return append(s,
		func() { VADDPS(y, y, y) },
		func() { VFMADD213PS(y, square, p) }, // e^2s - 1
		func() { VPSLLD(Imm(23), t, t) },     // 2^m
		func() { load(number(1), numerator) },
		func() { VADDPS(t, numerator, denominator) },
		func() { VSUBPS(t, numerator, numerator) },
		func() { VFNMADD231PS(p, t, numerator) },
		func() { VFMADD231PS(p, t, denominator) },
		func() { VDIVPS(denominator, numerator, numerator) },
		func() { copySign(numerator, x) },
	)
}
