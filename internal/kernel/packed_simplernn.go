package kernel

// packedSimpleRNN is SimpleRNN, vectorised.
type packedSimpleRNN struct {
	features, units int
	act             Activation
	wide            bool // by AVX-512

	kernel, recurrent panels
	bias              []float32
}

func newPackedSimpleRNN(kernel, recurrent, bias []float32, features, units int, act Activation) *packedSimpleRNN {
	s := &packedSimpleRNN{features: features, units: units, act: act, wide: chosen == avx512}
	s.kernel = packPanels(s.wide, units, s.Width(), itself, kernel)
	s.recurrent = packPanels(s.wide, units, s.Width(), itself, recurrent)
	s.bias = packVector(bias, s.Width(), itself)
	return s
}

func itself(j int) int { return j }

// Units: see Cell.
func (s *packedSimpleRNN) Units() int { return s.units }

// Width: see Cell.
func (s *packedSimpleRNN) Width() int { return roundUp(s.units, panel) }

// Scratch: see Cell.
func (s *packedSimpleRNN) Scratch(int) int { return 0 }

// Ahead: see Cell.
func (s *packedSimpleRNN) Ahead(int) bool { return true }

// Project computes z = x·W + b.
func (s *packedSimpleRNN) Project(z, x []float32, rows int) {
	s.kernel.product(rowsOf{z, s.Width()}, rowsOf{x, s.features}, rowsOf{s.bias, 0}, s.features, rows)
}

// Next: see Cell.
func (s *packedSimpleRNN) Next(h, c, x, z, scratch []float32, rows int) {
	s.Project(z, x, rows)
	s.Step(h, c, z, scratch, rows)
}

// Step takes one time step.
func (s *packedSimpleRNN) Step(h, _, z, _ []float32, rows int) {
	u, width := s.units, s.Width()
	s.recurrent.product(rowsOf{z, width}, rowsOf{h, u}, rowsOf{z, width}, u, rows)
	for r := range rows {
		activate32(s.act, h[r*u:(r+1)*u], z[r*width:][:u], s.wide)
	}
}
