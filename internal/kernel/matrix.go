package kernel

// Matrix is a matrix (n, m) that rows are multiplied by, packed for the kernels
// that are in use when it is packed. Its sums are those of a Dense.
type Matrix[F Float] struct {
	n, m    int
	vector  bool      // whether it is of float32 and packed
	rows    []F       // (n, m), if it is not
	columns []float32 // (m, n), of few columns
	panels  panels    // of more
}

// Rows are rows of a matrix, each Stride elements after the one before.
type Rows[F Float] struct {
	Data   []F
	Stride int
}

// Pack reads a matrix (n, m), or its transpose, which w must hold as long as the
// Matrix is in use. It uses the memory of what was packed before.
func (a *Matrix[F]) Pack(w []F, n, m int, transposed bool) {
	if !packing[F]() || m > few || n == 0 {
		a.PackPanels(w, n, m, transposed)
		return
	}
	a.n, a.m, a.vector, a.panels.count = n, m, true, 0
	data := single(w)
	if a.columns = sized(a.columns, n*m); transposed {
		copy(a.columns, data)
		return
	}
	for k := range n {
		for j := range m {
			a.columns[j*n+k] = data[k*m+j]
		}
	}
}

// PackPanels is Pack for sums that are added up in parts: see Add.
func (a *Matrix[F]) PackPanels(w []F, n, m int, transposed bool) {
	a.n, a.m, a.vector, a.columns = n, m, packing[F](), nil
	if a.vector {
		a.panels.pack(single(w), n, m, transposed)
		return
	}
	if a.rows = w; !transposed {
		return
	}
	a.rows = make([]F, n*m)
	for j := range m {
		for k, v := range w[j*n : (j+1)*n] {
			a.rows[k*m+j] = v
		}
	}
}

// sized is memory for n numbers: s, if it has that much.
func sized[F Float](s []F, n int) []F {
	if cap(s) < n {
		return make([]F, n)
	}
	return s[:n]
}

// pack packs a matrix (n, m), or its transpose, in the memory that there is.
func (w *panels) pack(data []float32, n, m int, transposed bool) {
	w.n, w.count, w.wide = n, roundUp(m, panel)/panel, chosen == avx512
	w.data = sized(w.data, n*w.count*panel)
	for p := range w.count {
		to, first := w.of(p, 0), p*panel
		width := min(panel, m-first)
		if width < panel {
			clear(to)
		}
		if !transposed {
			for k := range n {
				copy(to[k*panel:][:width], data[k*m+first:])
			}
			continue
		}
		for j := range width {
			for k, v := range data[(first+j)*n:][:n] {
				to[k*panel+j] = v
			}
		}
	}
}

// Panels is in how many parts the columns are, for Add.
func (a *Matrix[F]) Panels() int {
	if a.vector {
		return a.panels.count
	}
	return min(a.m, 1)
}

// Columns are those of a panel, from the first to before the last one, and how
// many numbers of a row of z Add writes for them: those after the last one are
// not changed if they were zeros.
func (a *Matrix[F]) Columns(p int) (first, end, written int) {
	if a.vector {
		return p * panel, min(a.m, (p+1)*panel), panel
	}
	return 0, a.m, a.m
}

// Add adds to rows of z, which begin at a panel's first column, rows of x times
// the rows k to k+n of the panel. Parts of a sum that are added in order make the
// bits of all of it.
func (a *Matrix[F]) Add(p int, z, x Rows[F], k, n, rows int) {
	if n == 0 || rows == 0 {
		return
	}
	if a.vector {
		a.panels.add(p, rowsOf{single(z.Data), z.Stride}, rowsOf{single(x.Data), x.Stride}, k, n, rows)
		return
	}
	addRowsOf(z, x, a.rows[k*a.m:(k+n)*a.m], rows, n, a.m)
}

func (w *panels) add(p int, z, x rowsOf, k, n, rows int) { w.addFrom(p, z, x, z, k, n, rows) }

// addFrom is add to rows of from, of which one is all of them if its stride is 0. The
// results are rows of z.
func (w *panels) addFrom(p int, z, x, from rowsOf, k, n, rows int) {
	// A panic here, and not a stray write there.
	_, _ = z.data[(rows-1)*z.stride+panel-1], from.data[(rows-1)*from.stride+panel-1]
	_ = x.data[(rows-1)*x.stride+n-1]
	at := w.of(p, k)[:n*panel]
	if w.wide && n >= block {
		productPanelWide(&z.data[0], z.stride, &x.data[0], x.stride, &at[0], &from.data[0], from.stride, n, rows)
		return
	}
	productPanel(&z.data[0], z.stride, &x.data[0], x.stride, &at[0], &from.data[0], from.stride, n, rows)
}

// Multiply computes rows of y (rows, m) = x (rows, n) · W.
func (a *Matrix[F]) Multiply(y, x []F, rows int) { a.multiply(y, x, nil, rows) }

// multiply begins the sums with a bias: nil for zeros.
func (a *Matrix[F]) multiply(y, x, bias []F, rows int) {
	if rows == 0 || a.m == 0 {
		return
	}
	y, x = y[:rows*a.m], x[:rows*a.n]
	switch {
	case !a.vector:
		fillRows(y, bias, rows, a.m)
		addProduct(y, x, a.rows, rows, a.n, a.m)
	case a.columns != nil:
		for j := range a.m {
			b := float32(0)
			if bias != nil {
				b = single(bias)[j]
			}
			dots(&single(y)[j], a.m, &single(x)[0], &a.columns[j*a.n], a.n, b, rows)
		}
	default:
		a.panels.multiply(single(y), single(x), single(bias), a.m, rows)
	}
}

// What is multiplied together stays in the processor's own caches: some rows of
// x, and some of a panel.
const (
	cachedNumbers = 32 << 10 // of x
	cachedRows    = 384      // of a panel
	fewRows       = 12       // of x, which go through a whole panel
)

// multiply computes rows of y of m numbers, the last panel's in separate memory
// if it is wider than the rest of y.
func (w *panels) multiply(y, x, bias []float32, m, rows int) {
	whole := panels{n: w.n, count: m / panel, data: w.data, wide: w.wide}
	some := max(fewRows, cachedNumbers/max(1, min(w.n, cachedRows))/fewRows*fewRows)
	for r := 0; r < rows; r += some {
		n := min(some, rows-r)
		whole.block(rowsOf{y[r*m:], m}, rowsOf{x[r*w.n:], w.n}, bias, n)
	}
	rest := m % panel
	if rest == 0 {
		return
	}
	at := m - rest
	last := panels{n: w.n, count: 1, data: w.data[at*w.n:], wide: w.wide}
	var tile [fewRows * panel]float32
	var from [panel]float32
	if bias != nil {
		copy(from[:], bias[at:m])
	}
	for r := 0; r < rows; r += fewRows {
		n := min(fewRows, rows-r)
		last.block(rowsOf{tile[:], panel}, rowsOf{x[r*w.n:], w.n}, from[:], n)
		for i := range n {
			copy(y[(r+i)*m+at:][:rest], tile[i*panel:])
		}
	}
}

// noBias is the bias of one panel that has none.
var noBias [panel]float32

// block computes some rows of z, part after part of the sums, which begin with a bias
// that may be nil.
func (w *panels) block(z, x rowsOf, bias []float32, rows int) {
	if rows < fewRows || w.n == 0 {
		for r := range rows {
			to := z.data[r*z.stride:][:w.count*panel]
			if bias == nil {
				clear(to)
			} else {
				copy(to, bias)
			}
		}
		w.product(z, x, z, w.n, rows)
		return
	}
	for k := 0; k == 0 || k < w.n; k += cachedRows {
		for p := range w.count {
			to := rowsOf{z.data[p*panel:], z.stride}
			from := to
			switch {
			case k > 0:
			case bias != nil:
				from = rowsOf{data: bias[p*panel:]}
			default:
				from = rowsOf{data: noBias[:]}
			}
			w.addFrom(p, to, rowsOf{x.data[min(k, w.n):], x.stride}, from, k, min(cachedRows, w.n-k), rows)
		}
	}
}

// Product computes rows of y (rows, m) = x (rows, n) · w, a matrix (n, m) or its
// transpose, which is packed in a's memory where that is worth it: the bits of a
// packed one.
func (a *Matrix[F]) Product(y, x, w []F, rows, n, m int, transposed bool) {
	if inPlace && packing[F]() && !transposed && n > 0 && m > few && rows < fewRows/3 {
		clear(y[:rows*m])
		z, v, u := single(y)[:rows*m], single(x)[:rows*n], single(w)[:n*m]
		for r := range rows {
			fuseRows(&z[r*m], &v[r*n], &u[0], n, m)
		}
		return
	}
	a.Pack(w, n, m, transposed)
	a.Multiply(y, x, rows)
}
