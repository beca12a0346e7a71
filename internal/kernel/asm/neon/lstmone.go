package main

import "math"

// The tables of lstmOne: see lstmone.go for amd64.
const (
	curveEnd    = 1024
	curveSecond = 8 * (2*curveEnd + 1)
	curveShift  = 3 << 22
)

// lstmOne takes its activations out of tables.
func lstmOne(a *assembler) {
	a.function("lstmOne", 0)
	a.withConstants()
	h, c, out, x, from, w := a.arg("h"), a.arg("c"), a.arg("out"), a.arg("x"), a.arg("from"), a.arg("w")
	outStride, fromStride := a.bytesOf("outStride"), a.bytesOf("fromStride")
	features, rows, steps, left, done := a.arg("features"), a.arg("rows"), a.arg("steps"), a.general(), a.general()
	sigmoids, tanhs := a.arg("sigmoid"), a.arg("tanh")
	at, k := a.general(), a.general()
	shiftBits := math.Float32bits(curveShift)
	// The tables' indices are what a shifted float32 has as bits.
	a.ins("MOVD $%d, %s", uint64(shiftBits)<<3, at)
	a.ins("SUB %s, %s, %s", at, sigmoids, sigmoids)
	a.ins("SUB %s, %s, %s", at, tanhs, tanhs)
	least := a.general()
	a.ins("MOVD $%d, %s", shiftBits-curveEnd, least)
	a.ins("MOVD ZR, %s", done)
	shift, quarter, eighth := a.vector(), a.vector(), a.vector()
	a.number(curveShift, shift)
	a.number(1./32, quarter)
	a.number(1./64, eighth)
	many, more := a.vector(), a.vector()
	a.number(32, many)
	a.number(64, more)
	scale := []vector{many, many, more, many}
	recurrent := a.some(4)
	a.ins("ADD %s<<7, %s, %s", features, w, at)
	for gate, r := range recurrent {
		a.ins("FMOVS %d(%s), %s", 32*gate, at, r.scalar())
	}
	state, cell, value := a.vector(), a.vector(), a.vector()
	z := a.some(4)
	add := func(x, y, sum vector) { // with one rounding
		a.ins("FMADDS %s, %s, %s, %s", y.scalar(), sum.scalar(), x.scalar(), sum.scalar())
	}
	// curve replaces x by its function; y is x divided by step and shifted. Beyond
	// the table's ends the function is 1, and tanh -1 too.
	var beyond []func()
	curve := func(x, y vector, table general, step vector) {
		within, past := a.newLabel("inside"), a.newLabel("beyond")
		a.scope(func() {
			index, inside := a.general(), a.general()
			low, high, v := a.vector(), a.vector(), a.vector()
			a.ins("FMOVS %s, %s", y.scalar(), index)
			a.ins("SUBW %s, %s, %s", least, index, inside)
			a.ins("CMPW $%d, %s", 2*curveEnd, inside)
			a.ins("BHI %s", past)
			a.label(within)
			a.ins("FSUBS %s, %s, %s", shift.scalar(), y.scalar(), y.scalar())
			a.ins("FMSUBS %s, %s, %s, %s", step.scalar(), x.scalar(), y.scalar(), x.scalar())
			a.ins("ADD %s<<3, %s, %s", index, table, index)
			a.ins("FMOVS (%s), %s", index, low.scalar())
			a.ins("FMOVS 4(%s), %s", index, v.scalar())
			add(v, x, low)
			a.ins("ADD $%d, %s", curveSecond, index)
			a.ins("FMOVS (%s), %s", index, high.scalar())
			a.ins("FMOVS 4(%s), %s", index, v.scalar())
			add(v, x, high)
			a.ins("FMULS %s, %s, %s", x.scalar(), x.scalar(), x.scalar())
			a.ins("FMADDS %s, %s, %s, %s", high.scalar(), low.scalar(), x.scalar(), x.scalar())
			beyond = append(beyond, func() {
				scale, end := 32., a.newLabel("end")
				if step == eighth {
					scale = 64
				}
				a.label(past)
				a.ins("FCMPS %s, %s", x.scalar(), x.scalar())
				a.ins("BVS outside")
				a.ins("FMOVS %s, %s", x.scalar(), index)
				a.number(curveEnd/scale, x)
				a.number(curveShift+curveEnd, y)
				if step == eighth {
					a.ins("TBZ $31, %s, %s", index, end)
					a.number(-curveEnd/scale, x)
					a.number(curveShift-curveEnd, y)
					a.label(end)
				} else {
					a.ins("TBNZ $31, %s, outside", index)
				}
				a.ins("FMOVS %s, %s", y.scalar(), index)
				a.ins("JMP %s", within)
			})
		})
	}

	a.label("row")
	a.ins("FMOVS (%s), %s", h, state.scalar())
	a.ins("FMOVS (%s), %s", c, cell.scalar())
	a.ins("MOVD %s, %s", steps, left)
	a.label("step")
	for gate, v := range z {
		a.ins("FMOVS %d(%s), %s", 32*gate, from, v.scalar())
	}
	a.ins("MOVD %s, %s", w, at)
	a.ins("MOVD %s, %s", features, k)
	a.ins("CBZ %s, state", k)
	a.label("input")
	a.ins("FMOVS.P 4(%s), %s", x, value.scalar())
	for gate, v := range z {
		a.scope(func() {
			weight := a.vector()
			a.ins("FMOVS %d(%s), %s", 32*gate, at, weight.scalar())
			add(weight, value, v)
		})
	}
	a.ins("ADD $128, %s", at)
	a.ins("SUB $1, %s", k)
	a.ins("CBNZ %s, input", k)
	a.label("state")
	for gate, v := range z {
		a.scope(func() {
			y, table, step := a.vector(), sigmoids, quarter
			if gate == 2 {
				table, step = tanhs, eighth
			}
			add(recurrent[gate], state, v)
			a.ins("FMADDS %s, %s, %s, %s", scale[gate].scalar(), shift.scalar(), v.scalar(), y.scalar())
			curve(v, y, table, step)
		})
	}
	i, f, g, o := z[0], z[1], z[2], z[3]
	a.ins("FMULS %s, %s, %s", g.scalar(), i.scalar(), i.scalar())
	add(f, cell, i)
	a.ins("FMOVS %s, %s", i.scalar(), g.scalar())
	a.ins("FMADDS %s, %s, %s, %s", more.scalar(), shift.scalar(), i.scalar(), f.scalar())
	curve(i, f, tanhs, eighth)
	a.ins("FMOVS %s, %s", g.scalar(), cell.scalar())
	a.ins("FMULS %s, %s, %s", o.scalar(), i.scalar(), state.scalar())
	a.ins("FMOVS %s, (%s)", state.scalar(), out)
	a.ins("ADD %s, %s", outStride, out)
	a.ins("ADD $1, %s", done)
	a.ins("SUB $1, %s", left)
	a.ins("CBNZ %s, step", left)
	a.ins("FMOVS.P %s, 4(%s)", state.scalar(), h)
	a.ins("FMOVS.P %s, 4(%s)", cell.scalar(), c)
	a.ins("ADD %s, %s", fromStride, from)
	a.ins("SUB $1, %s", rows)
	a.ins("CBNZ %s, row", rows)
	a.ins("MOVD %s, ret+104(FP)", done)
	a.ret()

	for _, b := range beyond {
		b()
	}
	a.label("outside")
	a.ins("FMOVS %s, (%s)", state.scalar(), h)
	a.ins("FMOVS %s, (%s)", cell.scalar(), c)
	a.ins("MOVD %s, ret+104(FP)", done)
	a.ret()
}
