package main

// partial moves the first n elements, 0 to 3, of a vector: it reads them, and
// zeros behind them, or writes them. It uses up at.
func (a *assembler) partial(v vector, at, n general, store bool) {
	one, end := a.newLabel("single"), a.newLabel("partialEnd")
	if !store {
		a.zero(v)
	}
	move := func(op string) {
		if store {
			a.ins("%s %s, (%s)", op, v.scalar(), at)
		} else {
			a.ins("%s (%s), %s", op, at, v.scalar())
		}
	}
	a.ins("TBZ $1, %s, %s", n, one)
	move("FMOVD")
	a.ins("TBZ $0, %s, %s", n, end)
	a.ins("ADD $8, %s", at)
	if store {
		a.ins("VST1 V%d.S[2], (%s)", int(v), at)
	} else {
		a.ins("VLD1 (%s), V%d.S[2]", at, int(v))
	}
	a.ins("JMP %s", end)
	a.label(one)
	a.ins("TBZ $0, %s, %s", n, end)
	move("FMOVS")
	a.label(end)
}

// tail moves the first n elements, 0 to 7, of two vectors.
func (a *assembler) tail(low, high vector, base, n general, store bool) {
	a.scope(func() {
		few, end := a.newLabel("few"), a.newLabel("tailEnd")
		at := a.general()
		a.ins("MOVD %s, %s", base, at)
		a.ins("TBZ $2, %s, %s", n, few)
		if store {
			a.ins("FMOVQ %s, (%s)", low.scalar(), at)
		} else {
			a.ins("FMOVQ (%s), %s", at, low.scalar())
		}
		a.ins("ADD $16, %s", at)
		a.partial(high, at, n, store)
		a.ins("JMP %s", end)
		a.label(few)
		a.partial(low, at, n, store)
		if !store {
			a.zero(high)
		}
		a.label(end)
	})
}

// eight moves as many of eight elements as there are.
func (a *assembler) eight(low, high vector, base, count general, store bool) {
	few, end := a.newLabel("part"), a.newLabel("whole")
	a.ins("CMP $8, %s", count)
	a.ins("BLT %s", few)
	if store {
		a.storePair(low, high, base, 0)
	} else {
		a.loadPair(base, 0, low, high)
	}
	a.ins("JMP %s", end)
	a.label(few)
	a.tail(low, high, base, count, store)
	a.label(end)
}

// eights runs body over blocks of 8 of count elements; every pointer is 32
// bytes further after each.
func (a *assembler) eights(count general, pointers []general, body func()) {
	top, end := a.newLabel("eights"), a.newLabel("eightsEnd")
	a.label(top)
	a.ins("CMP $1, %s", count)
	a.ins("BLT %s", end)
	a.scope(body)
	for _, p := range pointers {
		a.ins("ADD $32, %s", p)
	}
	a.ins("SUB $8, %s", count)
	a.ins("JMP %s", top)
	a.label(end)
}

func elementwise(a *assembler, name string, f func(a *assembler, x vector) steps) {
	a.function(name, 0)
	a.withConstants()
	y, x, n := a.arg("y"), a.arg("x"), a.arg("n")
	a.eights(n, []general{x, y}, func() {
		v, w := a.vector(), a.vector()
		a.eight(v, w, x, n, false)
		run(f(a, v), f(a, w))
		a.eight(v, w, y, n, true)
	})
	a.ret()
}

func gruGates(a *assembler) {
	a.function("gruGates", 0)
	a.withConstants()
	h, z, s := a.arg("h"), a.arg("z"), a.arg("s")
	stride, units := a.bytesOf("stride"), a.arg("units")
	gate := func(base general, i int) (v, w vector) {
		v, w = a.vector(), a.vector()
		a.scope(func() {
			at := a.addresses(base, stride, i+1)
			a.loadPair(at[i], 0, v, w)
		})
		return v, w
	}
	a.eights(units, []general{h, z, s}, func() {
		sum := func(i int) (v, w vector) {
			v, w = gate(z, i)
			a.scope(func() {
				p, q := gate(s, i)
				a.add(v, p, v)
				a.add(w, q, w)
			})
			return v, w
		}
		r, r2 := sum(1)
		u, u2 := sum(0)
		a.scope(func() { run(a.sigmoid(r), a.sigmoid(r2), a.sigmoid(u), a.sigmoid(u2)) })
		candidate, candidate2 := gate(z, 2)
		a.scope(func() {
			p, q := gate(s, 2)
			a.fma(p, r, candidate)
			a.fma(q, r2, candidate2)
		})
		a.scope(func() { run(a.tanh(candidate), a.tanh(candidate2)) })
		old, old2, rest := a.vector(), a.vector(), a.vector()
		a.eight(old, old2, h, units, false)
		a.multiply(u, old, old)
		a.multiply(u2, old2, old2)
		a.number(1, rest)
		a.subtract(rest, u, u)
		a.subtract(rest, u2, u2)
		a.fma(candidate, u, old)
		a.fma(candidate2, u2, old2)
		a.eight(old, old2, h, units, true)
	})
	a.ret()
}

// dots: its sixteen sums are four vectors.
func dots(a *assembler) {
	a.function("dots", 0)
	y, ys, x := a.arg("y"), a.bytesOf("yStride"), a.arg("x")
	n, rows := a.arg("n"), a.arg("rows")
	bias := a.vector()
	a.ins("FMOVS %s, %s", a.param("bias"), bias.scalar())
	k, w := a.general(), a.general()
	acc := a.some(4)
	add := func(i int) { // eight elements
		a.scope(func() {
			v, v2, u, u2 := a.vector(), a.vector(), a.vector(), a.vector()
			a.loadPair(x, 32*(i/2), v, v2)
			a.loadPair(w, 32*(i/2), u, u2)
			a.fma(u, v, acc[i])
			a.fma(u2, v2, acc[i+1])
		})
	}
	a.label("row")
	a.ins("CBZ %s, end", rows)
	a.ins("MOVD %s, %s", n, k)
	a.ins("MOVD %s, %s", a.param("w"), w)
	for _, v := range acc {
		a.zero(v)
	}
	a.label("sixteen")
	a.ins("CMP $16, %s", k)
	a.ins("BLT eight")
	add(0)
	add(2)
	a.ins("ADD $64, %s", x)
	a.ins("ADD $64, %s", w)
	a.ins("SUB $16, %s", k)
	a.ins("JMP sixteen")
	a.label("eight")
	a.ins("CMP $8, %s", k)
	a.ins("BLT tail")
	add(0)
	a.ins("ADD $32, %s", x)
	a.ins("ADD $32, %s", w)
	a.ins("SUB $8, %s", k)
	a.label("tail")
	a.ins("CBZ %s, sum", k)
	a.scope(func() {
		v, v2, u, u2 := a.vector(), a.vector(), a.vector(), a.vector()
		a.tail(v, v2, x, k, false)
		a.tail(u, u2, w, k, false)
		a.fma(u, v, acc[2])
		a.fma(u2, v2, acc[3])
	})
	a.ins("ADD %s<<2, %s", k, x)
	a.label("sum")
	a.scope(func() {
		low, high, other := acc[0], acc[1], a.vector()
		a.add(low, acc[2], low)
		a.add(high, acc[3], high)
		a.add(low, high, low)
		a.ins("VEXT $8, %s, %s, %s", low.bytes(), low.bytes(), other.bytes())
		a.add(low, other, low)
		a.ins("VDUP V%d.S[1], %s", int(low), other)
		a.ins("FADDS %s, %s", other.scalar(), low.scalar())
		a.ins("FADDS %s, %s", bias.scalar(), low.scalar())
		a.ins("FMOVS %s, (%s)", low.scalar(), y)
	})
	a.ins("ADD %s, %s", ys, y)
	a.ins("SUB $1, %s", rows)
	a.ins("JMP row")
	a.label("end")
	a.ret()
}
