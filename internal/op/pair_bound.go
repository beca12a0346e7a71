package op

import (
	"math"
	"math/cmplx"

	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations on two tensors that are broadcast together.

// pair is one element of each of two inputs, with its bound.
type pair struct{ x, ex, y, ey float64 }

func (p pair) exact() bool { return p.ex == 0 && p.ey == 0 }

// numbers are the elements of an input of any numbers.
func (x *BoundInput) numbers(i int) []float64 {
	if d := x.V(i); d != nil {
		return d
	}
	d, _ := x.In[i].Tensor.Float64s()
	return d
}

// eachPair calls f for each element of the result, at o, with those of the first two
// inputs.
func (x *BoundInput) eachPair(f func(o int, p pair)) error {
	w, err := together(x.Shape(), x.In[0].Tensor.Shape(), x.In[1].Tensor.Shape())
	if err != nil {
		return err
	}
	first, second := operandBound{x.numbers(0), x.E(0)}, operandBound{x.numbers(1), x.E(1)}
	last := w.steps[len(w.steps)-1]
	w.each(func(o int, at []int) {
		i, j := at[1], at[2]
		for end := o + w.run(); o < end; o++ {
			p := pair{x: first.v[i], y: second.v[j]}
			if first.e != nil {
				p.ex = first.e[i]
			}
			if second.e != nil {
				p.ey = second.e[j]
			}
			f(o, p)
			i, j = i+last[1], j+last[2]
		}
	})
	return nil
}

// operandBound are the elements of an input and their bounds, nil if exact.
type operandBound struct{ v, e []float64 }

// byPairs makes a rule of one for each element; v is the result.
func byPairs(f func(x *BoundInput, p pair, v float64) float64) BoundRule {
	return func(x *BoundInput) error {
		v := FloatsOf(x.Out[0].Tensor)
		e := make([]float64, len(v))
		if err := x.eachPair(func(o int, p pair) { e[o] = f(x, p, v[o]) }); err != nil {
			return err
		}
		return x.Set(0, e)
	}
}

// Pairs makes a rule of one for each element v of the result and those of two inputs, off
// by e each, that are broadcast together.
func Pairs(f func(o *BoundInput, x, ex, y, ey, v float64) float64) BoundRule {
	return byPairs(func(o *BoundInput, p pair, v float64) float64 { return f(o, p.x, p.ex, p.y, p.ey, v) })
}

// orComplex makes a rule of one for numbers and one for complex numbers: of each element v
// of the result and those of two inputs, off by ex and ey in their absolute values.
func orComplex(rule BoundRule, f func(o *BoundInput, x, y, v complex128, ex, ey float64) float64) BoundRule {
	return func(o *BoundInput) error {
		v := ComplexOf(o.Out[0].Tensor)
		if v == nil {
			return rule(o)
		}
		x, y := ComplexOf(o.In[0].Tensor), ComplexOf(o.In[1].Tensor)
		if x == nil || y == nil {
			return ErrNoBound
		}
		w, err := together(o.Shape(), o.In[0].Tensor.Shape(), o.In[1].Tensor.Shape())
		if err != nil {
			return err
		}
		of := func(e []float64, i int) float64 {
			if e == nil {
				return 0
			}
			return e[i]
		}
		first, second, e := o.E(0), o.E(1), make([]float64, len(v))
		last := w.steps[len(w.steps)-1]
		w.each(func(at int, from []int) {
			i, j := from[1], from[2]
			for end := at + w.run(); at < end; at++ {
				e[at] = f(o, x[i], y[j], v[at], of(first, i), of(second, j))
				i, j = i+last[1], j+last[2]
			}
		})
		return o.Set(0, e)
	}
}

func complexSumBound(o *BoundInput, _, _, v complex128, ex, ey float64) float64 {
	return o.Rounded(cmplx.Abs(v), ex+ey, 1)
}

// complexProductBound: each part is a difference of two products, which may cancel.
func complexProductBound(o *BoundInput, x, y, _ complex128, ex, ey float64) float64 {
	a, b := cmplx.Abs(x), cmplx.Abs(y)
	return o.Rounded(a*b, a*ey+ex*(b+ey), 5)
}

// complexQuotientBound: an engine may divide by the square of the absolute value, which
// must be neither infinite nor zero.
func complexQuotientBound(o *BoundInput, x, y, v complex128, ex, ey float64) float64 {
	size := cmplx.Abs(y)
	room := size - ey
	if !(room > 0 && room*room > 4*o.Unit.Tiny()/float64(o.Unit)) || !((size+ey)*max(size+ey, cmplx.Abs(x)+ex) < o.Unit.Largest()/4) {
		return math.Inf(1)
	}
	small := o.Unit.Tiny() / (room * room) // of a product that is flushed to zero
	return o.Rounded(cmplx.Abs(v), (ex+cmplx.Abs(v)*ey)/room, 16) + 4*small
}

// exactly tells whether one rounding of exact numbers is exact.
func (x *BoundInput) exactly(p pair, v float64) bool {
	if !p.exact() {
		return false
	}
	integers := math.Trunc(p.x) == p.x && math.Trunc(p.y) == p.y && math.Abs(v) <= x.wholes()
	return integers || x.holds(v)
}

func sumBound(x *BoundInput, p pair, v float64) float64 {
	if x.exactly(p, v) {
		return 0
	}
	return x.Rounded(v, p.ex+p.ey, 1)
}

// biasBound is a sum whose second input lies along the channels.
func biasBound(x *BoundInput) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	for i := range 2 {
		if x.E(i) == nil {
			continue
		}
		in := []value.Value{x.Like(0, make([]float64, x.In[0].Tensor.Len())), x.Like(1, make([]float64, x.In[1].Tensor.Len()))}
		in[i] = x.In[i].Bound
		part, err := x.Run(in...)
		if err != nil {
			return err
		}
		for k, v := range part {
			e[k] += v
		}
	}
	for k, v := range FloatsOf(x.Out[0].Tensor) {
		e[k] = x.Rounded(v, e[k], 1)
	}
	return x.Set(0, e)
}

func productBound(x *BoundInput, p pair, v float64) float64 {
	if x.exactly(p, v) || p.x == 0 && p.ex == 0 && p.ey < x.Unit.Largest() || p.y == 0 && p.ey == 0 && p.ex < x.Unit.Largest() {
		return 0
	}
	return x.Rounded(v, math.Abs(p.x)*p.ey+p.ex*(math.Abs(p.y)+p.ey), 1)
}

// quotientBound: |x'/y' - x/y| <= (E(x) + |x/y|·E(y)) / (|y|-E(y)). An engine
// may multiply by the rounded 1/y instead.
func quotientBound(x *BoundInput, p pair, v float64) float64 {
	if p.x == 0 && p.ex == 0 && math.Abs(p.y) > p.ey {
		return 0
	}
	room := math.Abs(p.y) - p.ey
	if !(room > 0) {
		return math.Inf(1)
	}
	// TensorFlow's optimizer makes a division by a constant a product with its
	// reciprocal, which the format may not hold.
	e := (p.ex + math.Abs(v)*p.ey) / room
	switch reciprocal := 1 / math.Abs(p.y); {
	case reciprocal > x.Unit.Largest():
		return math.Inf(1)
	case reciprocal < 2*x.Unit.Tiny():
		e += math.Abs(p.x) * x.Unit.Tiny()
	}
	return x.Rounded(v, e, 3)
}

// quotientNoNanBound is quotientBound where a quotient by 0 is 0.
func quotientNoNanBound(x *BoundInput, p pair, v float64) float64 {
	if p.y == 0 && p.ey == 0 {
		return 0
	}
	return quotientBound(x, p, v)
}

// squaredDifferenceBound: with d = x-y off by E(d), d² is by 2|d|E(d) + E(d)².
func squaredDifferenceBound(x *BoundInput, p pair, v float64) float64 {
	d := math.Abs(p.x - p.y)
	if x.exactly(p, d) && x.exactly(p, v) {
		return 0
	}
	e := x.Rounded(d, p.ex+p.ey, 1)
	return x.Rounded(v, e*(2*d+e), 1)
}

// extremeBound: the error of the larger, or the smaller, of two numbers is at
// most that of one of them; where it is certain which, that of that one.
func extremeBound(x *BoundInput, p pair, v float64) float64 {
	if math.Abs(p.x-p.y) > p.ex+p.ey {
		if v == p.x {
			return p.ex
		}
		return p.ey
	}
	return max(p.ex, p.ey)
}

// powerBound is for an exact exponent or an exact positive base, in which a
// power is monotone; engines compute some powers by products and roots.
func powerBound(x *BoundInput, p pair, v float64) float64 {
	e := math.Inf(1)
	size := math.Abs(p.x)
	switch low := size - p.ex; {
	case p.ey == 0 && p.y == 0:
		return 0
	case p.ey == 0 && (p.x > 0 && low > 0 || p.ex == 0 || low > 0 && math.Trunc(p.y) == p.y):
		e = max(math.Abs(math.Pow(size+p.ex, p.y)-math.Abs(v)), math.Abs(math.Abs(v)-math.Pow(low, p.y)))
	case p.ey == 0 && p.y > 0 && math.Trunc(p.y) == p.y: // the base may be of either sign
		e = math.Pow(size+p.ex, p.y) + math.Abs(v)
	case p.ex == 0 && p.x > 0:
		e = max(math.Abs(math.Pow(p.x, p.y+p.ey)-v), math.Abs(v-math.Pow(p.x, p.y-p.ey)))
	}
	// x^y is e^(y·log x): an engine's own error grows with the exponent.
	n := 10
	if grown := math.Abs(p.y * math.Log(size)); grown < 1000 {
		n += int(4 * grown)
	}
	return x.Rounded(v, e, n)
}

// batchBound is of products of floats, or of integers of which rounding decided
// some: sums of those are off as sums of floats are that are not rounded.
func batchBound(x *BoundInput) error {
	if x.OnlyBound || x.Out[0].IsFloat() {
		for _, v := range x.In {
			if !v.Exact() && !v.IsFloat() {
				return v.Reason()
			}
		}
		return bilinear(0, termsOfMatMul)(x)
	}
	run := products(x.Node.AttrBool("adj_x"), x.Node.AttrBool("adj_y"), func(_, _ []int) error { return nil }, multiplyFloats[float64]())
	e := make([]float64, x.Out[0].Tensor.Len())
	add := func(a, b []float64) error {
		var keep any
		out, err := run(&Call{Keep: &keep}, []value.Value{x.Like(0, a), x.Like(1, b)})
		if err != nil {
			return err
		}
		for i, v := range FloatsOf(out[0].Tensor) {
			e[i] += v
		}
		return nil
	}
	magnitudes := func(i int, moved bool) []float64 {
		out := make([]float64, x.In[i].Tensor.Len())
		for k, v := range x.numbers(i) {
			out[k] = math.Abs(v)
		}
		for k, off := range x.E(i) {
			if moved {
				out[k] += off
			}
		}
		return out
	}
	if ex := x.E(0); ex != nil {
		if err := add(ex, magnitudes(1, true)); err != nil {
			return err
		}
	}
	if ey := x.E(1); ey != nil {
		if err := add(magnitudes(0, false), ey); err != nil {
			return err
		}
	}
	var err error
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}
