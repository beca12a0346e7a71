package rounding

import "math"

// product computes sums of matrix products, and bounds on their rounding.
type product struct {
	unit    Unit
	to      Values
	rows    int
	columns int
	size    []float64 // the sum of the magnitudes of all terms
}

func newProduct(unit Unit, to Values, rows, columns int) *product {
	return &product{unit, to, rows, columns, make([]float64, rows*columns)}
}

// add adds x (rows, n) times the columns of w (n, stride) from the given one.
func (p *product) add(x Values, w []float64, n, stride, from int) {
	for r := range p.rows {
		v, e, s := p.to.V[r*p.columns:][:p.columns], p.to.E[r*p.columns:][:p.columns], p.size[r*p.columns:][:p.columns]
		for k := range n {
			a, ae := x.V[r*n+k], x.err(r*n+k)
			size := math.Abs(a) + ae
			row := w[k*stride+from:][:p.columns]
			if ae == 0 {
				for j, b := range row {
					t := a * b
					v[j] += t
					s[j] += math.Abs(t)
				}
				continue
			}
			for j, b := range row {
				v[j] += a * b
				b = math.Abs(b)
				e[j] += ae * b
				s[j] += size * b
			}
		}
	}
}

// bias adds the columns of b from the given one to each row; b may be nil.
func (p *product) bias(b []float64, from int) {
	if b == nil {
		return
	}
	for r := range p.rows {
		for j, t := range b[from:][:p.columns] {
			p.to.V[r*p.columns+j] += t
			p.size[r*p.columns+j] += math.Abs(t)
		}
	}
}

// close adds the rounding of sums of n terms: in whatever order they are added,
// each meets at most n operations, its product and n-1 additions.
func (p *product) close(n int) {
	g, tiny := p.unit.gamma(n), float64(n)*p.unit.tiny()
	for i, s := range p.size {
		p.to.E[i] = (p.to.E[i]+g*s)*slack + tiny
	}
}
