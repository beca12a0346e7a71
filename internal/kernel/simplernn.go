package kernel

// simpleRNN is Keras's SimpleRNN cell: h' = act(x·W + b + h·R).
type simpleRNN[F Float] struct {
	features, units int
	act             Activation

	kernel    []F // W (features, units)
	recurrent []F // R (units, units)
	bias      []F // b (units), nil for none
}

// NewSimpleRNN packs the weights of a SimpleRNN cell, which it copies. bias may be nil.
func NewSimpleRNN[F Float](kernel, recurrent, bias []F, features, units int, act Activation) Cell[F] {
	if packing[F]() {
		return as[F](newPackedSimpleRNN(single(kernel), single(recurrent), single(bias), features, units, act))
	}
	s := &simpleRNN[F]{features: features, units: units, act: act}
	s.kernel = append(s.kernel, kernel...)
	s.recurrent = append(s.recurrent, recurrent...)
	s.bias = append(s.bias, bias...)
	return s
}

// Units: see Cell.
func (s *simpleRNN[F]) Units() int { return s.units }

// Width: see Cell.
func (s *simpleRNN[F]) Width() int { return s.units }

// Scratch: see Cell.
func (s *simpleRNN[F]) Scratch(int) int { return 0 }

// Ahead: see Cell.
func (s *simpleRNN[F]) Ahead(int) bool { return true }

// Project computes z = x·W + b.
func (s *simpleRNN[F]) Project(z, x []F, rows int) {
	fillRows(z, s.bias, rows, s.units)
	addProduct(z, x, s.kernel, rows, s.features, s.units)
}

// Next: see Cell.
func (s *simpleRNN[F]) Next(h, c, x, z, scratch []F, rows int) {
	s.Project(z, x, rows)
	s.Step(h, c, z, scratch, rows)
}

// Step takes one time step.
func (s *simpleRNN[F]) Step(h, _, z, _ []F, rows int) {
	n := rows * s.units
	addProduct(z, h, s.recurrent, rows, s.units, s.units)
	activate(s.act, z[:n])
	copy(h[:n], z[:n])
}
