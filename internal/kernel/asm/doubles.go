package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowsAtOnce is how many rows of w are gone through column by column: each may be
// in a page of its own, and a processor knows few.
const rowsAtOnce = 16

// inRows are functions that add x·w to z, of m elements: x has n, and w is (n, m),
// each row after the one before. Each sum takes its products in order.
type inRows struct {
	scale     uint8                          // an element's bytes
	load      func(...Op)                    // a vector, or stores it
	one       func(...Op)                    // an element, or stores it
	broadcast func(...Op)                    // an element to a vector
	add       func(w Mem, x, sum VecVirtual) // adds x times a vector of w
	addOne    func(w Mem, x, sum VecVirtual) // adds x times an element of w
}

// addRows rounds each product before it is added, as Go does: float64 is for those
// who want every digit, and its bits are the same on every machine.
func addRows() {
	TEXT("addRows", NOSPLIT, "func(z *float64, x *float64, w *float64, n int, m int)")
	Doc("addRows adds x·w to z, of m elements: x has n, and w is (n, m), both at least 1. Each",
		"sum takes its products in order and fuses nothing: the bits that Go computes.")
	inRows{
		8, VMOVUPD, VMOVSD, VBROADCASTSD,
		func(w Mem, x, sum VecVirtual) {
			product := YMM()
			VMULPD(w, x, product)
			VADDPD(product, sum, sum)
		},
		func(w Mem, x, sum VecVirtual) {
			VMULSD(w, x, x)
			VADDSD(x, sum, sum)
		},
	}.write()
}

// fuseRows is for a matrix that is not worth to be packed.
func fuseRows() {
	TEXT("fuseRows", NOSPLIT, "func(z *float32, x *float32, w *float32, n int, m int)")
	Doc("fuseRows adds x·w to z, of m elements: x has n, and w is (n, m), both at least 1. Each",
		"sum is the chain that productPanel has.")
	inRows{
		4, VMOVUPS, VMOVSS, VBROADCASTSS,
		func(w Mem, x, sum VecVirtual) { VFMADD231PS(w, x, sum) },
		func(w Mem, x, sum VecVirtual) { VFMADD231SS(w, x, sum) },
	}.write()
}

func (f inRows) write() {
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	w := Load(Param("w"), GP64())
	left := Load(Param("n"), GP64())
	row := Load(Param("m"), GP64())
	shift := uint64(2)
	if f.scale == 8 {
		shift = 3
	}
	SHLQ(Imm(shift), row)
	vector := 32 / int(f.scale) // elements
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
		ADDQ(Imm(uint64(f.scale)), xk)
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
		CMPQ(m, Imm(uint64(vector*block.vectors)))
		JL(LabelRef(block.name + "_end"))
		acc := make([]VecVirtual, block.vectors)
		for v := range acc {
			acc[v] = YMM()
			f.load(Mem{Base: z, Disp: 32 * v}, acc[v])
		}
		loop(block.name+"_row", func(at, x Register) {
			value := YMM()
			f.broadcast(Mem{Base: x}, value)
			for v := range acc {
				f.add(Mem{Base: at, Disp: 32 * v}, value, acc[v])
			}
		})
		for v := range acc {
			f.load(acc[v], Mem{Base: z, Disp: 32 * v})
		}
		ADDQ(I32(32*block.vectors), z)
		ADDQ(I32(32*block.vectors), columns)
		SUBQ(Imm(uint64(vector*block.vectors)), m)
		JMP(LabelRef(block.name))
		Label(block.name + "_end")
	}
	Label("one")
	TESTQ(m, m)
	JE(LabelRef("end"))
	sum := XMM()
	f.one(Mem{Base: z}, sum)
	loop("one_row", func(at, x Register) {
		value := XMM()
		f.one(Mem{Base: x}, value)
		f.addOne(Mem{Base: at}, value, sum)
	})
	f.one(sum, Mem{Base: z})
	ADDQ(Imm(uint64(f.scale)), z)
	ADDQ(Imm(uint64(f.scale)), columns)
	DECQ(m)
	JMP(LabelRef("one"))
	Label("end")
	LEAQ(Mem{Base: x, Index: some, Scale: f.scale}, x)
	SUBQ(some, left)
	IMULQ(row, some)
	ADDQ(some, w)
	TESTQ(left, left)
	JNE(LabelRef("rows"))
	VZEROUPPER()
	RET()
}
