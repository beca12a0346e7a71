package sparse

import (
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// on is the operation's result, of those by its number, with other elements of some
// inputs.
func on(x *op.BoundInput, result int, other map[int][]float64) ([]float64, error) {
	in := x.Values()
	for i, d := range other {
		in[i] = x.Like(i, d)
	}
	out, err := x.Again(in...)
	if err != nil {
		return nil, err
	}
	return op.FloatsOf(out[result].Tensor), nil
}

// errs are the bounds of an input, zeros where it is exact.
func errs(x *op.BoundInput, i int) []float64 {
	if e := x.E(i); e != nil {
		return e
	}
	return make([]float64, len(x.V(i)))
}

// roundings are how many a result meets at most.
type roundings func(x *op.BoundInput) int

// once is for sums of two.
func once(*op.BoundInput) int { return 1 }

// ofAll is for sums of elements of an input, and some more roundings.
func ofAll(input, more int) roundings {
	return func(x *op.BoundInput) int { return x.In[input].Tensor.Len() + more }
}

// sumBound bounds a result whose elements are sums of some elements of inputs.
func sumBound(result int, n roundings, inputs ...int) op.BoundRule {
	return func(x *op.BoundInput) error {
		size, off := map[int][]float64{}, map[int][]float64{}
		for _, i := range inputs {
			size[i], off[i] = x.Size(i), errs(x, i)
		}
		sizes, err := on(x, result, size)
		if err != nil {
			return err
		}
		e, err := on(x, result, off)
		if err != nil {
			return err
		}
		return finish(x, result, e, sizes, n(x))
	}
}

// finish sets bounds of sums of sizes, off by e, of a number of roundings.
func finish(x *op.BoundInput, result int, e, sizes []float64, n int) error {
	e = slices.Clone(e)
	for i, s := range sizes {
		if e[i] = (e[i]+x.Gamma(n)*s)*rounding.Slack + float64(n)*x.Unit.Tiny(); s > x.Unit.Largest() {
			e[i] = math.Inf(1)
		}
	}
	return x.Set(result, e)
}

// productBound is sumBound of sums of products of an element of each of two inputs.
func productBound(result, a, b int, n roundings) op.BoundRule {
	return func(x *op.BoundInput) error {
		sizes, err := on(x, result, map[int][]float64{a: x.Size(a), b: x.Size(b)})
		if err != nil {
			return err
		}
		first, err := on(x, result, map[int][]float64{a: errs(x, a), b: x.Size(b)})
		if err != nil {
			return err
		}
		second, err := on(x, result, map[int][]float64{a: x.Size(a), b: errs(x, b)})
		if err != nil {
			return err
		}
		e := make([]float64, len(first))
		for i := range e {
			e[i] = first[i] + second[i]
		}
		return finish(x, result, e, sizes, n(x))
	}
}

// monotoneBound is of a result that no element of the inputs makes smaller by growing,
// and that is not rounded.
func monotoneBound(result int, inputs ...int) op.BoundRule {
	return func(x *op.BoundInput) error {
		v := op.FloatsOf(x.Out[result].Tensor)
		e := make([]float64, len(v))
		for _, sign := range []float64{-1, 1} {
			other := map[int][]float64{}
			for _, i := range inputs {
				d := slices.Clone(x.V(i))
				for k, off := range errs(x, i) {
					d[k] += sign * off
				}
				other[i] = d
			}
			ends, err := on(x, result, other)
			if err != nil {
				return err
			}
			for k := range e {
				e[k] = max(e[k], math.Abs(ends[k]-v[k])*rounding.Slack)
			}
		}
		return x.Set(result, e)
	}
}

// movedBound moves bounds of elements, and that of the default where there is one.
func movedBound(result int, inputs ...int) op.BoundRule {
	return func(x *op.BoundInput) error {
		in := x.Values()
		for _, i := range inputs {
			var err error
			if in[i], err = x.In[i].Errors(); err != nil {
				return err
			}
		}
		out, err := x.Again(in...)
		if err != nil {
			return err
		}
		if !op.AllZero(op.FloatsOf(out[result].Tensor)) {
			x.Out[result].Bound = value.Value{Tensor: out[result].Tensor}
		}
		return nil
	}
}
