package main

// pairs writes a function of two numbers.
func pairs(a *assembler, name string, op func(x, y, to vector)) {
	a.function(name, 0)
	z, x, y, n, form := a.arg("z"), a.arg("x"), a.arg("y"), a.arg("n"), a.arg("form")
	a.ins("CMP $1, %s", form)
	a.ins("BEQ first")
	a.ins("CMP $2, %s", form)
	a.ins("BEQ second")
	a.eights(n, []general{z, x, y}, func() {
		v, w, t, u := a.vector(), a.vector(), a.vector(), a.vector()
		a.eight(v, w, x, n, false)
		a.eight(t, u, y, n, false)
		op(v, t, v)
		op(w, u, w)
		a.eight(v, w, z, n, true)
	})
	a.ret()
	for _, form := range []struct {
		label          string
		number, vector general // there is one of number
		op             func(number, v vector)
	}{
		{"first", x, y, func(number, v vector) { op(number, v, v) }},
		{"second", y, x, func(number, v vector) { op(v, number, v) }},
	} {
		a.label(form.label)
		a.scope(func() {
			number := a.vector()
			a.ins("VLD1R (%s), [%s]", form.number, number)
			a.eights(n, []general{z, form.vector}, func() {
				v, w := a.vector(), a.vector()
				a.eight(v, w, form.vector, n, false)
				form.op(number, v)
				form.op(number, w)
				a.eight(v, w, z, n, true)
			})
		})
		a.ret()
	}
}

// larger is x if that is larger than y, else y, also where one is NaN.
func (a *assembler) larger(x, y, to vector) {
	a.scope(func() {
		is := a.vector()
		a.exceeds(x, y, is)
		a.ins("VBSL %s, %s, %s", y.bytes(), x.bytes(), is.bytes())
		a.move(is, to)
	})
}

// relu replaces x; NaN and -0 stay.
func (a *assembler) relu(x vector) steps {
	zero, below := a.vector(), a.vector()
	return steps{
		func() { a.zero(zero) },
		func() { a.belowZero(x, below) },
		func() { a.ins("VBIT %s, %s, %s", below.bytes(), zero.bytes(), x.bytes()) },
	}
}

func (a *assembler) relu6(x vector) steps {
	bound := a.vector()
	return append(a.relu(x),
		func() { a.number(6, bound) },
		func() { a.minimum(x, bound, x) },
	)
}
