package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lstmGates makes the next states of 8 units of a row of the sums of their
// gates, at z, and stores h at next. rest is how many units there are from
// these on: what c has of them is read and written, if they are fewer than 8.
func lstmGates(z, c, next, rest Register) {
	gate := func(i int) Mem { return Mem{Base: z, Disp: 32 * i} }
	f, i, g, o, cell, mask := YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPS(gate(1), f)
	VMOVUPS(gate(0), i)
	run(sigmoid(f), sigmoid(i))
	VMOVUPS(gate(2), g)
	VMOVUPS(gate(3), o)
	run(tanh(g), sigmoid(o))
	VMULPS(g, i, i)
	CMPQ(rest, Imm(8))
	JL(LabelRef("masked"))
	VMOVUPS(Mem{Base: c}, cell)
	VFMADD213PS(i, f, cell)
	VMOVUPS(cell, Mem{Base: c})
	JMP(LabelRef("output"))
	Label("masked")
	CMPQ(rest, Imm(1))
	JE(LabelRef("one"))
	maskInto(mask, rest)
	VMASKMOVPS(Mem{Base: c}, mask, cell)
	VFMADD213PS(i, f, cell)
	VMASKMOVPS(cell, mask, Mem{Base: c})
	JMP(LabelRef("output"))
	// What is stored behind a mask, the next step would wait for.
	Label("one")
	VBROADCASTSS(Mem{Base: c}, cell)
	VFMADD213PS(i, f, cell)
	VMOVSS(cell.AsX(), Mem{Base: c})
	Label("output")
	run(tanh(cell))
	VMULPS(o, cell, cell)
	VMOVUPS(cell, Mem{Base: next})
}

// gateSteps are lstmGates for a vector of units that are there, in few registers.
func gateSteps(z, c Register) steps {
	f, i, g, o, cell := vector(), vector(), vector(), vector(), vector()
	gate := func(i int) Mem { return Mem{Base: z, Disp: int(f.Size()) * i} }
	return slices.Concat(
		steps{func() { VMOVUPS(gate(2), g) }}, tanh(g),
		steps{func() { VMOVUPS(gate(0), i) }}, sigmoid(i),
		steps{func() { VMULPS(g, i, i) }, func() { VMOVUPS(gate(1), f) }}, sigmoid(f),
		steps{
			func() { VMOVUPS(Mem{Base: c}, cell) },
			func() { VFMADD213PS(i, f, cell) },
			func() { VMOVUPS(cell, Mem{Base: c}) },
			func() { VMOVUPS(gate(3), o) },
		}, sigmoid(o), tanh(cell),
		steps{func() { VMULPS(o, cell, cell) }, func() { VMOVUPS(cell, gate(0)) }},
	)
}

// mixedRows is how many rows of a panel are multiplied while the gates of one
// block are made.
const mixedRows = 32

// lstmRow is productRow and the gates in one. The gates are latency more than
// work, and the product waits for the weights, so the gates of a tile of two
// panels are made in between the product of the next tile.
func lstmRow() {
	TEXT("lstmRow", NOSPLIT, "func(h *float32, c *float32, z *float32, x *float32, from *float32, w *float32, n int, features int, take int, units int, back int)")
	Doc("lstmRow takes a step of one row of an LSTM. The sums of the gates i, f, c, o,",
		"which are side by side for every 8 units in from and in a panel of w, are",
		"from + x·w + h·w: features rows of a panel are for x, and the next take ones for h, of",
		"the n that it has; c' is fma(f, c, i·g). z is for as many sums, and may be from. back is",
		"0 or, if units are a multiple of 16, 1: whether it goes through w from the end, which",
		"after a step that went the other way finds the nearer panels in the cache.")
	Pragma("noescape")
	units := Load(Param("units"), GP64())
	pending := GP64() // blocks whose sums are there and whose gates are not, at zp and cp
	XORQ(pending, pending)
	zp, cp := GP64(), GP64()
	XORQ(zp, zp)
	XORQ(cp, cp)
	pairs := func() Register { // of blocks
		n := GP64()
		LEAQ(Mem{Base: units, Disp: 7}, n)
		SHRQ(Imm(4), n)
		return n
	}
	// at sets the addresses of a tile, of which what the loops do not need is read
	// again from the arguments.
	type place struct{ z, c, from, w, half Register }
	at := func(tile Register) place {
		half := Load(Param("n"), GP64()) // a panel of w
		SHLQ(Imm(7), half)
		w := Load(Param("w"), GP64())
		offset := GP64()
		MOVQ(tile, offset)
		IMULQ(half, offset)
		LEAQ(Mem{Base: w, Index: offset, Scale: 2}, w)
		c := Load(Param("c"), GP64())
		MOVQ(tile, offset)
		SHLQ(Imm(6), offset)
		ADDQ(offset, c)
		z := Load(Param("z"), GP64())
		from := Load(Param("from"), GP64())
		SHLQ(Imm(2), offset)
		ADDQ(offset, z)
		ADDQ(offset, from)
		return place{z, c, from, w, half}
	}
	sums := func(from Register, n int) []VecVirtual {
		acc := make([]VecVirtual, n*panelVectors)
		for v := range acc {
			acc[v] = YMM()
			VMOVUPS(Mem{Base: from, Disp: 32 * v}, acc[v])
		}
		return acc
	}
	store := func(acc []VecVirtual, z Register) {
		for v := range acc {
			VMOVUPS(acc[v], Mem{Base: z, Disp: 32 * v})
		}
	}
	part := func(of, count string) (x, k Register) {
		return Load(Param(of), GP64()), Load(Param(count), GP64())
	}

	tile := pairs()
	TESTQ(tile, tile)
	JE(LabelRef("flushed"))
	DECQ(tile)
	back := Load(Param("back"), GP64())
	TESTQ(back, back)
	JNE(LabelRef("tile"))
	XORQ(tile, tile)

	Label("tile")
	p := at(tile)
	second := GP64()
	LEAQ(Mem{Base: p.w, Index: p.half, Scale: 1}, second)
	w := []Register{p.w, second}
	acc := sums(p.from, 2)
	x, k := part("x", "features")
	productLoop("x2", acc, x, k, w)
	x, k = part("h", "take")

	Label("mixed")
	TESTQ(pending, pending)
	JE(LabelRef("plain"))
	CMPQ(k, Imm(mixedRows))
	JL(LabelRef("pending"))
	mix(acc, x, w, gateSteps(zp, cp))
	ADDQ(I32(4*mixedRows), x)
	for _, at := range w {
		ADDQ(I32(panelBytes*mixedRows), at)
	}
	SUBQ(Imm(mixedRows), k)
	ADDQ(I32(panelBytes), zp)
	ADDQ(Imm(32), cp)
	DECQ(pending)
	JMP(LabelRef("mixed"))

	Label("pending")
	run(gateSteps(zp, cp))
	ADDQ(I32(panelBytes), zp)
	ADDQ(Imm(32), cp)
	DECQ(pending)
	JNE(LabelRef("pending"))

	Label("plain")
	productLoop("h2", acc, x, k, w)
	store(acc, p.z)
	MOVQ(p.z, zp)
	MOVQ(p.c, cp)
	MOVQ(U32(2), pending)
	back = Load(Param("back"), GP64())
	TESTQ(back, back)
	JNE(LabelRef("previous"))
	INCQ(tile)
	CMPQ(tile, pairs())
	JL(LabelRef("tile"))
	JMP(LabelRef("flush"))
	Label("previous")
	DECQ(tile)
	JGE(LabelRef("tile"))

	// The gates that are left, of which the last may be fewer than 8. The new h
	// is where the gate i was, as the other tiles wanted the old one.
	Label("flush")
	rest := GP64() // units from cp on
	begin := Load(Param("c"), GP64())
	MOVQ(cp, rest)
	SUBQ(begin, rest)
	SHRQ(Imm(2), rest)
	NEGQ(rest)
	ADDQ(units, rest)
	lstmGates(zp, cp, zp, rest)
	ADDQ(I32(panelBytes), zp)
	ADDQ(Imm(32), cp)
	DECQ(pending)
	JNE(LabelRef("flush"))

	// A last panel without a second one.
	Label("flushed")
	odd := GP64()
	LEAQ(Mem{Base: units, Disp: 7}, odd)
	TESTQ(U32(8), odd)
	JE(LabelRef("copy"))
	tile = pairs()
	p = at(tile)
	CMPQ(cp, p.c) // it was this one
	JG(LabelRef("copy"))
	acc = sums(p.from, 1)
	x, k = part("x", "features")
	productLoop("x1", acc, x, k, []Register{p.w})
	x, k = part("h", "take")
	productLoop("h1", acc, x, k, []Register{p.w})
	store(acc, p.z)
	MOVQ(p.z, zp)
	MOVQ(p.c, cp)
	MOVQ(U32(1), pending)
	JMP(LabelRef("flush"))

	Label("copy")
	z := Load(Param("z"), GP64())
	h := Load(Param("h"), GP64())
	v := YMM()
	CMPQ(units, Imm(1))
	JNE(LabelRef("copies"))
	VBROADCASTSS(Mem{Base: z}, v)
	VMOVSS(v.AsX(), Mem{Base: h})
	VZEROUPPER()
	RET()
	eights("copies", units, func() {
		ADDQ(Imm(32), h)
		ADDQ(I32(panelBytes), z)
	}, func(_, store func(m Mem, v VecVirtual)) {
		VMOVUPS(Mem{Base: z}, v)
		store(Mem{Base: h}, v)
	})
	VZEROUPPER()
	RET()
}

// columnsOf is vector v of some panels, in their row k.
func columnsOf(w []Register, k, v int, like VecVirtual) Mem {
	size := int(like.Size())
	return Mem{Base: w[v*size/panelBytes], Disp: panelBytes*k + v*size%panelBytes}
}

// mix multiplies mixedRows rows of two panels and spreads other steps evenly
// among that.
func mix(acc []VecVirtual, x Register, w []Register, other steps) {
	var product steps
	for k := range mixedRows {
		h := vector()
		product = append(product, func() { VBROADCASTSS(Mem{Base: x, Disp: 4 * k}, h) })
		for v := range acc {
			product = append(product, func() {
				VFMADD231PS(columnsOf(w, k, v, h), h, acc[v])
			})
		}
	}
	spread(product, other)
}

// lstmPanel is productPanel and the gates in one.
func lstmPanel() {
	TEXT("lstmPanel", NOSPLIT, "func(next *float32, nextStride int, h *float32, c *float32, x *float32, from *float32, fromStride int, w *float32, features int, take int, units int, rest int, rows int)")
	Doc("lstmPanel takes a step of 8 units, of the rest that there are from c on, of some rows of",
		"an LSTM: the sums and the gates are those of lstmRow. Rows of h and c are units",
		"apart, and those of x features. The new h, always of 8 units, goes to next.")
	Pragma("noescape")
	tile := AllocLocal(3 * panelBytes)
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

	Label("group")
	CMPQ(rows, Imm(4))
	JE(LabelRef("rows2")) // see productPanel
	CMPQ(rows, Imm(3))
	JGE(LabelRef("rows3"))
	CMPQ(rows, Imm(2))
	JE(LabelRef("rows2"))
	CMPQ(rows, Imm(1))
	JE(LabelRef("rows1"))
	VZEROUPPER()
	RET()
	count := GP64()
	for _, group := range []int{3, 2, 1} {
		name := string(rune('0' + group))
		Label("rows" + name)
		acc := make([][]VecVirtual, group)
		fs := stride("fromStride")
		for r := range acc {
			acc[r] = make([]VecVirtual, panelVectors)
			for v := range acc[r] {
				acc[r][v] = YMM()
				VMOVUPS(rowAt(from, fs, r, 32*v), acc[r][v])
			}
		}
		for range acc {
			ADDQ(fs, from)
		}
		w := Load(Param("w"), GP64())
		for _, part := range []struct {
			name, count, stride string
			at                  Register
		}{{"x", "features", "features", x}, {"h", "take", "units", h}} {
			s := stride(part.stride)
			k := Load(Param(part.count), GP64())
			at := GP64()
			MOVQ(part.at, at)
			panelLoop(part.name+name, acc, at, s, k, w)
			for range acc {
				ADDQ(s, part.at)
			}
		}
		for r := range acc {
			for v := range acc[r] {
				VMOVUPS(acc[r][v], tile.Offset(r*panelBytes+32*v))
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
	rest := Load(Param("rest"), GP64())
	lstmGates(z, c, next, rest)
	ADDQ(Imm(panelBytes), z)
	ADDQ(stride("units"), c)
	ADDQ(stride("nextStride"), next)
	DECQ(count)
	JNE(LabelRef("row"))
	JMP(LabelRef("group"))
}
