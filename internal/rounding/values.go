// Package rounding computes a model's exact results in float64, and for every
// value a bound on how far an engine that computes in float32 may be from it:
// in any order of summation, with or without fused multiply-add, with functions
// such as tanh as inexact as runtimes have them.
//
// The bounds are those of a running error analysis (Wilkinson; Higham, Accuracy
// and Stability of Numerical Algorithms, 2nd ed., chapters 2 to 4): an
// operation's error is the effect of its inputs' errors plus its own rounding.
// The bounds are slightly enlarged for the rounding of the analysis itself, in
// float64.
package rounding

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// Unit is the unit roundoff of the floats that the engines compute in.
type Unit float64

// The units of the formats that engines compute in. The oracle itself rounds
// as much as an engine in float64 does, for which Float64 stands twice.
const (
	BFloat16 Unit = 1.0 / (1 << 8)
	Float16  Unit = 1.0 / (1 << 11)
	Float32  Unit = 1.0 / (1 << 24)
	Float64  Unit = 2.0 / (1 << 53)
)

// CoarseUnit is the unit of a type of 16 bits, 0 for any other.
func CoarseUnit(d lockstep.DType) Unit {
	switch d {
	case lockstep.Float16:
		return Float16
	case lockstep.BFloat16:
		return BFloat16
	}
	return 0
}

// IsCoarse tells whether it is the unit of a type of 16 bits.
func (u Unit) IsCoarse() bool { return u == Float16 || u == BFloat16 }

// tiny bounds an operation's error where the result is subnormal: runtimes flush
// those of float32 and bfloat16 to zero, and round those of float16.
func (u Unit) tiny() float64 {
	switch u {
	case Float32, BFloat16:
		return 0x1p-126
	case Float16:
		return 0x1p-25
	}
	return 0x1p-1022
}

// Round rounds a float32 to the nearest number of a format of 16 bits.
func (u Unit) Round(x float32) float32 {
	switch u {
	case Float16:
		return lockstep.RoundFloat16(x).Float32()
	case BFloat16:
		return lockstep.RoundBFloat16(x).Float32()
	}
	return x
}

// Holds tells whether a float64 is a number of the format; of Float64, which stands
// for an engine that rounds as the analysis does, none is for certain.
func (u Unit) Holds(v float64) bool {
	single := float32(v)
	return u != Float64 && float64(single) == v && u.Round(single) == single
}

// gamma is the bound of n roundings, relative: n·u/(1-n·u).
func (u Unit) gamma(n int) float64 {
	nu := float64(n) * float64(u)
	if nu >= 0.5 {
		return math.Inf(1)
	}
	return slack * nu / (1 - nu)
}

// slack covers the roundings of the analysis.
const slack = 1 + 0x1p-20

// Values are numbers, row-major, with a bound for each. No bounds means zeros.
type Values struct{ V, E []float64 }

// Exact are values without error.
func Exact(v []float64) Values { return Values{V: v} }

func newValues(n int) Values { return Values{make([]float64, n), make([]float64, n)} }

// err returns the bound of element i.
func (v Values) err(i int) float64 {
	if v.E == nil {
		return 0
	}
	return v.E[i]
}
