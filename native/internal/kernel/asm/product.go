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

	Label("panel_next")
	CMPQ(rows, Imm(4))
	JE(LabelRef("panel2")) // two and two: three and one would wait for the one
	CMPQ(rows, Imm(3))
	JGE(LabelRef("panel3"))
	CMPQ(rows, Imm(2))
	JE(LabelRef("panel2"))
	CMPQ(rows, Imm(1))
	JE(LabelRef("panel1"))
	VZEROUPPER()
	RET()
	for _, count := range []int{3, 2, 1} {
		name := string(rune('0' + count))
		Label("panel" + name)
		row := func(base, stride Register, r, offset int) Mem {
			if r == 0 {
				return Mem{Base: base, Disp: offset}
			}
			return Mem{Base: base, Index: stride, Scale: uint8(r), Disp: offset}
		}
		var acc [3][panelVectors]VecVirtual
		for r := range count {
			for v := range panelVectors {
				acc[r][v] = YMM()
				VMOVUPS(row(from, fs, r, 32*v), acc[r][v])
			}
		}
		k, wk := GP64(), GP64()
		MOVQ(n, k)
		MOVQ(w, wk)
		TESTQ(k, k)
		JE(LabelRef("panel_store" + name))
		Label("panel_loop" + name)
		var h [3]VecVirtual
		for r := range count {
			h[r] = YMM()
			VBROADCASTSS(row(x, xs, r, 0), h[r])
		}
		for v := range panelVectors {
			column := YMM()
			VMOVUPS(Mem{Base: wk, Disp: 32 * v}, column)
			for r := range count {
				VFMADD231PS(column, h[r], acc[r][v])
			}
		}
		ADDQ(Imm(4), x)
		ADDQ(Imm(panelBytes), wk)
		DECQ(k)
		JNE(LabelRef("panel_loop" + name))
		Label("panel_store" + name)
		for r := range count {
			for v := range panelVectors {
				VMOVUPS(acc[r][v], row(z, zs, r, 32*v))
			}
		}
		// To the next rows.
		MOVQ(n, k)
		SHLQ(Imm(2), k)
		SUBQ(k, x)
		for range count {
			ADDQ(xs, x)
			ADDQ(zs, z)
			ADDQ(fs, from)
		}
		SUBQ(Imm(uint64(count)), rows)
		JMP(LabelRef("panel_next"))
	}
}

// productRow takes two panels at a time, so that eight sums are under way.
func productRow() {
	TEXT("productRow", NOSPLIT, "func(z *float32, x *float32, w *float32, from *float32, n int, panels int)")
	Doc("productRow computes z = from + x·w for one row of x of n elements and panels",
		"of w that follow one another. Each sum is the chain that productPanel has.")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	x := Load(Param("x"), GP64())
	w := Load(Param("w"), GP64())
	from := Load(Param("from"), GP64())
	n := Load(Param("n"), GP64())
	panels := Load(Param("panels"), GP64())
	size := GP64() // of a panel, in bytes
	MOVQ(n, size)
	SHLQ(Imm(7), size)

	Label("row_next")
	CMPQ(panels, Imm(2))
	JGE(LabelRef("row2"))
	CMPQ(panels, Imm(1))
	JE(LabelRef("row1"))
	VZEROUPPER()
	RET()
	for _, count := range []int{2, 1} {
		name := string(rune('0' + count))
		Label("row" + name)
		var acc [2 * panelVectors]VecVirtual
		for v := range count * panelVectors {
			acc[v] = YMM()
			VMOVUPS(Mem{Base: from, Disp: 32 * v}, acc[v])
		}
		productLoop("row_loop"+name, acc[:count*panelVectors], x, w, size, n)
		for v := range count * panelVectors {
			VMOVUPS(acc[v], Mem{Base: z, Disp: 32 * v})
		}
		ADDQ(I32(count*panelBytes), z)
		ADDQ(I32(count*panelBytes), from)
		for range count {
			ADDQ(size, w)
		}
		SUBQ(Imm(uint64(count)), panels)
		JMP(LabelRef("row_next"))
	}
}

// productLoop adds x·w to the sums of one row and one panel or two.
func productLoop(label string, acc []VecVirtual, x, w, size, n Register) {
	k := GP64()
	var from [2]GPVirtual
	xk := GP64()
	MOVQ(n, k)
	MOVQ(x, xk)
	for p := range len(acc) / panelVectors {
		from[p] = GP64()
		MOVQ(w, from[p])
		if p == 1 {
			ADDQ(size, from[p])
		}
	}
	TESTQ(k, k)
	JE(LabelRef(label + "_end"))
	Label(label)
	h := YMM()
	VBROADCASTSS(Mem{Base: xk}, h)
	for v := range acc {
		VFMADD231PS(Mem{Base: from[v/panelVectors], Disp: 32 * (v % panelVectors)}, h, acc[v])
	}
	ADDQ(Imm(4), xk)
	for p := range len(acc) / panelVectors {
		ADDQ(Imm(panelBytes), from[p])
	}
	DECQ(k)
	JNE(LabelRef(label))
	Label(label + "_end")
}
