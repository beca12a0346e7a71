// Package special has TensorFlow's special functions: the gamma function's kin, the
// incomplete gamma and beta functions, the inverse of the normal distribution and
// Bessel's functions. All are computed in float64 and rounded once; what they are at
// their poles and outside of their domains is what Eigen, whose code TensorFlow runs, has
// there.
package special

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations.
var Ops = op.Join(unary, several)

var unary = op.Table{
	"Digamma":   ofOne(digamma, unaryBound(between(digamma), digammaError), nil),
	"Lgamma":    ofOne(logGamma, unaryBound(lgammaSwing, lgammaError), nil),
	"Ndtri":     wide(ndtri, unaryBound(monotone(ndtri), relative(16)), domain(0, 1)),
	"Erfinv":    wide(math.Erfinv, unaryBound(monotone(math.Erfinv), erfinvError), domain(-1, 1)),
	"BesselI0":  ofOne(besselI0, unaryBound(even(besselI0), powerError), nil),
	"BesselI0e": ofOne(besselI0e, unaryBound(lipschitz(1), relative(24)), nil),
	"BesselI1":  ofOne(besselI1, unaryBound(monotone(besselI1), powerError), nil),
	"BesselI1e": ofOne(besselI1e, unaryBound(lipschitz(0.5), relative(24)), nil),
	"BesselK0":  ofOne(besselK0, unaryBound(positive(besselK0), relative(48)), domain(0, math.Inf(1))),
	"BesselK0e": ofOne(besselK0e, unaryBound(positive(besselK0e), relative(48)), domain(0, math.Inf(1))),
	"BesselK1":  ofOne(besselK1, unaryBound(positive(besselK1), relative(48)), domain(0, math.Inf(1))),
	"BesselK1e": ofOne(besselK1e, unaryBound(positive(besselK1e), relative(48)), domain(0, math.Inf(1))),
	"BesselJ0":  ofOne(math.J0, unaryBound(lipschitz(0.6), waveError), nil),
	"BesselJ1":  ofOne(math.J1, unaryBound(lipschitz(0.6), waveError), nil),
	"BesselY0":  ofOne(besselY0, unaryBound(waveSwing, waveError), domain(0, math.Inf(1))),
	"BesselY1":  {Build: op.ByType(secondKind()), Shape: op.NoInput, Bound: secondBound, Time: op.TimeOfFirst, Domain: domain(0, math.Inf(1)), KeepsShape: true},
}

var several = op.Table{
	"Zeta":      ofTwo(zeta, zetaTerms, op.Pairs(zetaBound)),
	"Polygamma": ofTwo(polygamma, func(n, x float64) bool { return zetaTerms(n+1, x) }, op.Pairs(polygammaBound)),
	"Igamma":    ofTwo(igamma, largeGamma, op.Pairs(igammaBound(igamma, lowerIsDirect))),
	"Igammac":   ofTwo(igammac, largeGamma, op.Pairs(igammaBound(igammac, upperIsDirect))),
	"Betainc":   {Build: buildBetainc, Shape: op.NoInput, Bound: betaincBound, Time: op.TimeElementwise},
}

// ofOne is the Spec of a function of one number, which TensorFlow has of float16, float32
// and float64.
func ofOne(f func(float64) float64, bound op.BoundRule, where op.Domain) *op.Spec {
	return &op.Spec{
		Build: without(op.Function(f), lockstep.BFloat16), Shape: op.NoInput, Bound: bound,
		Time: op.TimeOfFirst, Domain: where, KeepsShape: true,
	}
}

// wide is ofOne for a function that TensorFlow has of no numbers of 16 bits.
func wide(f func(float64) float64, bound op.BoundRule, where op.Domain) *op.Spec {
	s := ofOne(f, bound, where)
	s.Build = without(s.Build, lockstep.Float16)
	return s
}

// without refuses a type.
func without(build op.Builder, d lockstep.DType) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		if n.Uses(d) {
			return nil, op.NotSupported("T", d)
		}
		return build(n)
	}
}

// secondKind is besselY1, which at 0 is no number in float32.
func secondKind() op.Variants[op.Exec] {
	v := op.With16Bits(op.Floats(op.Map1(func(x float32) float32 {
		if x == 0 {
			return float32(math.NaN())
		}
		return float32(besselY1(float64(x)))
	}), op.Map1(besselY1)))
	delete(v, lockstep.BFloat16)
	return v
}

// domain is where a function is defined.
func domain(low, high float64) op.Domain {
	return func(*savedmodel.Node, op.Numbers) (op.Need, bool) {
		return op.Need{Low: low, High: high, Real: true}, true
	}
}

// logGamma is the logarithm of |Γ|, which the C library gives as +∞ at both ends.
func logGamma(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.Inf(1)
	}
	return lgamma(x)
}

// ofTwo is the Spec of a function of two numbers; refuse tells which are not
// supported.
func ofTwo(f func(x, y float64) float64, refuse func(x, y float64) bool, bound op.BoundRule) *op.Spec {
	return &op.Spec{
		Build: op.ByType(op.Floats(checked(f, refuse, func(v float64) float32 { return float32(v) }), checked(f, refuse, func(v float64) float64 { return v }))),
		Shape: op.NoInput, Bound: bound, Time: op.TimeElementwise,
	}
}

// checked makes an operation of a function of two numbers.
func checked[E float32 | float64](f func(x, y float64) float64, refuse func(x, y float64) bool, round func(float64) E) op.Exec {
	run := op.Map2(func(x, y E) E { return round(f(float64(x), float64(y))) })
	check := op.Map2(func(x, y E) bool { return refuse(float64(x), float64(y)) })
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		var keep any
		refused, err := check(&op.Call{Keep: &keep}, in)
		if err != nil {
			return nil, err
		}
		which, err := lockstep.Data[bool](refused[0].Tensor)
		if err != nil {
			return nil, err
		}
		if i := slices.Index(which, true); i >= 0 {
			return nil, fmt.Errorf("element %d: %w", i, errTerms)
		}
		return run(w, in)
	}
}

var errTerms = errors.New("its series has too many terms")

// zetaTerms tells whether a sum has too many terms, from a negative number on.
func zetaTerms(_, q float64) bool { return q < -maxTerms && q != math.Floor(q) }

// largeGamma tells whether the series of the incomplete gamma functions is too long. Far
// from x they are 0 or 1.
func largeGamma(a, x float64) bool {
	return a > 1e8 && !math.IsInf(a, 1) && math.Abs(x-a) < 60*math.Sqrt(a)
}

func buildBetainc(n *savedmodel.Node) (op.Exec, error) {
	return op.ByType(op.Floats(threeOf[float32], threeOf[float64]))(n)
}

// threeOf computes betainc of tensors of one shape, of which some may be scalars.
func threeOf[E float32 | float64](w *op.Call, in []value.Value) ([]value.Value, error) {
	t, d, err := op.Operands[E](in, 3)
	if err != nil {
		return nil, err
	}
	shape, err := sharedShape(t)
	if err != nil {
		return nil, err
	}
	n, err := value.AllowSized(shape, value.SizeFor[E]())
	if err != nil {
		return nil, err
	}
	out := make([]E, n)
	for i := range out {
		out[i] = E(betainc(float64(at(t[0], d[0], i)), float64(at(t[1], d[1], i)), float64(at(t[2], d[2], i))))
	}
	return w.One(lockstep.New(out, shape...))
}

// at is element i, or a scalar.
func at[E float32 | float64](t *lockstep.Tensor, d []E, i int) E {
	if t.Rank() == 0 {
		return d[0]
	}
	return d[i]
}

func sharedShape(t []*lockstep.Tensor) ([]int, error) {
	var shape []int
	for _, x := range t {
		switch {
		case x.Rank() == 0:
		case shape == nil:
			shape = x.Shape()
		case !slices.Equal(shape, x.Shape()):
			return nil, fmt.Errorf("%s, %s and %s, want one shape, or scalars", t[0], t[1], t[2])
		}
	}
	return shape, nil
}
