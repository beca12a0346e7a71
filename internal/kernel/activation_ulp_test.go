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

// inUlp are the functions that have vectors, and how far they may be from the true
// values, in units of the last place.
var inUlp = []struct {
	name string
	a    Activation
	of   func(x float64) float64
	ulps float64
}{
	{"sigmoid", SigmoidFunction, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2},
	{"tanh", TanhFunction, math.Tanh, 2},
	{"exponential", ExponentialFunction, math.Exp, 1.5},
	{"elu", EluFunction, Elu, 2},
	{"selu", SeluFunction, Selu, 2.5},
	{"silu", SiluFunction, scalar[SiluFunction], 3.5},
	{"softplus", SoftplusFunction, Softplus, 3.75},
	{"log sigmoid", LogSigmoidFunction, scalar[LogSigmoidFunction], 3.75},
	{"mish", MishFunction, mish, 4},
	{"softsign", SoftsignFunction, scalar[SoftsignFunction], 2},
	{"hard sigmoid of Keras 3", HardSigmoid3Function, scalar[HardSigmoid3Function], 1},
	{"hard sigmoid of Keras 2", HardSigmoid2Function, scalar[HardSigmoid2Function], 1},
	{"hard silu", HardSiluFunction, scalar[HardSiluFunction], 2},
	{"hard tanh", HardTanhFunction, scalar[HardTanhFunction], 0},
	{"relu6", Relu6Function, scalar[Relu6Function], 0},
	{"leaky relu", LeakyReluFunction, scalar[LeakyReluFunction], 1},
	{"erf", ErfFunction, math.Erf, 2},
}

// mish is accurate where softplus is so small that tanh loses it.
func mish(x float64) float64 { return x * math.Tanh(Softplus(x)) }

// The vectorised functions are near the true values, for every float32 if
// LOCKSTEP_EXHAUSTIVE is set, which takes minutes.
func TestActivationsInUlp(t *testing.T) {
	stride := uint64(977) // a prime
	if testing.Short() {
		stride = 9973
	}
	if os.Getenv(exhaustive) != "" {
		stride = 1
	} else {
		t.Logf("one in %d of all float32; set %s for all of them", stride, exhaustive)
	}
	eachVectorised(t, func(t *testing.T) {
		for _, f := range inUlp {
			at, ulp := furthest(stride, f.a, f.of)
			t.Logf("%s: at most %.3f ulp, at %v", f.name, ulp, at)
			if !(ulp <= f.ulps) {
				t.Errorf("%s(%v) is %.3f ulp from the true value, want at most %v", f.name, at, ulp, f.ulps)
			}
		}
	})
}

// What is special is so by vectors too.
func TestSpecialNumbers(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 88.7, 88.8, 89, 90, -87.4, -103.9, -104, -105, -150, 1e-38, -1e-38, 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32, inf, -inf, float32(math.NaN()), 3, -3, 6, 5.9999995}
	eachVectorised(t, func(t *testing.T) {
		for a := range Activation(len(scalar)) {
			for _, v := range x {
				one := []float32{v}
				activate(a, one)
				want := one[0]
				got := make([]float32, 19)
				for i := range got {
					got[i] = v
				}
				activate32(a, got, got, chosen == avx512)
				for i, y := range got {
					if (y != y) != (want != want) || math.IsInf(float64(y), 0) != math.IsInf(float64(want), 0) || y != got[0] && y == y || y == y && !within(a, v, y, float64(want), 4) {
						t.Errorf("activation %d of %v is %v at %d, want %v", a, v, y, i, want)
					}
				}
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
		for _, f := range inUlp {
			a := f.a
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

// within tells whether y is a function of x that is want in exact numbers: within a
// few units in the last place; of the functions that are x times another one, also
// units of the least number times x, and of what is a sum, of the largest term.
func within(a Activation, x, y float32, want, most float64) bool {
	d := math.Abs(float64(y) - want)
	switch a {
	case SiluFunction, MishFunction, HardSiluFunction:
		if d <= math.Ldexp(1+math.Abs(float64(x)), -149) {
			return true
		}
	case HardSigmoid2Function:
		if d <= math.Ldexp(1, -24) {
			return true
		}
	}
	return ulps(y, want) <= most
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
					want := of(float64(v))
					if u := ulps(y[i], want); !(u <= most[w]) && !within(a, v, y[i], want, 0) {
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
	if float32(want) == got { // beyond the largest number too
		return 0
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
