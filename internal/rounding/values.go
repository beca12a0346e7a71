// Package rounding computes what a model is meant to compute, in float64, and
// beside every value a bound on how far an engine that computes in float32 may
// be from it: in any order of summation, with or without fused multiply-add,
// with tanh and its like as inexact as runtimes have them.
//
// The bounds are those of a running error analysis (Wilkinson; Higham, Accuracy
// and Stability of Numerical Algorithms, 2nd ed., chapters 2 to 4): an
// operation's result is off by what its inputs being off makes of it, and by
// its own rounding. They hold to the last bit but for the rounding of the
// analysis itself, in float64, for which they are a little larger than they
// need to be.
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

// tiny bounds what one operation may lose to a result that float32 has no
// normal number for: runtimes take those for zero.
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

// slack makes room for the roundings of the analysis.
const slack = 1 + 0x1p-20

// Values are numbers, row-major, and a bound beside each. No bounds are zeros.
type Values struct{ V, E []float64 }

// Exact are values without error.
func Exact(v []float64) Values { return Values{V: v} }

func newValues(n int) Values { return Values{make([]float64, n), make([]float64, n)} }

// err returns the bound beside element i.
func (v Values) err(i int) float64 {
	if v.E == nil {
		return 0
	}
	return v.E[i]
}
