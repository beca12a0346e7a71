package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/oracle"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// Operations on each element of one tensor.

// unary makes a rule of one for each element x, off by e, with its result v.
func unary(f func(o *Bounding, x, e, v float64) float64) BoundRule {
	return func(o *Bounding) error {
		d, errs, v := o.v(0), o.e(0), floatsOf(o.Out[0].Tensor)
		out := make([]float64, len(v))
		for i := range v {
			e := 0.0
			if errs != nil {
				e = errs[i]
			}
			out[i] = f(o, d[i], e, v[i])
		}
		return o.set(0, out)
	}
}

// functionBound makes the rule of a function that the oracle knows.
func functionBound(f oracle.Function) BoundRule { return unary(ofFunction(f)) }

func ofFunction(f oracle.Function) func(o *Bounding, x, e, v float64) float64 {
	return func(o *Bounding, x, e, v float64) float64 {
		y, bound := f.Apply(o.Unit, x, e)
		// The program's formula may differ from the oracle's in its own rounding.
		return bound + math.Abs(y-v)
	}
}

// activationBound is functionBound of an activation.
func activationBound(a recurrent.Activation) BoundRule {
	f, ok := oracle.FunctionOf(a)
	if !ok {
		panic(fmt.Sprintf("op: the oracle does not know %s", a))
	}
	return functionBound(f)
}

// expBound: Eigen's function ends before float32 does.
func expBound(o *Bounding, x, e, v float64) float64 {
	if o.Unit == oracle.Float32 && x+e > 88 {
		return math.Inf(1)
	}
	return ofFunction(oracle.Exp)(o, x, e, v)
}

func absBound(_ *Bounding, _, e, _ float64) float64 { return e }

// steady makes the rule of a monotone function that is not rounded.
func steady(f func(float64) float64) BoundRule {
	return unary(func(_ *Bounding, x, e, v float64) float64 {
		if e == 0 {
			return 0
		}
		return max(math.Abs(f(x+e)-v), math.Abs(v-f(x-e))) * oracle.Slack
	})
}

func squareBound(o *Bounding, x, e, v float64) float64 {
	if o.exactly(pair{x: x, y: x, ex: e}, v) {
		return 0
	}
	return o.rounded(v, e*(2*math.Abs(x)+e), 1)
}

func reciprocalBound(o *Bounding, x, e, v float64) float64 {
	room := math.Abs(x) - e
	if !(room > 0) {
		return math.Inf(1)
	}
	return o.rounded(v, math.Abs(v)*e/room, 3)
}

// rsqrtBound: Eigen takes an estimate and Newton's steps, to 2 units.
func rsqrtBound(o *Bounding, x, e, v float64) float64 {
	if !(x-e > 0) {
		return math.Inf(1)
	}
	return o.rounded(v, max(1/math.Sqrt(x-e)-v, v-1/math.Sqrt(x+e)), 5)
}

func leakyBound(x *Bounding) error {
	alpha := float64(floatOr(x.Node, "alpha", 0.2))
	slope := max(1, math.Abs(alpha))
	return unary(func(o *Bounding, x, e, v float64) float64 {
		if x-e >= 0 {
			return e
		}
		return o.rounded(v, slope*e, 1)
	})(x)
}

// testBound: a number with a bound is one.
func testBound(x *Bounding) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	for i, bound := range x.e(0) {
		if math.IsInf(bound, 0) {
			e[i] = 1
		}
	}
	var err error
	x.Out[0].Bound, err = boundOf(e, x.shape())
	return err
}

func notBound(x *Bounding) error {
	x.Out[0].Bound = x.In[0].Bound
	return nil
}

// castBound is of casts between bools, integers and floats. A fraction that is
// cut may be cut on the other side of an integer.
func castBound(x *Bounding) error {
	src, err := x.Node.AttrType("SrcT")
	if err != nil {
		return err
	}
	dst, err := x.Node.AttrType("DstT")
	if err != nil {
		return err
	}
	in, errs := x.numbers(0), x.e(0)
	out, err := x.Out[0].Tensor.Float64s()
	if err != nil {
		return err
	}
	e := make([]float64, len(out))
	for i, v := range in {
		off := 0.0
		if errs != nil {
			off = errs[i]
		}
		switch {
		case dst == lockstep.Bool:
			if off > 0 && !(math.Abs(v) > off) {
				e[i] = 1
			}
		case !dst.IsFloat():
			if off > 0 {
				e[i] = max(math.Abs(math.Trunc(v+off)-out[i]), math.Abs(out[i]-math.Trunc(v-off)))
			}
		case dst == lockstep.Float32 && src != lockstep.Float32 && !(off == 0 && float64(float32(v)) == v):
			e[i] = x.rounded(v, off, 2) // it may be cut
		default:
			e[i] = off
		}
	}
	if dst.IsFloat() {
		return x.set(0, e)
	}
	x.Out[0].Bound, err = boundOf(e, x.shape())
	return err
}

// rangeBound: start + i·delta, of exact numbers. How many there are must not
// depend on rounding.
func rangeBound(x *Bounding) error {
	var p [3]float64
	for i := range p {
		if !x.In[i].exact() {
			return x.In[i].reason()
		}
		p[i] = x.v(i)[0]
	}
	start, limit, delta := p[0], p[1], p[2]
	v := floatsOf(x.Out[0].Tensor)
	e := make([]float64, len(v))
	if integral(p[:]) && max(math.Abs(start), math.Abs(limit))+math.Abs(delta) <= 1/(2*float64(x.Unit)) {
		return x.set(0, e)
	}
	steps := (limit - start) / delta
	if off := x.rounded(steps, 0, 3); math.Ceil(steps-off) != math.Ceil(steps+off) {
		return errors.New("rounding decides how many numbers there are")
	}
	for i := range e { // an engine may add delta up
		e[i] = x.rounded(math.Abs(start)+float64(i)*math.Abs(delta), 0, i+2)
	}
	return x.set(0, e)
}
