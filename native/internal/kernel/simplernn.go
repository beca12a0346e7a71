package kernel

// SimpleRNN is Keras's SimpleRNN cell: h' = act(x·W + b + h·R).
type SimpleRNN[F Float] struct {
	features, units int
	act             Activation

	kernel    []F // W (features, units)
	recurrent []F // R (units, units)
	bias      []F // b (units), nil for none
}

// NewSimpleRNN packs a cell's weights, which it copies. bias may be nil.
func NewSimpleRNN[F Float](kernel, recurrent, bias []F, features, units int, act Activation) *SimpleRNN[F] {
	s := &SimpleRNN[F]{features: features, units: units, act: act}
	s.kernel = append(s.kernel, kernel...)
	s.recurrent = append(s.recurrent, recurrent...)
	s.bias = append(s.bias, bias...)
	return s
}

// Units: see Cell.
func (s *SimpleRNN[F]) Units() int { return s.units }

// Gates: see Cell.
func (s *SimpleRNN[F]) Gates() int { return 1 }

// Scratch: see Cell.
func (s *SimpleRNN[F]) Scratch(int) int { return 0 }

// Project computes z = x·W + b.
func (s *SimpleRNN[F]) Project(z, x []F, rows int) {
	fillRows(z, s.bias, rows, s.units)
	addProduct(z, x, s.kernel, rows, s.features, s.units)
}

// Step takes one time step.
func (s *SimpleRNN[F]) Step(h, _, z, _ []F, rows int) {
	n := rows * s.units
	addProduct(z, h, s.recurrent, rows, s.units, s.units)
	activate(s.act, z[:n])
	copy(h[:n], z[:n])
}
