package main

// lstmGates makes the next states of 8 units of a row of the sums of their
// gates, at z, and stores h at next. rest is how many units there are from
// these on: what c has of them is read and written, if they are fewer than 8.
func (a *assembler) lstmGates(z, c, next, rest general) {
	a.scope(func() {
		gate := func(i int) (v, w vector) {
			v, w = a.vector(), a.vector()
			a.loadPair(z, 32*i, v, w)
			return v, w
		}
		f, f2 := gate(1)
		i, i2 := gate(0)
		a.scope(func() { run(a.sigmoid(f), a.sigmoid(f2), a.sigmoid(i), a.sigmoid(i2)) })
		g, g2 := gate(2)
		o, o2 := gate(3)
		a.scope(func() { run(a.tanh(g), a.tanh(g2)) })
		a.scope(func() { run(a.sigmoid(o), a.sigmoid(o2)) })
		a.multiply(g, i, i)
		a.multiply(g2, i2, i2)
		a.eight(g, g2, c, rest, false)
		a.fma(f, g, i)
		a.fma(f2, g2, i2)
		a.eight(i, i2, c, rest, true)
		a.scope(func() { run(a.tanh(i), a.tanh(i2)) })
		a.multiply(o, i, i)
		a.multiply(o2, i2, i2)
		a.storePair(i, i2, next, 0)
	})
}

// lstmRow takes two panels at a time, and then their gates; it goes through
// them from the end if back is 1.
func lstmRow(a *assembler) {
	a.function("lstmRow", 0)
	a.withConstants()
	units := a.arg("units")
	panels := a.general() // that are left
	a.ins("ADD $7, %s, %s", units, panels)
	a.ins("LSR $3, %s, %s", panels, panels)
	size := a.arg("n") // of a panel of w, in bytes
	a.ins("LSL $7, %s, %s", size, size)
	w, from, z, c := a.arg("w"), a.arg("from"), a.arg("z"), a.arg("c")
	toNext := a.general() // two panels of w, forth or back
	a.ins("LSL $1, %s, %s", size, toNext)
	step := a.general() // one of c in bytes, for 16 units
	a.ins("MOVD $64, %s", step)
	a.scope(func() {
		back, last := a.arg("back"), a.general()
		a.ins("CBZ %s, tile", back)
		a.ins("LSR $1, %s, %s", panels, last)
		a.ins("CBZ %s, tile", last)
		a.ins("SUB $1, %s", last)
		a.ins("MADD %s, %s, %s, %s", toNext, w, last, w)
		a.ins("ADD %s<<8, %s", last, from)
		a.ins("ADD %s<<8, %s", last, z)
		a.ins("ADD %s<<6, %s", last, c)
		a.ins("NEG %s, %s", toNext, toNext)
		a.ins("NEG %s, %s", step, step)
	})

	a.label("tile")
	a.ins("CBZ %s, copy", panels)
	pending, zp, cp := a.general(), a.general(), a.general()
	a.ins("CMP $1, %s", panels)
	a.ins("BEQ odd")
	for _, count := range []int{2, 1} {
		if count == 1 {
			a.label("odd")
		}
		a.scope(func() {
			acc := a.sums(from, count)
			ws := a.addresses(w, size, count)
			for _, part := range [][2]string{{"x", "features"}, {"h", "take"}} {
				a.scope(func() {
					x, k := a.arg(part[0]), a.arg(part[1])
					a.rowLoop(acc, x, k, ws)
				})
			}
			a.storeSums(acc, z)
		})
		a.ins("MOVD $%d, %s", count, pending)
		if count == 2 {
			a.ins("JMP gates")
		}
	}
	a.label("gates")
	a.ins("SUB %s, %s", pending, panels)
	a.ins("MOVD %s, %s", z, zp)
	a.ins("MOVD %s, %s", c, cp)
	// The new h is where the gate i was, as other tiles want the old one.
	a.label("block")
	a.scope(func() {
		rest := a.arg("c") // units from cp on
		a.ins("SUB %s, %s, %s", rest, cp, rest)
		a.ins("SUB %s>>2, %s, %s", rest, units, rest)
		a.lstmGates(zp, cp, zp, rest)
	})
	a.ins("ADD $%d, %s", panelBytes, zp)
	a.ins("ADD $32, %s", cp)
	a.ins("SUBS $1, %s", pending)
	a.ins("BNE block")
	a.ins("ADD %s, %s", toNext, w)
	a.ins("ADD %s<<2, %s", step, from)
	a.ins("ADD %s<<2, %s", step, z)
	a.ins("ADD %s, %s", step, c)
	a.ins("JMP tile")

	a.label("copy")
	a.scope(func() {
		z, h := a.arg("z"), a.arg("h")
		a.eights(units, []general{h}, func() {
			v, w := a.vector(), a.vector()
			a.loadPair(z, 0, v, w)
			a.eight(v, w, h, units, true)
			a.ins("ADD $%d, %s", panelBytes, z)
		})
	})
	a.ret()
}

// lstmPanel is productPanel and the gates in one.
func lstmPanel(a *assembler) {
	const tile = 3 * panelBytes
	a.function("lstmPanel", tile)
	a.withConstants()
	h, x, from := a.arg("h"), a.arg("x"), a.arg("from")
	c, next, rows := a.arg("c"), a.arg("next"), a.arg("rows")
	count, z, rest := a.general(), a.general(), a.arg("rest")
	a.rowGroups(rows, func(group int) {
		acc := make([][]vector, group)
		a.scope(func() {
			fs := a.bytesOf("fromStride")
			for r, at := range a.addresses(from, fs, group) {
				acc[r] = a.sums(at, 1)
			}
			a.advance(from, fs, group)
		})
		a.keep(acc...)
		w := a.arg("w")
		for _, part := range []struct {
			count, stride string
			at            general
		}{{"features", "features", x}, {"take", "units", h}} {
			a.scope(func() {
				s, k := a.bytesOf(part.stride), a.arg(part.count)
				a.panelLoop(acc, a.addresses(part.at, s, group), k, w)
				a.advance(part.at, s, group)
			})
		}
		a.ins("MOVD $tile-%d(SP), %s", tile, z)
		for r := range acc {
			for v := 0; v < panelVectors; v += 2 {
				a.storePair(acc[r][v], acc[r][v+1], z, r*panelBytes+16*v)
			}
		}
		a.ins("MOVD $%d, %s", group, count)
		a.ins("JMP gates")
	})
	a.ret()
	a.label("gates")
	a.ins("SUB %s, %s", count, rows)
	a.label("row")
	a.lstmGates(z, c, next, rest)
	a.ins("ADD $%d, %s", panelBytes, z)
	a.scope(func() {
		a.advance(c, a.bytesOf("units"), 1)
		a.advance(next, a.bytesOf("nextStride"), 1)
	})
	a.ins("SUBS $1, %s", count)
	a.ins("BNE row")
	a.ins("JMP group")
}
