package main

// tapRows is for convolutions of each channel by itself: a tap is one place of the
// window.
func tapRows(a *assembler) {
	a.function("tapRows", 0)
	z, x := a.arg("z"), a.arg("x")
	zs, xs := a.bytesOf("zStride"), a.bytesOf("xStride")
	rows := a.arg("rows")
	a.label("row")
	a.ins("CBZ %s, end", rows)
	zr, xr := a.general(), a.general()
	w, n := a.arg("w"), a.arg("n")
	a.ins("MOVD %s, %s", z, zr)
	a.ins("MOVD %s, %s", x, xr)
	// loop goes over the taps; body is for the elements of one.
	loop := func(label string, body func(x, w general)) {
		a.scope(func() {
			at, k := a.arg("at"), a.arg("count")
			a.label(label)
			ofX, ofW := a.general(), a.general()
			a.ins("LDP.P 16(%s), (%s, %s)", at, ofX, ofW)
			a.ins("ADD %s<<2, %s, %s", ofX, xr, ofX)
			a.ins("ADD %s<<2, %s, %s", ofW, w, ofW)
			body(ofX, ofW)
			a.ins("SUBS $1, %s", k)
			a.ins("BNE %s", label)
		})
	}
	next := func(elements int) {
		for _, p := range []general{zr, xr, w} {
			a.ins("ADD $%d, %s", 4*elements, p)
		}
		a.ins("SUB $%d, %s", elements, n)
	}
	a.label("many")
	a.ins("CMP $8, %s", n)
	a.ins("BLT one")
	a.scope(func() {
		acc := a.some(2)
		a.loadPair(zr, 0, acc[0], acc[1])
		loop("tap", func(x, w general) {
			v, u := a.some(2), a.some(2)
			a.loadPair(x, 0, v[0], v[1])
			a.loadPair(w, 0, u[0], u[1])
			for i := range acc {
				a.fma(v[i], u[i], acc[i])
			}
		})
		a.storePair(acc[0], acc[1], zr, 0)
	})
	next(8)
	a.ins("JMP many")
	a.label("one")
	a.ins("CBZ %s, next", n)
	a.scope(func() {
		sum := a.vector()
		a.ins("FMOVS (%s), %s", zr, sum.scalar())
		loop("oneTap", func(x, w general) {
			v, u := a.vector(), a.vector()
			a.ins("FMOVS (%s), %s", x, v.scalar())
			a.ins("FMOVS (%s), %s", w, u.scalar())
			a.ins("FMADDS %s, %s, %s, %s", u.scalar(), sum.scalar(), v.scalar(), sum.scalar())
		})
		a.ins("FMOVS %s, (%s)", sum.scalar(), zr)
	})
	next(1)
	a.ins("JMP one")
	a.label("next")
	a.ins("ADD %s, %s", zs, z)
	a.ins("ADD %s, %s", xs, x)
	a.ins("SUB $1, %s", rows)
	a.ins("JMP row")
	a.label("end")
	a.ret()
}
