package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// wideVectors is how many vectors of AVX-512 a panel has.
const wideVectors = panelVectors / 2

// thirdRow is the address of row 3.
func thirdRow(base, stride Register) Register {
	at := GP64()
	LEAQ(Mem{Base: base, Index: stride, Scale: 2}, at)
	ADDQ(stride, at)
	return at
}

// rowOfSix is an address in row r of 0 to 5.
func rowOfSix(base, third, stride Register, r, offset int) Mem {
	if r < 3 {
		return rowAt(base, stride, r, offset)
	}
	return rowAt(third, stride, r-3, offset)
}

// strideOf loads a parameter of elements as bytes.
func strideOf(name string) Register {
	s := Load(Param(name), GP64())
	SHLQ(Imm(2), s)
	return s
}

// sixRows goes on with as many rows as there are registers for, until none is left:
// body is for group of them, its labels end in name, and it ends with a jump to
// "group".
func sixRows(rows Register, body func(group int, name string)) {
	Label("group")
	for _, last := range []uint64{7, 8} { // four and the rest: six and one would wait for the one
		CMPQ(rows, Imm(last))
		JE(LabelRef("rows4"))
	}
	for group := wideRows; group > 0; group-- {
		CMPQ(rows, Imm(uint64(group)))
		JGE(LabelRef("rows" + string(rune('0'+group))))
	}
	VZEROUPPER()
	RET()
	for group := wideRows; group > 0; group-- {
		name := string(rune('0' + group))
		Label("rows" + name)
		body(group, name)
	}
}

// sumsFrom begins vectors of the sums of some rows; from is then at the row after.
func sumsFrom(from Register, group, vectors int) [][]VecVirtual {
	stride := strideOf("fromStride")
	third := thirdRow(from, stride)
	acc := make([][]VecVirtual, group)
	for r := range acc {
		for v := range vectors {
			acc[r] = append(acc[r], ZMM())
			VMOVUPS(rowOfSix(from, third, stride, r, 64*v), acc[r][v])
		}
	}
	for range acc {
		ADDQ(stride, from)
	}
	return acc
}

// panelsLoop is panelLoop for up to six rows and some panels; x is then at the row
// after, and k and w are used up.
func panelsLoop(name string, acc [][]VecVirtual, x, stride, k Register, w []Register) {
	at := GP64()
	MOVQ(x, at)
	third := thirdRow(at, stride)
	for range acc {
		ADDQ(stride, x)
	}
	multiply := func(n int) {
		for i := range n {
			columns := make([]VecVirtual, len(acc[0]))
			for v := range columns {
				columns[v] = ZMM()
				VMOVUPS(columnsOf(w, i, v, columns[v]), columns[v])
			}
			for r := range acc {
				element := ZMM()
				VBROADCASTSS(rowOfSix(at, third, stride, r, 4*i), element)
				for v := range columns {
					VFMADD231PS(columns[v], element, acc[r][v])
				}
			}
		}
		ADDQ(Imm(uint64(4*n)), at)
		ADDQ(Imm(uint64(4*n)), third)
		for _, panel := range w {
			ADDQ(I32(panelBytes*n), panel)
		}
	}
	const unrolled = 4
	SUBQ(Imm(unrolled), k)
	JL(LabelRef(name + "_few"))
	Label(name + "_many")
	multiply(unrolled)
	SUBQ(Imm(unrolled), k)
	JGE(LabelRef(name + "_many"))
	Label(name + "_few")
	ADDQ(Imm(unrolled), k)
	JE(LabelRef(name + "_end"))
	Label(name)
	multiply(1)
	DECQ(k)
	JNE(LabelRef(name))
	Label(name + "_end")
}

// productPanelWide is productPanel for AVX-512.
func productPanelWide() {
	TEXT("productPanelWide", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, from *float32, fromStride int, n int, rows int)")
	Doc("productPanelWide is productPanel, the same bits. It needs AVX-512 (F).")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	rows := Load(Param("rows"), GP64())
	sixRows(rows, func(group int, name string) {
		acc := sumsFrom(from, group, wideVectors)
		xs, w, k := strideOf("xStride"), Load(Param("w"), GP64()), Load(Param("n"), GP64())
		panelsLoop("k"+name, acc, x, xs, k, []Register{w})
		zs := strideOf("zStride")
		z3 := thirdRow(z, zs)
		for r := range acc {
			for v := range acc[r] {
				VMOVUPS(acc[r][v], rowOfSix(z, z3, zs, r, 64*v))
			}
		}
		for range acc {
			ADDQ(zs, z)
		}
		SUBQ(Imm(uint64(group)), rows)
		JMP(LabelRef("group"))
	})
}

// productRowWide is productRow for AVX-512, four panels at a time, so that eight
// sums are under way.
func productRowWide() {
	TEXT("productRowWide", NOSPLIT, "func(z *float32, x *float32, w *float32, from *float32, n int, panels int)")
	Doc("productRowWide is productRow, the same bits. It needs AVX-512 (F).")
	Pragma("noescape")
	rowOfPanels(4, 2, 1)
}

// sixteens runs body over blocks of 16 of count elements, of which there are no
// others; every pointer is 64 bytes further after each.
func sixteens(count Register, pointers []Register, body func()) {
	Label("block")
	CMPQ(count, Imm(16))
	JL(LabelRef("end"))
	body()
	for _, p := range pointers {
		ADDQ(Imm(64), p)
	}
	SUBQ(Imm(16), count)
	JMP(LabelRef("block"))
	Label("end")
	VZEROUPPER()
	RET()
}

func elementwiseWide(name, narrow string, f func(x VecVirtual) steps) {
	TEXT(name, NOSPLIT, "func(y *float32, x *float32, n int)")
	Doc(name + " is " + narrow + ", the same bits, for n that are a multiple of 16. It needs AVX-512 (F, DQ).")
	Pragma("noescape")
	y := Load(Param("y"), GP64())
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	sixteens(n, []Register{x, y}, func() {
		v := ZMM()
		VMOVUPS(Mem{Base: x}, v)
		run(f(v))
		VMOVUPS(v, Mem{Base: y})
	})
}

func gruGatesWide() {
	TEXT("gruGatesWide", NOSPLIT, "func(h *float32, z *float32, s *float32, stride int, units int)")
	Doc("gruGatesWide is gruGates, the same bits, for units that are a multiple of 16. It needs",
		"AVX-512 (F, DQ).")
	Pragma("noescape")
	h := Load(Param("h"), GP64())
	z := Load(Param("z"), GP64())
	s := Load(Param("s"), GP64())
	stride := strideOf("stride")
	units := Load(Param("units"), GP64())
	sixteens(units, []Register{h, z, s}, func() {
		gruBlock(h, z, s, stride, func(m Mem, v VecVirtual) { VMOVUPS(m, v) }, func(m Mem, v VecVirtual) { VMOVUPS(v, m) })
	})
}
