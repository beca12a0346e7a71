package linalg

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The eigenvectors of a symmetric matrix are known up to their sign, and a model may
// return them. So they are computed in the way of TensorFlow's kernel, Eigen's
// SelfAdjointEigenSolver: Householder's reflections make the matrix tridiagonal, and
// steps of QR with Wilkinson's shift make that diagonal (Golub and Van Loan, Matrix
// Computations, 8.3). The number of steps follows from the precision, and with it the
// signs: vectors of float32 are computed with its precision first.

// single and double are the distances from 1 to the next number.
const single, double = 0x1p-23, 0x1p-52

func eigen(n *savedmodel.Node) (kernel, error) {
	vectors := op.BoolOr(n, "compute_v", true)
	epsilon := double
	if t, err := n.AttrType("T"); err == nil && t == lockstep.Float32 {
		epsilon = single
	}
	return kernel{inputs: 1, square: true, run: func(in []matrix) ([]result, error) {
		e, v, err := symmetric(in[0], double)
		if err != nil {
			return nil, err
		}
		if !vectors {
			return []result{{[]int{len(e)}, e}, unused}, nil
		}
		if epsilon != double {
			_, signs, err := symmetric(in[0], epsilon)
			if err != nil {
				return nil, err
			}
			v.align(signs)
		}
		return []result{{[]int{len(e)}, e}, of(v)}, nil
	}}, nil
}

// align gives each column the sign with which it is nearer to that of another matrix.
func (m matrix) align(to matrix) {
	for c := range m.cols {
		s := 0.0
		for r := range m.rows {
			s += *m.at(r, c) * *to.at(r, c)
		}
		if s < 0 {
			for r := range m.rows {
				*m.at(r, c) = -*m.at(r, c)
			}
		}
	}
}

// maxSteps bounds those of QR for each eigenvalue, of which two or three are needed.
const maxSteps = 30

// symmetric returns the eigenvalues of a symmetric matrix, of which it reads the lower
// triangle, the smallest first, and their vectors as columns.
func symmetric(a matrix, epsilon float64) (e []float64, v matrix, err error) {
	t := tridiagonal(a)
	for start, end, steps := 0, len(t.diag)-1, 0; end > 0; steps++ {
		if steps > maxSteps*len(t.diag) {
			return nil, v, fmt.Errorf("the eigenvalues are not found in %d steps, as of a matrix with numbers that are not finite", steps)
		}
		for i := start; i < end; i++ {
			if math.Abs(t.below[i]) <= epsilon*math.Sqrt(math.Abs(t.diag[i])+math.Abs(t.diag[i+1])) {
				t.below[i] = 0
			}
		}
		for end > 0 && t.below[end-1] == 0 {
			end--
		}
		if end == 0 {
			break
		}
		for start = end - 1; start > 0 && t.below[start-1] != 0; start-- {
		}
		t.step(start, end)
	}
	for i := range t.diag {
		least := i
		for k := i + 1; k < len(t.diag); k++ {
			if t.diag[k] < t.diag[least] {
				least = k
			}
		}
		t.diag[i], t.diag[least] = t.diag[least], t.diag[i]
		swap(t.vectors.row(i), t.vectors.row(least))
		t.diag[i] *= t.scale
	}
	return t.diag, t.vectors.transposed(), nil
}

// tridiagonalized is a matrix scale·QᵀTQ, with the diagonal of T and what is below it.
type tridiagonalized struct {
	diag, below []float64
	vectors     matrix // the rows of Q
	scale       float64
}

func tridiagonal(a matrix) *tridiagonalized {
	n := a.rows
	t := &tridiagonalized{diag: make([]float64, n), below: make([]float64, max(n-1, 0)), vectors: identity(n)}
	a = a.clone()
	a.each(func(r, c int) {
		if c > r {
			*a.at(r, c) = *a.at(c, r)
		}
		t.scale = max(t.scale, math.Abs(*a.at(r, c)))
	})
	if t.scale == 0 {
		t.scale = 1
	}
	for i := range a.d {
		a.d[i] /= t.scale
	}
	for k := range n - 1 {
		x := make([]float64, n)
		for r := k + 1; r < n; r++ {
			x[r] = *a.at(r, k)
		}
		factor := reflection(x[k+1:])
		mirrorRows(a, x, factor, k+1, 0)
		a = a.transposed()
		mirrorRows(a, x, factor, k+1, 0)
		mirrorRows(t.vectors, x, factor, k+1, 0)
	}
	for i := range n {
		t.diag[i] = *a.at(i, i)
		if i > 0 {
			t.below[i-1] = *a.at(i, i-1)
		}
	}
	return t
}

// step is one of QR, of the rows from start to end.
func (t *tridiagonalized) step(start, end int) {
	d, b := t.diag, t.below
	x, z := d[start]-t.shift(end), b[start]
	for k := start; k < end && z != 0; k++ {
		c, s := givens(x, z)
		down, across := s*d[k]+c*b[k], s*b[k]+c*d[k+1]
		d[k] = c*(c*d[k]-s*b[k]) - s*(c*b[k]-s*d[k+1])
		d[k+1] = s*down + c*across
		b[k] = c*down - s*across
		if k > start {
			b[k-1] = c*b[k-1] - s*z
		}
		x = b[k]
		if k < end-1 {
			z = -s * b[k+1]
			b[k+1] *= c
		}
		turn(t.vectors.row(k), t.vectors.row(k+1), c, s)
	}
}

// shift is Wilkinson's: the eigenvalue of the last two rows that is nearer to the last
// element.
func (t *tridiagonalized) shift(end int) float64 {
	half, b := (t.diag[end-1]-t.diag[end])*0.5, t.below[end-1]
	if half == 0 {
		return t.diag[end] - math.Abs(b)
	}
	return t.diag[end] - b/((half+math.Copysign(math.Hypot(half, b), half))/b)
}

// givens is the rotation that makes z zero beside x.
func givens(x, z float64) (c, s float64) {
	switch {
	case z == 0:
		return math.Copysign(1, x), 0
	case x == 0:
		return 0, -math.Copysign(1, z)
	case math.Abs(x) > math.Abs(z):
		t := z / x
		c = 1 / math.Copysign(math.Sqrt(1+t*t), x)
		return c, -t * c
	}
	t := x / z
	s = -1 / math.Copysign(math.Sqrt(1+t*t), z)
	return -t * s, s
}
