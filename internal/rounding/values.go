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

import "math"

// Unit is the unit roundoff of the floats that the engines compute in.
type Unit float64

// The units of the formats that engines compute in. The oracle itself rounds
// as much as an engine in float64 does, for which Float64 stands twice.
const (
	Float32 Unit = 1.0 / (1 << 24)
	Float64 Unit = 2.0 / (1 << 53)
)

// tiny bounds an operation's error where the result is subnormal in float32:
// runtimes flush those to zero.
func (u Unit) tiny() float64 {
	if u == Float32 {
		return 0x1p-126
	}
	return 0x1p-1022
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
