package linalg

import (
	"errors"
	"math"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// Bounds of what is computed of matrices: an engine's results are the exact ones of
// matrices that are near (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
// edition, chapters 8 to 10 and 19); how far those may be follows from the inverse,
// which the oracle has.

// errNearSingular is why there is no bound.
var errNearSingular = errors.New("rounding may make its matrix singular")

// bounded is one matrix of each input with its bounds, and the bounds of the results,
// which a rule fills.
type bounded struct {
	x    *op.BoundInput
	in   []matrix
	errs []matrix
	out  [][]float64
}

// rule makes a rule of one for each batch.
func rule(of maker, f func(b *bounded) error) op.BoundRule {
	return func(x *op.BoundInput) error {
		k, err := of(x.Node)
		if err != nil {
			return err
		}
		all, err := k.read(x.Values())
		if err != nil {
			return err
		}
		e := make([][]float64, len(x.Out))
		for i := range e {
			e[i] = make([]float64, x.Out[i].Tensor.Len())
		}
		for batch := range all.n {
			b := bounded{x: x, in: all.matrices(batch)}
			for i, m := range b.in {
				errs := newMatrix(m.rows, m.cols)
				if off := x.E(i); off != nil {
					copy(errs.d, off[all.at[i][batch]:])
				}
				b.errs = append(b.errs, errs)
			}
			for i := range e {
				size := len(e[i]) / all.n
				b.out = append(b.out, e[i][batch*size:][:size])
			}
			if err := f(&b); err != nil {
				return err
			}
		}
		for i := range e {
			if k.integers != 0 && i == k.integers {
				continue
			}
			if err := x.Set(i, e[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func absolute(m matrix) matrix {
	out := m.clone()
	for i, v := range out.d {
		out.d[i] = math.Abs(v)
	}
	return out
}

// add adds a multiple of another matrix.
func (m matrix) add(b matrix, factor float64) matrix {
	for i, v := range b.d {
		m.d[i] += factor * v
	}
	return m
}

// rowSums are the sums of each row of magnitudes.
func (m matrix) rowSums() []float64 {
	out := make([]float64, m.rows)
	m.each(func(r, c int) { out[r] += *m.at(r, c) })
	return out
}

func largest(d []float64) float64 {
	out := 0.0
	for _, v := range d {
		out = max(out, v)
	}
	return out
}

// near is how far the matrix that an engine factorizes is from A: the bounds of A, and
// 2γ(3n)·|L||U| of elimination, whose rows another order of near pivots may exchange.
func (b *bounded) near(a, off matrix) (d matrix, inverse matrix, err error) {
	f := factorize(a.clone())
	if f.singular() {
		return d, inverse, errNearSingular
	}
	n := a.rows
	lower, upper := identity(n), newMatrix(n, n)
	f.each(func(r, c int) {
		if c < r {
			*lower.at(r, c) = math.Abs(*f.at(r, c))
		} else {
			*upper.at(r, c) = math.Abs(*f.at(r, c))
		}
	})
	size := lower.times(upper)
	d = off.clone()
	for i, r := range f.order {
		for c, v := range size.row(i) {
			*d.at(r, c) += 2 * b.x.Gamma(3*n) * v
		}
	}
	return d, f.solve(identity(n)), nil
}

// perturbed bounds the solution of a system near another: with M = |A⁻¹|·D of a norm
// ρ < 1, and v = |A⁻¹|·(E(B) + D|X|), it is off by at most v + ρ/(1-ρ)·max(v).
func perturbed(inverse, d, x, off matrix) (matrix, error) {
	in := absolute(inverse)
	rho := largest(in.times(d).rowSums())
	if !(rho < 1) {
		return matrix{}, errNearSingular
	}
	v := in.times(d.times(absolute(x)).add(off, 1))
	for c := range v.cols {
		most := 0.0
		for r := range v.rows {
			most = max(most, *v.at(r, c))
		}
		for r := range v.rows {
			*v.at(r, c) += rho / (1 - rho) * most
		}
	}
	return v, nil
}

// keep keeps bounds, of n more roundings of a result of some size.
func (b *bounded) keep(i int, e, size []float64, n int) {
	for k, v := range e {
		b.out[i][k] = (v+b.x.Gamma(n)*size[k])*rounding.Slack + float64(n)*b.x.Unit.Tiny()
	}
}

func inverseBound(x *op.BoundInput) error {
	return solutionBound(inverse, func(_ *bounded, a, inv matrix) (solution, off matrix) {
		return inv, newMatrix(a.rows, a.rows)
	})(x)
}

func solveBound(x *op.BoundInput) error {
	return solutionBound(solve, func(b *bounded, a, _ matrix) (solution, off matrix) {
		return factorize(a.clone()).solve(b.in[1]), b.errs[1]
	})(x)
}

// solutionBound is of what solves a system of the first input, or of its transpose;
// of returns it, and how far the right side may be off.
func solutionBound(run maker, of func(b *bounded, a, inv matrix) (solution, off matrix)) op.BoundRule {
	return func(x *op.BoundInput) error {
		return rule(run, func(b *bounded) error {
			turn := x.Node.AttrBool("adjoint")
			a, off := turnedIf(b.in[0], turn), turnedIf(b.errs[0], turn)
			d, inv, err := b.near(a, off)
			if err != nil {
				return err
			}
			solution, right := of(b, a, inv)
			e, err := perturbed(inv, d, solution, right)
			if err != nil {
				return err
			}
			b.keep(0, e.d, absolute(solution).d, 2)
			return nil
		})(x)
	}
}

// triangularBound: substitution solves a system of a matrix within γ(n)·|T|.
func triangularBound(x *op.BoundInput) error {
	return rule(triangularSolve, func(b *bounded) error {
		lower, turn := op.BoolOr(x.Node, "lower", true), x.Node.AttrBool("adjoint")
		t, off := triangle(turnedIf(b.in[0], turn), lower != turn), triangle(turnedIf(b.errs[0], turn), lower != turn)
		n := t.rows
		inv, solution := identity(n), b.in[1].clone()
		substitute(t, inv, lower != turn, false)
		substitute(t, solution, lower != turn, false)
		d := off.add(absolute(t), b.x.Gamma(2*n))
		e, err := perturbed(inv, d, solution, b.errs[1])
		if err != nil {
			return err
		}
		b.keep(0, e.d, absolute(solution).d, 2)
		return nil
	})(x)
}

func triangle(m matrix, lower bool) matrix {
	out := newMatrix(m.rows, m.cols)
	m.each(func(r, c int) {
		if r == c || (c < r) == lower {
			*out.at(r, c) = *m.at(r, c)
		}
	})
	return out
}

// volume bounds the relative change of a determinant: that of I+M with |M| <= |A⁻¹|·D is
// off from 1 by at most the product of 1 and each row's sum, less 1, since a
// determinant is at most the permanent of the magnitudes, and that the product of the
// rows' sums. The second result is the sum of the magnitudes of the logarithms of the
// pivots, of which TensorFlow makes the determinant.
func (b *bounded) volume() (change, logs float64, err error) {
	d, inv, err := b.near(b.in[0], b.errs[0])
	if err != nil {
		return 0, 0, err
	}
	for _, s := range absolute(inv).times(d).rowSums() {
		change += math.Log1p(s)
	}
	f := factorize(b.in[0].clone())
	for i := range f.rows {
		logs += math.Abs(math.Log(math.Abs(*f.at(i, i))))
	}
	return math.Expm1(change), logs, nil
}

func determinantBound(x *op.BoundInput) error {
	return rule(determinant, func(b *bounded) error {
		change, logs, err := b.volume()
		if err != nil {
			return err
		}
		sign, log := factorize(b.in[0].clone()).determinant()
		size := math.Abs(sign * math.Exp(log))
		n := b.in[0].rows + 16
		b.keep(0, []float64{size * (change + (1+change)*math.Expm1(b.x.Gamma(n)*logs))}, []float64{size * (1 + change)}, n)
		return nil
	})(x)
}

func logDeterminantBound(x *op.BoundInput) error {
	return rule(logDeterminant, func(b *bounded) error {
		change, logs, err := b.volume()
		if err != nil {
			return err
		}
		if !(change < 1) {
			return errNearSingular
		}
		n := b.in[0].rows + 16
		b.keep(1, []float64{-math.Log1p(-change)}, []float64{logs}, n)
		return nil
	})(x)
}

// choleskyBound: the factor of A+D with |D| <= E(A) + γ(n+2)·|L||Lᵀ| is off by at most
// |L|·T, where T is the lower triangle of G = |L⁻¹|·D·|L⁻ᵀ| with half of its diagonal,
// to first order (Stewart, and Sun), and 1/(1-2g) times that for g, the norm of G,
// below a half.
func choleskyBound(x *op.BoundInput) error {
	return rule(cholesky, func(b *bounded) error {
		l, ok := lowerRoot(b.in[0])
		if !ok {
			return errNearSingular
		}
		n := l.rows
		off := newMatrix(n, n)
		off.each(func(r, c int) { *off.at(r, c) = *b.errs[0].at(max(r, c), min(r, c)) })
		size := absolute(l)
		d := off.add(size.times(size.transposed()), b.x.Gamma(2*n+4))
		inv := identity(n)
		substitute(l, inv, true, false)
		in := absolute(inv)
		g := in.times(d).times(in.transposed())
		norm := length(g.d)
		if !(norm < 0.5) {
			return errNearSingular
		}
		t := triangle(g, true)
		for i := range n {
			*t.at(i, i) /= 2
		}
		e := size.times(t)
		for i := range e.d {
			e.d[i] /= 1 - 2*norm
		}
		b.keep(0, triangle(e, true).d, size.d, 2)
		return nil
	})(x)
}

// spread bounds how far an engine's matrix is from A in its norm: the roundings of
// orthogonal transformations, each of a relative size of γ(6(m+n)) per column.
func (b *bounded) spread() float64 {
	a := b.in[0]
	return length(b.errs[0].d) + b.x.Gamma(6*(a.rows+a.cols))*math.Sqrt(float64(min(a.rows, a.cols)))*length(a.d)
}

// valuesBound: singular values, and eigenvalues of symmetric matrices, move by no more
// than the norm of what is added (Weyl). The vectors are known up to their sign at
// best: an engine may have the opposite ones, or, of values that are near each other,
// others.
func valuesBound(of maker, symmetric bool) op.BoundRule {
	return func(x *op.BoundInput) error {
		return rule(of, func(b *bounded) error {
			if symmetric {
				a, off := b.in[0], b.errs[0]
				a.each(func(r, c int) {
					if c > r {
						*a.at(r, c), *off.at(r, c) = *a.at(c, r), *off.at(c, r)
					}
				})
			}
			e := b.spread()*rounding.Slack + b.x.Unit.Tiny()
			for i := range b.out[0] {
				b.out[0][i] = e
			}
			for _, vectors := range b.out[1:] {
				for i := range vectors {
					vectors[i] = 2
				}
			}
			return nil
		})(x)
	}
}

func svdBound(x *op.BoundInput) error   { return valuesBound(svd, false)(x) }
func eigenBound(x *op.BoundInput) error { return valuesBound(eigen, true)(x) }
