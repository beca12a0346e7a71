package main

import "math"

// The constants and the formulas are those of the kernels for amd64: see
// activation.go there. What is kept in the same order here rounds alike, so
// that the bits are the same.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
)

var expPolynomial = [5]float64{0.49999993442315, 0.1666652047537255, 0.041668389404828754, 0.008368738014509356, 0.001381457721315535}

const (
	shifter     = 3<<22 + 127
	shifterBits = 0x4b400000 // of 3<<22
	sign        = 0x80000000
)

// steps are instructions that follow from one another.
type steps []func()

// run emits some lists of steps in turns, so that the processor has work that
// does not wait for the last result.
func run(lists ...steps) {
	for i := 0; ; i++ {
		done := true
		for _, l := range lists {
			if i < len(l) {
				l[i]()
				done = false
			}
		}
		if done {
			return
		}
	}
}

// polynomial sets p to c[0] + c[1]·x + c[2]·x² …; q is used up. Each step adds
// to a coefficient, so that the two take turns.
func (a *assembler) polynomial(p, q, x vector, c ...float64) steps {
	if len(c)%2 == 0 {
		p, q = q, p
	}
	from, to := p, q
	s := steps{func() { a.number(c[len(c)-1], p) }}
	for i := len(c) - 2; i >= 0; i-- {
		f, t := from, to
		s = append(s, func() { a.number(c[i], t) }, func() { a.fma(x, f, t) })
		from, to = to, from
	}
	return s
}

// bounded are the first steps of both: y = max(-|x|, bound), t with the integer
// nearest to y·scale in its low bits, m that integer, and y what is left of it.
func (a *assembler) bounded(x, y, t, m, k vector, bound, scale, high, low float64) steps {
	return steps{
		func() { a.constant(sign, y) },
		func() { a.ins("VORR %s, %s, %s", x.bytes(), y.bytes(), y.bytes()) },
		func() { a.number(bound, k) },
		func() { a.maximum(y, k, y) },
		func() { a.number(scale, k) },
		func() { a.number(shifter, t) },
		func() { a.number(shifter, m) },
		func() { a.fma(k, y, t) },
		func() { a.subtract(t, m, m) },
		func() { a.number(high, k) },
		func() { a.fms(k, m, y) },
		func() { a.number(low, k) },
		func() { a.fms(k, m, y) },
	}
}

// sigmoid replaces x.
func (a *assembler) sigmoid(x vector) steps {
	y, t, m, k, p := a.vector(), a.vector(), a.vector(), a.vector(), a.vector()
	normal := k
	c := expPolynomial
	s := a.bounded(x, y, t, m, k, -104, math.Log2E, ln2High, ln2Low)
	s = append(s, a.polynomial(p, m, y, -1, c[0], -c[1], c[2], -c[3], c[4])...) // (e^-s - 1)/s
	denominator := m
	return append(s,
		func() { a.constant(shifterBits+1, normal) },
		func() { a.maximumOf(normal, t, normal) },
		func() { a.ins("VSUB %s, %s, %s", t, normal, t) },    // normal - t
		func() { a.ins("VSHL $23, %s, %s", normal, normal) }, // 2^m
		func() { a.ins("VSHL $23, %s, %s", t, t) },
		func() { a.number(1, denominator) },
		func() { a.ins("VADD %s, %s, %s", denominator, t, t) }, // 2^(-126-m)
		func() { a.move(normal, denominator) },
		func() { a.fma(y, p, denominator) },
		func() { a.fma(t, denominator, t) },
		func() { a.divide(normal, t, p) },
		func() { a.number(1, y) },
		func() { a.subtract(y, p, y) },
		func() { a.signs(x, x) },
		func() { a.ins("VBSL %s, %s, %s", y.bytes(), p.bytes(), x.bytes()) }, // p where x is negative
	)
}

// tanh replaces x.
func (a *assembler) tanh(x vector) steps {
	y, t, m, k, p := a.vector(), a.vector(), a.vector(), a.vector(), a.vector()
	c := expPolynomial
	for i := range c { // of 2s
		c[i] *= float64(uint(4) << i)
	}
	square, numerator, denominator := k, m, p
	s := a.bounded(x, y, t, m, k, -9.5, 2*math.Log2E, ln2High/2, ln2Low/2)
	s = append(s, func() { a.multiply(y, y, square) })
	s = append(s, a.polynomial(p, m, y, c[:]...)...)
	return append(s,
		func() { a.add(y, y, y) },
		func() { a.fma(square, p, y) },             // e^2s - 1
		func() { a.ins("VSHL $23, %s, %s", t, t) }, // 2^m
		func() { a.number(1, numerator) },
		func() { a.add(numerator, t, denominator) },
		func() { a.subtract(numerator, t, numerator) },
		func() { a.fms(y, t, numerator) },
		func() { a.fma(y, t, denominator) },
		func() { a.divide(numerator, denominator, numerator) },
		func() { a.constant(sign, k) },
		func() { a.ins("VAND %s, %s, %s", k.bytes(), x.bytes(), x.bytes()) },
		func() { a.ins("VORR %s, %s, %s", numerator.bytes(), x.bytes(), x.bytes()) },
	)
}
