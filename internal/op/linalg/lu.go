package linalg

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// lu is a factorization PA = LU by rows with partial pivoting: L below the diagonal,
// of ones, and U.
type lu struct {
	matrix
	order []int // the rows of A in the rows of LU
	sign  float64
}

// factorize overwrites a square matrix.
func factorize(a matrix) lu {
	n := a.rows
	f := lu{matrix: a, order: make([]int, n), sign: 1}
	for i := range f.order {
		f.order[i] = i
	}
	for k := range n {
		best := k
		for r := k + 1; r < n; r++ {
			if math.Abs(*a.at(r, k)) > math.Abs(*a.at(best, k)) {
				best = r
			}
		}
		if best != k {
			a.swapRows(best, k)
			f.order[best], f.order[k] = f.order[k], f.order[best]
			f.sign = -f.sign
		}
		pivot := *a.at(k, k)
		if pivot == 0 {
			continue
		}
		for r := k + 1; r < n; r++ {
			row := a.row(r)
			row[k] /= pivot
			for c := k + 1; c < n; c++ {
				row[c] -= row[k] * a.row(k)[c]
			}
		}
	}
	return f
}

// singular tells whether a pivot is zero, or no number.
func (f lu) singular() bool {
	for i := range f.rows {
		if !(math.Abs(*f.at(i, i)) > 0) {
			return true
		}
	}
	return false
}

// solve solves AX = B.
func (f lu) solve(b matrix) matrix {
	x := newMatrix(b.rows, b.cols)
	for i, r := range f.order {
		copy(x.row(i), b.row(r))
	}
	substitute(f.matrix, x, true, true)
	substitute(f.matrix, x, false, false)
	return x
}

// substitute solves a triangular system in place, of the lower or the upper triangle;
// unit says that its diagonal is of ones.
func substitute(t, x matrix, lower, unit bool) {
	n := t.rows
	for i := range n {
		r := i
		if !lower {
			r = n - 1 - i
		}
		row := x.row(r)
		from, to := r+1, n
		if lower {
			from, to = 0, r
		}
		for k := from; k < to; k++ {
			factor := *t.at(r, k)
			for c, v := range x.row(k) {
				row[c] -= factor * v
			}
		}
		if !unit {
			for c := range row {
				row[c] /= *t.at(r, r)
			}
		}
	}
}

func inverse(n *savedmodel.Node) (kernel, error) {
	adjoint := n.AttrBool("adjoint")
	return kernel{inputs: 1, square: true, run: func(in []matrix) ([]result, error) {
		a := turnedIf(in[0], adjoint)
		f := factorize(a)
		if f.singular() {
			return nil, errSingular
		}
		return []result{of(f.solve(identity(a.rows)))}, nil
	}}, nil
}

func turnedIf(m matrix, turn bool) matrix {
	if turn {
		return m.transposed()
	}
	return m
}

func solve(n *savedmodel.Node) (kernel, error) {
	adjoint := n.AttrBool("adjoint")
	return kernel{inputs: 2, square: true, run: func(in []matrix) ([]result, error) {
		f := factorize(turnedIf(in[0], adjoint))
		if f.singular() && len(in[1].d) > 0 {
			return nil, errSingular
		}
		return []result{of(f.solve(in[1]))}, nil
	}}, nil
}

func triangularSolve(n *savedmodel.Node) (kernel, error) {
	lower, adjoint := op.BoolOr(n, "lower", true), n.AttrBool("adjoint")
	return kernel{inputs: 2, square: true, broadcast: true, run: func(in []matrix) ([]result, error) {
		t, x := in[0], in[1]
		substitute(turnedIf(t, adjoint), x, lower != adjoint, false)
		return []result{of(x)}, nil
	}}, nil
}

// determinant is the product of the pivots, by their logarithms as TensorFlow has it.
func determinant(*savedmodel.Node) (kernel, error) {
	return kernel{inputs: 1, square: true, run: func(in []matrix) ([]result, error) {
		sign, log := factorize(in[0]).determinant()
		return []result{{nil, []float64{sign * math.Exp(log)}}}, nil
	}}, nil
}

func logDeterminant(*savedmodel.Node) (kernel, error) {
	return kernel{inputs: 1, square: true, run: func(in []matrix) ([]result, error) {
		sign, log := factorize(in[0]).determinant()
		return []result{{nil, []float64{sign}}, {nil, []float64{log}}}, nil
	}}, nil
}

// determinant returns the sign and the logarithm of the magnitude.
func (f lu) determinant() (sign, log float64) {
	sign = f.sign
	for i := range f.rows {
		pivot := *f.at(i, i)
		if pivot == 0 {
			return 0, math.Inf(-1)
		}
		log += math.Log(math.Abs(pivot))
		sign *= pivot / math.Abs(pivot)
	}
	return sign, log
}

func factors(n *savedmodel.Node) (kernel, error) {
	d, err := op.TypeOr(n, "output_idx_type", lockstep.Int32)
	if err == nil && d != lockstep.Int32 && d != lockstep.Int64 {
		err = op.NotSupported("output_idx_type", d)
	}
	return kernel{inputs: 1, square: true, integers: 1, indices: d, run: func(in []matrix) ([]result, error) {
		f := factorize(in[0])
		if f.singular() {
			return nil, errSingular
		}
		order := make([]float64, f.rows)
		for i, r := range f.order {
			order[i] = float64(r)
		}
		return []result{of(f.matrix), {[]int{f.rows}, order}}, nil
	}}, err
}
