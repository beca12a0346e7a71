package kernel

import (
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// exhaustive asks for every float32 where a few million do.
const exhaustive = "LOCKSTEP_EXHAUSTIVE"

// The vectorised sigmoid and tanh are within 2 units in the last place of the
// true values, for every float32 if LOCKSTEP_EXHAUSTIVE is set, which takes
// minutes.
func TestActivationsInUlp(t *testing.T) {
	stride := uint64(977) // a prime
	if os.Getenv(exhaustive) != "" {
		stride = 1
	} else {
		t.Logf("a %dth of all float32; set %s for all of them", stride, exhaustive)
	}
	eachVectorised(t, func(t *testing.T) {
		for _, f := range []struct {
			name string
			a    Activation
			of   func(x float64) float64
		}{
			{"sigmoid", SigmoidFunction, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
			{"tanh", TanhFunction, math.Tanh},
		} {
			at, ulp := furthest(stride, f.a, f.of)
			t.Logf("%s: at most %.3f ulp, at %v", f.name, ulp, at)
			if !(ulp <= 2) {
				t.Errorf("%s(%v) is %.3f ulp from the true value, want at most 2", f.name, at, ulp)
			}
		}
	})
}

// AVX-512 computes the bits of AVX2, by other instructions: everywhere from where
// a sigmoid is 0 to where it is a normal number, and a part of all float32, or all
// of them.
func TestWideActivationsInBits(t *testing.T) {
	if !slices.Contains(vectorised(), avx512) {
		t.Skip("this processor has no AVX-512")
	}
	stride := uint64(977)
	if os.Getenv(exhaustive) != "" {
		stride = 1
	}
	x := make([]float32, 0, 1<<12)
	wide, narrow := make([]float32, 1<<12), make([]float32, 1<<12)
	compare := func() {
		for _, a := range []Activation{SigmoidFunction, TanhFunction} {
			activate32(a, wide, x, true)
			activate32(a, narrow, x, false)
			for i, v := range x {
				if w, n := wide[i], narrow[i]; math.Float32bits(w) != math.Float32bits(n) && (w == w || n == n) {
					t.Fatalf("activation %d of %v is %v by AVX-512 and %v by AVX2", a, v, w, n)
				}
			}
		}
		x = x[:0]
	}
	try := func(bits uint64) {
		if x = append(x, math.Float32frombits(uint32(bits))); len(x) == cap(x) {
			compare()
		}
	}
	for b := uint64(0); b < 1<<32; b += stride {
		try(b)
	}
	for b := uint64(math.Float32bits(-87)); b < uint64(math.Float32bits(-105)); b++ {
		try(b)
	}
	compare()
}

// furthest returns where the activation is furthest from the truth.
func furthest(stride uint64, a Activation, of func(x float64) float64) (float32, float64) {
	workers := uint64(runtime.GOMAXPROCS(0))
	at, most := make([]float32, workers), make([]float64, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			x, y := make([]float32, 1<<12), make([]float32, 1<<12)
			for b := w * stride; b < 1<<32; {
				n := 0
				for ; n < len(x) && b < 1<<32; b += workers * stride {
					x[n] = math.Float32frombits(uint32(b))
					n++
				}
				activate32(a, y[:n], x[:n], chosen == avx512)
				for i, v := range x[:n] {
					if u := ulps(y[i], of(float64(v))); !(u <= most[w]) {
						at[w], most[w] = v, u
					}
				}
			}
		})
	}
	wait.Wait()
	best := 0
	for w := range most {
		if !(most[w] <= most[best]) {
			best = w
		}
	}
	return at[best], most[best]
}

// ulps is how far got is from want, in units of the last place of want.
func ulps(got float32, want float64) float64 {
	if got != got || want != want {
		if got != got && want != want {
			return 0
		}
		return math.Inf(1)
	}
	_, exponent := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exponent-24, -149))
}

// At 0 they are exact, far away they are their limits, and NaN passes.
func TestActivationsAtTheEnds(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	infinity, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0, negative, infinity, -infinity, math.MaxFloat32, -math.MaxFloat32, nan, 1e-45, -1e-45}
	eachVectorised(t, func(t *testing.T) {
		y := make([]float32, len(x))
		for a, want := range map[Activation][]float32{
			SigmoidFunction: {0.5, 0.5, 1, 0, 1, 0, nan, 0.5, 0.5},
			TanhFunction:    {0, negative, 1, -1, 1, -1, nan, 1e-45, -1e-45},
		} {
			activate32(a, y, x, chosen == avx512)
			for i := range y {
				if y[i] == y[i] || want[i] == want[i] {
					if math.Float32bits(y[i]) != math.Float32bits(want[i]) {
						t.Errorf("activation %d of %v is %v, want %v", a, x[i], y[i], want[i])
					}
				}
			}
		}
	})
}
