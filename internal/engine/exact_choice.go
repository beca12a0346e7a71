package engine

import (
	"errors"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Operations that choose: between two tensors, or the largest of many.

// selectBound takes the bound of what was chosen. Where the condition is not
// decided an engine may have the other, off by as much as that is.
func selectBound(x *Bounding) error {
	if !x.Out[0].isFloat() {
		for _, v := range x.In {
			if !v.exact() {
				return v.reason()
			}
		}
		return nil
	}
	var errs [2]Value
	for i := range errs {
		var err error
		if errs[i], err = x.In[1+i].errors(); err != nil {
			return err
		}
	}
	e, err := x.run(x.In[0].Value, errs[0], errs[1])
	if err != nil {
		return err
	}
	e = slices.Clone(e)
	if x.In[0].Bound.Tensor == nil {
		return x.set(0, e)
	}
	// The condition turned over where it is not decided.
	cond, err := lockstep.Data[bool](x.In[0].Tensor)
	if err != nil {
		return err
	}
	turned := slices.Clone(cond)
	for i, off := range x.e(0) {
		if off != 0 {
			turned[i] = !turned[i]
		}
	}
	other, err := lockstep.New(turned, x.In[0].Tensor.Shape()...)
	if err != nil {
		return err
	}
	values, err := x.run(Value{Tensor: other}, x.In[1].Value, x.In[2].Value)
	if err != nil {
		return err
	}
	off, err := x.run(Value{Tensor: other}, errs[0], errs[1])
	if err != nil {
		return err
	}
	for i, v := range floatsOf(x.Out[0].Tensor) {
		if d := math.Abs(values[i]-v) + off[i]; !(d <= e[i]) {
			e[i] = d
		}
	}
	return x.set(0, e)
}

// monotoneBound is of operations that never fall when an element rises, and do
// not round: the results of the least and of the largest that the elements may
// be are the ends.
func monotoneBound(x *Bounding) error {
	v, off := x.v(0), x.e(0)
	e := make([]float64, x.Out[0].Tensor.Len())
	if off == nil {
		return x.set(0, e)
	}
	rest := make([]Value, 0, len(x.In))
	for _, in := range x.In[1:] {
		rest = append(rest, in.Value)
	}
	for _, sign := range []float64{-1, 1} {
		end := make([]float64, len(v))
		for i := range v {
			end[i] = v[i] + sign*off[i]
		}
		out, err := x.run(append([]Value{x.like(0, end)}, rest...)...)
		if err != nil {
			return err
		}
		for i, r := range floatsOf(x.Out[0].Tensor) {
			if d := math.Abs(out[i] - r); !(d <= e[i]) {
				e[i] = d
			}
		}
	}
	return x.set(0, e)
}

// decidedBound is monotoneBound of bools.
func decidedBound(x *Bounding) error {
	var ends [2][]bool
	for end := range ends {
		in := make([]Value, len(x.In))
		for i, v := range x.In {
			in[i] = v.Value
			off := x.e(i)
			if off == nil {
				continue
			}
			d, err := lockstep.Data[bool](v.Tensor)
			if err != nil {
				return v.reason()
			}
			d = slices.Clone(d)
			for k := range d {
				if off[k] != 0 {
					d[k] = end == 1
				}
			}
			t, err := lockstep.New(d, v.Tensor.Shape()...)
			if err != nil {
				return err
			}
			in[i] = Value{Tensor: t}
		}
		out, err := x.Again(in...)
		if err != nil {
			return err
		}
		if ends[end], err = lockstep.Data[bool](out[0].Tensor); err != nil {
			return err
		}
	}
	e := make([]float64, len(ends[0]))
	for i := range e {
		if ends[0][i] != ends[1][i] {
			e[i] = 1
		}
	}
	var err error
	x.Out[0].Bound, err = boundOf(e, x.shape())
	return err
}

// bestBound: the place of the best element is certain if no other may be as
// good.
func bestBound(x *Bounding) error {
	t, l, err := alongAxis([]Value{x.In[0].Value, x.In[1].Value})
	if err != nil {
		return err
	}
	at, err := ints(x.Out[0].Tensor)
	if err != nil {
		return err
	}
	v, off := floatsOf(t), x.e(0)
	e := make([]float64, len(at))
	l.each(func(line, from int) {
		best := from + at[line]*l.inner
		for k := range l.n {
			i := from + k*l.inner
			if i != best && !(math.Abs(v[best]-v[i]) > off[best]+off[i]) && off[best]+off[i] > 0 {
				e[line] = 1
			}
		}
	})
	x.Out[0].Bound, err = boundOf(e, x.shape())
	return err
}

// softmaxBound: with z = x - max x, off by d each (the input's bound, and the
// rounding of the difference), an engine's e^z_i/Σe^z_j lies between the
// quotients that have e^(z_i-d_i) over Σe^(z_j+d_j), and e^(z_i+d_i) over
// Σe^(z_j-d_j). The common shift by the maximum cancels, whatever it is. Beside
// those there are the roundings of exponentials, the sum and the quotient, or,
// where the engine takes the logarithm of the sum instead, of that.
func softmaxBound(log bool) BoundRule {
	return func(x *Bounding) error {
		d, off, v := x.v(0), x.e(0), floatsOf(x.Out[0].Tensor)
		e := make([]float64, len(v))
		shape := x.shape()
		n := shape[len(shape)-1]
		u := float64(x.Unit)
		low, high := make([]float64, n), make([]float64, n)
		for at := 0; at < len(d); at += n {
			top, most := math.Inf(-1), 0.0
			for _, z := range d[at : at+n] {
				top = max(top, z)
			}
			if off != nil { // how far the engine's maximum may be from that
				for i, z := range d[at : at+n] {
					most = max(most, z+off[at+i]-top)
				}
			}
			least, largest := 0.0, 0.0
			for i, z := range d[at : at+n] {
				err := 0.0
				if off != nil {
					err = off[at+i]
				}
				z -= top
				err += u * (math.Abs(z) + err + most)
				low[i], high[i] = z-err, z+err
				least, largest = least+math.Exp(low[i]), largest+math.Exp(high[i])
			}
			rounds := n + 24 + 2*int(math.Log(float64(n)))
			for i := range n {
				y := v[at+i]
				if log {
					size := math.Abs(y) + math.Abs(math.Log(largest)) + math.Abs(high[i]) + 1
					e[at+i] = x.rounded(size, max(high[i]-math.Log(least)-y, y-low[i]+math.Log(largest)), rounds)
					continue
				}
				err := max(math.Exp(high[i])/least-y, y-math.Exp(low[i])/largest)
				if !(err < 1) {
					err = max(y, 1-y) // whatever the exponents, it is between 0 and 1
				}
				e[at+i] = x.rounded(y, err, rounds)
			}
		}
		return x.set(0, e)
	}
}

// topBound: the k-th largest element of a row is no further off than one of the
// row is. Where it stood is not certain.
func topBound(x *Bounding) error {
	if !x.In[1].exact() {
		return x.In[1].reason()
	}
	off := x.e(0)
	if off == nil {
		return nil
	}
	from, to := x.In[0].Tensor.Shape(), x.shape()
	n, k := from[len(from)-1], to[len(to)-1]
	e := make([]float64, x.Out[0].Tensor.Len())
	for i := range e {
		for _, v := range off[i/k*n : (i/k+1)*n] {
			e[i] = max(e[i], v)
		}
	}
	x.Out[1].Why = Unsupported{Node: x.Node.Name, Op: x.Node.Op, Reason: errors.New("rounding may decide the order")}
	return x.set(0, e)
}
