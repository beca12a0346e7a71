package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A panel is 32 columns of a matrix, packed so that the elements of one row of
// it are 128 bytes one after the other, and those of the next row follow.
const (
	panelVectors = 4
	panelBytes   = panelVectors * 32
)

// zero clears a register.
func zero(v VecVirtual) { VXORPS(v, v, v) }

// rowAt is an address in row r of 0 to 2.
func rowAt(base, stride Register, r, offset int) Mem {
	if r == 0 {
		return Mem{Base: base, Disp: offset}
	}
	return Mem{Base: base, Index: stride, Scale: uint8(r), Disp: offset}
}

// panelLoop adds k elements of some rows of x times a panel to their sums; x, k
// and w are used up.
func panelLoop(name string, acc [][]VecVirtual, x, stride, k, w Register) {
	TESTQ(k, k)
	JE(LabelRef(name + "_end"))
	Label(name)
	h := make([]VecVirtual, len(acc))
	for r := range h {
		h[r] = YMM()
		VBROADCASTSS(rowAt(x, stride, r, 0), h[r])
	}
	for v := range panelVectors {
		column := YMM()
		VMOVUPS(Mem{Base: w, Disp: 32 * v}, column)
		for r := range acc {
			VFMADD231PS(column, h[r], acc[r][v])
		}
	}
	ADDQ(Imm(4), x)
	ADDQ(Imm(panelBytes), w)
	DECQ(k)
	JNE(LabelRef(name))
	Label(name + "_end")
}

// productPanel computes up to three rows at a time, so that twelve sums are
// under way: enough for the latency of two fused multiply-adds a cycle.
func productPanel() {
	TEXT("productPanel", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, from *float32, fromStride int, n int, rows int)")
	Doc("productPanel computes 32 columns of z = from + x·w, for rows of x of n elements,",
		"by one panel of w. Strides are in elements. Each sum is one chain of fused",
		"multiply-adds, begun with from, over k in order.")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	zs := Load(Param("zStride"), GP64())
	x := Load(Param("x"), GP64())
	xs := Load(Param("xStride"), GP64())
	w := Load(Param("w"), GP64())
	from := Load(Param("from"), GP64())
	fs := Load(Param("fromStride"), GP64())
	n := Load(Param("n"), GP64())
	rows := Load(Param("rows"), GP64())
	for _, r := range []Register{zs, xs, fs} {
		SHLQ(Imm(2), r)
	}

	Label("group")
	CMPQ(rows, Imm(4))
	JE(LabelRef("rows2")) // two and two: three and one would wait for the one
	CMPQ(rows, Imm(3))
	JGE(LabelRef("rows3"))
	CMPQ(rows, Imm(2))
	JE(LabelRef("rows2"))
	CMPQ(rows, Imm(1))
	JE(LabelRef("rows1"))
	VZEROUPPER()
	RET()
	for _, group := range []int{3, 2, 1} {
		name := string(rune('0' + group))
		Label("rows" + name)
		acc := make([][]VecVirtual, group)
		for r := range acc {
			acc[r] = make([]VecVirtual, panelVectors)
			for v := range acc[r] {
				acc[r][v] = YMM()
				VMOVUPS(rowAt(from, fs, r, 32*v), acc[r][v])
			}
		}
		k, xk, wk := GP64(), GP64(), GP64()
		MOVQ(n, k)
		MOVQ(x, xk)
		MOVQ(w, wk)
		panelLoop("k"+name, acc, xk, xs, k, wk)
		for r := range acc {
			for v := range acc[r] {
				VMOVUPS(acc[r][v], rowAt(z, zs, r, 32*v))
			}
		}
		for range acc {
			ADDQ(xs, x)
			ADDQ(zs, z)
			ADDQ(fs, from)
		}
		SUBQ(Imm(uint64(group)), rows)
		JMP(LabelRef("group"))
	}
}

// productRow takes two panels at a time, so that eight sums are under way.
func productRow() {
	TEXT("productRow", NOSPLIT, "func(z *float32, x *float32, w *float32, from *float32, n int, panels int)")
	Doc("productRow computes z = from + x·w for one row of x of n elements and panels",
		"of w that follow one another. Each sum is the chain that productPanel has.")
	Pragma("noescape")
	rowOfPanels(2, 1)
}

// rowOfPanels takes as many panels at a time as the first count that there are.
func rowOfPanels(counts ...int) {
	z := Load(Param("z"), GP64())
	w := Load(Param("w"), GP64())
	from := Load(Param("from"), GP64())
	panels := Load(Param("panels"), GP64())
	size := Load(Param("n"), GP64()) // of a panel, in bytes
	SHLQ(Imm(7), size)
	Label("next")
	for _, count := range counts {
		CMPQ(panels, Imm(uint64(count)))
		JGE(LabelRef("panels" + string(rune('0'+count))))
	}
	VZEROUPPER()
	RET()
	for _, count := range counts {
		name := string(rune('0' + count))
		Label("panels" + name)
		width := int(vector().Size())
		acc := make([]VecVirtual, count*panelBytes/width)
		for v := range acc {
			acc[v] = vector()
			VMOVUPS(Mem{Base: from, Disp: width * v}, acc[v])
		}
		k, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
		var ws []Register
		for range count {
			wk := GP64()
			MOVQ(w, wk)
			ws = append(ws, wk)
			ADDQ(size, w)
		}
		productLoop("k"+name, acc, x, k, ws)
		for v := range acc {
			VMOVUPS(acc[v], Mem{Base: z, Disp: width * v})
		}
		ADDQ(I32(count*panelBytes), z)
		ADDQ(I32(count*panelBytes), from)
		SUBQ(Imm(uint64(count)), panels)
		JMP(LabelRef("next"))
	}
}

// productLoop adds k elements of x times panels to the sums of one row; x, k
// and the panels' addresses are used up.
func productLoop(name string, acc []VecVirtual, x, k Register, w []Register) {
	rows := func(n int) {
		for i := range n {
			h := vector()
			VBROADCASTSS(Mem{Base: x, Disp: 4 * i}, h)
			for v := range acc {
				VFMADD231PS(columnsOf(w, i, v, h), h, acc[v])
			}
		}
		ADDQ(Imm(uint64(4*n)), x)
		for _, at := range w {
			ADDQ(I32(panelBytes*n), at)
		}
	}
	if vector().Size() == 64 {
		const unrolled = 8 // so that the end of the loop is predicted
		SUBQ(Imm(unrolled), k)
		JL(LabelRef(name + "_few"))
		Label(name + "_many")
		rows(unrolled)
		SUBQ(Imm(unrolled), k)
		JGE(LabelRef(name + "_many"))
		Label(name + "_few")
		ADDQ(Imm(unrolled), k)
	}
	TESTQ(k, k)
	JE(LabelRef(name + "_end"))
	Label(name)
	rows(1)
	DECQ(k)
	JNE(LabelRef(name))
	Label(name + "_end")
}
