package rounding

import "math"

// product computes sums of matrix products, and bounds on their rounding, or
// moves them by it.
type product struct {
	unit    Unit
	noise   *Noise // nil for bounds
	to      Values
	rows    int
	columns int
	size    []float64 // the sum of the magnitudes of all terms; with noise, of their squares
}

func (c *Cell) newProduct(to Values, rows int) *product {
	return &product{c.unit, c.noise, to, rows, c.Units, make([]float64, rows*c.Units)}
}

// add adds x (rows, n) times the columns of w (n, stride) from the given one.
func (p *product) add(x Values, w []float64, n, stride, from int) {
	if p.noise != nil {
		p.addSquares(x.V, w, n, stride, from)
		return
	}
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

// addSquares is add with noise. Four terms at a time take half the time: a Monte
// Carlo evaluation takes most of its time here.
func (p *product) addSquares(x, w []float64, n, stride, from int) {
	for r := range p.rows {
		v, s := p.to.V[r*p.columns:][:p.columns], p.size[r*p.columns:][:p.columns]
		row := func(k int) []float64 { return w[k*stride+from:][:len(v)] }
		k := 0
		for ; k+4 <= n; k += 4 {
			a0, a1, a2, a3 := x[r*n+k], x[r*n+k+1], x[r*n+k+2], x[r*n+k+3]
			w0, w1, w2, w3 := row(k), row(k+1), row(k+2), row(k+3)
			for j := range v {
				t0, t1, t2, t3 := a0*w0[j], a1*w1[j], a2*w2[j], a3*w3[j]
				v[j] += t0 + t1 + t2 + t3
				s[j] += t0*t0 + t1*t1 + t2*t2 + t3*t3
			}
		}
		for ; k < n; k++ {
			for j, b := range row(k) {
				t := x[r*n+k] * b
				v[j] += t
				s[j] += t * t
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
			size := math.Abs(t)
			if p.noise != nil {
				size = t * t
			}
			p.size[r*p.columns+j] += size
		}
	}
}

// close adds the rounding of sums of n terms: in whatever order they are added,
// each meets at most n operations, its product and n-1 additions.
func (p *product) close(n int) {
	if p.noise != nil {
		for i, squares := range p.size {
			p.to.V[i] = p.noise.Move(p.to.V[i], p.unit.DeviationOfSum(n, p.to.V[i], squares))
		}
		return
	}
	g, tiny := p.unit.gamma(n), float64(n)*p.unit.tiny()
	for i, s := range p.size {
		p.to.E[i] = (p.to.E[i]+g*s)*slack + tiny
	}
}
