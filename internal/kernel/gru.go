package kernel

// gru is Keras's GRU cell, gates in the order z, r, h:
//
//	z, r = rec(x·W_zr + h·R_zr + b_zr)
//	h' = z∘h + (1-z)∘act(g)
//
// where g is, with the reset gate after the product (reset_after=True, which has
// a separate bias for the recurrent product) and before it,
//
//	g = x·W_h + b_h + r∘(h·R_h + rb_h)
//	g = x·W_h + b_h + (r∘h)·R_h
type gru[F Float] struct {
	features, units int
	act, rec        Activation
	resetAfter      bool

	kernel        []F // W (features, 3·units)
	bias          []F // b (3·units), nil for none
	recurrentBias []F // rb (3·units), nil for none
	gates         []F // R_zr (units, 2·units), or R (units, 3·units) if resetAfter
	candidate     []F // R_h (units, units) if not resetAfter
}

// NewGRU packs the weights of a GRU cell, which it copies: kernel (features, 3·units),
// recurrent (units, 3·units), the biases (3·units) or nil. recurrentBias is for
// resetAfter alone.
func NewGRU[F Float](kernel, recurrent, bias, recurrentBias []F, features, units int, act, rec Activation, resetAfter bool) Cell[F] {
	if packing[F]() {
		return as[F](newPackedGRU(single(kernel), single(recurrent), single(bias), single(recurrentBias), features, units, act, rec, resetAfter))
	}
	g := &gru[F]{features: features, units: units, act: act, rec: rec, resetAfter: resetAfter}
	g.kernel = append(g.kernel, kernel...)
	g.bias = append(g.bias, bias...)
	g.recurrentBias = append(g.recurrentBias, recurrentBias...)
	if resetAfter {
		g.gates = append(g.gates, recurrent...)
		return g
	}
	for k := range units {
		row := recurrent[k*3*units : (k+1)*3*units]
		g.gates = append(g.gates, row[:2*units]...)
		g.candidate = append(g.candidate, row[2*units:]...)
	}
	return g
}

// Units: see Cell.
func (g *gru[F]) Units() int { return g.units }

// Width: see Cell.
func (g *gru[F]) Width() int { return 3 * g.units }

// Scratch: see Cell.
func (g *gru[F]) Scratch(rows int) int { return rows * 3 * g.units }

// Ahead: see Cell.
func (g *gru[F]) Ahead(int) bool { return true }

// Project computes z = x·W + b.
func (g *gru[F]) Project(z, x []F, rows int) {
	fillRows(z, g.bias, rows, 3*g.units)
	addProduct(z, x, g.kernel, rows, g.features, 3*g.units)
}

// Next: see Cell.
func (g *gru[F]) Next(h, c, x, z, scratch []F, rows int) {
	g.Project(z, x, rows)
	g.Step(h, c, z, scratch, rows)
}

// Step takes one time step.
func (g *gru[F]) Step(h, _, z, scratch []F, rows int) {
	u := g.units
	if g.resetAfter {
		s := scratch[:rows*3*u]
		fillRows(s, g.recurrentBias, rows, 3*u)
		addProduct(s, h, g.gates, rows, u, 3*u)
		for r := range rows {
			z, s := z[r*3*u:(r+1)*3*u], s[r*3*u:(r+1)*3*u]
			g.open(z, s[:2*u])
			for j := range u {
				z[2*u+j] += F(z[u+j] * s[2*u+j])
			}
			g.close(h[r*u:(r+1)*u], z)
		}
		return
	}
	s, reset := scratch[:rows*2*u], scratch[rows*2*u:rows*3*u]
	clear(s)
	addProduct(s, h, g.gates, rows, u, 2*u)
	for r := range rows {
		z := z[r*3*u : (r+1)*3*u]
		g.open(z, s[r*2*u:(r+1)*2*u])
		for j, v := range h[r*u : (r+1)*u] {
			reset[r*u+j] = z[u+j] * v
		}
	}
	for r := range rows {
		z := z[r*3*u : (r+1)*3*u]
		addProduct(z[2*u:], reset[r*u:(r+1)*u], g.candidate, 1, u, u)
		g.close(h[r*u:(r+1)*u], z)
	}
}

// open makes the gates z and r of their sums.
func (g *gru[F]) open(z, s []F) {
	gates := z[:len(s)]
	for j, v := range s {
		gates[j] += v
	}
	activate(g.rec, gates)
}

// close makes the next state of one row.
func (g *gru[F]) close(h, z []F) {
	u := len(h)
	candidate := z[2*u:]
	activate(g.act, candidate)
	for j := range h {
		h[j] = F(z[j]*h[j]) + F((1-z[j])*candidate[j])
	}
}
