package special

import (
	"errors"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// Bounds of the functions: how far the value moves within the argument's bound, and how
// inexactly engines compute it. Eigen's functions are Cephes's, in the numbers' own type;
// the units below were measured in TensorFlow over random arguments of all sizes, and
// twice as many are allowed.

// swing is how far a function of a number that is off by e may be from its value v.
type swing func(x, e, v float64) float64

// ownError is how far an engine's value v may be off, for a unit u.
type ownError func(u, x, v float64) float64

func unaryBound(s swing, own ownError) op.BoundRule {
	return op.Unary(func(o *op.BoundInput, x, e, v float64) float64 {
		off := 0.0
		if e > 0 {
			off = s(x, e, v)
		}
		u := float64(o.Unit)
		return (off+own(u, x, v)+64*u*off)*rounding.Slack + o.Unit.Tiny()*(1+math.Abs(x))
	})
}

// ends is the larger distance of two values from a third.
func ends(a, b, v float64) float64 {
	if d := max(math.Abs(a-v), math.Abs(b-v)); !math.IsNaN(d) {
		return d
	}
	return math.Inf(1)
}

func monotone(f func(float64) float64) swing {
	return func(x, e, v float64) float64 { return ends(f(x-e), f(x+e), v) }
}

// positive is monotone for a function that is defined above 0.
func positive(f func(float64) float64) swing {
	return func(x, e, v float64) float64 {
		if !(x-e > 0) {
			return math.Inf(1)
		}
		return ends(f(x-e), f(x+e), v)
	}
}

// even is for a function that grows with the magnitude.
func even(f func(float64) float64) swing {
	return func(x, e, v float64) float64 {
		return ends(f(max(math.Abs(x)-e, 0)), f(math.Abs(x)+e), v)
	}
}

func lipschitz(slope float64) swing {
	return func(_, e, _ float64) float64 { return slope * e }
}

// overPole tells whether a pole of Γ, at 0 or a negative integer, is within e of x.
func overPole(x, e float64) bool {
	low, high := x-e, x+e
	return low <= 0 && (math.Floor(low) != math.Floor(min(high, 0)) || low == math.Floor(low) || high >= 0)
}

// between is monotone for a function that grows from each pole of Γ to the next.
func between(f func(float64) float64) swing {
	return func(x, e, v float64) float64 {
		if overPole(x, e) {
			return math.Inf(1)
		}
		return ends(f(x-e), f(x+e), v)
	}
}

// lgammaSwing: between poles, the slope is largest at the ends.
func lgammaSwing(x, e, _ float64) float64 {
	if overPole(x, e) {
		return math.Inf(1)
	}
	return e * max(math.Abs(digamma(x-e)), math.Abs(digamma(x+e)))
}

// waveSwing is for Bessel's functions of the second kind: their slopes fall.
func waveSwing(x, e, _ float64) float64 {
	low := x - e
	if !(low > 0) {
		return math.Inf(1)
	}
	return e * (1 + (1/low+1)*(1/low+1))
}

// relative is an error of n units of the value.
func relative(n float64) ownError {
	return func(u, _, v float64) float64 { return n * u * math.Abs(v) }
}

// digammaError: of a negative number, it is the difference of two values.
func digammaError(u, x, v float64) float64 {
	size := math.Abs(v) + 1
	if x < 0 {
		size += 2 * math.Abs(cotangent(x))
	}
	return 16 * u * size
}

// lgammaError: below 0 it is the difference of two logarithms.
func lgammaError(u, x, v float64) float64 {
	size := math.Abs(v)
	if x < 0 {
		size += 2*math.Abs(lgamma(-x)) + 1
	}
	if u == float64(rounding.Float64) {
		size += 2 // between its zeros, where both it and the program's lose digits
	}
	return 12 * u * size
}

// erfinvError: TensorFlow makes it of ndtri((x+1)/2), which rounds near the ends what it
// is sensitive to.
func erfinvError(u, x, v float64) float64 {
	p := (x + 1) / 2
	off := func(p float64) float64 { return ndtri(min(max(p, 0), 1)) / math.Sqrt2 }
	return ends(off(p-u), off(p+u), v) + 20*u*math.Abs(v)
}

// powerError: an engine's power is infinite before the function is.
func powerError(u, x, v float64) float64 {
	if limit := 88.0; math.Abs(x) > limit && u > 1e-12 || math.Abs(x) > 708 {
		return math.Inf(1)
	}
	return 32 * u * math.Abs(v)
}

// secondBound: at 0 Eigen's function of float32 is no number, and that of float64 infinite.
func secondBound(o *op.BoundInput) error {
	if single(o) && slices.Contains(o.V(0), 0) {
		return errors.New("at 0 engines differ in it")
	}
	return unaryBound(waveSwing, waveError)(o)
}

// waveError: an engine rounds the argument of a sine.
func waveError(u, x, v float64) float64 {
	size := math.Abs(x)
	wave := min(1, math.Sqrt(2/(math.Pi*size)))
	return u * (16*math.Abs(v) + wave*(16+4*size) + math.Abs(math.Log(min(size, 1)))*min(size, 1)*16)
}

// single tells whether engines compute in float32.
func single(o *op.BoundInput) bool { return o.Unit != rounding.Float64 }

// sumOf is the sum of the magnitudes of the terms of zeta.
func sumOf(x, q, v float64) float64 {
	if q > 0 {
		return math.Abs(v)
	}
	part := -q - math.Floor(-q)
	return zeta(x, part) + zeta(x, 1-part)
}

// flushed is what is lost of a value where terms of its sum are too small for the floats.
func flushed(o *op.BoundInput, x, q, v float64) float64 {
	if math.Pow(math.Abs(q)+10, -x) < 4*o.Unit.Tiny() {
		return math.Abs(v)
	}
	return 0
}

// lost tells whether Eigen's zeta of float32, which adds nine terms up, has gone astray.
func lost(o *op.BoundInput, q float64) bool { return single(o) && q < -3 }

// zetaBound: the function falls with q, and its terms are convex functions of x, so that
// it is largest at an end, and falls no more to one side than it may grow to the other.
func zetaBound(o *op.BoundInput, x, ex, q, eq, v float64) float64 {
	if lost(o, q) || (ex > 0 || eq > 0) && (!(q-eq > 0) || !(x-ex > 1)) {
		return math.Inf(1)
	}
	off := 0.0
	if ex > 0 || eq > 0 {
		up := max(zeta(x-ex, q-eq), zeta(x+ex, q-eq)) - v
		least := zeta(x, q+eq)
		down := v - least + max(0, zeta(x-ex, q+eq)-least, zeta(x+ex, q+eq)-least)
		off = max(up, down)
	}
	own := float64(o.Unit)*(32+4*x)*(sumOf(x, q, v)+off) + flushed(o, x, q, v)
	return (off+own)*rounding.Slack + 4*o.Unit.Tiny()
}

// polygammaBound is for an exact order. An engine's n! may overflow where the product does
// not.
func polygammaBound(o *op.BoundInput, n, en, x, ex, v float64) float64 {
	u := float64(o.Unit)
	if en > 0 {
		return math.Inf(1)
	}
	if n == 0 {
		off := 0.0
		if ex > 0 {
			off = between(digamma)(x, ex, v)
		}
		return (off+digammaError(u, x, v))*rounding.Slack + o.Unit.Tiny()
	}
	factorial := math.Gamma(n + 1)
	if lost(o, x) || ex > 0 && !(x-ex > 0) || !(factorial < o.Unit.Largest()) {
		return math.Inf(1)
	}
	off := 0.0
	if ex > 0 {
		off = ends(polygamma(n, x-ex), polygamma(n, x+ex), v)
	}
	size := factorial*sumOf(n+1, x, v/factorial) + off
	own := u*(40+4*n+4*math.Abs(lgamma(n+1)))*size + flushed(o, n+1, x, v)
	return (off+own)*rounding.Slack + 4*o.Unit.Tiny()*(1+factorial)
}

// logs is the relative error of a power of e whose logarithm is a sum of some size.
func logs(u, size float64) float64 {
	if d := u * (64 + 16*size); d < 0.25 {
		return math.Expm1(d)
	}
	return math.Inf(1)
}

// igammaBound is of the lower or the upper incomplete gamma function, each of which grows
// with one argument and falls with the other. Eigen computes one of them directly and the
// other as 1 less it, and gives up after 2,000 terms.
func igammaBound(f func(a, x float64) float64, direct func(a, x float64) bool) func(o *op.BoundInput, a, ea, x, ex, v float64) float64 {
	return func(o *op.BoundInput, a, ea, x, ex, v float64) float64 {
		off := 0.0
		if ea > 0 || ex > 0 {
			if !(a-ea > 0) || x-ex < 0 {
				return math.Inf(1)
			}
			off = ends(f(a-ea, x+ex), f(a+ea, x-ex), v)
		}
		if x == 0 && ex == 0 || math.IsInf(x, 1) {
			return off
		}
		if max(a, 0) > 2e4 || math.IsNaN(v) {
			return math.Inf(1)
		}
		u, part, rounded := float64(o.Unit), v, 2*math.Abs(v)
		if !direct(a, x) {
			part, rounded = max(1-v, 0), 2
		}
		own := logs(u, a*math.Abs(math.Log(x))+x+math.Abs(lgamma(a))+2*math.Sqrt(max(a, x)))*part + rounded*u
		return (off+own)*rounding.Slack + o.Unit.Tiny()
	}
}

// betaincBound is of a function that grows with x and b, and falls with a. Eigen's
// fraction ends after a number of steps that large parameters need.
func betaincBound(o *op.BoundInput) error {
	v := op.FloatsOf(o.Out[0].Tensor)
	e := make([]float64, len(v))
	get := func(k, i int) (x, off float64) {
		t := o.In[k].Tensor
		x = at(t, o.V(k), i)
		if o.E(k) != nil {
			off = at(t, o.E(k), i)
		}
		return x, off
	}
	for i := range v {
		a, ea := get(0, i)
		b, eb := get(1, i)
		x, ex := get(2, i)
		e[i] = ofBeta(o, [3]float64{a, b, x}, [3]float64{ea, eb, ex}, v[i])
	}
	return o.Set(0, e)
}

func ofBeta(o *op.BoundInput, at, off [3]float64, v float64) float64 {
	a, b, x := at[0], at[1], at[2]
	moved := 0.0
	if off != [3]float64{} {
		if !(a-off[0] > 0) || !(b-off[1] > 0) || x-off[2] < 0 || x+off[2] > 1 {
			return math.Inf(1)
		}
		moved = ends(betainc(a-off[0], b+off[1], x+off[2]), betainc(a+off[0], b-off[1], x-off[2]), v)
	}
	if x == 0 || x == 1 {
		return moved
	}
	limit := 4000.0
	if single(o) {
		limit = 500
	}
	if max(a, b) > limit {
		return math.Inf(1)
	}
	u := float64(o.Unit)
	size := a*math.Abs(math.Log(x)) + b*math.Abs(math.Log1p(-x)) + math.Abs(lgamma(a+b)) + math.Abs(lgamma(a)) + math.Abs(lgamma(b))
	return (moved+logs(u, size)*max(v, 1-v)+2*u)*rounding.Slack + o.Unit.Tiny()
}
