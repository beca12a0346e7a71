package linalg

import (
	"errors"
	"math"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// cholesky reads the lower triangle alone.
func cholesky(*savedmodel.Node) (kernel, error) {
	return kernel{inputs: 1, square: true, run: func(in []matrix) ([]result, error) {
		l, ok := lowerRoot(in[0])
		if !ok {
			return nil, errors.New("the matrix is not positive definite")
		}
		return []result{of(l)}, nil
	}}, nil
}

// lowerRoot returns L with LLᵀ = A.
func lowerRoot(a matrix) (l matrix, ok bool) {
	n := a.rows
	l = newMatrix(n, n)
	for r := range n {
		for c := range r + 1 {
			s := *a.at(r, c)
			for k := range c {
				s -= *l.at(r, k) * *l.at(c, k)
			}
			if c < r {
				*l.at(r, c) = s / *l.at(c, c)
				continue
			}
			if !(s > 0) {
				return l, false
			}
			*l.at(r, r) = math.Sqrt(s)
		}
	}
	return l, true
}

func qr(n *savedmodel.Node) (kernel, error) {
	full := n.AttrBool("full_matrices")
	return kernel{inputs: 1, run: func(in []matrix) ([]result, error) {
		q, r := reflect(in[0], full)
		return []result{of(q), of(r)}, nil
	}}, nil
}

// reflect returns Q and R by Householder's reflections. The diagonal of R has the sign
// opposite to that of what it is made of, as Eigen's has; of a column that is zero
// already below it, its own.
func reflect(a matrix, full bool) (q, r matrix) {
	rows, cols := a.rows, a.cols
	p := min(rows, cols)
	vectors, factors := make([][]float64, p), make([]float64, p)
	for k := range p {
		v := make([]float64, rows)
		for i := k; i < rows; i++ {
			v[i] = *a.at(i, k)
		}
		factors[k] = reflection(v[k:])
		vectors[k] = v
		mirrorRows(a, v, factors[k], k, k)
		for i := k + 1; i < rows; i++ {
			*a.at(i, k) = 0
		}
	}
	width := p
	if full {
		width = rows
	}
	q = newMatrix(rows, width)
	for i := range width {
		*q.at(i, i) = 1
	}
	for k := p - 1; k >= 0; k-- {
		mirrorRows(q, vectors[k], factors[k], k, 0)
	}
	return q, matrix{width, cols, a.d[:width*cols]}
}

// reflection makes a vector v of one such that I - factor·vvᵀ leaves it only its first
// element, with the other sign; v begins with 1.
func reflection(v []float64) (factor float64) {
	tail, first := 0.0, v[0]
	for _, x := range v[1:] {
		tail += x * x
	}
	v[0] = 1
	if tail == 0 {
		return 0
	}
	beta := math.Sqrt(first*first + tail)
	if first >= 0 {
		beta = -beta
	}
	for i := 1; i < len(v); i++ {
		v[i] /= first - beta
	}
	return (beta - first) / beta
}

// mirrorRows multiplies a matrix by I - factor·vvᵀ, where v begins at row from, in the
// columns from first on.
func mirrorRows(a matrix, v []float64, factor float64, from, first int) {
	for c := first; c < a.cols; c++ {
		s := 0.0
		for i := from; i < a.rows; i++ {
			s += v[i] * *a.at(i, c)
		}
		for i := from; i < a.rows; i++ {
			*a.at(i, c) -= factor * s * v[i]
		}
	}
}
