package kernel

import "math"

// packedLSTM is LSTM, vectorised. For every 8 units the columns of z are those
// units' i, f, c and o, which is one panel.
type packedLSTM struct {
	features, units int
	act, rec        Activation

	weights panels // W, and R below it
	bias    []float32
	finite  bool       // R is
	wide    bool       // by AVX-512
	curves  *curvePair // of a single unit
}

func newPackedLSTM(kernel, recurrent, bias []float32, features, units int, act, rec Activation, wide bool) *packedLSTM {
	l := &packedLSTM{features: features, units: units, act: act, rec: rec, finite: true, wide: wide}
	to := func(j int) int {
		gate, unit := j/units, j%units
		return unit/block*panel + gate*block + unit%block
	}
	l.weights = packPanels(l.wide, 4*units, l.Width(), to, kernel, recurrent)
	l.bias = packVector(bias, l.Width(), to)
	if units == 1 {
		l.curves = curves()
	}
	for _, v := range recurrent {
		l.finite = l.finite && v-v == 0
	}
	return l
}

// Units: see Cell.
func (l *packedLSTM) Units() int { return l.units }

// Width: see Cell.
func (l *packedLSTM) Width() int { return l.blocks() * panel }

// blocks is the number of blocks of 8 units.
func (l *packedLSTM) blocks() int { return roundUp(l.units, block) / block }

// Scratch: see Cell. It holds the next h, with every row padded, and the
// direction in which the last step went through the weights.
func (l *packedLSTM) Scratch(rows int) int { return rows*l.blocks()*block + 1 }

// Ahead: see Cell. A single row loads the weights of its inputs from a slow
// cache if they are many.
func (l *packedLSTM) Ahead(rows int) bool { return rows < 4 && l.features >= 16 }

// Project computes z = x·W + b.
func (l *packedLSTM) Project(z, x []float32, rows int) {
	l.weights.product(rowsOf{z, l.Width()}, rowsOf{x, l.features}, rowsOf{l.bias, 0}, l.features, rows)
}

// Step takes one time step.
func (l *packedLSTM) Step(h, c, z, scratch []float32, rows int) {
	l.step(h, c, nil, z, rowsOf{z, l.Width()}, scratch, rows)
}

// Next takes one time step.
func (l *packedLSTM) Next(h, c, x, z, scratch []float32, rows int) {
	l.step(h, c, x[:rows*l.features], z, rowsOf{l.bias, 0}, scratch, rows)
}

// step begins the sums with from; x is nil if they are in it.
func (l *packedLSTM) step(h, c, x, z []float32, from rowsOf, scratch []float32, rows int) {
	u, width := l.units, l.Width()
	if rows*u == 0 {
		return
	}
	// A panic here, and not a stray write there.
	h, c, z, scratch = h[:rows*u], c[:rows*u], z[:rows*width], scratch[:l.Scratch(rows)]
	_ = from.data[(rows-1)*from.stride+width-1]
	features := 0
	if x != nil {
		features = l.features
	}
	if l.act != TanhFunction || l.rec != SigmoidFunction {
		l.others(h, c, x, z, rows)
		return
	}
	if l.units == 1 {
		l.one(h, c, x, nil, z, from, scratch, features, 1)
		return
	}
	if rows == 1 {
		l.row(h, c, x, z, from, scratch, features, &scratch[0], 0, 1)
		return
	}
	take, skip := l.take(h, c), l.features-features // rows of w
	up := l.blocks() * block
	for b := 0; b < l.blocks(); b++ {
		if l.wide && u-b*block >= 2*block {
			lstmWide(&scratch[b*block], up, &h[0], &c[b*block], first(x), &from.data[b*panel], from.stride, &l.weights.of(b, skip)[0], l.weights.n, features, take, u, rows)
			b++
			continue
		}
		lstmPanel(&scratch[b*block], up, &h[0], &c[b*block], first(x), &from.data[b*panel], from.stride, &l.weights.of(b, skip)[0], features, take, u, u-b*block, rows)
	}
	for r := range rows {
		copy(h[r*u:(r+1)*u], scratch[r*up:])
	}
}

// together tells whether steps has a kernel for more than one step.
func (l *packedLSTM) together() bool {
	return l.act == TanhFunction && l.rec == SigmoidFunction && (l.units == 1 || l.wide && l.units%(2*block) == 0 && l.units > 0)
}

// steps computes steps of one row, the same bits as Next, if it can compute
// them together: see Steps.
func (l *packedLSTM) steps(h, c, x, out, z, scratch []float32, steps int) {
	u, f := l.units, l.features
	// A panic here, and not a stray write there.
	h, c, x, z, scratch = h[:u], c[:u], x[:steps*f], z[:l.Width()], scratch[:l.Scratch(1)]
	if l.units == 1 {
		l.one(h, c, x, out, z, rowsOf{l.bias, 0}, scratch, f, steps)
		return
	}
	to, stride := &scratch[0], 0
	if out != nil {
		out = out[:steps*u]
		to, stride = &out[0], u
	}
	l.row(h, c, x, z, rowsOf{l.bias, 0}, scratch, f, to, stride, steps)
}

// row computes steps of one row, more than one only if together says so.
func (l *packedLSTM) row(h, c, x, z []float32, from rowsOf, scratch []float32, features int, to *float32, stride, steps int) {
	u, take := l.units, l.take(h, c)
	w := &l.weights.of(0, l.features-features)[0]
	back, last := 0, &scratch[len(scratch)-1]
	if *last == 0 && u%(2*block) == 0 {
		back = 1
	}
	*last = float32((back + steps - 1) % 2)
	if l.wide && u%(2*block) == 0 {
		lstmRowWide(&h[0], &c[0], &z[0], first(x), &from.data[0], w, l.weights.n, features, take, u, back, to, stride, steps)
	} else {
		lstmRow(&h[0], &c[0], &z[0], first(x), &from.data[0], w, l.weights.n, features, take, u, back)
	}
}

// take is how many rows of R are multiplied: none if the states are zero.
func (l *packedLSTM) take(h, c []float32) int {
	if l.finite && l.zero(h, c) {
		return 0
	}
	return l.units
}

// zero tells whether the states are zero, as at the start of a sequence: then
// the product with R is 0, and left out.
func (l *packedLSTM) zero(h, c []float32) bool {
	if h[0] != 0 { // mostly
		return false
	}
	c = c[:len(h)]
	var set uint32
	for i, v := range h {
		set |= math.Float32bits(v) | math.Float32bits(c[i])
	}
	return set == 0
}

// others computes a step with other activations.
func (l *packedLSTM) others(h, c, x, z []float32, rows int) {
	u, width := l.units, l.Width()
	if x != nil {
		l.Project(z, x, rows)
	}
	r := panels{n: u, count: 1, wide: l.wide}
	for b := range l.blocks() {
		r.data = l.weights.of(b, l.features)
		tile := rowsOf{z[b*panel:], width}
		r.product(tile, rowsOf{h, u}, tile, u, rows)
	}
	for r := range rows {
		for b := 0; b < u; b += block {
			n := min(block, u-b)
			l.gates(h[r*u+b:][:n], c[r*u+b:][:n], z[r*width+b*4:][:panel])
		}
	}
}

// gates computes the states of a block of units with any activations.
func (l *packedLSTM) gates(h, c, z []float32) {
	i, f, g, o := z[:block], z[block:2*block], z[2*block:3*block], z[3*block:]
	activate32(l.rec, z[:2*block], z[:2*block], l.wide)
	activate32(l.act, g, g, l.wide)
	activate32(l.rec, o, o, l.wide)
	for j := range c {
		c[j] = float32(f[j]*c[j]) + float32(i[j]*g[j])
	}
	activate32(l.act, h, c, l.wide)
	for j := range h {
		h[j] *= o[j]
	}
}
