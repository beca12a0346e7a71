package engine

import (
	"errors"
	"math"

	"github.com/lockstep-go/lockstep"
)

// tracked is a value of the exact evaluation, floats in float64, and what is
// known of how far an engine's may be from it.
type tracked struct {
	Value
	// bound is of the value's shape, float64 whatever the value's type is: an
	// element of a tensor is off by at most this, a bool is undecided where it
	// is not 0. A tensor without bound is exact. A list of floats has a list.
	bound Value
	// why says that no bound is known; there may be no value then.
	why error
	// loose says, of one without bound, that its shape is not certain either.
	loose bool
	// undecided is why integers or bools are not exact.
	undecided error
}

var errNoValue = errors.New("it has no value")

func (v tracked) none() bool {
	return v.Tensor == nil && v.List == nil && v.Variable == nil && v.handle == 0
}

// exact tells whether every engine has this very value.
func (v tracked) exact() bool {
	if v.why != nil || v.bound.Tensor != nil || v.bound.Variable != nil {
		return false
	}
	if v.bound.List == nil {
		return true
	}
	all, err := v.bound.List.all()
	if err != nil {
		return false
	}
	for _, t := range all {
		if t != nil && !allZero(floatsOf(t)) {
			return false
		}
	}
	return true
}

func (v tracked) isFloat() bool {
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

// floatsOf returns the elements of a tensor of float64, nil of any other.
func floatsOf(t *lockstep.Tensor) []float64 {
	if t == nil {
		return nil
	}
	d, _ := lockstep.Data[float64](t)
	return d
}

func allZero(d []float64) bool {
	for _, v := range d {
		if v != 0 {
			return false
		}
	}
	return true
}

// boundOf makes a bound of the shape of a tensor: none if all of it is 0.
func boundOf(e []float64, shape []int) (Value, error) {
	if allZero(e) {
		return Value{}, nil
	}
	t, err := lockstep.New(e, shape...)
	return Value{Tensor: t}, err
}

// errors returns a value's bound as an operation takes it: zeros where it is
// exact.
func (v tracked) errors() (Value, error) {
	switch {
	case v.bound.Tensor != nil || v.bound.List != nil || v.bound.Variable != nil:
		return v.bound, nil
	case v.Tensor != nil:
		t, err := lockstep.Zeros(lockstep.Float64, v.Tensor.Shape()...)
		return Value{Tensor: t}, err
	case v.Variable != nil:
		t, err := lockstep.Zeros(lockstep.Float64, v.Variable.Shape()...)
		return Value{Variable: t}, err
	case v.List != nil:
		return Value{}, errors.New("a list of numbers that are not decided")
	}
	return Value{}, errNoValue
}

// widen makes float64 of a tensor of float32, and leaves others as they are. An
// engine may take a float32 below the normal ones for zero.
func widen(t *lockstep.Tensor) (tracked, error) {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		return tracked{Value: Value{Tensor: t}}, nil
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
		return tracked{}, err
	}
	out := tracked{Value: Value{Tensor: wide}}
	out.bound, err = boundOf(e, t.Shape())
	return out, err
}
