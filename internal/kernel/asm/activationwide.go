package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sigmoidWide is sigmoid, the same bits, in the fewer instructions that AVX-512
// has for it: 2^(m+1) / (2 + 2·(2^m + (e^-s - 1))), whose parts are twice those of
// sigmoid. The least m is -150, and 2^-150 would be 0.
func sigmoidWide(x VecVirtual) steps {
	y, m, p, power := vector(), vector(), vector(), vector()
	positive := K()
	c := expPolynomial
	s := steps{
		func() { or(constant(0x80000000), x, y) },
		func() { load(number(-104), power) },
		func() { VMAXPS(y, power, y) },
		func() { load(number(math.Log2E), m) },
		func() { fma(number(shifter), y, m) },
		func() { subtract(number(shifter), m, m) },
		func() { load(number(2), power) },
		func() { addNegative(number(ln2High), m, y) },
		func() { addNegative(number(ln2Low), m, y) }, // s
		func() { VSCALEFPS(m, power, power) },
	}
	s = append(s, polynomial(p, y, -2, 2*c[0], -2*c[1], 2*c[2], -2*c[3], 2*c[4])...)
	return append(s,
		func() { VFMADD213PS(power, y, p) },
		func() { add(number(2), p, p) },
		func() { VPTESTNMD_BCST(constant(0x80000000), x, positive) },
		func() { VDIVPS(p, power, x) },
		func() { load(number(1), p) },
		func() { VSUBPS(x, p, positive, x) },
	)
}

// copySign gives x, which keeps its sign, the value of a number without one.
func copySign(number, x VecVirtual) {
	if x.Size() == 64 {
		const orAnd = 0xec // number | x&sign, bit by bit
		VPTERNLOGD_BCST(U8(orAnd), constant(0x80000000), number, x)
		return
	}
	VANDPS(constant(0x80000000), x, x)
	VORPS(number, x, x)
}
