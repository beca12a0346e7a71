package main

import "math"

// The functions of one number besides sigmoid and tanh, step by step as for amd64:
// see functions.go there. FMAX and FMIN return NaN where a number is one.

var functions = []struct {
	name string
	of   func(a *assembler, x vector) steps
}{
	{"relus", (*assembler).relu},
	{"relu6s", (*assembler).relu6},
	{"leakyRelus", (*assembler).leakyRelu},
	{"hardTanhs", clipped(-1, 1)},
	{"hardSigmoids2", (*assembler).hardSigmoid2},
	{"hardSigmoids3", (*assembler).hardSigmoid3},
	{"hardSilus", timesItself((*assembler).hardSigmoid3)},
	{"softsigns", (*assembler).softsign},
	{"exponentials", (*assembler).exponential},
	{"elus", (*assembler).elu},
	{"selus", (*assembler).selu},
	{"silus", timesItself((*assembler).sigmoid)},
	{"softpluses", (*assembler).softplus},
	{"logSigmoids", negated((*assembler).softplus)},
	{"mishes", timesItself((*assembler).ratio)},
	{"erfs", (*assembler).erf},
}

var logPolynomial = []float64{0.6666667461395264, 0.39999017119407654, 0.2861344516277313, 0.21462024748325348, 0.24180354177951813}

var (
	erfNear = []float64{0.12837916612625122, -0.37612634897232056, 0.11283696442842484, -0.02685939520597458, 0.005200944375246763, -0.0008140953141264617, 8.360046922462061e-05}
	erfFar  = []float64{-1.12850821018219, -0.6357395052909851, -0.10523350536823273, 0.02287152037024498, -0.0032091240864247084, 0.0002132687222911045}
)

const erfEnd = 0.927734375

// reduced is what the first steps of a function of e^y leave beside y.
type reduced struct{ t, m, p, k vector }

func (a *assembler) reduce(y vector) (r reduced, s steps) {
	r = reduced{a.vector(), a.vector(), a.vector(), a.vector()}
	s = steps{
		func() { a.number(math.Log2E, r.k) },
		func() { a.number(shifter, r.t) },
		func() { a.number(shifter, r.m) },
		func() { a.fma(r.k, y, r.t) },
		func() { a.subtract(r.t, r.m, r.m) },
		func() { a.number(ln2High, r.k) },
		func() { a.fms(r.k, r.m, y) },
		func() { a.number(ln2Low, r.k) },
		func() { a.fms(r.k, r.m, y) },
	}
	return r, append(s, a.polynomial(r.p, r.k, y, expPolynomial[:]...)...)
}

// lessOne leaves e^y - 1 in y.
func (a *assembler) lessOne(y vector, r reduced) steps {
	return steps{
		func() { a.multiply(y, y, r.k) },
		func() { a.fma(r.p, r.k, y) },
	}
}

func (a *assembler) above(bound float64, x, k vector) steps {
	return steps{
		func() { a.number(bound, k) },
		func() { a.maximum(x, k, x) },
	}
}

func (a *assembler) below(bound float64, x, k vector) steps {
	return steps{
		func() { a.number(bound, k) },
		func() { a.minimum(x, k, x) },
	}
}

func (a *assembler) exponential(x vector) steps {
	r, s := a.small(x)
	return append(a.below(89, x, r.k), s...)
}

// small is exponential of numbers that are at most 89; what it returns is free again.
func (a *assembler) small(x vector) (r reduced, s steps) {
	r, first := a.reduce(x)
	s = append(a.above(-104, x, r.k), first...)
	s = append(s, a.lessOne(x, r)...)
	return r, append(s,
		func() { a.number(1, r.k) },
		func() { a.add(x, r.k, x) },
		func() { a.constant(shifterBits+127, r.m) },
		func() { a.ins("VSUB %s, %s, %s", r.m, r.t, r.t) }, // m
		func() { a.halved(r.t, r.p) },
		func() { a.ins("VSUB %s, %s, %s", r.p, r.t, r.t) },
		func() { a.ins("VSHL $23, %s, %s", r.p, r.p) },
		func() { a.ins("VADD %s, %s, %s", r.k, r.p, r.p) },
		func() { a.ins("VSHL $23, %s, %s", r.t, r.t) },
		func() { a.ins("VADD %s, %s, %s", r.k, r.t, r.t) },
		func() { a.multiply(x, r.p, x) },
		func() { a.multiply(x, r.t, x) },
	)
}

func (a *assembler) expm1(x vector) (r reduced, s steps) {
	r, first := a.reduce(x)
	s = append(a.above(-20, x, r.k), first...)
	s = append(s, a.lessOne(x, r)...)
	return r, append(s,
		func() { a.ins("VSHL $23, %s, %s", r.t, r.t) }, // 2^m
		func() { a.number(1, r.k) },
		func() { a.subtract(r.t, r.k, r.m) },
		func() { a.fma(x, r.t, r.m) },
		func() { a.move(r.m, x) },
	)
}

// sides leaves what is below 0 in x, and returns what is above.
func (a *assembler) sides(x vector) (positive vector, s steps) {
	positive, none := a.vector(), a.vector()
	return positive, steps{
		func() { a.zero(none) },
		func() { a.maximum(x, none, positive) },
		func() { a.minimum(x, none, x) },
	}
}

func (a *assembler) elu(x vector) steps {
	positive, s := a.sides(x)
	_, rest := a.expm1(x)
	return append(append(s, rest...), func() { a.add(positive, x, x) })
}

func (a *assembler) selu(x vector) steps {
	positive, s := a.sides(x)
	r, rest := a.expm1(x)
	return append(append(s, rest...),
		func() { a.number(1.0507009873554804934193349852946, r.k) },
		func() { a.multiply(r.k, positive, positive) },
		func() { a.number(1.7580993408473768599402175208123, r.k) },
		func() { a.fma(r.k, x, positive) },
		func() { a.move(positive, x) },
	)
}

// timesItself is x times a function of it.
func timesItself(f func(a *assembler, x vector) steps) func(a *assembler, x vector) steps {
	return func(a *assembler, x vector) steps {
		y := a.vector()
		s := steps{func() { a.move(x, y) }}
		s = append(s, f(a, y)...)
		return append(s, func() { a.multiply(y, x, x) })
	}
}

func (a *assembler) softplus(x vector) steps {
	positive := a.vector()
	r, rest := a.small(x)
	s := steps{
		func() { a.zero(r.k) },
		func() { a.maximum(x, r.k, positive) },
		func() { a.constant(sign, r.k) },
		func() { a.ins("VORR %s, %s, %s", r.k.bytes(), x.bytes(), x.bytes()) },
	}
	s = append(s, rest...)
	two, square, p := r.k, r.t, r.p
	s = append(s,
		func() { a.number(2, two) },
		func() { a.add(x, two, p) },
		func() { a.divide(x, p, x) },
		func() { a.multiply(x, x, square) },
	)
	s = append(s, a.polynomial(p, r.m, square, logPolynomial...)...)
	return append(s,
		func() { a.multiply(square, p, p) },
		func() { a.add(p, two, p) },
		func() { a.fma(x, p, positive) },
		func() { a.move(positive, x) },
	)
}

// negated is a function of -x, less than 0.
func negated(f func(a *assembler, x vector) steps) func(a *assembler, x vector) steps {
	return func(a *assembler, x vector) steps {
		k := a.vector()
		negate := steps{
			func() { a.constant(sign, k) },
			func() { a.ins("VEOR %s, %s, %s", k.bytes(), x.bytes(), x.bytes()) },
		}
		return append(append(append(steps{}, negate...), f(a, x)...), negate...)
	}
}

// ratio is tanh(softplus(x)).
func (a *assembler) ratio(x vector) steps {
	r, rest := a.small(x)
	s := append(a.below(20, x, r.k), rest...)
	return append(s,
		func() { a.number(2, r.k) },
		func() { a.add(x, r.k, r.t) },
		func() { a.multiply(r.t, x, x) },
		func() { a.add(x, r.k, r.t) },
		func() { a.divide(x, r.t, x) },
	)
}

func (a *assembler) softsign(x vector) steps {
	y, k := a.vector(), a.vector()
	return append(a.magnitude(x, y, k),
		func() { a.number(1, k) },
		func() { a.add(y, k, y) },
		func() { a.divide(x, y, x) },
	)
}

// magnitude sets y to |x|.
func (a *assembler) magnitude(x, y, k vector) steps {
	return steps{
		func() { a.constant(sign-1, k) },
		func() { a.ins("VAND %s, %s, %s", k.bytes(), x.bytes(), y.bytes()) },
	}
}

func clipped(low, high float64) func(a *assembler, x vector) steps {
	return func(a *assembler, x vector) steps {
		k := a.vector()
		return append(a.above(low, x, k), a.below(high, x, k)...)
	}
}

func (a *assembler) hardSigmoid2(x vector) steps {
	slope, sum := a.vector(), a.vector()
	return append(steps{
		func() { a.number(0.2, slope) },
		func() { a.number(0.5, sum) },
		func() { a.fma(slope, x, sum) },
		func() { a.move(sum, x) },
	}, clipped(0, 1)(a, x)...)
}

func (a *assembler) hardSigmoid3(x vector) steps {
	k := a.vector()
	s := append(steps{
		func() { a.number(3, k) },
		func() { a.add(x, k, x) },
	}, clipped(0, 6)(a, x)...)
	return append(s,
		func() { a.number(6, k) },
		func() { a.divide(x, k, x) },
	)
}

func (a *assembler) leakyRelu(x vector) steps {
	y := a.vector()
	return steps{
		func() { a.number(0.2, y) },
		func() { a.multiply(x, y, y) },
		func() { a.maximum(x, y, x) },
	}
}

func (a *assembler) erf(x vector) steps {
	y, square, near, far := a.vector(), a.vector(), a.vector(), a.vector()
	r, rest := a.small(far)
	s := append(a.magnitude(x, y, r.k), a.below(4, y, r.k)...)
	s = append(s, func() { a.multiply(y, y, square) })
	s = append(s, a.polynomial(near, r.k, square, erfNear...)...)
	s = append(s, a.polynomial(far, r.k, y, erfFar...)...)
	s = append(s,
		func() { a.move(y, r.k) },
		func() { a.fma(y, near, r.k) },
		func() { a.move(r.k, near) },
		func() { a.multiply(y, far, far) },
	)
	s = append(s, rest...)
	return append(s,
		func() { a.number(1, r.k) },
		func() { a.subtract(r.k, far, far) },
		func() { a.number(erfEnd, r.k) },
		func() { a.subtract(r.k, y, y) },
		func() { a.signs(y, y) },
		func() { a.ins("VBSL %s, %s, %s", near.bytes(), far.bytes(), y.bytes()) }, // far where y is negative
		func() { a.constant(sign, r.k) },
		func() { a.ins("VAND %s, %s, %s", r.k.bytes(), x.bytes(), x.bytes()) },
		func() { a.ins("VORR %s, %s, %s", y.bytes(), x.bytes(), x.bytes()) },
	)
}
