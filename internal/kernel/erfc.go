package kernel

import (
	"math"
	"sync"
)

// The complementary error function of float32, which exact GELU is made of, out of a
// table: math.Erfc takes ten times as long.
const (
	erfcFirst  = -4     // below, it is 2
	erfcLast   = 10.125 // from there on, by math.Erfc: 0
	erfcEach   = 64     // intervals in 1
	erfcDegree = 5
	erfcCount  = (erfcLast - erfcFirst) * erfcEach
)

// erfcTable has, for each interval, Taylor's polynomial about its middle: they are off
// by at most an eighth of a unit of float32, where the results are smallest.
var erfcTable = sync.OnceValue(func() *[erfcCount][erfcDegree + 1]float64 {
	t := new([erfcCount][erfcDegree + 1]float64)
	for i := range t {
		x := erfcFirst + (float64(i)+0.5)/erfcEach
		// Derivatives: f' = -2/√π·e^(-x²), f'' = -2x·f', and so on.
		d := [erfcDegree + 1]float64{math.Erfc(x), -2 / math.SqrtPi * math.Exp(-x*x)}
		d[2] = -2 * x * d[1]
		for k := 3; k <= erfcDegree; k++ {
			d[k] = -2*x*d[k-1] - 2*float64(k-2)*d[k-2]
		}
		for k, f := 0, 1.0; k <= erfcDegree; k++ {
			t[i][k] = d[k] / f
			f *= float64(k + 1)
		}
	}
	return t
})

// Erfcs sets y, which may be x, to the complementary error function of every number of
// x: within 0.65 units of float32, the same bits by every kernel.
func Erfcs(y, x []float32) {
	t := erfcTable()
	y = y[:len(x)]
	for i, v := range x {
		if !(v >= erfcFirst && v < erfcLast) {
			y[i] = float32(math.Erfc(float64(v)))
			continue
		}
		at := (float64(v) - erfcFirst) * erfcEach
		k := int(at)
		c := &t[k]
		d := (at - float64(k) - 0.5) * (1.0 / erfcEach)
		// Conversions, so that nothing is fused anywhere.
		s := float64(c[5]*d) + c[4]
		s = float64(s*d) + c[3]
		s = float64(s*d) + c[2]
		s = float64(s*d) + c[1]
		y[i] = float32(float64(s*d) + c[0])
	}
}
