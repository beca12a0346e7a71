package kernel

// Dense is a layer y = x·W + b without activation, with its weights packed.
type Dense[F Float] interface {
	// Apply computes y (rows, out) of x (rows, in).
	Apply(y, x []F, rows int)
}

// dense is Dense in plain Go.
type dense[F Float] struct {
	in, out int
	kernel  []F // W (in, out)
	bias    []F // b (out), nil for none
}

// NewDense packs a layer's weights, which it copies. bias may be nil.
func NewDense[F Float](kernel, bias []F, in, out int) Dense[F] {
	if packing[F]() {
		return any(newPackedDense(single(kernel), single(bias), in, out)).(Dense[F])
	}
	d := &dense[F]{in: in, out: out}
	d.kernel = append(d.kernel, kernel...)
	d.bias = append(d.bias, bias...)
	return d
}

// Apply: see Dense.
func (d *dense[F]) Apply(y, x []F, rows int) {
	fillRows(y, d.bias, rows, d.out)
	addProduct(y, x, d.kernel, rows, d.in, d.out)
}
