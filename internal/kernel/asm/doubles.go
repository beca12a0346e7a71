package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowsAtOnce is how many rows of w are gone through column by column: each may be
// in a page of its own, and a processor knows few.
const rowsAtOnce = 16

// addRows rounds each product before it is added, as Go does: float64 is for those
// who want every digit, and its bits are the same on every machine.
func addRows() {
	TEXT("addRows", NOSPLIT, "func(z *float64, x *float64, w *float64, n int, m int)")
	Doc("addRows adds x·w to z, of m elements: x has n, and w is (n, m), both at least 1. Each",
		"sum takes its products in order and fuses nothing: the bits that Go computes.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	w := Load(Param("w"), GP64())
	left := Load(Param("n"), GP64())
	row := Load(Param("m"), GP64())
	SHLQ(Imm(3), row)
	Label("rows")
	some := GP64()
	MOVQ(U32(rowsAtOnce), some)
	CMPQ(left, some)
	CMOVQLT(left, some)
	z, columns, m := Load(Param("z"), GP64()), GP64(), Load(Param("m"), GP64())
	MOVQ(w, columns)
	// loop adds the products of some rows; body is for one of them.
	loop := func(label string, body func(at, x Register)) {
		k, xk, at := GP64(), GP64(), GP64()
		MOVQ(some, k)
		MOVQ(x, xk)
		MOVQ(columns, at)
		Label(label)
		body(at, xk)
		ADDQ(Imm(8), xk)
		ADDQ(row, at)
		DECQ(k)
		JNE(LabelRef(label))
	}
	// Eight sums are under way at once, for the latency of an addition.
	for _, block := range []struct {
		name    string
		vectors int
	}{{"many", 8}, {"few", 1}} {
		Label(block.name)
		CMPQ(m, Imm(uint64(4*block.vectors)))
		JL(LabelRef(block.name + "_end"))
		acc := make([]VecVirtual, block.vectors)
		for v := range acc {
			acc[v] = YMM()
			VMOVUPD(Mem{Base: z, Disp: 32 * v}, acc[v])
		}
		loop(block.name+"_row", func(at, x Register) {
			value := YMM()
			VBROADCASTSD(Mem{Base: x}, value)
			for v := range acc {
				product := YMM()
				VMULPD(Mem{Base: at, Disp: 32 * v}, value, product)
				VADDPD(product, acc[v], acc[v])
			}
		})
		for v := range acc {
			VMOVUPD(acc[v], Mem{Base: z, Disp: 32 * v})
		}
		ADDQ(I32(32*block.vectors), z)
		ADDQ(I32(32*block.vectors), columns)
		SUBQ(Imm(uint64(4*block.vectors)), m)
		JMP(LabelRef(block.name))
		Label(block.name + "_end")
	}
	Label("one")
	TESTQ(m, m)
	JE(LabelRef("end"))
	sum := XMM()
	VMOVSD(Mem{Base: z}, sum)
	loop("one_row", func(at, x Register) {
		value := XMM()
		VMOVSD(Mem{Base: x}, value)
		VMULSD(Mem{Base: at}, value, value)
		VADDSD(value, sum, sum)
	})
	VMOVSD(sum, Mem{Base: z})
	ADDQ(Imm(8), z)
	ADDQ(Imm(8), columns)
	DECQ(m)
	JMP(LabelRef("one"))
	Label("end")
	LEAQ(Mem{Base: x, Index: some, Scale: 8}, x)
	SUBQ(some, left)
	IMULQ(row, some)
	ADDQ(some, w)
	TESTQ(left, left)
	JNE(LabelRef("rows"))
	VZEROUPPER()
	RET()
}
