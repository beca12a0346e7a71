package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// addWide and dotWide are for products that are added up in float64, in which
// the product of two float32 is exact, fused or not.
func addWide() {
	TEXT("addWide", NOSPLIT, "func(sum *float64, row *float32, x float32, n int)")
	Doc("addWide adds x·row, of n elements, to sum in float64: the bits that Go computes.")
	Pragma("noescape")
	sum := Load(Param("sum"), GP64())
	row := Load(Param("row"), GP64())
	n := Load(Param("n"), GP64())
	single := Load(Param("x"), XMM()).(VecVirtual)
	x := YMM()
	VCVTSS2SD(single, single, single)
	VBROADCASTSD(single, x)
	Label("eight")
	CMPQ(n, Imm(8))
	JL(LabelRef("one"))
	for i := range 2 {
		w, s := YMM(), YMM()
		VCVTPS2PD(Mem{Base: row, Disp: 16 * i}, w)
		VMOVUPD(Mem{Base: sum, Disp: 32 * i}, s)
		VFMADD231PD(w, x, s)
		VMOVUPD(s, Mem{Base: sum, Disp: 32 * i})
	}
	ADDQ(Imm(32), row)
	ADDQ(Imm(64), sum)
	SUBQ(Imm(8), n)
	JMP(LabelRef("eight"))
	Label("one")
	TESTQ(n, n)
	JE(LabelRef("end"))
	w, s := XMM(), XMM()
	VMOVSS(Mem{Base: row}, w)
	VCVTSS2SD(w, w, w)
	VMOVSD(Mem{Base: sum}, s)
	VFMADD231SD(w, x.AsX(), s)
	VMOVSD(s, Mem{Base: sum})
	ADDQ(Imm(4), row)
	ADDQ(Imm(8), sum)
	DECQ(n)
	JMP(LabelRef("one"))
	Label("end")
	VZEROUPPER()
	RET()
}

func dotWide() {
	TEXT("dotWide", NOSPLIT, "func(x *float32, y *float32, n int) float64")
	Doc("dotWide is the sum of x·y, of n elements, in float64: sixteen sums side by side, which",
		"are added to one another in a fixed order, and then the elements after the last sixteen.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	y := Load(Param("y"), GP64())
	n := Load(Param("n"), GP64())
	var acc [4]VecVirtual
	for i := range acc {
		acc[i] = YMM()
		zero(acc[i])
	}
	Label("sixteen")
	CMPQ(n, Imm(16))
	JL(LabelRef("sum"))
	for i := range acc {
		a, b := YMM(), YMM()
		VCVTPS2PD(Mem{Base: x, Disp: 16 * i}, a)
		VCVTPS2PD(Mem{Base: y, Disp: 16 * i}, b)
		VFMADD231PD(a, b, acc[i])
	}
	ADDQ(Imm(64), x)
	ADDQ(Imm(64), y)
	SUBQ(Imm(16), n)
	JMP(LabelRef("sixteen"))
	Label("sum")
	VADDPD(acc[1], acc[0], acc[0])
	VADDPD(acc[3], acc[2], acc[2])
	VADDPD(acc[2], acc[0], acc[0])
	high, sum := XMM(), acc[0].AsX()
	VEXTRACTF128(Imm(1), acc[0], high)
	VADDPD(high, sum, sum)
	VUNPCKHPD(sum, sum, high)
	VADDSD(high, sum, sum)
	Label("one")
	TESTQ(n, n)
	JE(LabelRef("end"))
	a, b := XMM(), XMM()
	VMOVSS(Mem{Base: x}, a)
	VCVTSS2SD(a, a, a)
	VMOVSS(Mem{Base: y}, b)
	VCVTSS2SD(b, b, b)
	VFMADD231SD(a, b, sum)
	ADDQ(Imm(4), x)
	ADDQ(Imm(4), y)
	DECQ(n)
	JMP(LabelRef("one"))
	Label("end")
	result := XMM()
	VMOVAPD(sum, result)
	VZEROUPPER()
	Store(result, ReturnIndex(0))
	RET()
}
