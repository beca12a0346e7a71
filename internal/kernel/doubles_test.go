//go:build linux || darwin

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// doublesOf is guarded.of.
func (g *guarded) doublesOf(x []float64) []float64 {
	if len(x) == 0 {
		return nil
	}
	y := unsafe.Slice((*float64)(unsafe.Pointer(&g.of(make([]float32, 2*len(x)))[0])), len(x))
	copy(y, x)
	return y
}

// someDoubles are numbers of several sizes.
func (g *guarded) someDoubles(n int, r *rand.Rand) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Ldexp(r.NormFloat64(), r.IntN(9)-4)
	}
	return g.doublesOf(x)
}

func checkDoubles(t testing.TB, front bool, rows, n, m int, r *rand.Rand) {
	t.Helper()
	g := &guarded{t: t, front: front}
	defer g.free()
	some := func(n int) []float64 { return g.someDoubles(n, r) }
	z, x, w := some(rows*m), some(rows*n), some(n*m)
	want := append([]float64{}, z...)
	for i := range rows {
		for k := range n {
			for j := range m {
				want[i*m+j] += float64(x[i*n+k] * w[k*m+j])
			}
		}
	}
	addProduct(z, x, w, rows, n, m)
	for i, v := range want {
		if math.Float64bits(z[i]) != math.Float64bits(v) {
			t.Fatalf("%d rows of %d times %d by %d: element %d is %v, by Go %v", rows, n, n, m, i, z[i], v)
		}
	}
}

// The products in float64 by vectors are Go's, bit for bit.
func TestProductOfDoubles(t *testing.T) {
	if !inPlace {
		t.Skip("this processor has no kernel for float64")
	}
	r := rand.New(rand.NewPCG(31, 32))
	eachVectorised(t, func(t *testing.T) {
		for _, n := range lengths() {
			checkDoubles(t, n%2 == 0, n%3, n%40, n, r)
			checkDoubles(t, n%2 == 1, 1+n%3, n, n%70, r)
		}
	})
}

// So are those of taps: no memory beside them is touched.
func TestTapsOfDoubles(t *testing.T) {
	if !inPlace {
		t.Skip("this processor has no kernel for float64")
	}
	r := rand.New(rand.NewPCG(33, 34))
	eachVectorised(t, func(t *testing.T) {
		for i, n := range lengths() {
			if n == 0 {
				continue
			}
			checkTapsOfDoubles(t, i%2 == 0, n, 1+i%4, 1+i%9, r)
		}
	})
}

func checkTapsOfDoubles(t *testing.T, front bool, n, rows, count int, r *rand.Rand) {
	t.Helper()
	g := &guarded{t: t, front: front}
	defer g.free()
	some := func(n int) []float64 { return g.someDoubles(n, r) }
	const pixels = 3
	z, x, w := some(rows*n), some((rows-1+pixels)*n), some(count*n)
	var taps []Tap
	for k := range count {
		taps = append(taps, Tap{X: k % pixels * n, W: (count - 1 - k) * n})
	}
	want := append([]float64{}, z...)
	for row := range rows {
		for c := range n {
			for _, tap := range taps {
				want[row*n+c] += float64(x[row*n+tap.X+c] * w[tap.W+c])
			}
		}
	}
	AddTaps(Rows[float64]{z, n}, Rows[float64]{x, n}, w, taps, n, rows)
	for i, v := range want {
		if math.Float64bits(z[i]) != math.Float64bits(v) {
			t.Fatalf("%d rows of %d, %d taps: element %d is %v, by Go %v", rows, n, count, i, z[i], v)
		}
	}
}
