package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// wideRows is how many rows have their sums in registers: 6 × 4 of the 32.
const wideRows = 6

// third is the address of row 3.
func third(base, stride Register) Register {
	at := GP64()
	LEAQ(Mem{Base: base, Index: stride, Scale: 2}, at)
	ADDQ(stride, at)
	return at
}

// wideRow is an address in row r of 0 to 5.
func wideRow(base, third, stride Register, r, offset int) Mem {
	if r < 3 {
		return rowAt(base, stride, r, offset)
	}
	return rowAt(third, stride, r-3, offset)
}

// wideSums loads the sums of some rows, of two panels each.
func wideSums(rows int, from, stride Register) [][4]VecVirtual {
	from3 := third(from, stride)
	acc := make([][4]VecVirtual, rows)
	for r := range acc {
		for v := range acc[r] {
			acc[r][v] = ZMM()
			VMOVUPS(wideRow(from, from3, stride, r, 64*v), acc[r][v])
		}
	}
	return acc
}

// wideLoop adds k elements of some rows of x times two panels to their sums. x is
// then at the rows that follow; k and the panels' addresses are used up.
func wideLoop(label string, acc [][4]VecVirtual, x, stride, k, w, second Register) {
	at := GP64()
	MOVQ(x, at)
	at3 := third(at, stride)
	for range acc {
		ADDQ(stride, x)
	}
	TESTQ(k, k)
	JE(LabelRef(label + "_end"))
	Label(label)
	var columns [4]VecVirtual
	for v := range columns {
		columns[v] = ZMM()
		VMOVUPS(Mem{Base: []Register{w, second}[v/2], Disp: 64 * (v % 2)}, columns[v])
	}
	for r := range acc {
		element := ZMM()
		VBROADCASTSS(wideRow(at, at3, stride, r, 0), element)
		for v := range columns {
			VFMADD231PS(columns[v], element, acc[r][v])
		}
	}
	ADDQ(Imm(4), at)
	ADDQ(Imm(4), at3)
	ADDQ(I32(panelBytes), w)
	ADDQ(I32(panelBytes), second)
	DECQ(k)
	JNE(LabelRef(label))
	Label(label + "_end")
}

// productWide is productPanel for two panels and AVX-512.
func productWide() {
	TEXT("productWide", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, size int, from *float32, fromStride int, n int, rows int)")
	Doc("productWide is productPanel, the same bits, for two panels, the second size rows",
		"after the first. It needs AVX-512 (F).")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	rows := Load(Param("rows"), GP64())
	stride := func(name string) Register {
		s := Load(Param(name), GP64())
		SHLQ(Imm(2), s)
		return s
	}

	Label("group")
	for group := wideRows; group > 0; group-- {
		CMPQ(rows, Imm(uint64(group)))
		JGE(LabelRef("rows" + string(rune('0'+group))))
	}
	VZEROUPPER()
	RET()
	for group := wideRows; group > 0; group-- {
		name := string(rune('0' + group))
		Label("rows" + name)
		fs := stride("fromStride")
		acc := wideSums(group, from, fs)
		for range acc {
			ADDQ(fs, from)
		}
		w := Load(Param("w"), GP64())
		second := Load(Param("size"), GP64())
		SHLQ(Imm(7), second)
		ADDQ(w, second)
		wideLoop("k"+name, acc, x, stride("xStride"), Load(Param("n"), GP64()), w, second)
		zs := stride("zStride")
		z3 := third(z, zs)
		for r := range acc {
			for v := range acc[r] {
				VMOVUPS(acc[r][v], wideRow(z, z3, zs, r, 64*v))
			}
		}
		for range acc {
			ADDQ(zs, z)
		}
		SUBQ(Imm(uint64(group)), rows)
		JMP(LabelRef("group"))
	}
}

// productRowWide takes four panels at a time, so that eight sums are under way.
func productRowWide() {
	TEXT("productRowWide", NOSPLIT, "func(z *float32, x *float32, w *float32, from *float32, n int, panels int)")
	Doc("productRowWide is productRow, the same bits. It needs AVX-512 (F).")
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

	Label("next")
	counts := []int{4, 2, 1}
	for _, count := range counts {
		CMPQ(panels, Imm(uint64(count)))
		JGE(LabelRef("panels" + string(rune('0'+count))))
	}
	VZEROUPPER()
	RET()
	for _, count := range counts {
		name := string(rune('0' + count))
		Label("panels" + name)
		acc := make([]VecVirtual, 2*count)
		for v := range acc {
			acc[v] = ZMM()
			VMOVUPS(Mem{Base: from, Disp: 64 * v}, acc[v])
		}
		k, xk := GP64(), GP64()
		MOVQ(n, k)
		MOVQ(x, xk)
		var ws []Register
		for range count {
			wk := GP64()
			MOVQ(w, wk)
			ws = append(ws, wk)
			ADDQ(size, w)
		}
		productLoop("k"+name, acc, xk, k, ws)
		for v := range acc {
			VMOVUPS(acc[v], Mem{Base: z, Disp: 64 * v})
		}
		ADDQ(I32(count*panelBytes), z)
		ADDQ(I32(count*panelBytes), from)
		SUBQ(Imm(uint64(count)), panels)
		JMP(LabelRef("next"))
	}
}
