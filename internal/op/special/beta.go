package special

import "math"

// betainc is the incomplete beta function over the complete one: 0 at x = 0, 1 at x = 1,
// and NaN outside of that and of positive a and b.
func betainc(a, b, x float64) float64 {
	switch {
	case a <= 0 || b <= 0:
		return math.NaN()
	case x == 0 || x == 1:
		return x
	case !(x > 0 && x < 1) || math.IsNaN(a+b):
		return math.NaN()
	case x > (a+1)/(a+b+2):
		return 1 - betaFraction(b, a, 1-x, x)
	}
	return betaFraction(a, b, x, 1-x)
}

// betaFraction is the function by its continued fraction, for x below the mean; y is 1-x.
func betaFraction(a, b, x, y float64) float64 {
	log := a*math.Log(x) + b*math.Log(y) + lgamma(a+b) - lgamma(a) - lgamma(b) - math.Log(a)
	if x < 0.5 {
		log += b * (math.Log1p(-x) - math.Log(y))
	}
	if math.IsNaN(log) {
		return math.NaN()
	}
	const tiny = 0x1p-900
	c, d := 1.0, 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	h := d
	for i := 1; i < 1<<20; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		step := 1.0
		for _, f := range []float64{even, odd} {
			if d = 1 + f*d; math.Abs(d) < tiny {
				d = tiny
			}
			if c = 1 + f/c; math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			step = d * c
			h *= step
		}
		if math.Abs(step-1) < 0x1p-53 {
			break
		}
	}
	return math.Exp(log) * h
}

// ndtri is the inverse of the normal distribution's function, NaN outside of [0, 1].
func ndtri(p float64) float64 {
	switch {
	case !(p >= 0) || !(p <= 1):
		return math.NaN()
	case p == 0:
		return math.Inf(-1)
	case p > 0.5:
		return -ndtri(1 - p)
	case p > 0.1:
		return math.Sqrt2 * math.Erfinv(2*p-1)
	}
	// Newton's steps on the logarithm, from the first terms of its expansion.
	log := math.Log(p)
	z := -math.Sqrt(max(-2*log-math.Log(-4*math.Pi*log), 1))
	for range 30 {
		tail := math.Erfc(-z/math.Sqrt2) / 2
		step := (math.Log(tail) - log) * tail / (math.Exp(-z*z/2) / math.Sqrt(2*math.Pi))
		if !(math.Abs(step) > 0x1p-52*math.Abs(z)) {
			break
		}
		z -= step
	}
	return z
}
