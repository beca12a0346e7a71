package kernel

import (
	"math"
	"sync"
)

// A curve is a table of a function for lstmOne: near every n/scale, -curveEnd ≤ n ≤
// curveEnd, the Taylor polynomial of the third degree. First there are the two
// coefficients of all n that come first, and then the other two.
const (
	curveEnd     = 1024
	curveEntries = 2*curveEnd + 1
)

// curvePair is sigmoid in steps of 1/32 and tanh in steps of 1/64: fine enough
// for an error of less than 0.1 ulp besides the roundings, and the part that a
// model's numbers use stays in the L1 cache.
type curvePair struct{ sigmoid, tanh [4 * curveEntries]float32 }

// curves are made when the first layer needs them.
var curves = sync.OnceValue(func() *curvePair {
	c := new(curvePair)
	tabulate(c.sigmoid[:], 32, func(x float64) (f, f1, f2, f3 float64) {
		f, rest := 1/(1+math.Exp(-x)), 1/(1+math.Exp(x))
		f1 = f * rest
		return f, f1, f1 * (rest - f), f1 * (1 - 6*f*rest)
	})
	tabulate(c.tanh[:], 64, func(x float64) (f, f1, f2, f3 float64) {
		f, cosh := math.Tanh(x), math.Cosh(x)
		f1 = 1 / (cosh * cosh)
		return f, f1, -2 * f * f1, f1 * (6*f*f - 2)
	})
	return c
})

// tabulate fills a table by a function and its derivatives.
func tabulate(table []float32, scale float64, function func(x float64) (f, f1, f2, f3 float64)) {
	for n := range curveEntries {
		f, f1, f2, f3 := function(float64(n-curveEnd) / scale)
		table[2*n], table[2*n+1] = float32(f), float32(f1)
		table[2*(curveEntries+n)], table[2*(curveEntries+n)+1] = float32(f2/2), float32(f3/6)
	}
}
