package op

import (
	"errors"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Sums, and sums of products. With E the inputs' bounds and |x| their
// magnitudes, E included, a sum of n terms is off by at most the sum of the
// terms' errors and γ(n) times that of their magnitudes, in whatever order they
// are added (Higham, section 4.2; each term meets n operations at most, its
// product among them). TensorFlow's products of matrices and its convolutions
// are such sums; it does not use Winograd's algorithm.

// terms are how many terms a result of an operation has at most.
type terms func(x *BoundInput) (int, error)

func termsOfAll(x *BoundInput) (int, error) { return x.In[0].Tensor.Len(), nil }

func termsOfReduction(x *BoundInput) (int, error) {
	return x.In[0].Tensor.Len() / max(1, x.Out[0].Tensor.Len()), nil
}

func termsOfAxis(x *BoundInput) (int, error) {
	_, l, err := alongAxis([]value.Value{x.In[0].Value, x.In[1].Value})
	return l.n, err
}

func termsOfMatMul(x *BoundInput) (int, error) {
	// The inner axis of x, whichever of the last two it is.
	s := x.In[0].Tensor.Shape()
	inner := s[len(s)-1]
	if x.Node.AttrBool("transpose_a") || x.Node.AttrBool("adj_x") {
		inner = s[len(s)-2]
	}
	return inner, nil
}

// termsOfFilter counts the weights of a convolution for one output channel, or
// more than those.
func termsOfFilter(x *BoundInput) (int, error) {
	s := x.In[1].Tensor.Shape()
	return value.Product(s[:len(s)-1]), nil
}

// termsOfTransposedFilter goes from the filter's outputs to its inputs. TensorFlow
// rounds the products for each place of the filter to 16 bits, and then adds those.
func termsOfTransposedFilter(x *BoundInput) (int, error) {
	s := x.In[1].Tensor.Shape()
	if x.Unit.IsCoarse() {
		return value.Product(s[:len(s)-2]) + 1, nil
	}
	return value.Product(s[:len(s)-2]) * s[len(s)-1], nil
}

// linear bounds a sum of the first input's elements.
func linear(count terms) BoundRule {
	return func(x *BoundInput) error {
		n, err := count(x)
		if err != nil {
			return err
		}
		return x.sum(n, plainSum)
	}
}

// summary is what is made of a sum, and how many more roundings that takes.
type summary int

const (
	plainSum summary = 0
	meanSum  summary = 2 // a quotient, or a product with the rounded 1/n
	rootSum  summary = 4 // the root of a sum of squares
)

// sum bounds a sum of n elements of the first input, or what is made of it.
func (x *BoundInput) sum(n int, of summary) error {
	rest := make([]value.Value, len(x.In)-1)
	for i, v := range x.In[1:] {
		rest[i] = v.Value
	}
	on := func(d []float64) ([]float64, error) {
		return x.Run(append([]value.Value{x.Like(0, d)}, rest...)...)
	}
	if x.Typical {
		return x.typicalSum(n, of, on)
	}
	size, err := on(x.Size(0))
	if err != nil {
		return err
	}
	out := make([]float64, len(size))
	if e := x.E(0); e != nil {
		if out, err = on(e); err != nil {
			return err
		}
	} else if of == plainSum && integral(x.V(0)) {
		return x.Set(0, x.unlessWhole(size, n))
	}
	x.close(out, size, n+int(of))
	return x.Set(0, out)
}

// typicalSum finds the standard deviations of a sum; on takes it of other
// elements.
func (x *BoundInput) typicalSum(n int, of summary, on func([]float64) ([]float64, error)) error {
	v, more := FloatsOf(x.Out[0].Tensor), x.Gamma(int(of))
	e := make([]float64, len(v))
	if of == rootSum {
		for i := range e {
			e[i] = x.Gamma(n+int(of)) * math.Abs(v[i])
		}
		return x.Set(0, e)
	}
	squares, err := on(squared(x.V(0)))
	if err != nil {
		return err
	}
	whole, parts := of == plainSum && integral(x.V(0)), 1.0
	if of == meanSum {
		parts = float64(n)
	}
	for i := range e {
		if whole && x.small(squares[i]) {
			continue
		}
		e[i] = x.Unit.DeviationOfSum(n, v[i]*parts, squares[i]*parts)/parts + more*math.Abs(v[i])
	}
	return x.Set(0, e)
}

// small tells whether integers with that sum of squares have partial sums that
// the format holds: the sum of n magnitudes is at most √(n·squares).
func (x *BoundInput) small(squares float64) bool { return squares <= x.wholes() }

func squared(d []float64) []float64 {
	out := make([]float64, len(d))
	for i, v := range d {
		out[i] = v * v
	}
	return out
}

// close adds the rounding of a sum of n terms of some size to the terms'
// errors.
func (x *BoundInput) close(e, size []float64, n int) {
	gamma, tiny, largest := x.Gamma(n), float64(n)*x.Unit.Tiny(), x.Unit.Largest()
	for i, s := range size {
		if s > largest { // a partial sum may have been infinite
			e[i] = math.Inf(1)
			continue
		}
		e[i] = (e[i]+gamma*s)*rounding.Slack + tiny
	}
}

// integral tells whether all numbers are integers.
func integral(d []float64) bool {
	for _, v := range d {
		if math.Trunc(v) != v {
			return false
		}
	}
	return true
}

// unlessWhole is the rounding of sums of n exact integers: none while every
// partial sum is an integer that the format holds.
func (x *BoundInput) unlessWhole(size []float64, n int) []float64 {
	e := make([]float64, len(size))
	x.close(e, size, n)
	for i, s := range size {
		if s <= x.wholes() {
			e[i] = 0
		}
	}
	return e
}

func meanBound(x *BoundInput) error {
	n, err := termsOfReduction(x)
	if err != nil {
		return err
	}
	return x.sum(n, meanSum)
}

func average(x *BoundInput) error {
	n := 1
	for _, k := range x.Node.AttrInts("ksize") {
		n *= int(k)
	}
	return x.sum(n, meanSum)
}

// norm: the error of a vector's length is at most that of the vector.
func norm(x *BoundInput) error {
	n, err := termsOfReduction(x)
	if err != nil {
		return err
	}
	return x.sum(n, rootSum)
}

func addAll(x *BoundInput) error {
	size, e := make([]float64, x.Out[0].Tensor.Len()), make([]float64, x.Out[0].Tensor.Len())
	for i := range x.In {
		for k, s := range x.Size(i) {
			size[k] += s
		}
		for k, err := range x.E(i) {
			e[k] += err
		}
	}
	x.close(e, size, len(x.In))
	return x.Set(0, e)
}

// bilinear bounds sums of products of the elements of the inputs first and
// first+1. The result of x' and y' differs from that of x and y by the sums of
// |x|·E(y) + E(x)·(|y|+E(y)).
func bilinear(first int, count terms) BoundRule {
	return func(x *BoundInput) error {
		if x.OnlyBound {
			var err error // of inputs that do not fit, before their terms are counted
			if x.Out[0].Tensor, err = x.productOf(first, x.Size(first), x.Size(first+1)); err != nil {
				return err
			}
		}
		n, err := count(x)
		if err != nil {
			return err
		}
		return x.products(first, n)
	}
}

// productOf is the operation's result of others than the inputs first and first+1.
func (x *BoundInput) productOf(first int, a, b []float64) (*lockstep.Tensor, error) {
	in := make([]value.Value, len(x.In))
	for i, v := range x.In {
		in[i] = v.Value
	}
	in[first], in[first+1] = x.Like(first, a), x.Like(first+1, b)
	out, err := x.Again(in...)
	if err != nil {
		return nil, err
	}
	return out[0].Tensor, nil
}

// products is bilinear for the inputs first and first+1. With OnlyBound, the result
// is that of their magnitudes.
func (x *BoundInput) products(first, n int) error {
	x.Terms = n
	on := func(a, b []float64) ([]float64, error) {
		t, err := x.productOf(first, a, b)
		return FloatsOf(t), err
	}
	if x.Typical {
		return x.typicalProducts(first, n, on)
	}
	ex, ey := x.E(first), x.E(first+1)
	if ex != nil && ey == nil && !x.OnlyBound {
		return x.roundedProducts(first, n, on)
	}
	size := FloatsOf(x.Out[0].Tensor)
	if !x.OnlyBound {
		var err error
		if size, err = on(x.Size(first), x.Size(first+1)); err != nil {
			return err
		}
	}
	if ex == nil && ey == nil && integral(x.V(first)) && integral(x.V(first+1)) {
		return x.Set(0, x.unlessWhole(size, n))
	}
	e := make([]float64, len(size))
	add := func(a, b []float64) error {
		part, err := on(a, b)
		for i, v := range part {
			e[i] += v
		}
		return err
	}
	if ex != nil {
		if err := add(ex, x.Size(first+1)); err != nil {
			return err
		}
	}
	if ey != nil {
		abs := slices.Clone(x.V(first))
		for i, v := range abs {
			abs[i] = math.Abs(v)
		}
		if err := add(abs, ey); err != nil {
			return err
		}
	}
	x.close(e, size, n)
	return x.Set(0, e)
}

// roundedProducts is products where the second factors are exact: the sum of
// (E(x) + γ·|x|)·|y|, in one product.
func (x *BoundInput) roundedProducts(first, n int, on func(a, b []float64) ([]float64, error)) error {
	gamma, tiny, largest := x.Gamma(n), float64(n)*x.Unit.Tiny(), x.Unit.Largest()
	terms, ex := x.Size(first), x.E(first)
	for i, s := range terms {
		terms[i] = ex[i] + gamma*s
	}
	e, err := on(terms, x.Size(first+1))
	if err != nil {
		return err
	}
	for i, s := range e {
		if e[i] = s*rounding.Slack + tiny; s > gamma*largest { // a partial sum may have been infinite
			e[i] = math.Inf(1)
		}
	}
	return x.Set(0, e)
}

// typicalProducts finds the standard deviations of sums of products; on takes
// them of other elements.
func (x *BoundInput) typicalProducts(first, n int, on func(a, b []float64) ([]float64, error)) error {
	squares, err := on(squared(x.V(first)), squared(x.V(first+1)))
	if err != nil {
		return err
	}
	whole := integral(x.V(first)) && integral(x.V(first+1))
	e := make([]float64, len(squares))
	for i, v := range FloatsOf(x.Out[0].Tensor) {
		if whole && x.small(squares[i]) {
			continue
		}
		e[i] = x.Unit.DeviationOfSum(n, v, squares[i])
	}
	return x.Set(0, e)
}

// einsumBound counts the terms by adding up ones.
func einsumBound(x *BoundInput) error {
	if len(x.In) > 2 {
		return errors.New("the oracle has no bound for a product of more than two tensors")
	}
	ones := make([]value.Value, len(x.In))
	for i, v := range x.In {
		t, err := unit(lockstep.Float64)
		if err != nil {
			return err
		}
		if t, err = value.Repeat(t, v.Tensor.Shape()); err != nil {
			return err
		}
		ones[i] = value.Value{Tensor: t}
	}
	counts, err := x.Run(ones...)
	if err != nil {
		return err
	}
	n := 1
	for _, c := range counts {
		n = max(n, int(c))
	}
	if len(x.In) == 1 {
		return x.sum(n, 0)
	}
	return x.products(0, n)
}
