package rounding

import (
	"cmp"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// Noise moves results as the rounding of an engine typically does. Evaluating a
// graph again and again with it shows how far rounding moves its results: Monte
// Carlo arithmetic (D. S. Parker, Monte Carlo Arithmetic, 1997; C. Denis, P. de
// Oliveira Castro and E. Petit, Verificarlo, 2016).
//
// Roundings of one engine are not all independent: a function that is too large
// for one number is so for its neighbours, at every step. So half of the samples
// move all results of an operation the same way.
type Noise struct {
	random *rand.Rand
	seed   uint64
	how    pattern
	sign   float64   // of the present operation
	zeros  []float64 // the bounds of what has noise instead
}

// pattern is how a sample moves the results of one operation.
type pattern int

const (
	independent pattern = iota
	upwards             // all up, or all down
	outwards            // all away from zero, or all towards it
	unmoved
)

// NewNoise is the noise of one of the samples of a seed: the same for the same
// numbers.
func NewNoise(seed uint64, sample int) *Noise {
	how := [...]pattern{independent, upwards, independent, outwards}[sample%4]
	return &Noise{random: rand.New(rand.NewPCG(seed, uint64(sample))), seed: seed + uint64(sample), how: how}
}

// NoNoise moves nothing.
func NoNoise() *Noise { return &Noise{how: unmoved} }

// Operation identifies an operation by its name, for Noise.Begin.
func Operation(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // which never fails
	return h.Sum64()
}

// Begin says whose results are moved next.
func (n *Noise) Begin(operation uint64) {
	if n.how != upwards && n.how != outwards {
		return
	}
	n.sign = 1
	if mixed(operation^mixed(n.seed))&1 == 0 {
		n.sign = -1
	}
}

// mixed makes numbers that differ in any bit differ in about half of them:
// SplitMix64 (Steele, Lea and Flood, 2014).
func mixed(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// amplitude is how much more than rounding noise moves a result. So the standard
// deviation of what comes out is a bound of that many standard deviations of
// rounding, and includes what only happens so far from the exact result, such
// as a ReLU that begins to pass.
const amplitude = 8

// Move moves a result; s is the standard deviation of its rounding.
func (n *Noise) Move(v, s float64) float64 {
	s *= amplitude
	switch n.how {
	case independent:
		return v + s*math.Sqrt(3)*(2*n.random.Float64()-1)
	case upwards:
		return v + n.sign*s
	case outwards:
		return v + n.sign*math.Copysign(s, v)
	}
	return v
}

// Deviation is the standard deviation of n roundings, relative: each is off by
// at most u, evenly.
func (u Unit) Deviation(n int) float64 { return float64(u) * math.Sqrt(float64(n)/3) }

// DeviationOfSum is the standard deviation of the rounding of a sum of n
// products, added one after the other in random order; squares is the sum of
// their squares. Of the partial sum of k of them, k/n·total is the mean and
// k·(n-k)/(n·(n-1)) times the squares' sum about their mean the variance: both
// are added up over k. Each product is rounded too.
func (u Unit) DeviationOfSum(n int, total, squares float64) float64 {
	terms := float64(max(n, 1))
	about := max(squares-total*total/terms, 0)
	means := total * total * (terms + 1) * (2*terms + 1) / (6 * terms)
	return u.Deviation(1) * math.Sqrt(squares+about*(terms+1)/6+means)
}

// typicalShare is the part of a function's largest error in an engine that is
// its typical one: tanh's and sigmoid's of TensorFlow are 1 to 3 units. exactShare
// is that of functions which are much more exact: the root mean square of the
// errors of TensorFlow's exp is 0.6 units, of its erf 1.0, and of its erfc 0.7.
const (
	typicalShare = 0.4
	exactShare   = 0.15
)

// Typical computes the function of an exact number, and the standard deviation
// of an engine's result.
func (f Function) Typical(u Unit, x float64) (y, deviation float64) {
	y, bound := f.of.apply(u, x, 0)
	return y, cmp.Or(f.of.share, typicalShare) * bound
}
