package special

import (
	"math"
	"testing"
	"time"
)

// The functions fulfil equations that tie different branches of them together.
func TestEquations(t *testing.T) {
	near := func(name string, x, a, b, tolerance float64) {
		t.Helper()
		if !(math.Abs(a-b) <= tolerance*(1+math.Abs(a))) {
			t.Errorf("%s of %v: %v and %v", name, x, a, b)
		}
	}
	for i := range 400 {
		x := 0.013 + float64(i)*0.117
		near("ψ(x+1) = ψ(x) + 1/x", x, digamma(x+1), digamma(x)+1/x, 1e-14)
		near("ζ(2, x) = 1/x² + ζ(2, x+1)", x, zeta(2, x), 1/(x*x)+zeta(2, x+1), 1e-14)
		near("P + Q = 1", x, igamma(x, 3)+igammac(x, 3), 1, 1e-14)
		near("P(a+1, x)", x, igamma(x+1, 7), igamma(x, 7)-power(x, 7)/x, 1e-13)
		near("I0·K1 + I1·K0 = 1/x", x, besselI0e(x)*besselK1e(x)+besselI1e(x)*besselK0e(x), 1/x, 1e-14)
		near("I(a, b) = 1 - I(b, a)", x, betainc(x, 2.5, 0.3), 1-betainc(2.5, x, 0.7), 1e-13)
		p := float64(i+1) / 401
		near("Φ(ndtri(p)) = p", p, math.Erfc(-ndtri(p)/math.Sqrt2)/2, p, 1e-15)
	}
	for _, p := range []float64{1e-300, 1e-20, 1e-5} {
		if got := math.Erfc(-ndtri(p)/math.Sqrt2) / 2; math.Abs(got-p) > 1e-12*p {
			t.Errorf("Φ(ndtri(%v)) = %v", p, got)
		}
	}
}

// FuzzFunctions computes the functions of any numbers: none may run for long.
func FuzzFunctions(f *testing.F) {
	for _, v := range []float64{0, -0.5, 1, 1e8, -1e8 - 0.5, 1e300, -1e300, math.Inf(1), math.NaN(), 5e-324} {
		f.Add(v, 1.5, 0.5)
		f.Add(1.5, v, 0.5)
		f.Add(v, v, v)
		f.Add(2.0, 3.0, v)
	}
	f.Fuzz(func(t *testing.T, a, b, x float64) {
		start := time.Now()
		for _, g := range []func(float64) float64{digamma, logGamma, ndtri, besselI0, besselI1, besselK0, besselK1, besselK0e, besselI1e, besselY0, besselY1} {
			g(a)
		}
		if !zetaTerms(a, b) {
			zeta(a, b)
		}
		if !zetaTerms(a+1, b) {
			polygamma(a, b)
		}
		if !largeGamma(a, b) {
			igamma(a, b)
			igammac(a, b)
		}
		betainc(a, b, x)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%v for %v, %v and %v", took, a, b, x)
		}
	})
}
