package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// masks is eight ones and eight zeros: read at 8-n, it is the mask of the first
// n lanes.
var masks = func() func() Mem {
	var m Mem
	made := false
	return func() Mem {
		if !made {
			m = GLOBL("masks", RODATA|NOPTR)
			for i := range 16 {
				value := U32(0)
				if i < 8 {
					value = 0xffffffff
				}
				DATA(4*i, value)
			}
			made = true
		}
		return m
	}
}()

// maskOf is the mask of the first count lanes, 1 to 7 of them.
func maskOf(count Register) VecVirtual {
	mask := YMM()
	maskInto(mask, count)
	return mask
}

func maskInto(mask VecVirtual, count Register) {
	at, back := GP64(), GP64()
	LEAQ(masks().Offset(32), at)
	MOVQ(count, back)
	NEGQ(back)
	VMOVUPS(Mem{Base: at, Index: back, Scale: 4}, mask)
}

// eights runs body over blocks of 8 of count elements: with whole ones that
// read and write memory as it is, and with the rest behind a mask. Every
// pointer is 32 bytes further after a whole block.
func eights(label string, count Register, advance func(), body func(load, store func(m Mem, v VecVirtual))) {
	Label(label)
	CMPQ(count, Imm(8))
	JL(LabelRef(label + "_tail"))
	move := func(m Mem, v VecVirtual) { VMOVUPS(m, v) }
	body(move, func(m Mem, v VecVirtual) { VMOVUPS(v, m) })
	advance()
	SUBQ(Imm(8), count)
	JMP(LabelRef(label))
	Label(label + "_tail")
	TESTQ(count, count)
	JE(LabelRef(label + "_end"))
	mask := maskOf(count)
	body(func(m Mem, v VecVirtual) { VMASKMOVPS(m, mask, v) },
		func(m Mem, v VecVirtual) { VMASKMOVPS(v, mask, m) })
	Label(label + "_end")
}

func elementwise(name, doc string, f func(x VecVirtual) steps) {
	TEXT(name, NOSPLIT, "func(y *float32, x *float32, n int)")
	Doc(name+" "+doc, "An element's result does not depend on where it stands.")
	Pragma("noescape")
	y := Load(Param("y"), GP64())
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	eights("loop", n, func() {
		ADDQ(Imm(32), x)
		ADDQ(Imm(32), y)
	}, func(load, store func(m Mem, v VecVirtual)) {
		v := YMM()
		load(Mem{Base: x}, v)
		run(f(v))
		store(Mem{Base: y}, v)
	})
	VZEROUPPER()
	RET()
}

func gruGates() {
	TEXT("gruGates", NOSPLIT, "func(h *float32, z *float32, s *float32, stride int, units int)")
	Doc("gruGates computes the next states of one row of a GRU whose reset gate comes after",
		"the product: z and s are the sums of the inputs' and of the state's part of the gates",
		"z, r, h, each of which begins stride elements after the one before. The candidate",
		"is tanh(fma(r, s_h, z_h)), and h' is fma(1-z, candidate, z·h).")
	Pragma("noescape")
	h := Load(Param("h"), GP64())
	z := Load(Param("z"), GP64())
	s := Load(Param("s"), GP64())
	stride := Load(Param("stride"), GP64())
	units := Load(Param("units"), GP64())
	SHLQ(Imm(2), stride)
	advance := func() {
		ADDQ(Imm(32), h)
		ADDQ(Imm(32), z)
		ADDQ(Imm(32), s)
	}
	eights("block", units, advance, func(load, store func(m Mem, v VecVirtual)) { gruBlock(h, z, s, stride, load, store) })
	VZEROUPPER()
	RET()
}

// gruBlock computes the next states of a vector of units.
func gruBlock(h, z, s, stride Register, load, store func(m Mem, v VecVirtual)) {
	gate := func(base Register, i int) Mem {
		if i == 0 {
			return Mem{Base: base}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}
	r, u, old, candidate := vector(), vector(), vector(), vector()
	VMOVUPS(gate(z, 1), r)
	VADDPS(gate(s, 1), r, r)
	VMOVUPS(gate(z, 0), u)
	VADDPS(gate(s, 0), u, u)
	run(sigmoid(r), sigmoid(u))
	VMOVUPS(gate(z, 2), candidate)
	VFMADD231PS(gate(s, 2), r, candidate)
	run(tanh(candidate))
	load(Mem{Base: h}, old)
	VMULPS(u, old, old)
	rest := loaded(number(1))
	VSUBPS(u, rest, rest)
	VFMADD231PS(candidate, rest, old)
	store(Mem{Base: h}, old)
}

// dots is for a product of few columns, of which a panel would be mostly
// nothing: a row of x times a row of w.
func dots() {
	TEXT("dots", NOSPLIT, "func(y *float32, yStride int, x *float32, w *float32, n int, bias float32, rows int)")
	Doc("dots computes y = bias + x·w for rows of x of n elements and one column w. Sixteen",
		"chains of fused multiply-adds take every sixteenth k each, and are added to one another and",
		"to the bias in a fixed order.")
	Pragma("noescape")
	y := Load(Param("y"), GP64())
	ys := Load(Param("yStride"), GP64())
	x := Load(Param("x"), GP64())
	w := Load(Param("w"), GP64())
	n := Load(Param("n"), GP64())
	bias := Load(Param("bias"), XMM())
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), ys)
	k, wk := GP64(), GP64()
	Label("row")
	TESTQ(rows, rows)
	JE(LabelRef("end"))
	MOVQ(n, k)
	MOVQ(w, wk)
	a, b, v := YMM(), YMM(), YMM()
	zero(a)
	zero(b)
	Label("sixteen")
	CMPQ(k, Imm(16))
	JL(LabelRef("eight"))
	VMOVUPS(Mem{Base: x}, v)
	VFMADD231PS(Mem{Base: wk}, v, a)
	VMOVUPS(Mem{Base: x, Disp: 32}, v)
	VFMADD231PS(Mem{Base: wk, Disp: 32}, v, b)
	ADDQ(Imm(64), x)
	ADDQ(Imm(64), wk)
	SUBQ(Imm(16), k)
	JMP(LabelRef("sixteen"))
	Label("eight")
	CMPQ(k, Imm(8))
	JL(LabelRef("tail"))
	VMOVUPS(Mem{Base: x}, v)
	VFMADD231PS(Mem{Base: wk}, v, a)
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), wk)
	SUBQ(Imm(8), k)
	Label("tail")
	TESTQ(k, k)
	JE(LabelRef("sum"))
	mask := maskOf(k)
	u := YMM()
	VMASKMOVPS(Mem{Base: x}, mask, v)
	VMASKMOVPS(Mem{Base: wk}, mask, u)
	VFMADD231PS(u, v, b)
	LEAQ(Mem{Base: x, Index: k, Scale: 4}, x)
	Label("sum")
	VADDPS(b, a, a)
	high := XMM()
	VEXTRACTF128(Imm(1), a, high)
	low := a.AsX()
	VADDPS(high, low, low)
	VMOVHLPS(low, low, high)
	VADDPS(high, low, low)
	VMOVSHDUP(low, high)
	VADDSS(high, low, low)
	VADDSS(bias, low, low)
	VMOVSS(low, Mem{Base: y})
	ADDQ(ys, y)
	DECQ(rows)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}
