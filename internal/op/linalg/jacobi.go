package linalg

import (
	"cmp"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// unused is in the place of vectors that were not asked for, a scalar in TensorFlow.
var unused = result{nil, []float64{0}}

// sweeps bounds those of Jacobi's methods, which need fewer than ten.
const sweeps = 60

func svd(n *savedmodel.Node) (kernel, error) {
	vectors, full := op.BoolOr(n, "compute_uv", true), n.AttrBool("full_matrices")
	return kernel{inputs: 1, run: func(in []matrix) ([]result, error) {
		s, u, v := singular(in[0], full)
		if !vectors {
			return []result{{[]int{len(s)}, s}, unused, unused}, nil
		}
		return []result{{[]int{len(s)}, s}, of(u), of(v)}, nil
	}}, nil
}

// singular returns the singular values, the largest first, and their vectors as the
// columns of U and V with A = U·diag(s)·Vᵀ.
func singular(a matrix, full bool) (s []float64, u, v matrix) {
	if a.rows < a.cols {
		s, v, u = singular(a.transposed(), full)
		return s, u, v
	}
	columns := a.transposed() // each a row, which is faster
	turns := identity(a.cols)
	orthogonalize(columns, turns)
	s = make([]float64, a.cols)
	order := make([]int, a.cols)
	for i := range s {
		s[i] = length(columns.row(i))
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s[j], s[i]) })
	width := a.cols
	if full {
		width = a.rows
	}
	left, right := newMatrix(width, a.rows), newMatrix(a.cols, a.cols)
	sorted := make([]float64, len(s))
	done := 0
	for i, k := range order {
		sorted[i] = s[k]
		copy(right.row(i), turns.row(k))
		if s[k] > 0 {
			for j, x := range columns.row(k) {
				left.row(i)[j] = x / s[k]
			}
			done++
		}
	}
	complete(left, done)
	return sorted, left.transposed(), right.transposed()
}

func dot(a, b []float64) (s float64) {
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func length(a []float64) float64 {
	largest := 0.0
	for _, v := range a {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return largest
	}
	s := 0.0
	for _, v := range a {
		s += v / largest * (v / largest)
	}
	return largest * math.Sqrt(s)
}

// orthogonalize turns pairs of rows until all are orthogonal, and the rows of turns
// with them (Hestenes' one-sided Jacobi method).
func orthogonalize(rows, turns matrix) {
	for range sweeps {
		turned := false
		for i := range rows.rows {
			for j := i + 1; j < rows.rows; j++ {
				x, y := rows.row(i), rows.row(j)
				a, b, c := dot(x, x), dot(y, y), dot(x, y)
				if !(math.Abs(c) > 0x1p-52*math.Sqrt(a)*math.Sqrt(b)) {
					continue
				}
				turned = true
				zeta := (b - a) / (2 * c)
				t := math.Copysign(1, zeta) / (math.Abs(zeta) + math.Hypot(1, zeta))
				cos := 1 / math.Hypot(1, t)
				turn(x, y, cos, cos*t)
				turn(turns.row(i), turns.row(j), cos, cos*t)
			}
		}
		if !turned {
			return
		}
	}
}

func turn(x, y []float64, cos, sin float64) {
	for k, v := range x {
		x[k], y[k] = cos*v-sin*y[k], sin*v+cos*y[k]
	}
}

// complete makes the rows from done on orthogonal to those before and to each other.
func complete(rows matrix, done int) {
	next := 0
	for r := done; r < rows.rows; r++ {
		for ; next < rows.cols; next++ {
			row := rows.row(r)
			clear(row)
			row[next] = 1
			for range 2 { // once more, for what rounding left
				for k := range r {
					d := dot(row, rows.row(k))
					for i, v := range rows.row(k) {
						row[i] -= d * v
					}
				}
			}
			if n := length(row); n > 1e-8 {
				for i := range row {
					row[i] /= n
				}
				next++
				break
			}
		}
	}
}
