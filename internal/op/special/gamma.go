package special

import "math"

// digamma is the logarithmic derivative of the gamma function. At its poles it is NaN, as
// Eigen has it.
func digamma(x float64) float64 {
	reflected := 0.0
	if x <= 0 {
		if x == math.Floor(x) {
			return math.NaN()
		}
		reflected = cotangent(x)
		x = 1 - x
	}
	sum := 0.0
	for x < 10 {
		sum += 1 / x
		x++
	}
	if x < 1e17 {
		z := 1 / (x * x)
		// The Bernoulli numbers B(2k)/2k.
		tail := z * (1.0/12 - z*(1.0/120-z*(1.0/252-z*(1.0/240-z*(1.0/132-z*(691.0/32760-z/12))))))
		sum += tail + 0.5/x
	}
	return math.Log(x) - sum - reflected
}

// cotangent is π·cot(πx), of the distance to the nearest integer.
func cotangent(x float64) float64 {
	part := x - math.Round(x)
	if math.Abs(part) == 0.5 {
		return 0
	}
	return math.Pi / math.Tan(math.Pi*part)
}

// maxTerms bounds the terms of a sum that begins at a negative number.
const maxTerms = 1 << 23

// zeta is Hurwitz's zeta function, Σ 1/(q+i)^x, by the Euler-Maclaurin formula. Of x
// below 1, and where a term has no real value, it is NaN. No more than maxTerms terms
// are added up.
func zeta(x, q float64) float64 {
	switch {
	case x == 1:
		return math.Inf(1)
	case !(x > 1) || math.IsNaN(q):
		return math.NaN()
	case q <= 0 && q == math.Floor(q):
		if x/2 == math.RoundToEven(x/2) {
			return math.Inf(1)
		}
		return math.NaN()
	case q <= 0 && x != math.Floor(x):
		return math.NaN()
	}
	sum, a, term := math.Pow(q, -x), q, 0.0
	for i := 0; i < 9 || a <= 9; i++ {
		if i > maxTerms {
			return math.NaN()
		}
		a++
		term = math.Pow(a, -x)
		sum += term
		if math.Abs(term) < 0x1p-54*math.Abs(sum) && a > 0 {
			return sum
		}
	}
	if term == 0 {
		return sum
	}
	sum += term*a/(x-1) - term/2
	factor := 1.0
	for i, d := range bernoulli {
		factor *= x + float64(2*i)
		term /= a
		t := factor * term / d
		sum += t
		if !(math.Abs(t) >= 0x1p-54*math.Abs(sum)) {
			break
		}
		factor *= x + float64(2*i+1)
		term /= a
	}
	return sum
}

// bernoulli are (2k)!/B(2k).
var bernoulli = []float64{
	12, -720, 30240, -1209600, 47900160, -1307674368000.0 / 691, 74724249600, -10670622842880000.0 / 3617,
	5109094217170944000.0 / 43867, -802857662698291200000.0 / 174611,
}

// polygamma is derivative n of digamma. Of an n that is no natural number it is NaN.
func polygamma(n, x float64) float64 {
	switch {
	case !(n >= 0) || n != math.Floor(n):
		return math.NaN()
	case n == 0:
		return digamma(x)
	}
	sign := 1.0
	if math.Mod(n, 2) == 0 {
		sign = -1
	}
	return sign * math.Gamma(n+1) * zeta(n+1, x)
}

// power is x^a·e^(-x)/Γ(a), 0 where it has no number.
func power(a, x float64) float64 {
	log := a*math.Log(x) - x - lgamma(a)
	if a > 20 && x > a/2 && x < 2*a {
		// Without what cancels: with d = x/a-1, a·(log(1+d)-d), and Stirling's series.
		d := (x - a) / a
		log = a*(math.Log1p(d)-d) + math.Log(a/(2*math.Pi))/2 - stirling(a)
	}
	if math.IsNaN(log) {
		return 0
	}
	return math.Exp(log)
}

// stirling is the remainder of Stirling's formula for the logarithm of Γ.
func stirling(a float64) float64 {
	z := 1 / (a * a)
	return (1.0/12 - z*(1.0/360-z*(1.0/1260-z*(1.0/1680-z/1188)))) / a
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// lower is the series of the lower incomplete gamma function over Γ(a), for x that is
// not much above a.
func lower(a, x float64) float64 {
	p := power(a, x)
	if p == 0 {
		return 0
	}
	sum, term := 1.0, 1.0
	for r := a + 1; term > 0x1p-54*sum; r++ {
		term *= x / r
		sum += term
	}
	return p / a * sum
}

// upper is the continued fraction of the upper one, for x above 1 and not below a
// (Lentz's method).
func upper(a, x float64) float64 {
	p := 0.0
	if !math.IsInf(x, 1) {
		p = power(a, x)
	}
	if p == 0 {
		return 0
	}
	const tiny = 0x1p-900
	b := x + 1 - a
	c := 1 / tiny
	d := 1 / b
	h := d
	for i := 1; i < 1<<20; i++ {
		an := -float64(i) * (float64(i) - a)
		b += 2
		if d = an*d + b; math.Abs(d) < tiny {
			d = tiny
		}
		if c = b + an/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		step := d * c
		if h *= step; math.Abs(step-1) < 0x1p-53 {
			break
		}
	}
	return p * h
}

// igamma and igammac are the lower and the upper incomplete gamma functions over Γ(a).

func igamma(a, x float64) float64 {
	switch {
	case x == 0:
		return 0
	case !(x > 0) || !(a > 0):
		return math.NaN()
	case a > 1e8 && x < a: // far, or it is refused
		return 0
	case !lowerIsDirect(a, x):
		return 1 - upper(a, x)
	}
	return lower(a, x)
}

func igammac(a, x float64) float64 {
	switch {
	case !(x >= 0) || !(a > 0):
		return math.NaN()
	case a > 1e8 && x < a:
		return 1
	case !upperIsDirect(a, x):
		return 1 - lower(a, x)
	}
	return upper(a, x)
}

// lowerIsDirect and upperIsDirect tell whether igamma and igammac are computed as they
// are, and not as 1 less the other.

func lowerIsDirect(a, x float64) bool { return !(x > 1 && x > a) }
func upperIsDirect(a, x float64) bool { return !(x < 1 || x < a) }
