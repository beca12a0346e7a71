package kernel

// packedLSTM is LSTM, vectorised. For every 8 units the columns of z are those
// units' i, f, c and o, which is one panel.
type packedLSTM struct {
	features, units int
	act, rec        Activation

	kernel, recurrent panels
	bias              []float32
}

func newPackedLSTM(kernel, recurrent, bias []float32, features, units int, act, rec Activation) *packedLSTM {
	l := &packedLSTM{features: features, units: units, act: act, rec: rec}
	to := func(j int) int {
		gate, unit := j/units, j%units
		return unit/block*panel + gate*block + unit%block
	}
	l.kernel = packPanels(kernel, features, 4*units, l.Width(), to)
	l.recurrent = packPanels(recurrent, units, 4*units, l.Width(), to)
	l.bias = packVector(bias, l.Width(), to)
	return l
}

// Units: see Cell.
func (l *packedLSTM) Units() int { return l.units }

// Width: see Cell.
func (l *packedLSTM) Width() int { return roundUp(l.units, block) * 4 }

// Scratch: see Cell.
func (l *packedLSTM) Scratch(int) int { return 0 }

// Project computes z = x·W + b.
func (l *packedLSTM) Project(z, x []float32, rows int) {
	l.kernel.product(rowsOf{z, l.Width()}, rowsOf{x, l.features}, rowsOf{l.bias, 0}, rows)
}

// Step takes one time step.
func (l *packedLSTM) Step(h, c, z, _ []float32, rows int) {
	u, width := l.units, l.Width()
	if rows*u == 0 {
		return
	}
	h, c = h[:rows*u], c[:rows*u]
	l.recurrent.product(rowsOf{z, width}, rowsOf{h, u}, rowsOf{z, width}, rows)
	if l.act == TanhFunction && l.rec == SigmoidFunction {
		lstmGates(&h[0], &c[0], &z[0], u, rows)
		return
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
	activate32(l.rec, z[:2*block], z[:2*block])
	activate32(l.act, g, g)
	activate32(l.rec, o, o)
	for j := range c {
		c[j] = float32(f[j]*c[j]) + float32(i[j]*g[j])
	}
	activate32(l.act, h, c)
	for j := range h {
		h[j] *= o[j]
	}
}
