package op

import (
	"errors"
	"math"
	"math/cmplx"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// BoundedValue is a value of the exact evaluation, floats in float64, with a
// bound on how far an engine's may be from it.
type BoundedValue struct {
	value.Value
	// Bound is of the value's shape, float64 whatever the value's type is: an
	// element of a tensor is off by at most this, a complex number by its absolute
	// value, a bool is undecided where it is not 0. A tensor without bound is exact.
	// A list of floats has a list.
	Bound value.Value
	// Why says that no bound is known; there may be no value then.
	Why error
	// FreeShape says that, without a bound, the shape is not certain either.
	FreeShape bool
	// Undecided is why integers or bools are not exact.
	Undecided error
}

var errNoValue = errors.New("it has no value")

func (v BoundedValue) None() bool {
	return v.Tensor == nil && v.List == nil && v.Variable == nil && v.Handle == 0 && v.Table == nil
}

// Exact tells whether every engine has exactly this value.
func (v BoundedValue) Exact() bool {
	if v.Why != nil || v.Bound.Tensor != nil || v.Bound.Variable != nil {
		return false
	}
	if v.Bound.List == nil {
		return true
	}
	all, err := v.Bound.List.All()
	if err != nil {
		return false
	}
	for _, t := range all {
		if t != nil && !AllZero(FloatsOf(t)) {
			return false
		}
	}
	return true
}

// IsFloat tells whether the value is made of floats, or of complex numbers, and so
// has bounds.
func (v BoundedValue) IsFloat() bool {
	switch {
	case v.Tensor != nil:
		return v.Tensor.DType().IsFloat() || v.Tensor.DType().IsComplex()
	case v.List != nil:
		return v.List.DType.IsFloat()
	case v.Variable != nil:
		return v.Variable.DType().IsFloat()
	}
	return false
}

// FloatsOf returns the elements of a float64 tensor, nil for any other.
func FloatsOf(t *lockstep.Tensor) []float64 {
	if t == nil {
		return nil
	}
	d, _ := lockstep.Data[float64](t)
	return d
}

// ComplexOf returns the elements of a complex128 tensor, nil for any other.
func ComplexOf(t *lockstep.Tensor) []complex128 {
	if t == nil {
		return nil
	}
	d, _ := lockstep.Data[complex128](t)
	return d
}

func AllZero(d []float64) bool {
	for _, v := range d {
		if v != 0 {
			return false
		}
	}
	return true
}

// BoundOf makes a bound of the shape of a tensor: none if all of it is 0.
func BoundOf(e []float64, shape []int) (value.Value, error) {
	if AllZero(e) {
		return value.Value{}, nil
	}
	t, err := lockstep.New(e, shape...)
	return value.Value{Tensor: t}, err
}

// Errors returns a value's bound for use in an operation: zeros where it is
// exact.
func (v BoundedValue) Errors() (value.Value, error) {
	switch {
	case v.Bound.Tensor != nil || v.Bound.List != nil || v.Bound.Variable != nil:
		return v.Bound, nil
	case v.Tensor != nil:
		t, err := lockstep.Zeros(lockstep.Float64, v.Tensor.Shape()...)
		return value.Value{Tensor: t}, err
	case v.Variable != nil:
		t, err := lockstep.Zeros(lockstep.Float64, v.Variable.Shape()...)
		return value.Value{Variable: t}, err
	case v.List != nil:
		return value.Value{}, errors.New("a list of numbers that rounding decides")
	}
	return value.Value{}, errNoValue
}

// Widen converts a tensor of narrower floats to float64, one of complex64 to
// complex128, and leaves others as they are. An engine may flush subnormal float32 to
// zero.
func Widen(t *lockstep.Tensor) (BoundedValue, error) {
	if t.DType() == lockstep.Complex64 {
		return widenComplex(t)
	}
	if !t.DType().IsFloat() || t.DType() == lockstep.Float64 {
		return BoundedValue{Value: value.Value{Tensor: t}}, nil
	}
	v, err := t.Float64s()
	if err != nil {
		return BoundedValue{}, err
	}
	subnormal := false
	for _, x := range v {
		subnormal = subnormal || x != 0 && math.Abs(x) < 0x1p-126
	}
	wide, err := lockstep.New(v, t.Shape()...)
	out := BoundedValue{Value: value.Value{Tensor: wide}}
	if err != nil || !subnormal {
		return out, err
	}
	e := make([]float64, len(v))
	for i, x := range v {
		if size := math.Abs(x); size < 0x1p-126 {
			e[i] = size
		}
	}
	out.Bound, err = BoundOf(e, t.Shape())
	return out, err
}

func widenComplex(t *lockstep.Tensor) (BoundedValue, error) {
	d, err := lockstep.Data[complex64](t)
	if err != nil {
		return BoundedValue{}, err
	}
	v, e := make([]complex128, len(d)), make([]float64, len(d))
	for i, x := range d {
		v[i] = complex128(x)
		for _, part := range []float64{real(v[i]), imag(v[i])} {
			if size := math.Abs(part); size < 0x1p-126 {
				e[i] += size
			}
		}
	}
	wide, err := lockstep.New(v, t.Shape()...)
	if err != nil {
		return BoundedValue{}, err
	}
	out := BoundedValue{Value: value.Value{Tensor: wide}}
	out.Bound, err = BoundOf(e, t.Shape())
	return out, err
}

// Reason is why integers or bools are not exact.
func (v BoundedValue) Reason() error {
	switch {
	case v.Why != nil:
		return v.Why
	case v.Undecided != nil:
		return v.Undecided
	}
	return errors.New("rounding decides it")
}

// BoundRule finds the bounds of an operation's results. An error is the reason
// why there are none.
type BoundRule func(x *BoundInput) error

// BoundInput is one operation whose results get their bounds.
type BoundInput struct {
	Unit rounding.Unit // of the engines' floats
	// Rounds, if not 0, is the unit of 16 bits that the first results are rounded to
	// after they were computed in Unit: all floats, or as many as RoundedResults.
	Rounds         rounding.Unit
	RoundedResults int
	// Terms is set to how many products each result is the sum of, where it is one.
	Terms int
	Node  *savedmodel.Node // of the graph
	// Typical asks for the standard deviations of the operation's own rounding
	// instead of bounds. The inputs are exact then.
	Typical bool
	// OnlyBound says that the result itself is not needed, and was not computed: the
	// rule of an operation whose Spec has Sized puts bounds of its magnitudes there.
	OnlyBound bool
	In        []BoundedValue
	Out       []BoundedValue
	// Again runs the operation in float64, on other inputs.
	Again func(in ...value.Value) ([]value.Value, error)

	rounds int // of which error is the relative one; see rounded
	error  float64
}

// ErrNoBound is why an operation without a rule has no bound.
var ErrNoBound = errors.New("the oracle has no bound for the operation")

// Values are the inputs' values.
func (x *BoundInput) Values() []value.Value {
	out := make([]value.Value, len(x.In))
	for i, v := range x.In {
		out[i] = v.Value
	}
	return out
}

// Shape is that of the result.
func (x *BoundInput) Shape() []int { return x.Out[0].Tensor.Shape() }

// V and E are the elements of a float input and their bounds, nil if exact.
func (x *BoundInput) V(i int) []float64 { return FloatsOf(x.In[i].Tensor) }
func (x *BoundInput) E(i int) []float64 { return FloatsOf(x.In[i].Bound.Tensor) }

// Size bounds the magnitudes of a float input.
func (x *BoundInput) Size(i int) []float64 {
	v, e := x.V(i), x.E(i)
	out := make([]float64, len(v))
	for k := range v {
		out[k] = math.Abs(v[k])
		if e != nil {
			out[k] += e[k]
		}
	}
	return out
}

// Like is a tensor of the shape of an input.
func (x *BoundInput) Like(i int, d []float64) value.Value {
	t, err := lockstep.New(d, x.In[i].Tensor.Shape()...)
	if err != nil {
		panic(err) // it has as many elements
	}
	return value.Value{Tensor: t}
}

// Run is Again for an operation with one result, and the result's elements.
func (x *BoundInput) Run(in ...value.Value) ([]float64, error) {
	out, err := x.Again(in...)
	if err != nil {
		return nil, err
	}
	return FloatsOf(out[0].Tensor), nil
}

// Set sets a result's bounds, made safe: where float32 may have overflowed or
// the result is NaN, there is no bound.
func (x *BoundInput) Set(i int, e []float64) error {
	exact := !slices.ContainsFunc(x.In, func(v BoundedValue) bool { return !v.Exact() })
	unit := x.Unit
	if x.Rounds != 0 && i < x.RoundedResults {
		unit = x.Rounds
	}
	largest, tiny := unit.Largest(), unit.Tiny()
	for k, v := range ComplexOf(x.Out[i].Tensor) {
		if size := cmplx.Abs(v); math.IsNaN(e[k]) || math.IsNaN(size) || size+e[k] > largest {
			e[k] = math.Inf(1)
		} else if size > 0 { // a part of it may be flushed to zero
			e[k] = max(e[k], min(size, tiny))
		}
	}
	for k, v := range FloatsOf(x.Out[i].Tensor) {
		if unit != x.Unit && e[k] > 0 {
			e[k] = x.coarsened(v, e[k])
		}
		switch size := math.Abs(v); {
		case size+e[k] <= largest && (size >= tiny || size == 0): // both are numbers
		case math.IsInf(v, 0) && exact:
			e[k] = 0
		case math.IsNaN(e[k]) || math.IsNaN(v) || size+e[k] > largest:
			e[k] = math.Inf(1)
		case size < tiny && size > 0:
			e[k] = max(e[k], size) // it may be flushed to zero
		}
	}
	var err error
	x.Out[i].Bound, err = BoundOf(e, x.Out[i].Tensor.Shape())
	return err
}

// Rounded is the bound of a result with the error e from its inputs that is
// rounded n times.
func (x *BoundInput) Rounded(v, e float64, n int) float64 {
	if x.rounds != n {
		x.rounds, x.error = n, x.Gamma(n)
	}
	return (e+x.error*(math.Abs(v)+e))*rounding.Slack + float64(n)*x.Unit.Tiny()
}

// Gamma is the relative error of n roundings.
func (x *BoundInput) Gamma(n int) float64 {
	if x.Typical {
		return x.Unit.Deviation(n)
	}
	return x.Unit.Gamma(n)
}

// holds tells whether the result of one correctly rounded operation on exact
// numbers is exact: in float32, if the float64 nearest to it is a float32.
func (x *BoundInput) holds(v float64) bool { return x.last().Holds(v) }

// last is the unit that the results are rounded to in the end.
func (x *BoundInput) last() rounding.Unit {
	if x.Rounds != 0 {
		return x.Rounds
	}
	return x.Unit
}

// wholes are the integers that the results' format holds, up to it: half as many,
// so that no rounding of the analysis matters.
func (x *BoundInput) wholes() float64 { return 1 / (2 * float64(x.last())) }

// coarsened is the bound, or the deviation, of a result that is off by e and
// rounded to 16 bits. TensorFlow's products of bfloat16 are cut instead, which is
// off by twice as much. An engine that fuses operations leaves the rounding out.
func (x *BoundInput) coarsened(v, e float64) float64 {
	u := x.Rounds
	if x.Terms > 0 && u == rounding.BFloat16 {
		u *= 2
	}
	if x.Typical {
		return math.Hypot(e, max(u.Deviation(1)*math.Abs(v), x.Rounds.Tiny()))
	}
	return (e+u.Gamma(1)*(math.Abs(v)+e))*rounding.Slack + x.Rounds.Tiny()
}

// worse is the larger of two bounds; NaN is none.
func worse(x, y float64) float64 {
	if math.IsNaN(x) || y <= x {
		return x
	}
	return y
}
