package kernel

// lstm is Keras's LSTM cell, gates in the order i, f, c, o:
//
//	z = x·W + h·R + b
//	c' = rec(z_f)∘c + rec(z_i)∘act(z_c)
//	h' = rec(z_o)∘act(c')
type lstm[F Float] struct {
	features, units int
	act, rec        Activation

	kernel    []F // W (features, 4·units)
	recurrent []F // R (units, 4·units)
	bias      []F // b (4·units), nil for none
}

// NewLSTM packs the weights of an LSTM cell, which it copies. bias may be nil.
func NewLSTM[F Float](kernel, recurrent, bias []F, features, units int, act, rec Activation) Cell[F] {
	if packing[F]() {
		return as[F](newPackedLSTM(single(kernel), single(recurrent), single(bias), features, units, act, rec, chosen == avx512))
	}
	l := &lstm[F]{features: features, units: units, act: act, rec: rec}
	l.kernel = append(l.kernel, kernel...)
	l.recurrent = append(l.recurrent, recurrent...)
	l.bias = append(l.bias, bias...)
	return l
}

// Units: see Cell.
func (l *lstm[F]) Units() int { return l.units }

// Width: see Cell.
func (l *lstm[F]) Width() int { return 4 * l.units }

// Scratch: see Cell.
func (l *lstm[F]) Scratch(int) int { return 0 }

// Ahead: see Cell.
func (l *lstm[F]) Ahead(int) bool { return true }

// Project computes z = x·W + b.
func (l *lstm[F]) Project(z, x []F, rows int) {
	fillRows(z, l.bias, rows, 4*l.units)
	addProduct(z, x, l.kernel, rows, l.features, 4*l.units)
}

// Next: see Cell.
func (l *lstm[F]) Next(h, c, x, z, scratch []F, rows int) {
	l.Project(z, x, rows)
	l.Step(h, c, z, scratch, rows)
}

// Step takes one time step.
func (l *lstm[F]) Step(h, c, z, _ []F, rows int) {
	u := l.units
	addProduct(z, h, l.recurrent, rows, u, 4*u)
	for r := range rows {
		gates := z[r*4*u : (r+1)*4*u]
		activate(l.rec, gates[:2*u])
		activate(l.act, gates[2*u:3*u])
		activate(l.rec, gates[3*u:])
		i, f, g, o := gates[:u], gates[u:2*u], gates[2*u:3*u], gates[3*u:]
		h, c := h[r*u:(r+1)*u], c[r*u:(r+1)*u]
		for j := range u {
			c[j] = F(f[j]*c[j]) + F(i[j]*g[j])
		}
		copy(h, c)
		activate(l.act, h)
		for j := range u {
			h[j] *= o[j]
		}
	}
}
