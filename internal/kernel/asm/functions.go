package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of one number besides sigmoid and tanh. Each replaces x, and is NaN
// where x is: NaN stands second in MAX and MIN, which return it. Their errors are in
// the README.

var functions = []struct {
	name, doc string
	of        func(x VecVirtual) steps
}{
	{"relus", "0 where x is below it and to x elsewhere", relu},
	{"relu6s", "x between 0 and 6", relu6},
	{"leakyRelus", "0.2·x where x is below 0 and to x elsewhere", leakyRelu},
	{"hardTanhs", "x between -1 and 1", clipped(-1, 1)},
	{"hardSigmoids2", "0.2·x + 0.5 between 0 and 1", hardSigmoid2},
	{"hardSigmoids3", "x + 3 between 0 and 6, divided by 6", hardSigmoid3},
	{"hardSilus", "x times hardSigmoids3 of it", hardSilu},
	{"softsigns", "x/(1 + |x|)", softsign},
	{"exponentials", "e^x", exponential},
	{"elus", "e^x - 1 where x is below 0 and to x elsewhere", elu},
	{"selus", "the scaled elu", selu},
	{"silus", "x times the sigmoid of it", silu},
	{"softpluses", "log(1 + e^x)", softplus},
	{"logSigmoids", "-log(1 + e^-x)", negated(softplus)},
	{"mishes", "x·tanh(log(1 + e^x))", mish},
	{"erfs", "the error function of x", erf},
}

// logPolynomial is of (2·atanh(s) - 2s)/s³ in s², s² ≤ 1/9: 5.5e-10 of 2s.
var logPolynomial = []float64{0.6666667461395264, 0.39999017119407654, 0.2861344516277313, 0.21462024748325348, 0.24180354177951813}

// erf is x + x·p(x²) up to erfEnd, and 1 - e^(x·q(x)) beyond: 4.4e-10 and 2.9e-9
// of it. Polynomials as expPolynomial, by weighted least squares.
var (
	erfNear = []float64{0.12837916612625122, -0.37612634897232056, 0.11283696442842484, -0.02685939520597458, 0.005200944375246763, -0.0008140953141264617, 8.360046922462061e-05}
	erfFar  = []float64{-1.12850821018219, -0.6357395052909851, -0.10523350536823273, 0.02287152037024498, -0.0032091240864247084, 0.0002132687222911045}
)

const erfEnd = 0.927734375

// reduce are the first steps of a function of e^y: m is the integer nearest to y/ln 2,
// which is in the low bits of t too, and y what is left. p is then (e^y - 1 - y)/y².
func reduce(y, t, m, p VecVirtual) steps {
	s := steps{
		func() { load(number(math.Log2E), t) },
		func() { fma(number(shifter), y, t) },
		func() { subtract(number(shifter), t, m) },
		func() { addNegative(number(ln2High), m, y) },
		func() { addNegative(number(ln2Low), m, y) },
	}
	return append(s, polynomial(p, y, expPolynomial[:]...)...)
}

// lessOne are the steps after reduce that leave e^y - 1 in y.
func lessOne(y, square, p VecVirtual) steps {
	return steps{
		func() { VMULPS(y, y, square) },
		func() { VFMADD231PS(p, square, y) },
	}
}

// above and below bound x by a constant.
func above(bound float64, x VecVirtual) steps {
	b := vector()
	return steps{
		func() { load(number(bound), b) },
		func() { VMAXPS(x, b, x) },
	}
}

func below(bound float64, x VecVirtual) steps {
	b := vector()
	return steps{
		func() { load(number(bound), b) },
		func() { VMINPS(x, b, x) },
	}
}

// exponential is e^x. 2^m is two factors, so that what is beyond the floats, and what
// is below the normal ones, is rounded once.
func exponential(x VecVirtual) steps {
	return append(below(89, x), small(x)...)
}

// small is exponential of numbers that are at most 89.
func small(x VecVirtual) steps {
	t, m, p := vector(), vector(), vector()
	square, half := m, p
	s := above(-104, x)
	s = append(s, reduce(x, t, m, p)...)
	s = append(s, lessOne(x, square, p)...)
	return append(s,
		func() { add(number(1), x, x) },
		func() { VPSUBD(constant(shifterBits+127), t, t) }, // m
		func() { VPSRAD(Imm(1), t, half) },
		func() { VPSUBD(half, t, t) },
		func() { VPSLLD(Imm(23), half, half) },
		func() { VPADDD(number(1), half, half) },
		func() { VPSLLD(Imm(23), t, t) },
		func() { VPADDD(number(1), t, t) },
		func() { VMULPS(half, x, x) },
		func() { VMULPS(t, x, x) },
	)
}

// expm1 is e^x - 1 of numbers that are at most 0: (2^m - 1) + 2^m·(e^s - 1).
func expm1(x VecVirtual) steps {
	t, m, p := vector(), vector(), vector()
	power := m
	s := above(-20, x)
	s = append(s, reduce(x, t, m, p)...)
	s = append(s, lessOne(x, m, p)...)
	return append(s,
		func() { VPSLLD(Imm(23), t, t) }, // 2^m
		func() { subtract(number(1), t, power) },
		func() { VFMADD213PS(power, t, x) },
	)
}

// sides splits x: it leaves what is below 0 in x, and returns what is above.
func sides(x VecVirtual) (positive VecVirtual, s steps) {
	positive, none := vector(), vector()
	return positive, steps{
		func() { zero(none) },
		func() { VMAXPS(x, none, positive) },
		func() { VMINPS(x, none, x) },
	}
}

func elu(x VecVirtual) steps {
	positive, s := sides(x)
	s = append(s, expm1(x)...)
	return append(s, func() { VADDPS(positive, x, x) })
}

// selu has the constants of tensorflow/core/kernels/relu_op_functor.h.
func selu(x VecVirtual) steps {
	positive, s := sides(x)
	s = append(s, expm1(x)...)
	scale := vector()
	return append(s,
		func() { load(number(1.0507009873554804934193349852946), scale) },
		func() { VMULPS(scale, positive, positive) },
		func() { load(number(1.7580993408473768599402175208123), scale) },
		func() { VFMADD213PS(positive, scale, x) },
	)
}

// timesItself are the steps of x times a function of it.
func timesItself(x VecVirtual, f func(x VecVirtual) steps) steps {
	y := vector()
	s := steps{func() { VMOVAPS(x, y) }}
	s = append(s, f(y)...)
	return append(s, func() { VMULPS(y, x, x) })
}

func silu(x VecVirtual) steps { return timesItself(x, sigmoid) }

// softplus is max(x, 0) + log(1 + e^-|x|), by way of log(1 + z) = 2·atanh(z/(2 + z)).
func softplus(x VecVirtual) steps {
	positive, none := vector(), vector()
	s := steps{
		func() { zero(none) },
		func() { VMAXPS(x, none, positive) },
		func() { or(constant(0x80000000), x, x) },
	}
	s = append(s, small(x)...)
	t, square, p := vector(), vector(), vector()
	s = append(s,
		func() { add(number(2), x, t) },
		func() { VDIVPS(t, x, x) },
		func() { VMULPS(x, x, square) },
	)
	s = append(s, polynomial(p, square, logPolynomial...)...)
	return append(s,
		func() { VMULPS(square, p, p) },
		func() { add(number(2), p, p) },
		func() { VFMADD213PS(positive, p, x) },
	)
}

// negated is a function of -x, less than 0.
func negated(f func(x VecVirtual) steps) func(x VecVirtual) steps {
	return func(x VecVirtual) steps {
		negate := func() { xor(constant(0x80000000), x, x) }
		s := append(steps{negate}, f(x)...)
		return append(s, negate)
	}
}

// mish is x·tanh(softplus(x)), and with e for e^x that is x·n/(n + 2), n = e·(e + 2).
func mish(x VecVirtual) steps {
	return timesItself(x, func(y VecVirtual) steps {
		n := vector()
		s := append(below(20, y), small(y)...)
		return append(s,
			func() { add(number(2), y, n) },
			func() { VMULPS(n, y, y) },
			func() { add(number(2), y, n) },
			func() { VDIVPS(n, y, y) },
		)
	})
}

// softsign is x/(1 + |x|).
func softsign(x VecVirtual) steps {
	y := vector()
	return steps{
		func() { and(constant(0x7fffffff), x, y) },
		func() { add(number(1), y, y) },
		func() { VDIVPS(y, x, x) },
	}
}

// clipped bounds what f leaves in x by two constants.
func clipped(low, high float64, f ...func(x VecVirtual)) func(x VecVirtual) steps {
	return func(x VecVirtual) steps {
		var s steps
		for _, step := range f {
			s = append(s, func() { step(x) })
		}
		return append(append(s, above(low, x)...), below(high, x)...)
	}
}

var hardSigmoid2 = clipped(0, 1, func(x VecVirtual) {
	slope := loaded(number(0.2))
	fma(number(0.5), slope, x)
})

func hardSigmoid3(x VecVirtual) steps {
	six := vector()
	return append(clipped(0, 6, func(x VecVirtual) { add(number(3), x, x) })(x),
		func() { load(number(6), six) },
		func() { VDIVPS(six, x, x) },
	)
}

func hardSilu(x VecVirtual) steps { return timesItself(x, hardSigmoid3) }

func leakyRelu(x VecVirtual) steps {
	y := vector()
	return steps{
		func() { load(number(0.2), y) },
		func() { VMULPS(x, y, y) },
		func() { VMAXPS(x, y, x) },
	}
}

// erf is the error function: both of its forms, and the one that holds.
func erf(x VecVirtual) steps {
	y, square, near, far := vector(), vector(), vector(), vector()
	s := steps{func() { and(constant(0x7fffffff), x, y) }}
	s = append(s, below(4, y)...)
	s = append(s, func() { VMULPS(y, y, square) })
	s = append(s, polynomial(near, square, erfNear...)...)
	s = append(s, polynomial(far, y, erfFar...)...)
	s = append(s,
		func() { VFMADD213PS(y, y, near) },
		func() { VMULPS(y, far, far) },
	)
	s = append(s, small(far)...)
	one, end := square, square
	return append(s,
		func() { load(number(1), one) },
		func() { VSUBPS(far, one, far) },
		func() { load(number(erfEnd), end) },
		func() { VSUBPS(y, end, y) },
		func() { VBLENDVPS(y, far, near, near) }, // far where y is negative
		func() { copySign(near, x) },
	)
}
