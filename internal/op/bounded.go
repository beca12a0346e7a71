package op

import (
	"errors"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// BoundedValue is a value of the exact evaluation, floats in float64, with a
// bound on how far an engine's may be from it.
type BoundedValue struct {
	value.Value
	// Bound is of the value's shape, float64 whatever the value's type is: an
	// element of a tensor is off by at most this, a bool is undecided where it
	// is not 0. A tensor without bound is exact. A list of floats has a list.
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
	return v.Tensor == nil && v.List == nil && v.Variable == nil && v.Handle == 0
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

func (v BoundedValue) IsFloat() bool {
	switch {
	case v.Tensor != nil:
		return v.Tensor.DType().IsFloat()
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

// Widen converts a float32 tensor to float64, and leaves others as they are. An
// engine may flush subnormal float32 to zero.
func Widen(t *lockstep.Tensor) (BoundedValue, error) {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		return BoundedValue{Value: value.Value{Tensor: t}}, nil
	}
	v, e := make([]float64, len(d)), make([]float64, len(d))
	for i, x := range d {
		v[i] = float64(x)
		if size := math.Abs(v[i]); size < 0x1p-126 {
			e[i] = size
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
