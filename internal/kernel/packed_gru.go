package kernel

// packedGRU is GRU, vectorised. The columns of z are the gates z, r and h, each
// filled up to whole vectors, and the last to whole panels.
type packedGRU struct {
	features, units int
	act, rec        Activation
	resetAfter      bool
	wide            bool // by AVX-512

	kernel        panels
	bias          []float32
	recurrentBias []float32
	gates         panels // R_zr, or R if resetAfter
	candidate     panels // R_h if not resetAfter
}

func newPackedGRU(kernel, recurrent, bias, recurrentBias []float32, features, units int, act, rec Activation, resetAfter bool) *packedGRU {
	g := &packedGRU{features: features, units: units, act: act, rec: rec, resetAfter: resetAfter, wide: chosen == avx512}
	to := func(j int) int { return j/units*g.gate() + j%units }
	g.kernel = packPanels(g.wide, 3*units, g.Width(), to, kernel)
	g.bias = packVector(bias, g.Width(), to)
	g.recurrentBias = packVector(recurrentBias, g.Width(), to)
	if resetAfter {
		g.gates = packPanels(g.wide, 3*units, g.Width(), to, recurrent)
		return g
	}
	var zr, h []float32
	for k := range units {
		row := recurrent[k*3*units : (k+1)*3*units]
		zr = append(zr, row[:2*units]...)
		h = append(h, row[2*units:]...)
	}
	g.gates = packPanels(g.wide, 2*units, g.both(), to, zr)
	g.candidate = packPanels(g.wide, units, roundUp(units, panel), to, h)
	return g
}

// gate is how far a gate's columns are from the next one's.
func (g *packedGRU) gate() int { return roundUp(g.units, block) }

// both is the number of columns that hold the gates z and r.
func (g *packedGRU) both() int { return roundUp(2*g.gate(), panel) }

// Units: see Cell.
func (g *packedGRU) Units() int { return g.units }

// Width: see Cell.
func (g *packedGRU) Width() int { return roundUp(2*g.gate()+roundUp(g.units, panel), panel) }

// Scratch: see Cell.
func (g *packedGRU) Scratch(rows int) int {
	if g.resetAfter {
		return rows * g.Width()
	}
	return rows * (g.both() + g.units)
}

// Ahead: see Cell.
func (g *packedGRU) Ahead(int) bool { return true }

// Project computes z = x·W + b.
func (g *packedGRU) Project(z, x []float32, rows int) {
	g.kernel.product(rowsOf{z, g.Width()}, rowsOf{x, g.features}, rowsOf{g.bias, 0}, g.features, rows)
}

// Next: see Cell.
func (g *packedGRU) Next(h, c, x, z, scratch []float32, rows int) {
	g.Project(z, x, rows)
	g.Step(h, c, z, scratch, rows)
}

// Step takes one time step.
func (g *packedGRU) Step(h, _, z, scratch []float32, rows int) {
	u, width := g.units, g.Width()
	if rows*u == 0 {
		return
	}
	if g.resetAfter {
		g.gates.product(rowsOf{scratch, width}, rowsOf{h, u}, rowsOf{g.recurrentBias, 0}, u, rows)
		for r := range rows {
			g.after(h[r*u:(r+1)*u], z[r*width:(r+1)*width], scratch[r*width:(r+1)*width])
		}
		return
	}
	both := g.both()
	s, reset := scratch[:rows*both], scratch[rows*both:rows*(both+u)]
	g.gates.product(rowsOf{s, both}, rowsOf{h, u}, rowsOf{z, width}, u, rows)
	n := g.gate()
	for r := range rows {
		z := z[r*width:][:2*n]
		activate32(g.rec, z, s[r*both:][:2*n], g.wide)
		h, gate, reset := h[r*u:(r+1)*u], z[n:][:u], reset[r*u:][:u]
		for j, v := range h {
			reset[j] = gate[j] * v
		}
	}
	last := rowsOf{z[2*n:], width}
	g.candidate.product(last, rowsOf{reset, u}, last, u, rows)
	for r := range rows {
		g.close(h[r*u:(r+1)*u], z[r*width:])
	}
}

// after is the rest of a step of one row whose reset gate comes after the product.
func (g *packedGRU) after(h, z, s []float32) {
	if g.act == TanhFunction && g.rec == SigmoidFunction {
		wide := 0
		if g.wide {
			wide = g.units &^ 15
		}
		if wide > 0 {
			gruGatesWide(&h[0], &z[0], &s[0], g.gate(), wide)
		}
		if wide < g.units {
			gruGates(&h[wide], &z[wide], &s[wide], g.gate(), g.units-wide)
		}
		return
	}
	g.open(z, s)
	r, candidate := z[g.gate():], z[2*g.gate():]
	for j, v := range s[2*g.gate():][:g.units] {
		candidate[j] += float32(r[j] * v)
	}
	g.close(h, z)
}

// open makes the gates z and r of their sums.
func (g *packedGRU) open(z, s []float32) {
	z, s = z[:2*g.gate()], s[:2*g.gate()]
	for j, v := range s {
		z[j] += v
	}
	activate32(g.rec, z, z, g.wide)
}

// close makes the next state of one row.
func (g *packedGRU) close(h, z []float32) {
	candidate, z := z[2*g.gate():][:len(h)], z[:len(h)]
	activate32(g.act, candidate, candidate, g.wide)
	for j, v := range h {
		h[j] = float32(z[j]*v) + float32((1-z[j])*candidate[j])
	}
}
