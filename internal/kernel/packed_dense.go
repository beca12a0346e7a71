package kernel

// few is the most columns that are computed one by one; more fill panels.
const few = 4

// packedDense is Dense, vectorised.
type packedDense struct {
	in, out int
	bias    []float32
	columns []float32 // (out, in) of few columns
	panels  panels    // of more
}

func newPackedDense(kernel, bias []float32, in, out int) *packedDense {
	d := &packedDense{in: in, out: out}
	if out > few || in == 0 {
		d.panels = packPanels(chosen == avx512, out, roundUp(out, panel), itself, kernel)
		d.bias = packVector(bias, roundUp(out, panel), itself)
		return d
	}
	d.bias = packVector(bias, out, itself)
	d.columns = make([]float32, out*in)
	for j := range out {
		for k := range in {
			d.columns[j*in+k] = kernel[k*out+j]
		}
	}
	return d
}

// Apply: see Dense.
func (d *packedDense) Apply(y, x []float32, rows int) {
	if rows == 0 || d.out == 0 {
		return
	}
	y, x = y[:rows*d.out], x[:rows*d.in]
	if d.columns != nil {
		for j := range d.out {
			dots(&y[j], d.out, &x[0], &d.columns[j*d.in], d.in, d.bias[j], rows)
		}
		return
	}
	// Complete panels write to y, and the one that is wider than the rest of y
	// to separate memory.
	whole := panels{n: d.in, count: d.out / panel, data: d.panels.data, wide: d.panels.wide}
	whole.product(rowsOf{y, d.out}, rowsOf{x, d.in}, rowsOf{d.bias, 0}, d.in, rows)
	rest := d.out % panel
	if rest == 0 {
		return
	}
	at := d.out - rest
	last := panels{n: d.in, count: 1, data: d.panels.data[at*d.in:], wide: d.panels.wide}
	const some = 12
	var tile [some * panel]float32
	for r := 0; r < rows; r += some {
		n := min(some, rows-r)
		last.product(rowsOf{tile[:], panel}, rowsOf{x[r*d.in:], d.in}, rowsOf{d.bias[at:], 0}, d.in, n)
		for i := range n {
			copy(y[(r+i)*d.out+at:][:rest], tile[i*panel:])
		}
	}
}
