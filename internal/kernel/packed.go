package kernel

import "slices"

// The layers in float32 whose loops are vectorised. Their weights are packed
// for the assembly: in panels of 32 columns, the elements of a panel's row side
// by side, and filled up with zeros, so that there is no tail of columns.

const (
	panel = 32 // columns
	block = 8  // elements of a vector
)

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// panels is a matrix of n rows in panels.
type panels struct {
	n, count int
	data     []float32 // (count, n, panel)
	wide     bool      // whether AVX-512 multiplies them
}

// packPanels packs matrices of the same columns, one below the other; column j
// becomes column to(j).
func packPanels(wide bool, columns, width int, to func(j int) int, matrices ...[]float32) panels {
	w := slices.Concat(matrices...)
	p := panels{count: width / panel, wide: wide}
	if len(w) == 0 {
		return p
	}
	n := len(w) / columns
	p.n, p.data = n, make([]float32, n*width)
	for j := range columns {
		at := to(j)
		column := p.data[at/panel*n*panel+at%panel:]
		for k := range n {
			column[k*panel] = w[k*columns+j]
		}
	}
	return p
}

// of is a panel from row k on.
func (w *panels) of(p, k int) []float32 { return w.data[(p*w.n+k)*panel : (p+1)*w.n*panel] }

// packVector fills a vector up to width; nil is zeros.
func packVector(b []float32, width int, to func(j int) int) []float32 {
	p := make([]float32, width)
	for j, v := range b {
		p[to(j)] = v
	}
	return p
}

// rowsOf is some rows of a matrix, each stride elements after the one before.
type rowsOf struct {
	data   []float32
	stride int
}

// product computes rows of z = from + x·w, where z may be from, by the first n
// rows of w. The rows of z and of from have as many elements as w columns.
func (w *panels) product(z, x, from rowsOf, n, rows int) {
	if rows == 0 || w.count == 0 {
		return
	}
	width := w.count * panel
	// A panic here, and not a stray write there.
	_ = z.data[(rows-1)*z.stride+width-1]
	_ = from.data[(rows-1)*from.stride+width-1]
	if n == 0 {
		x.data = z.data // which is not read
	} else {
		_ = x.data[(rows-1)*x.stride+n-1]
	}
	whole, wide := rows == 1 && n == w.n, w.wide && n >= block // short sums are faster without
	// No function values, which would make stack variables escape.
	switch {
	case whole && wide:
		productRowWide(&z.data[0], &x.data[0], first(w.data), &from.data[0], n, w.count)
		return
	case whole:
		productRow(&z.data[0], &x.data[0], first(w.data), &from.data[0], n, w.count)
		return
	}
	for p := range w.count {
		if wide {
			productPanelWide(&z.data[p*panel], z.stride, &x.data[0], x.stride, first(w.of(p, 0)), &from.data[p*panel], from.stride, n, rows)
		} else {
			productPanel(&z.data[p*panel], z.stride, &x.data[0], x.stride, first(w.of(p, 0)), &from.data[p*panel], from.stride, n, rows)
		}
	}
}

// first is the address of the first element, nil if there is none.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

// packing tells whether layers of F are made for the vectorised kernels.
func packing[F Float]() bool {
	_, is := any(F(0)).(float32)
	return is && chosen != plain
}

// single is x, whose elements are float32.
func single[F Float](x []F) []float32 { return any(x).([]float32) }

func as[F Float](cell Cell[float32]) Cell[F] { return any(cell).(Cell[F]) }
