package kernel

// LSTM is Keras's LSTM cell, gates in the order i, f, c, o:
//
//	z = x·W + h·R + b
//	c' = σ(z_f)∘c + σ(z_i)∘tanh(z_c)
//	h' = σ(z_o)∘tanh(c')
type LSTM[F Float] struct {
	features, units int

	kernel    []F // W (features, 4·units)
	recurrent []F // R (units, 4·units)
	bias      []F // b (4·units), nil for none
}

// NewLSTM packs a cell's weights, which it copies. bias may be nil.
func NewLSTM[F Float](kernel, recurrent, bias []F, features, units int) *LSTM[F] {
	l := &LSTM[F]{features: features, units: units}
	l.kernel = append(l.kernel, kernel...)
	l.recurrent = append(l.recurrent, recurrent...)
	l.bias = append(l.bias, bias...)
	return l
}

// Project computes what the inputs add to the gates: z = x·W + b, for rows of
// x (rows, features) into rows of z (rows, 4·units).
func (l *LSTM[F]) Project(z, x []F, rows int) {
	fillRows(z, l.bias, rows, 4*l.units)
	addProduct(z, x, l.kernel, rows, l.features, 4*l.units)
}

// Step takes one time step: z (rows, 4·units), made by Project, is used up,
// and h and c (rows, units) become the next states.
func (l *LSTM[F]) Step(h, c, z []F, rows int) {
	u := l.units
	addProduct(z, h, l.recurrent, rows, u, 4*u)
	for r := range rows {
		gates := z[r*4*u : (r+1)*4*u]
		zi, zf, zc, zo := gates[:u], gates[u:2*u], gates[2*u:3*u], gates[3*u:]
		h, c := h[r*u:(r+1)*u], c[r*u:(r+1)*u]
		for j := range u {
			i, f, o := Sigmoid(zi[j]), Sigmoid(zf[j]), Sigmoid(zo[j])
			g := Tanh(zc[j])
			c[j] = F(f*c[j]) + F(i*g)
			h[j] = o * Tanh(c[j])
		}
	}
}

// Dense is a layer y = x·W + b without activation.
type Dense[F Float] struct {
	in, out int
	kernel  []F // W (in, out)
	bias    []F // b (out), nil for none
}

// NewDense packs a layer's weights, which it copies. bias may be nil.
func NewDense[F Float](kernel, bias []F, in, out int) *Dense[F] {
	d := &Dense[F]{in: in, out: out}
	d.kernel = append(d.kernel, kernel...)
	d.bias = append(d.bias, bias...)
	return d
}

// Apply computes y (rows, out) of x (rows, in).
func (d *Dense[F]) Apply(y, x []F, rows int) {
	fillRows(y, d.bias, rows, d.out)
	addProduct(y, x, d.kernel, rows, d.in, d.out)
}
