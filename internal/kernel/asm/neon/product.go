package main

// A panel is 32 columns of a matrix: see product.go for amd64.
const (
	panelVectors = 8
	panelBytes   = panelVectors * 16
)

// sums reads n panels of what some sums begin with, or are.
func (a *assembler) sums(from general, n int) []vector {
	acc := a.some(n * panelVectors)
	for v := 0; v < len(acc); v += 2 {
		a.loadPair(from, 16*v, acc[v], acc[v+1])
	}
	return acc
}

func (a *assembler) storeSums(acc []vector, to general) {
	for v := 0; v < len(acc); v += 2 {
		a.storePair(acc[v], acc[v+1], to, 16*v)
	}
}

// panelLoop adds k elements of each row of x times a panel to the row's sums; x,
// k and w are used up.
func (a *assembler) panelLoop(acc [][]vector, x []general, k, w general) {
	top, end := a.newLabel("panel"), a.newLabel("panelEnd")
	a.ins("CBZ %s, %s", k, end)
	a.label(top)
	a.scope(func() {
		h := a.some(len(acc))
		for r := range h {
			a.ins("VLD1R.P 4(%s), [%s]", x[r], h[r])
		}
		columns := a.some(4)
		for v := range panelVectors {
			if v%2 == 0 {
				a.loadPair(w, 16*v, columns[v%4], columns[v%4+1])
			}
			for r := range acc {
				a.fma(columns[v%4], h[r], acc[r][v])
			}
		}
	})
	a.ins("ADD $%d, %s", panelBytes, w)
	a.ins("SUBS $1, %s", k)
	a.ins("BNE %s", top)
	a.label(end)
}

// rowLoop adds k elements of x times panels to the sums of one row; x, k and
// the panels' addresses are used up.
func (a *assembler) rowLoop(acc []vector, x, k general, w []general) {
	top, end := a.newLabel("row"), a.newLabel("rowEnd")
	a.ins("CBZ %s, %s", k, end)
	a.label(top)
	a.scope(func() {
		h := a.vector()
		a.ins("VLD1R.P 4(%s), [%s]", x, h)
		columns := a.some(8)
		for v := range acc {
			if v%2 == 0 {
				a.loadPair(w[v/panelVectors], 16*(v%panelVectors), columns[v%8], columns[v%8+1])
			}
			a.fma(columns[v%8], h, acc[v])
		}
	})
	for _, at := range w {
		a.ins("ADD $%d, %s", panelBytes, at)
	}
	a.ins("SUBS $1, %s", k)
	a.ins("BNE %s", top)
	a.label(end)
}

// rowGroups runs body for three rows at a time, and for those that are left, by
// jumps to the label group; where there are none, what follows is reached.
func (a *assembler) rowGroups(rows general, body func(group int)) {
	three, two, one, end := a.newLabel("three"), a.newLabel("two"), a.newLabel("one"), a.newLabel("end")
	a.label("group")
	a.ins("CBZ %s, %s", rows, end)
	a.ins("CMP $4, %s", rows)
	a.ins("BEQ %s", two) // two and two: three and one would wait for the one
	a.ins("CMP $2, %s", rows)
	a.ins("BEQ %s", two)
	a.ins("BLT %s", one)
	for _, g := range []struct {
		rows  int
		label string
	}{{3, three}, {2, two}, {1, one}} {
		a.label(g.label)
		a.scope(func() { body(g.rows) })
	}
	a.label(end)
}

// addresses are those of some rows, each stride bytes after the one before.
func (a *assembler) addresses(base, stride general, rows int) []general {
	at := make([]general, rows)
	for r := range at {
		at[r] = a.general()
		if r == 0 {
			a.ins("MOVD %s, %s", base, at[r])
		} else {
			a.ins("ADD %s, %s, %s", stride, at[r-1], at[r])
		}
	}
	return at
}

// advance adds stride to base a number of times.
func (a *assembler) advance(base, stride general, times int) {
	for range times {
		a.ins("ADD %s, %s", stride, base)
	}
}

func productPanel(a *assembler) {
	a.function("productPanel", 0)
	z, zs := a.arg("z"), a.bytesOf("zStride")
	x, xs := a.arg("x"), a.bytesOf("xStride")
	from, fs := a.arg("from"), a.bytesOf("fromStride")
	rows := a.arg("rows")
	a.rowGroups(rows, func(group int) {
		acc := make([][]vector, group)
		a.scope(func() {
			for r, at := range a.addresses(from, fs, group) {
				acc[r] = a.sums(at, 1)
			}
		})
		a.keep(acc...)
		a.scope(func() {
			w, k := a.arg("w"), a.arg("n")
			a.panelLoop(acc, a.addresses(x, xs, group), k, w)
		})
		a.scope(func() {
			for r, at := range a.addresses(z, zs, group) {
				a.storeSums(acc[r], at)
			}
		})
		a.advance(x, xs, group)
		a.advance(z, zs, group)
		a.advance(from, fs, group)
		a.ins("SUB $%d, %s", group, rows)
		a.ins("JMP group")
	})
	a.ret()
}

// productRow takes two panels at a time, so that sixteen sums are under way.
func productRow(a *assembler) {
	a.function("productRow", 0)
	z, w, from, panels := a.arg("z"), a.arg("w"), a.arg("from"), a.arg("panels")
	size := a.arg("n") // of a panel, in bytes
	a.ins("LSL $7, %s, %s", size, size)
	a.label("next")
	a.ins("CBZ %s, end", panels)
	a.ins("CMP $1, %s", panels)
	a.ins("BEQ one")
	for _, count := range []int{2, 1} {
		if count == 1 {
			a.label("one")
		}
		a.scope(func() {
			acc := a.sums(from, count)
			x, k := a.arg("x"), a.arg("n")
			a.rowLoop(acc, x, k, a.addresses(w, size, count))
			a.storeSums(acc, z)
		})
		a.advance(w, size, count)
		a.ins("ADD $%d, %s", count*panelBytes, z)
		a.ins("ADD $%d, %s", count*panelBytes, from)
		a.ins("SUB $%d, %s", count, panels)
		a.ins("JMP next")
	}
	a.label("end")
	a.ret()
}
