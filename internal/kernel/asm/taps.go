package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tapRows is for convolutions of each channel by itself: a tap is one place of the
// window.
func tapRows() {
	TEXT("tapRows", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, at *int, count int, n int, rows int)")
	Doc("tapRows adds to each of rows of z, of n elements, count products, element by element, of",
		"n elements of its row of x and of w: at has for each where those of x and of w begin.",
		"Strides are in elements. Each sum is one chain of fused multiply-adds in order.")
	Pragma("noescape")
	z, x := Load(Param("z"), GP64()), Load(Param("x"), GP64())
	zs, xs := strideOf("zStride"), strideOf("xStride")
	rows := Load(Param("rows"), GP64())
	Label("row")
	TESTQ(rows, rows)
	JE(LabelRef("end"))
	zr, xr, w, n := GP64(), GP64(), Load(Param("w"), GP64()), Load(Param("n"), GP64())
	MOVQ(z, zr)
	MOVQ(x, xr)
	// loop goes over the taps; body is for the elements of one.
	loop := func(label string, body func(x, w Mem)) {
		at, k := Load(Param("at"), GP64()), Load(Param("count"), GP64())
		Label(label)
		ofX, ofW := GP64(), GP64()
		MOVQ(Mem{Base: at}, ofX)
		MOVQ(Mem{Base: at, Disp: 8}, ofW)
		body(Mem{Base: xr, Index: ofX, Scale: 4}, Mem{Base: w, Index: ofW, Scale: 4})
		ADDQ(Imm(16), at)
		DECQ(k)
		JNE(LabelRef(label))
	}
	next := func(elements int) {
		for _, p := range []Register{zr, xr, w} {
			ADDQ(I32(4*elements), p)
		}
		SUBQ(I32(elements), n)
	}
	for _, block := range []struct {
		name    string
		vectors int
	}{{"many", 4}, {"few", 1}} {
		Label(block.name)
		CMPQ(n, Imm(uint64(8*block.vectors)))
		JL(LabelRef(block.name + "_end"))
		acc := make([]VecVirtual, block.vectors)
		for v := range acc {
			acc[v] = YMM()
			VMOVUPS(Mem{Base: zr, Disp: 32 * v}, acc[v])
		}
		loop(block.name+"_tap", func(x, w Mem) {
			for v := range acc {
				element := YMM()
				VMOVUPS(x.Offset(32*v), element)
				VFMADD231PS(w.Offset(32*v), element, acc[v])
			}
		})
		for v := range acc {
			VMOVUPS(acc[v], Mem{Base: zr, Disp: 32 * v})
		}
		next(8 * block.vectors)
		JMP(LabelRef(block.name))
		Label(block.name + "_end")
	}
	Label("one")
	TESTQ(n, n)
	JE(LabelRef("row_end"))
	sum := XMM()
	VMOVSS(Mem{Base: zr}, sum)
	loop("one_tap", func(x, w Mem) {
		element := XMM()
		VMOVSS(x, element)
		VFMADD231SS(w, element, sum)
	})
	VMOVSS(sum, Mem{Base: zr})
	next(1)
	JMP(LabelRef("one"))
	Label("row_end")
	ADDQ(zs, z)
	ADDQ(xs, x)
	DECQ(rows)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}
