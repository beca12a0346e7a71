package special

import "math"

// far is from where on the asymptotic series of Bessel's modified functions are exact
// to the last bits: their smallest terms are about e^(-2x).
const far = 20

// asymptotic is Σ (sign·a_k)/x^k, with a_k the products of (4ν²-(2j-1)²)/(8j).
func asymptotic(order, sign, x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; k < 2*far && math.Abs(term) > 0x1p-54; k++ {
		term *= sign * (4*order*order - (2*k-1)*(2*k-1)) / (8 * k * x)
		sum += term
	}
	return sum
}

// series is Σ (x²/4)^k·weight(k)/(k!·(k+n)!), whose terms are positive.
func series(n int, x float64, weight func(k int) float64) float64 {
	z := x * x / 4
	sum, term := weight(0), 1.0
	for k := 1; term > 0x1p-56*sum; k++ {
		term *= z / (float64(k) * float64(k+n))
		sum += term * weight(k)
	}
	return sum
}

func one(int) float64 { return 1 }

// scaledI is e^(-|x|)·I of the order 0 or 1.
func scaledI(order int, x float64) float64 {
	size := math.Abs(x)
	var v float64
	switch {
	case math.IsInf(x, 0):
		return 0
	case size > far:
		v = asymptotic(float64(order), -1, size) / math.Sqrt(2*math.Pi*size)
	default:
		v = math.Exp(-size) * series(order, size, one)
		if order == 1 {
			v *= size / 2
		}
	}
	if order == 1 {
		return math.Copysign(v, x)
	}
	return v
}

func besselI0e(x float64) float64 { return scaledI(0, x) }
func besselI1e(x float64) float64 { return scaledI(1, x) }
func besselI0(x float64) float64  { return grown(x, scaledI(0, x)) }
func besselI1(x float64) float64  { return grown(x, scaledI(1, x)) }

// grown is v·e^|x|, by two factors where the power alone would be infinite.
func grown(x, v float64) float64 {
	half := math.Exp(math.Abs(x) / 2)
	if math.Abs(x) < 700 {
		return v * math.Exp(math.Abs(x))
	}
	if math.IsInf(x, 0) {
		return math.NaN() // as Eigen has it
	}
	return v * half * half
}

// scaledK is e^x·K of the order 0 or 1: infinite from 0 down, as
// Eigen has them.
func scaledK(order int, x float64) float64 {
	switch {
	case x <= 0:
		return math.Inf(1)
	case math.IsNaN(x):
		return x
	case math.IsInf(x, 1):
		return 0
	case x > far:
		return asymptotic(float64(order), 1, x) * math.Sqrt(math.Pi/(2*x))
	case x < 1:
		return math.Exp(x) * smallK(order, x)
	}
	// ∫ e^(-x(cosh t - 1))·cosh(νt) dt from 0 on, by the trapezoid rule, which is exact to
	// the last bits for an integrand that falls so fast.
	const h = 1.0 / 8
	sum := 0.5
	for t := h; t < 8; t += h { // at x = 1 the terms end before 5
		s := math.Sinh(t / 2)
		term := math.Exp(-2*x*s*s) * math.Cosh(float64(order)*t)
		sum += term
		if term < 0x1p-56*sum {
			break
		}
	}
	return sum * h
}

// euler is Euler's constant.
const euler = 0.57721566490153286060651209008240243

// smallK is K of small numbers, by its series with a logarithm.
func smallK(order int, x float64) float64 {
	log := math.Log(x / 2)
	harmonic := func(n int) float64 {
		h := 0.0
		for k := 1; k <= n; k++ {
			h += 1 / float64(k)
		}
		return h
	}
	if order == 0 {
		return -(log+euler)*series(0, x, one) + series(0, x, harmonic)
	}
	i1 := x / 2 * series(1, x, one)
	return 1/x + (log+euler)*i1 - x/4*series(1, x, func(k int) float64 { return harmonic(k) + harmonic(k+1) })
}

func besselK0e(x float64) float64 { return scaledK(0, x) }
func besselK1e(x float64) float64 { return scaledK(1, x) }
func besselK0(x float64) float64  { return fallen(x, scaledK(0, x)) }
func besselK1(x float64) float64  { return fallen(x, scaledK(1, x)) }

// fallen is v·e^(-x).
func fallen(x, v float64) float64 { return v * math.Exp(-x) }

// besselY0 and besselY1 are infinite from 0 down, as Eigen has them.

func besselY0(x float64) float64 {
	if x <= 0 {
		return math.Inf(-1)
	}
	return math.Y0(x)
}

func besselY1(x float64) float64 {
	if x <= 0 {
		return math.Inf(-1)
	}
	return math.Y1(x)
}
