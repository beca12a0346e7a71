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
	count := GP64()
	sixRows(rows, func(group int, name string) {
		acc := sumsFrom(from, group, 2*wideVectors)
		w := Load(Param("w"), GP64())
		second := Load(Param("n"), GP64())
		SHLQ(Imm(7), second)
		ADDQ(w, second)
		for _, part := range []struct {
			name, count, stride string
			at                  Register
		}{{"x", "features", "features", x}, {"h", "take", "units", h}} {
			s, k := strideOf(part.stride), Load(Param(part.count), GP64())
			panelsLoop(part.name+name, acc, part.at, s, k, []Register{w, second})
		}
		for r := range acc {
			storeGates(acc[r], func(i int) Mem { return tile.Offset(r*2*panelBytes + 64*i) })
		}
		MOVQ(U32(group), count)
		if group > 1 {
			JMP(LabelRef("gates"))
		}
	})
	Label("gates")
	SUBQ(count, rows)
	z := GP64()
	LEAQ(tile, z)
	// The second half of one row's gates is made in between the first of the next
	// row's: cell and o are what it needs.
	cell, o := ZMM(), ZMM()
	first := func() (steps, func()) {
		f, i, g, nextO, nextCell := ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
		for v, gate := range []VecVirtual{i, f, g, nextO} {
			VMOVUPS(Mem{Base: z, Disp: 64 * v}, gate)
		}
		VMOVUPS(Mem{Base: c}, nextCell)
		s := append(inTurns(sigmoid(i), tanh(g), sigmoid(f), sigmoid(nextO)),
			func() { VMULPS(g, i, i) },
			func() { VFMADD213PS(i, f, nextCell) },
			func() { VMOVUPS(nextCell, Mem{Base: c}) },
		)
		return s, func() {
			VMOVAPS(nextCell, cell)
			VMOVAPS(nextO, o)
			ADDQ(I32(2*panelBytes), z)
			ADDQ(strideOf("units"), c)
		}
	}
	second := func() steps {
		return append(tanh(cell),
			func() { VMULPS(o, cell, cell) },
			func() { VMOVUPS(cell, Mem{Base: next}) },
			func() { ADDQ(strideOf("nextStride"), next) },
		)
	}
	s, keep := first()
	run(s)
	keep()
	DECQ(count)
	JE(LabelRef("last"))
	Label("row")
	s, keep = first()
	spread(s, second())
	keep()
	DECQ(count)
	JNE(LabelRef("row"))
	Label("last")
	run(second())
	JMP(LabelRef("group"))
}

// storeGates stores the sums of two panels by gates: a panel is i and f, and g
// and o, of 8 units each.
func storeGates(acc []VecVirtual, to func(i int) Mem) {
	for gate := range 4 {
		a, b := acc[gate/2], acc[2+gate/2]
		v := ZMM()
		VSHUFF64X2(Imm([]uint64{0x44, 0xee}[gate%2]), b, a, v)
		VMOVUPS(v, to(gate))
	}
}

// lstmRowWide is lstmRow for AVX-512: a block is 16 units, which are two panels.
func lstmRowWide() {
	TEXT("lstmRowWide", NOSPLIT, "func(h *float32, c *float32, z *float32, x *float32, from *float32, w *float32, n int, features int, take int, units int, back int, out *float32, outStride int, steps int)")
	Doc("lstmRowWide is lstmRow, the same bits, for units that are a multiple of 16, and takes",
		"steps of them, each through w from the other end than the one before: x is (steps,",
		"features), and each step's h goes to out too, outStride elements after the one before. take",
		"is of the first step; those after it take all of h. It needs AVX-512 (F, DQ).")
	Pragma("noescape")
	const sums = 256 // bytes, of a block
	// What changes from step to step.
	local := func(name string) Mem {
		m, at := AllocLocal(8), GP64()
		Load(Param(name), at)
		MOVQ(at, m)
		return m
	}
	xAt, outAt, walk, left, take := local("x"), local("out"), local("back"), local("steps"), local("take")
	read := func(m Mem) Register {
		r := GP64()
		MOVQ(m, r)
		return r
	}
	Label("step")
	pending := GP64() // blocks whose sums are there and whose gates are not, at zp and cp
	XORQ(pending, pending)
	zp, cp := GP64(), GP64()
	XORQ(zp, zp)
	XORQ(cp, cp)
	// begin loads the sums of some blocks, and the addresses of their panels.
	begin := func(tile Register, blocks int) (acc []VecVirtual, w []Register) {
		half := Load(Param("n"), GP64()) // a panel of w
		SHLQ(Imm(7), half)
		at := GP64()
		MOVQ(tile, at)
		IMULQ(half, at)
		w = []Register{Load(Param("w"), GP64())}
		LEAQ(Mem{Base: w[0], Index: at, Scale: 4}, w[0])
		for p := 1; p < 2*blocks; p++ {
			w = append(w, GP64())
			LEAQ(Mem{Base: w[p-1], Index: half, Scale: 1}, w[p])
		}
		from := Load(Param("from"), GP64())
		MOVQ(tile, at)
		SHLQ(Imm(9), at)
		ADDQ(at, from)
		for v := range 4 * blocks {
			acc = append(acc, ZMM())
			VMOVUPS(Mem{Base: from, Disp: 64 * v}, acc[v])
		}
		return acc, w
	}
	// end stores the sums, whose gates are to be made.
	end := func(tile Register, acc []VecVirtual) {
		at := GP64()
		MOVQ(tile, at)
		SHLQ(Imm(7), at)
		cp2 := Load(Param("c"), GP64())
		LEAQ(Mem{Base: cp2, Index: at, Scale: 1}, cp)
		zp2 := Load(Param("z"), GP64())
		LEAQ(Mem{Base: zp2, Index: at, Scale: 4}, zp)
		for b := range len(acc) / 4 {
			storeGates(acc[4*b:][:4], func(i int) Mem { return Mem{Base: zp, Disp: sums*b + 64*i} })
		}
		MOVQ(U32(len(acc)/4), pending)
	}
	inputs := func() (x, k Register) { return read(xAt), Load(Param("features"), GP64()) }
	states := func() (h, k Register) { return Load(Param("h"), GP64()), read(take) }
	next := func() {
		ADDQ(I32(sums), zp)
		ADDQ(Imm(64), cp)
		DECQ(pending)
	}

	tiles := GP64() // of two blocks
	pairs := func() Register {
		n := Load(Param("units"), GP64())
		SHRQ(Imm(5), n)
		return n
	}
	MOVQ(pairs(), tiles)
	tile, step := GP64(), GP64()
	XORQ(tile, tile)
	TESTQ(tiles, tiles)
	JE(LabelRef("odd"))
	MOVQ(U32(1), step)
	back := read(walk)
	TESTQ(back, back)
	JE(LabelRef("tile"))
	LEAQ(Mem{Base: tiles, Disp: -1}, tile)
	NEGQ(step)

	Label("tile")
	acc, w := begin(tile, 2)
	x, k := inputs()
	productLoop("x2", acc, x, k, w)
	ahead := GP64() // to the panels of the next tile
	MOVQ(w[1], ahead)
	SUBQ(w[0], ahead)
	IMULQ(step, ahead)
	SHLQ(Imm(2), ahead)
	for _, at := range w {
		p := GP64()
		LEAQ(Mem{Base: at, Index: ahead, Scale: 1}, p)
		for line := range 4 {
			PREFETCHT0(Mem{Base: p, Disp: 64 * line})
		}
	}
	x, k = states()
	Label("mixed")
	TESTQ(pending, pending)
	JE(LabelRef("plain"))
	CMPQ(k, Imm(mixedRows))
	JL(LabelRef("short"))
	mix(acc, x, w, gateSteps(zp, cp))
	ADDQ(I32(4*mixedRows), x)
	for _, at := range w {
		ADDQ(I32(panelBytes*mixedRows), at)
	}
	SUBQ(Imm(mixedRows), k)
	next()
	JMP(LabelRef("mixed"))
	Label("short")
	run(gateSteps(zp, cp))
	next()
	JNE(LabelRef("short"))
	Label("plain")
	productLoop("h2", acc, x, k, w)
	end(tile, acc)
	ADDQ(step, tile)
	JS(LabelRef("odd"))
	CMPQ(tile, tiles)
	JL(LabelRef("tile"))

	// A last block without a second one.
	Label("odd")
	units := Load(Param("units"), GP64())
	TESTQ(U32(16), units)
	JE(LabelRef("flush"))
	TESTQ(pending, pending)
	JE(LabelRef("first"))
	Label("before")
	run(gateSteps(zp, cp))
	next()
	JNE(LabelRef("before"))
	Label("first")
	last := pairs()
	acc, w = begin(last, 1)
	x, k = inputs()
	productLoop("x1", acc, x, k, w)
	x, k = states()
	productLoop("h1", acc, x, k, w)
	end(last, acc)

	// The new h is where the gate i was, as the other tiles wanted the old one.
	Label("flush")
	CMPQ(pending, Imm(2))
	JNE(LabelRef("one"))
	zq, cq := GP64(), GP64()
	LEAQ(Mem{Base: zp, Disp: sums}, zq)
	LEAQ(Mem{Base: cp, Disp: 64}, cq)
	run(gateSteps(zp, cp), gateSteps(zq, cq))
	JMP(LabelRef("copying"))
	Label("one")
	run(gateSteps(zp, cp))
	Label("copying")
	z := Load(Param("z"), GP64())
	h := Load(Param("h"), GP64())
	count := Load(Param("units"), GP64())
	MOVQ(count, take)
	SHRQ(Imm(4), count)
	out := read(outAt)
	Label("copy")
	v := ZMM()
	VMOVUPS(Mem{Base: z}, v)
	VMOVUPS(v, Mem{Base: h})
	VMOVUPS(v, Mem{Base: out})
	ADDQ(Imm(64), h)
	ADDQ(Imm(64), out)
	ADDQ(I32(sums), z)
	DECQ(count)
	JNE(LabelRef("copy"))
	for _, m := range []struct {
		at    Mem
		ahead string
	}{{xAt, "features"}, {outAt, "outStride"}} {
		ahead := Load(Param(m.ahead), GP64())
		SHLQ(Imm(2), ahead)
		ADDQ(ahead, m.at)
	}
	XORQ(Imm(1), walk)
	DECQ(left)
	JNE(LabelRef("step"))
	VZEROUPPER()
	RET()
}
