// Package linalg has TensorFlow's decompositions of matrices, and what is solved by
// them. Matrices are the last two axes of a tensor; all are computed in float64,
// whatever the elements are.
package linalg

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations. Which rows a factorization exchanges and which sign a
// reflection has, rounding may decide: Lu and Qr have no bounds.
var Ops = op.Table{
	"Cholesky":              spec(cholesky, choleskyBound),
	"MatrixInverse":         spec(inverse, inverseBound),
	"MatrixSolve":           spec(solve, solveBound),
	"MatrixTriangularSolve": spec(triangularSolve, triangularBound),
	"MatrixDeterminant":     spec(determinant, determinantBound),
	"LogMatrixDeterminant":  spec(logDeterminant, logDeterminantBound),
	"Lu":                    spec(factors, nil),
	"Qr":                    spec(qr, nil),
	"Svd":                   spec(svd, svdBound),
	"SelfAdjointEigV2":      spec(eigen, eigenBound),
}

// matrix is a matrix, row by row.
type matrix struct {
	rows, cols int
	d          []float64
}

func newMatrix(rows, cols int) matrix { return matrix{rows, cols, make([]float64, rows*cols)} }

func identity(n int) matrix {
	m := newMatrix(n, n)
	for i := range n {
		m.d[i*n+i] = 1
	}
	return m
}

func (m matrix) at(r, c int) *float64  { return &m.d[r*m.cols+c] }
func (m matrix) row(r int) []float64   { return m.d[r*m.cols:][:m.cols] }
func (m matrix) clone() matrix         { return matrix{m.rows, m.cols, slices.Clone(m.d)} }
func (m matrix) shape() []int          { return []int{m.rows, m.cols} }
func (m matrix) swapRows(a, b int)     { swap(m.row(a), m.row(b)) }
func (m matrix) each(f func(r, c int)) { eachOf(m.rows, m.cols, f) }
func swap(a, b []float64) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
func eachOf(rows, cols int, f func(r, c int)) {
	for r := range rows {
		for c := range cols {
			f(r, c)
		}
	}
}

func (m matrix) transposed() matrix {
	out := newMatrix(m.cols, m.rows)
	m.each(func(r, c int) { *out.at(c, r) = *m.at(r, c) })
	return out
}

// times is the product of two matrices.
func (m matrix) times(b matrix) matrix {
	out := newMatrix(m.rows, b.cols)
	for r := range m.rows {
		row := out.row(r)
		for k, v := range m.row(r) {
			for c, w := range b.row(k) {
				row[c] += v * w
			}
		}
	}
	return out
}

// result is one of the results for one matrix.
type result struct {
	shape []int
	d     []float64
}

func of(m matrix) result { return result{m.shape(), m.d} }

// kernel computes the results for one matrix of each input. Of no elements it makes
// what has the right shapes.
type kernel struct {
	// inputs are how many there are, each of the rank 2, and square the first one.
	inputs int
	square bool
	// broadcast says that the axes before the matrices are broadcast.
	broadcast bool
	run       func(in []matrix) ([]result, error)
	// integers says which result is of integers, of the type indices.
	integers int
	indices  lockstep.DType
}

var errSingular = errors.New("the matrix is not invertible")

// maker reads a node's attributes.
type maker func(n *savedmodel.Node) (kernel, error)

// spec is the Spec of an operation.
func spec(of maker, bound op.BoundRule) *op.Spec {
	return &op.Spec{
		Build: func(n *savedmodel.Node) (op.Exec, error) {
			k, err := of(n)
			if err != nil {
				return nil, err
			}
			return op.ByType(op.Floats(exec[float32](k), exec[float64](k)))(n)
		},
		Float64: func(n *savedmodel.Node) (op.Exec, error) {
			k, err := of(n)
			return exec[float64](k), err
		},
		Shape: op.NoInput, Bound: bound, Time: op.TimeBeside(2),
	}
}

// batches are the matrices of the inputs, and the axes before them.
type batches struct {
	shape []int
	// at are the first elements of the matrices of each input, batch by batch.
	at       [][]int
	rows     []int
	cols     []int
	n        int
	elements [][]float64
}

func (k kernel) read(in []value.Value) (b batches, err error) {
	t, err := value.Tensors(in, k.inputs)
	if err != nil {
		return b, err
	}
	var before [][]int
	for i, x := range t {
		shape := x.Shape()
		if len(shape) < 2 || !x.DType().IsFloat() {
			return b, fmt.Errorf("input %d is %s, want matrices of floats", i, x)
		}
		n := len(shape) - 2
		before = append(before, shape[:n])
		b.rows, b.cols = append(b.rows, shape[n]), append(b.cols, shape[n+1])
		if i > 0 && shape[n] != b.rows[0] {
			return b, fmt.Errorf("%s and %s, want as many rows", t[0], x)
		}
	}
	if k.square && b.rows[0] != b.cols[0] {
		return b, fmt.Errorf("%s, want square matrices", t[0])
	}
	if b.shape, err = k.batchShape(before); err != nil {
		return b, err
	}
	if b.n, err = value.AllowSized(b.shape, 2*value.WordBytes); err != nil {
		return b, err
	}
	for i, x := range t {
		size := b.rows[i] * b.cols[i]
		b.at = append(b.at, broadcastPlaces(before[i], b.shape, size))
		d, err := x.Float64s()
		if err != nil {
			return b, err
		}
		b.elements = append(b.elements, d)
	}
	longest := max(b.rows[0], b.cols[0])
	return b, op.Affordable(max(b.n, 1), longest, longest, longest, 64)
}

func (k kernel) batchShape(all [][]int) ([]int, error) {
	shape := slices.Clone(all[0])
	for _, other := range all[1:] {
		if !k.broadcast {
			if !slices.Equal(shape, other) {
				return nil, fmt.Errorf("matrices in batches of %s and %s, want the same", lockstep.FormatShape(shape), lockstep.FormatShape(other))
			}
			continue
		}
		for len(shape) < len(other) {
			shape = append([]int{1}, shape...)
		}
		for i := 1; i <= len(other); i++ {
			switch d := &shape[len(shape)-i]; {
			case *d == 1:
				*d = other[len(other)-i]
			case other[len(other)-i] != 1 && other[len(other)-i] != *d:
				return nil, fmt.Errorf("matrices in batches of %s and %s, which do not broadcast", lockstep.FormatShape(shape), lockstep.FormatShape(other))
			}
		}
	}
	return shape, nil
}

// broadcastPlaces are the first elements of matrices of a size for each place of a
// shape that their own batches are broadcast to.
func broadcastPlaces(own, shape []int, size int) []int {
	n := value.Product(shape)
	out := make([]int, n)
	for i := range out {
		at, rest, step := 0, i, 1
		for axis := 1; axis <= len(shape); axis++ {
			place := rest % shape[len(shape)-axis]
			rest /= shape[len(shape)-axis]
			if axis <= len(own) {
				if d := own[len(own)-axis]; d != 1 {
					at += place * step
				}
				step *= own[len(own)-axis]
			}
		}
		out[i] = at * size
	}
	return out
}

// matrices are those of one batch.
func (b *batches) matrices(batch int) []matrix {
	out := make([]matrix, len(b.rows))
	for i := range out {
		size := b.rows[i] * b.cols[i]
		out[i] = matrix{b.rows[i], b.cols[i], slices.Clone(b.elements[i][b.at[i][batch]:][:size])}
	}
	return out
}

func exec[E float32 | float64](k kernel) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		b, err := k.read(in)
		if err != nil {
			return nil, err
		}
		sample, err := k.sample(&b)
		if err != nil {
			return nil, err
		}
		out := make([][]E, len(sample))
		shapes := make([][]int, len(sample))
		for i, r := range sample {
			shapes[i] = append(slices.Clone(b.shape), r.shape...)
			n, err := value.AllowSized(shapes[i], value.SizeFor[E]())
			if err != nil {
				return nil, err
			}
			out[i] = make([]E, 0, n)
		}
		for batch := range b.n {
			results, err := k.run(b.matrices(batch))
			if err != nil {
				return nil, fmt.Errorf("matrix %d: %w", batch, err)
			}
			for i, r := range results {
				for _, v := range r.d {
					out[i] = append(out[i], E(v))
				}
			}
		}
		return values(k, out, shapes)
	}
}

// sample are results of the shapes of all.
func (k kernel) sample(b *batches) ([]result, error) {
	if b.n > 0 {
		return k.run(b.matrices(0))
	}
	in := make([]matrix, len(b.rows))
	for i := range in {
		in[i] = newMatrix(b.rows[i], b.cols[i])
		for d := range min(b.rows[i], b.cols[i]) {
			*in[i].at(d, d) = 1
		}
	}
	return k.run(in)
}

// values are the results as tensors.
func values[E float32 | float64](k kernel, out [][]E, shapes [][]int) ([]value.Value, error) {
	results := make([]value.Value, len(shapes))
	for i, shape := range shapes {
		var err error
		if k.integers == 0 || i != k.integers {
			results[i].Tensor, err = lockstep.New(out[i], shape...)
		} else {
			numbers := make([]int, len(out[i]))
			for j, v := range out[i] {
				numbers[j] = int(v)
			}
			results[i].Tensor, err = value.IntTensor(numbers, k.indices, shape...)
		}
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}
