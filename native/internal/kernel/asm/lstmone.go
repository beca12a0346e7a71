package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lstmOne keeps the states of a single unit in registers from step to step.
func lstmOne() {
	TEXT("lstmOne", NOSPLIT, "func(h *float32, c *float32, out *float32, outStride int, x *float32, from *float32, w *float32, features int, steps int)")
	Doc("lstmOne takes steps of one row of an LSTM of one unit, the bits of lstmRow: x is",
		"(steps, features), and each step's h goes to out too, outStride elements after the one before.")
	Pragma("noescape")
	h := Load(Param("h"), GP64())
	c := Load(Param("c"), GP64())
	out := Load(Param("out"), GP64())
	outStride := Load(Param("outStride"), GP64())
	x := Load(Param("x"), GP64())
	from := Load(Param("from"), GP64())
	w := Load(Param("w"), GP64())
	features := Load(Param("features"), GP64())
	steps := Load(Param("steps"), GP64())
	SHLQ(Imm(2), outStride)
	// The other seven units are 0, and stay so.
	state, cell := YMM(), YMM()
	VMOVSS(Mem{Base: h}, state.AsX())
	VMOVSS(Mem{Base: c}, cell.AsX())

	Label("step")
	acc := make([]VecVirtual, panelVectors)
	for v := range acc {
		acc[v] = YMM()
		VMOVUPS(Mem{Base: from, Disp: 32 * v}, acc[v])
	}
	at, k := GP64(), GP64()
	MOVQ(w, at)
	MOVQ(features, k)
	productLoop("x", acc, x, k, []Register{at})
	for v := range acc {
		VFMADD231PS(Mem{Base: at, Disp: 32 * v}, state, acc[v])
	}
	i, f, g, o := acc[0], acc[1], acc[2], acc[3]
	run(sigmoid(f), sigmoid(i))
	run(tanh(g), sigmoid(o))
	VMULPS(g, i, i)
	VFMADD213PS(i, f, cell)
	VMOVAPS(cell, state)
	run(tanh(state))
	VMULPS(o, state, state)
	VMOVSS(state.AsX(), Mem{Base: out})
	ADDQ(outStride, out)
	DECQ(steps)
	JNE(LabelRef("step"))
	VMOVSS(state.AsX(), Mem{Base: h})
	VMOVSS(cell.AsX(), Mem{Base: c})
	VZEROUPPER()
	RET()
}
