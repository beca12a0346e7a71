package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The tables of lstmOne, see curves.go of package kernel: entries from -curveEnd to
// curveEnd, of which the first two coefficients lie together, and the other two
// after those of all.
const (
	curveEnd    = 1024
	curveSecond = 8 * (2*curveEnd + 1)
	curveShift  = 3 << 22 // adding it leaves an integer in the low bits
)

// lstmOne is nothing but the latency of one step after the other, so that its
// activations are cubics out of a table: 20 cycles instead of 60.
func lstmOne() {
	TEXT("lstmOne", NOSPLIT, "func(h *float32, c *float32, out *float32, outStride int, x *float32, from *float32, fromStride int, w *float32, features int, rows int, steps int, sigmoid *float32, tanh *float32) int")
	Doc("lstmOne takes steps of rows of an LSTM of one unit: of one row after another, and of",
		"each one step after another. x is (rows, steps, features), from as for lstmPanel, and each",
		"step's h goes to out too, outStride elements after the one before. sigmoid and tanh are the",
		"middles of their tables. It returns how many steps it took: before the first of which a",
		"number is not in a table, it ends.")
	Pragma("noescape")
	h := Load(Param("h"), GP64())
	c := Load(Param("c"), GP64())
	out := Load(Param("out"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	rows, steps := AllocLocal(8), AllocLocal(8)
	MOVQ(Load(Param("rows"), GP64()), rows)
	// The tables' indices are what a shifted float32 has as bits.
	back := GP64()
	MOVQ(U32(bits(curveShift)), back)
	SHLQ(Imm(3), back)
	sigmoids := Load(Param("sigmoid"), GP64())
	SUBQ(back, sigmoids)
	tanhs := Load(Param("tanh"), GP64())
	SUBQ(back, tanhs)
	done := GP64()
	XORQ(done, done)
	scale := [4]Mem{number(32), number(32), number(64), number(32)}

	Label("row")
	state, cell := XMM(), XMM()
	VMOVSS(Mem{Base: h}, state)
	VMOVSS(Mem{Base: c}, cell)
	MOVQ(Load(Param("steps"), GP64()), steps)

	Label("step")
	var z, y [4]VecVirtual
	for gate := range z {
		z[gate] = XMM()
		VMOVSS(Mem{Base: from, Disp: 32 * gate}, z[gate])
	}
	at, k := Load(Param("w"), GP64()), Load(Param("features"), GP64())
	TESTQ(k, k)
	JE(LabelRef("state"))
	Label("input")
	v := XMM()
	VMOVSS(Mem{Base: x}, v)
	for gate := range z {
		VFMADD231SS(Mem{Base: at, Disp: 32 * gate}, v, z[gate])
	}
	ADDQ(Imm(4), x)
	ADDQ(Imm(panelBytes), at)
	DECQ(k)
	JNE(LabelRef("input"))
	Label("state")
	for gate := range z {
		VFMADD231SS(Mem{Base: at, Disp: 32 * gate}, state, z[gate])
		y[gate] = XMM()
		VMOVSS(number(curveShift), y[gate])
		VFMADD231SS(scale[gate], z[gate], y[gate])
	}
	i, f, g, o := z[0], z[1], z[2], z[3]
	var beyond []func()
	run(curve("i", i, y[0], sigmoids, 32, &beyond), curve("g", g, y[2], tanhs, 64, &beyond))
	run(curve("f", f, y[1], sigmoids, 32, &beyond), curve("o", o, y[3], sigmoids, 32, &beyond))
	VMULSS(g, i, i)
	VFMADD231SS(f, cell, i)
	next, position := XMM(), XMM()
	VMOVAPS(i, next)
	VMOVSS(number(curveShift), position)
	VFMADD231SS(number(64), i, position)
	run(curve("c", i, position, tanhs, 64, &beyond))
	VMOVAPS(next, cell)
	VMULSS(o, i, state)
	VMOVSS(state, Mem{Base: out})
	stride := strideOf("outStride")
	ADDQ(stride, out)
	INCQ(done)
	DECQ(steps)
	JNE(LabelRef("step"))
	VMOVSS(state, Mem{Base: h})
	VMOVSS(cell, Mem{Base: c})
	ADDQ(Imm(4), h)
	ADDQ(Imm(4), c)
	ADDQ(strideOf("fromStride"), from)
	DECQ(rows)
	JNE(LabelRef("row"))
	Store(done, ReturnIndex(0))
	RET()

	for _, b := range beyond {
		b()
	}
	Label("outside")
	VMOVSS(state, Mem{Base: h})
	VMOVSS(cell, Mem{Base: c})
	Store(done, ReturnIndex(0))
	RET()
}

// curve replaces x by its function, whose table lies from table on in steps of
// 1/scale. y is x·scale, shifted. What is to be done with a number beyond the
// table's ends is added to beyond: the function is 1 there, and tanh -1 too. That of
// a sigmoid near 0 is not in the table, and NaN is not.
func curve(name string, x, y VecVirtual, table Register, scale float64, beyond *[]func()) steps {
	index := GP64()
	low, high := XMM(), XMM()
	at := func(i int) Mem { return Mem{Base: table, Index: index, Scale: 8, Disp: curveSecond*(i/2) + 4*(i%2)} }
	*beyond = append(*beyond, func() {
		Label("beyond_" + name)
		VUCOMISS(x, x)
		JPS(LabelRef("outside"))
		VMOVD(x, index.As32())
		VMOVSS(number(curveEnd/scale), x)
		VMOVSS(number(curveShift+curveEnd), y)
		TESTL(index.As32(), index.As32())
		if scale == 32 {
			JMI(LabelRef("outside"))
		} else {
			JPL(LabelRef("end_" + name))
			VMOVSS(number(-curveEnd/scale), x)
			VMOVSS(number(curveShift-curveEnd), y)
			Label("end_" + name)
		}
		VMOVD(y, index.As32())
		JMP(LabelRef("inside_" + name))
	})
	return steps{
		func() { VMOVD(y, index.As32()) },
		func() {
			inside := GP64()
			LEAL(Mem{Base: index, Disp: -int(bits(curveShift) - curveEnd)}, inside.As32())
			CMPL(inside.As32(), U32(2*curveEnd))
			JHI(LabelRef("beyond_" + name))
			Label("inside_" + name)
		},
		func() { VSUBSS(number(curveShift), y, y) },
		func() { VFNMADD231SS(number(1/scale), y, x) },
		func() { VMOVSS(at(0), low) },
		func() { VMOVSS(at(2), high) },
		func() { VFMADD231SS(at(1), x, low) },
		func() { VFMADD231SS(at(3), x, high) },
		func() { VMULSS(x, x, x) },
		func() { VFMADD213SS(low, high, x) },
	}
}
