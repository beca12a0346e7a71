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

// productPanelWide is productPanel for AVX-512.
func productPanelWide() {
	TEXT("productPanelWide", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, from *float32, fromStride int, n int, rows int)")
	Doc("productPanelWide is productPanel, the same bits. It needs AVX-512 (F).")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	rows := Load(Param("rows"), GP64())
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
		acc := make([][wideVectors]VecVirtual, group)
		fs := strideOf("fromStride")
		from3 := thirdRow(from, fs)
		for r := range acc {
			for v := range acc[r] {
				acc[r][v] = ZMM()
				VMOVUPS(rowOfSix(from, from3, fs, r, 64*v), acc[r][v])
			}
		}
		for range acc {
			ADDQ(fs, from)
		}
		xs := strideOf("xStride")
		w, k, at := Load(Param("w"), GP64()), Load(Param("n"), GP64()), GP64()
		MOVQ(x, at)
		at3 := thirdRow(at, xs)
		for range acc {
			ADDQ(xs, x)
		}
		TESTQ(k, k)
		JE(LabelRef("k" + name + "_end"))
		Label("k" + name)
		var columns [wideVectors]VecVirtual
		for v := range columns {
			columns[v] = ZMM()
			VMOVUPS(Mem{Base: w, Disp: 64 * v}, columns[v])
		}
		for r := range acc {
			element := ZMM()
			VBROADCASTSS(rowOfSix(at, at3, xs, r, 0), element)
			for v := range columns {
				VFMADD231PS(columns[v], element, acc[r][v])
			}
		}
		ADDQ(Imm(4), at)
		ADDQ(Imm(4), at3)
		ADDQ(I32(panelBytes), w)
		DECQ(k)
		JNE(LabelRef("k" + name))
		Label("k" + name + "_end")
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
	}
}

// productRowWide is productRow for AVX-512, four panels at a time, so that eight
// sums are under way.
func productRowWide() {
	TEXT("productRowWide", NOSPLIT, "func(z *float32, x *float32, w *float32, from *float32, n int, panels int)")
	Doc("productRowWide is productRow, the same bits. It needs AVX-512 (F).")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	w := Load(Param("w"), GP64())
	from := Load(Param("from"), GP64())
	panels := Load(Param("panels"), GP64())
	size := Load(Param("n"), GP64()) // of a panel, in bytes
	SHLQ(Imm(7), size)
	Label("next")
	for _, count := range []int{4, 2, 1} {
		CMPQ(panels, Imm(uint64(count)))
		JGE(LabelRef("panels" + string(rune('0'+count))))
	}
	VZEROUPPER()
	RET()
	for _, count := range []int{4, 2, 1} {
		name := string(rune('0' + count))
		Label("panels" + name)
		acc := make([]VecVirtual, count*wideVectors)
		for v := range acc {
			acc[v] = ZMM()
			VMOVUPS(Mem{Base: from, Disp: 64 * v}, acc[v])
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
			VMOVUPS(acc[v], Mem{Base: z, Disp: 64 * v})
		}
		ADDQ(I32(count*panelBytes), z)
		ADDQ(I32(count*panelBytes), from)
		SUBQ(Imm(uint64(count)), panels)
		JMP(LabelRef("next"))
	}
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
