package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// wideRows is how many rows have their sums in registers: 6 × 4 of the 32.
const wideRows = 6

// lstmWide is lstmPanel for two panels and AVX-512.
func lstmWide() {
	TEXT("lstmWide", 0, "func(next *float32, nextStride int, h *float32, c *float32, x *float32, from *float32, fromStride int, w *float32, n int, features int, take int, units int, rows int)")
	Doc("lstmWide is lstmPanel, the same bits, for 16 units that are there, which are two",
		"panels of n rows. It needs AVX-512 (F, DQ).")
	Pragma("noescape")
	tile := AllocLocal(wideRows * 2 * panelBytes)
	h := Load(Param("h"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	c := Load(Param("c"), GP64())
	next := Load(Param("next"), GP64())
	rows := Load(Param("rows"), GP64())
	stride := func(name string) Register {
		s := Load(Param(name), GP64())
		SHLQ(Imm(2), s)
		return s
	}
	// third is the address of row 3.
	third := func(base, stride Register) Register {
		at := GP64()
		LEAQ(Mem{Base: base, Index: stride, Scale: 2}, at)
		ADDQ(stride, at)
		return at
	}
	row := func(base, third, stride Register, r, offset int) Mem {
		if r < 3 {
			return rowAt(base, stride, r, offset)
		}
		return rowAt(third, stride, r-3, offset)
	}

	Label("group")
	for group := wideRows; group > 0; group-- {
		CMPQ(rows, Imm(uint64(group)))
		JGE(LabelRef("rows" + string(rune('0'+group))))
	}
	VZEROUPPER()
	RET()
	count := GP64()
	for group := wideRows; group > 0; group-- {
		name := string(rune('0' + group))
		Label("rows" + name)
		acc := make([][4]VecVirtual, group)
		fs := stride("fromStride")
		from3 := third(from, fs)
		for r := range acc {
			for v := range acc[r] {
				acc[r][v] = ZMM()
				VMOVUPS(row(from, from3, fs, r, 64*v), acc[r][v])
			}
		}
		for range acc {
			ADDQ(fs, from)
		}
		w := Load(Param("w"), GP64())
		second := Load(Param("n"), GP64())
		SHLQ(Imm(7), second)
		ADDQ(w, second)
		for _, part := range []struct {
			name, count, stride string
			at                  Register
		}{{"x", "features", "features", x}, {"h", "take", "units", h}} {
			s := stride(part.stride)
			k := Load(Param(part.count), GP64())
			at := GP64()
			MOVQ(part.at, at)
			at3 := third(at, s)
			for range acc {
				ADDQ(s, part.at)
			}
			label := part.name + name
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
				VBROADCASTSS(row(at, at3, s, r, 0), element)
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
		// A panel is i and f, and g and o; a gate of both panels is wanted.
		for r := range acc {
			for gate := range 4 {
				a, b := acc[r][gate/2], acc[r][2+gate/2]
				v := ZMM()
				VSHUFF64X2(Imm([]uint64{0x44, 0xee}[gate%2]), b, a, v)
				VMOVUPS(v, tile.Offset(r*2*panelBytes+64*gate))
			}
		}
		MOVQ(U32(group), count)
		if group > 1 {
			JMP(LabelRef("gates"))
		}
	}
	Label("gates")
	SUBQ(count, rows)
	z := GP64()
	LEAQ(tile, z)
	Label("row")
	gate := func(i int) Mem { return Mem{Base: z, Disp: 64 * i} }
	f, i, g, o, cell := ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
	VMOVUPS(gate(1), f)
	VMOVUPS(gate(0), i)
	VMOVUPS(gate(2), g)
	VMOVUPS(gate(3), o)
	run(sigmoid(f), sigmoid(i), tanh(g), sigmoid(o))
	VMULPS(g, i, i)
	VMOVUPS(Mem{Base: c}, cell)
	VFMADD213PS(i, f, cell)
	VMOVUPS(cell, Mem{Base: c})
	run(tanh(cell))
	VMULPS(o, cell, cell)
	VMOVUPS(cell, Mem{Base: next})
	ADDQ(I32(2*panelBytes), z)
	ADDQ(stride("units"), c)
	ADDQ(stride("nextStride"), next)
	DECQ(count)
	JNE(LabelRef("row"))
	JMP(LabelRef("group"))
}
