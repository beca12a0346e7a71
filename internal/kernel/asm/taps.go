package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// inTaps are functions for convolutions of each channel by itself: a tap is one place
// of the window.
type inTaps struct {
	scale  uint8                          // an element's bytes
	load   func(...Op)                    // a vector, or stores it
	one    func(...Op)                    // an element, or stores it
	add    func(w Mem, x, sum VecVirtual) // adds x times a vector of w
	addOne func(w Mem, x, sum VecVirtual) // adds x times an element of w
}

func tapRows() {
	TEXT("tapRows", NOSPLIT, "func(z *float32, zStride int, x *float32, xStride int, w *float32, at *int, count int, n int, rows int)")
	Doc("tapRows adds to each of rows of z, of n elements, count products, element by element, of",
		"n elements of its row of x and of w: at has for each where those of x and of w begin.",
		"Strides are in elements. Each sum is one chain of fused multiply-adds in order.")
	inTaps{
		4, VMOVUPS, VMOVSS,
		func(w Mem, x, sum VecVirtual) { VFMADD231PS(w, x, sum) },
		func(w Mem, x, sum VecVirtual) { VFMADD231SS(w, x, sum) },
	}.write()
}

// addTaps rounds each product before it is added, as addRows does.
func addTaps() {
	TEXT("addTaps", NOSPLIT, "func(z *float64, zStride int, x *float64, xStride int, w *float64, at *int, count int, n int, rows int)")
	Doc("addTaps is tapRows for float64. Each sum takes its products in order and fuses nothing:",
		"the bits that Go computes.")
	inTaps{
		8, VMOVUPD, VMOVSD,
		func(w Mem, x, sum VecVirtual) {
			VMULPD(w, x, x)
			VADDPD(x, sum, sum)
		},
		func(w Mem, x, sum VecVirtual) {
			VMULSD(w, x, x)
			VADDSD(x, sum, sum)
		},
	}.write()
}

func (f inTaps) write() {
	Pragma("noescape")
	shift := uint64(2)
	if f.scale == 8 {
		shift = 3
	}
	z, x := Load(Param("z"), GP64()), Load(Param("x"), GP64())
	zs, xs := Load(Param("zStride"), GP64()), Load(Param("xStride"), GP64())
	SHLQ(Imm(shift), zs)
	SHLQ(Imm(shift), xs)
	rows := Load(Param("rows"), GP64())
	vector := 32 / int(f.scale) // elements
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
		body(Mem{Base: xr, Index: ofX, Scale: f.scale}, Mem{Base: w, Index: ofW, Scale: f.scale})
		ADDQ(Imm(16), at)
		DECQ(k)
		JNE(LabelRef(label))
	}
	next := func(elements int) {
		for _, p := range []Register{zr, xr, w} {
			ADDQ(I32(int(f.scale)*elements), p)
		}
		SUBQ(I32(elements), n)
	}
	for _, block := range []struct {
		name    string
		vectors int
	}{{"many", 4}, {"few", 1}} {
		Label(block.name)
		CMPQ(n, Imm(uint64(vector*block.vectors)))
		JL(LabelRef(block.name + "_end"))
		acc := make([]VecVirtual, block.vectors)
		for v := range acc {
			acc[v] = YMM()
			f.load(Mem{Base: zr, Disp: 32 * v}, acc[v])
		}
		loop(block.name+"_tap", func(x, w Mem) {
			for v := range acc {
				element := YMM()
				f.load(x.Offset(32*v), element)
				f.add(w.Offset(32*v), element, acc[v])
			}
		})
		for v := range acc {
			f.load(acc[v], Mem{Base: zr, Disp: 32 * v})
		}
		next(vector * block.vectors)
		JMP(LabelRef(block.name))
		Label(block.name + "_end")
	}
	Label("one")
	TESTQ(n, n)
	JE(LabelRef("row_end"))
	sum := XMM()
	f.one(Mem{Base: zr}, sum)
	loop("one_tap", func(x, w Mem) {
		element := XMM()
		f.one(x, element)
		f.addOne(w, element, sum)
	})
	f.one(sum, Mem{Base: zr})
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
