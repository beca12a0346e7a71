package main

// addWide and dotWide are for products that are added up in float64, in which
// the product of two float32 is exact, fused or not.
func addWide(a *assembler) {
	a.function("addWide", 0)
	sum, row, n := a.arg("sum"), a.arg("row"), a.arg("n")
	x := a.vector()
	a.ins("FMOVS %s, %s", a.param("x"), x.scalar())
	a.ins("FCVTSD %s, %s", x.scalar(), x.scalar())
	a.ins("VDUP V%d.D[0], %s", int(x), x.doubles())
	a.label("four")
	a.ins("CMP $4, %s", n)
	a.ins("BLT one")
	a.scope(func() {
		w, low, high, s, s2 := a.vector(), a.vector(), a.vector(), a.vector(), a.vector()
		a.ins("FMOVQ (%s), %s", row, w.scalar())
		a.loadPair(sum, 0, s, s2)
		a.widenLow(w, low)
		a.widenHigh(w, high)
		a.fmaDoubles(low, x, s)
		a.fmaDoubles(high, x, s2)
		a.storePair(s, s2, sum, 0)
	})
	a.ins("ADD $16, %s", row)
	a.ins("ADD $32, %s", sum)
	a.ins("SUB $4, %s", n)
	a.ins("JMP four")
	a.label("one")
	a.ins("CBZ %s, end", n)
	a.scope(func() {
		w, s := a.vector(), a.vector()
		a.ins("FMOVS (%s), %s", row, w.scalar())
		a.ins("FMOVD (%s), %s", sum, s.scalar())
		a.ins("FCVTSD %s, %s", w.scalar(), w.scalar())
		a.ins("FMADDD %s, %s, %s, %s", x.scalar(), s.scalar(), w.scalar(), s.scalar())
		a.ins("FMOVD %s, (%s)", s.scalar(), sum)
	})
	a.ins("ADD $4, %s", row)
	a.ins("ADD $8, %s", sum)
	a.ins("SUB $1, %s", n)
	a.ins("JMP one")
	a.label("end")
	a.ret()
}

// fmaDoubles adds x·y to sum in float64.
func (a *assembler) fmaDoubles(x, y, sum vector) {
	a.ins("VFMLA %s, %s, %s", x.doubles(), y.doubles(), sum.doubles())
}

// dotWide: its sixteen sums are eight vectors, and are added in the order of the
// four of amd64.
func dotWide(a *assembler) {
	a.function("dotWide", 0)
	x, y, n := a.arg("x"), a.arg("y"), a.arg("n")
	acc := a.some(8)
	for _, v := range acc {
		a.zero(v)
	}
	a.label("sixteen")
	a.ins("CMP $16, %s", n)
	a.ins("BLT sum")
	for i := 0; i < 4; i += 2 {
		a.scope(func() {
			v, w := a.some(2), a.some(2)
			a.loadPair(x, 16*i, v[0], v[1])
			a.loadPair(y, 16*i, w[0], w[1])
			p, q := a.vector(), a.vector()
			for j := range 2 {
				at := 2 * (i + j)
				a.widenLow(v[j], p)
				a.widenLow(w[j], q)
				a.fmaDoubles(p, q, acc[at])
				a.widenHigh(v[j], p)
				a.widenHigh(w[j], q)
				a.fmaDoubles(p, q, acc[at+1])
			}
		})
	}
	a.ins("ADD $64, %s", x)
	a.ins("ADD $64, %s", y)
	a.ins("SUB $16, %s", n)
	a.ins("JMP sixteen")
	a.label("sum")
	for half := range 2 {
		a.addDoubles(acc[half], acc[2+half], acc[half])
		a.addDoubles(acc[4+half], acc[6+half], acc[4+half])
		a.addDoubles(acc[half], acc[4+half], acc[half])
	}
	sum := acc[0]
	a.addDoubles(sum, acc[1], sum)
	a.addLanes(sum, sum)
	a.label("one")
	a.ins("CBZ %s, end", n)
	a.scope(func() {
		v, w := a.vector(), a.vector()
		a.ins("FMOVS (%s), %s", x, v.scalar())
		a.ins("FMOVS (%s), %s", y, w.scalar())
		a.ins("FCVTSD %s, %s", v.scalar(), v.scalar())
		a.ins("FCVTSD %s, %s", w.scalar(), w.scalar())
		a.ins("FMADDD %s, %s, %s, %s", w.scalar(), sum.scalar(), v.scalar(), sum.scalar())
	})
	a.ins("ADD $4, %s", x)
	a.ins("ADD $4, %s", y)
	a.ins("SUB $1, %s", n)
	a.ins("JMP one")
	a.label("end")
	a.ins("FMOVD %s, ret+24(FP)", sum.scalar())
	a.ret()
}
