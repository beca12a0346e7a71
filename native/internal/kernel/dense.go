package kernel

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
