package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pairs writes a function of two numbers: op sets its third operand to the second
// op the first.
func pairs(name, word string, op func(...Op)) {
	TEXT(name, NOSPLIT, "func(z *float32, x *float32, y *float32, n int, form int)")
	Doc(name+" sets z, which may be x or y, to x "+word+" y, of n elements; x is one number if",
		"form is firstIsOne, and y if it is secondIsOne. The bits that Go computes.")
	Pragma("noescape")
	z, x, y := Load(Param("z"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64())
	n, form := Load(Param("n"), GP64()), Load(Param("form"), GP64())
	CMPQ(form, Imm(1))
	JE(LabelRef("first"))
	CMPQ(form, Imm(2))
	JE(LabelRef("second"))
	eights("both", n, func() {
		ADDQ(Imm(32), z)
		ADDQ(Imm(32), x)
		ADDQ(Imm(32), y)
	}, func(load, store func(m Mem, v VecVirtual)) {
		v, u := YMM(), YMM()
		load(Mem{Base: x}, v)
		load(Mem{Base: y}, u)
		op(u, v, v)
		store(Mem{Base: z}, v)
	})
	VZEROUPPER()
	RET()
	for _, form := range []struct {
		one, loop string
		number    Register // that there is one of
		vector    Register
		op        func(number, v VecVirtual)
	}{
		{"first", "ofFirst", x, y, func(number, v VecVirtual) { op(v, number, v) }},
		{"second", "ofSecond", y, x, func(number, v VecVirtual) { op(number, v, v) }},
	} {
		Label(form.one)
		number := YMM()
		VBROADCASTSS(Mem{Base: form.number}, number)
		eights(form.loop, n, func() {
			ADDQ(Imm(32), z)
			ADDQ(Imm(32), form.vector)
		}, func(load, store func(m Mem, v VecVirtual)) {
			v := YMM()
			load(Mem{Base: form.vector}, v)
			form.op(number, v)
			store(Mem{Base: z}, v)
		})
		VZEROUPPER()
		RET()
	}
}

// relu replaces x. NaN and -0 pass the bound: they stand second in MAX, and NaN in
// MIN.
func relu(x VecVirtual) steps {
	bound := vector()
	return steps{
		func() { zero(bound) },
		func() { VMAXPS(x, bound, x) },
	}
}

func relu6(x VecVirtual) steps {
	bound := vector()
	return append(relu(x),
		func() { load(number(6), bound) },
		func() { VMINPS(x, bound, x) },
	)
}
