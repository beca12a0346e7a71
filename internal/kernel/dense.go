package kernel

import "slices"

// few is the most columns that are computed one by one; more fill panels.
const few = 4

// Dense is a layer y = x·W + b without activation, with its weights packed.
type Dense[F Float] struct {
	kernel Matrix[F]
	bias   []F // nil for none
}

// NewDense packs a layer's weights (in, out), which it copies. bias may be nil.
func NewDense[F Float](kernel, bias []F, in, out int) *Dense[F] {
	d := &Dense[F]{bias: slices.Clone(bias)}
	if !packing[F]() { // else they are copied as they are packed
		kernel = slices.Clone(kernel)
	}
	d.kernel.Pack(kernel, in, out, false)
	return d
}

// Apply computes y (rows, out) of x (rows, in).
func (d *Dense[F]) Apply(y, x []F, rows int) { d.kernel.multiply(y, x, d.bias, rows) }
