package signal

import (
	"math"
	"math/bits"
)

// plan is what a Fourier transform of a length needs: the factors of the length and
// the roots of unity. It computes in float64, whatever the numbers around it are.
type plan struct {
	n       int
	factors []int
	roots   []complex128 // e^(-2πik/n)
	room    []complex128
	chirp   *chirp // of a length with a large prime factor
}

// largest is the largest factor by which a transform is divided: each element of a
// part is a sum of so many.
const largest = 61

func newPlan(n int) *plan {
	p := &plan{n: n}
	rest := n
	for _, f := range []int{4, 2, 3, 5} {
		for rest%f == 0 {
			p.factors = append(p.factors, f)
			rest /= f
		}
	}
	for f := 7; f <= largest && rest > 1; f += 2 {
		for rest%f == 0 {
			p.factors = append(p.factors, f)
			rest /= f
		}
	}
	if rest > 1 {
		p.chirp = newChirp(n)
		return p
	}
	p.roots = rootsOfUnity(n)
	p.room = make([]complex128, largest)
	return p
}

// rootsOfUnity are e^(-2πik/n), each of an angle in the first eighth of the circle.
func rootsOfUnity(n int) []complex128 {
	out := make([]complex128, n)
	for k := range out {
		out[k] = rootOfUnity(k, n)
	}
	return out
}

func rootOfUnity(k, n int) complex128 {
	eighth := 8 * k / n // k < n, and n is far below the largest integer
	part := func(k int) (sin, cos float64) { return math.Sincos(2 * math.Pi * float64(k) / float64(n)) }
	switch eighth {
	case 0:
		s, c := part(k)
		return complex(c, -s)
	case 1, 2: // around a quarter
		s, c := math.Sincos(2 * math.Pi * float64(4*k-n) / float64(4*n))
		return complex(-s, -c)
	case 3, 4:
		s, c := math.Sincos(2 * math.Pi * float64(2*k-n) / float64(2*n))
		return complex(-c, s)
	case 5, 6:
		s, c := math.Sincos(2 * math.Pi * float64(4*k-3*n) / float64(4*n))
		return complex(s, c)
	}
	s, c := part(n - k)
	return complex(c, s)
}

// forward computes out[k] = Σ x[j]·e^(-2πijk/n). out and x are not the same.
func (p *plan) forward(out, x []complex128) {
	if p.chirp != nil {
		p.chirp.forward(out, x)
		return
	}
	p.part(out, x, 1, p.factors)
}

// backward computes the sum with the opposite sign, not divided by n.
func (p *plan) backward(out, x []complex128) {
	p.forward(out, x)
	for i, j := 1, p.n-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
}

// part transforms len(out) elements of x that are some stride apart, by Cooley's and
// Tukey's algorithm.
func (p *plan) part(out, x []complex128, stride int, factors []int) {
	if len(factors) == 0 {
		out[0] = x[0]
		return
	}
	f := factors[0]
	m := len(out) / f
	for k := range f {
		p.part(out[k*m:][:m], x[k*stride:], stride*f, factors[1:])
	}
	switch f {
	case 2:
		for j := range m {
			a, b := out[j], out[m+j]*p.roots[j*stride]
			out[j], out[m+j] = a+b, a-b
		}
	case 4:
		for j := range m {
			a, b := out[j], out[m+j]*p.roots[j*stride]
			c, d := out[2*m+j]*p.roots[2*j*stride], out[3*m+j]*p.roots[3*j*stride]
			even, odd, other := a+c, b+d, b-d
			turned := complex(imag(other), -real(other)) // times -i
			out[j], out[m+j], out[2*m+j], out[3*m+j] = even+odd, a-c+turned, even-odd, a-c-turned
		}
	default:
		p.any(out, stride, f)
	}
}

// any joins f parts.
func (p *plan) any(out []complex128, stride, f int) {
	m := len(out) / f
	t := p.room[:f]
	for j := range m {
		for k := range f {
			t[k] = out[k*m+j] * p.roots[j*k*stride]
		}
		for q := range f {
			s := t[0]
			for k := 1; k < f; k++ {
				s += t[k] * p.roots[k*q%f*(p.n/f)]
			}
			out[q*m+j] = s
		}
	}
}

// chirp computes a transform of any length as a convolution, by transforms of a power
// of two (Bluestein's algorithm).
type chirp struct {
	n      int
	power  *plan
	turns  []complex128 // e^(-πik²/n)
	filter []complex128 // the transform of their conjugates, around 0
	a, b   []complex128
}

func newChirp(n int) *chirp {
	size := 1 << bits.Len(uint(2*n-2))
	c := &chirp{n: n, power: newPlan(size), turns: make([]complex128, n), filter: make([]complex128, size), a: make([]complex128, size), b: make([]complex128, size)}
	for k := range n {
		high, low := bits.Mul64(uint64(k), uint64(k))
		c.turns[k] = rootOfUnity(int(bits.Rem64(high, low, uint64(2*n))), 2*n)
	}
	for k, v := range c.turns {
		conj := complex(real(v), -imag(v))
		c.a[k] = conj
		if k > 0 {
			c.a[size-k] = conj
		}
	}
	c.power.forward(c.filter, c.a)
	return c
}

func (c *chirp) forward(out, x []complex128) {
	clear(c.a)
	for k, v := range x[:c.n] {
		c.a[k] = v * c.turns[k]
	}
	c.power.forward(c.b, c.a)
	for k, v := range c.filter {
		c.b[k] *= v
	}
	c.power.backward(c.a, c.b)
	size := float64(c.power.n)
	for k := range out[:c.n] {
		v := c.a[k] * c.turns[k]
		out[k] = complex(real(v)/size, imag(v)/size)
	}
}

// levels is a number of roundings that a float of an engine's transform meets: those
// of every factor of the length, or of the transforms of which a large prime is made.
func levels(n int) (roundings int, large bool) {
	for f := 2; f*f <= n; f++ {
		for n%f == 0 {
			n /= f
			roundings += f + 8
			large = large || f > 11
		}
	}
	if n > 1 {
		roundings += n + 8
		large = large || n > 11
	}
	return roundings, large
}
