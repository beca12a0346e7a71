package kernel

// Wide are products of float32 that are summed in float64.
type Wide struct{ vector bool }

// NewWide chooses the kernels.
func NewWide() Wide { return Wide{chosen != plain} }

// Add adds x·row to sum, which has the same length; all kernels compute the
// same bits.
func (w Wide) Add(sum []float64, row []float32, x float32) {
	row = row[:len(sum)]
	if len(sum) == 0 {
		return
	}
	if w.vector {
		addWide(&sum[0], &row[0], x, len(sum))
		return
	}
	for i, v := range row {
		sum[i] += float64(float64(x) * float64(v)) // the product is exact
	}
}

// Dot is the sum of x·y, which has the same length. The kernels add it in
// different orders, each of which depends on the length alone.
func (w Wide) Dot(x, y []float32) float64 {
	y = y[:len(x)]
	if len(x) == 0 {
		return 0
	}
	if w.vector {
		return dotWide(&x[0], &y[0], len(x))
	}
	sum := 0.0
	for i, v := range x {
		sum += float64(float64(v) * float64(y[i]))
	}
	return sum
}

// Dots sets each of out to the Dot of a row of x with y, which has the row's
// length.
func (w Wide) Dots(out, x, y []float32) {
	n := len(y)
	x = x[:len(out)*n]
	if !w.vector || n == 0 {
		for i := range out {
			out[i] = float32(w.Dot(x[i*n:(i+1)*n], y))
		}
		return
	}
	for i := range out {
		out[i] = float32(dotWide(&x[i*n], &y[0], n))
	}
}
