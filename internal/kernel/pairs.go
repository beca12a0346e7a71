package kernel

// Pair is an operation on two numbers.
type Pair int

// The operations.
const (
	Sum Pair = iota
	Difference
	ProductOf
	Quotient
	Larger // of two: x if it is larger, else y, also where one is NaN
)

// The forms of the functions in assembly: which of the two is one number.
const (
	noneIsOne = iota
	firstIsOne
	secondIsOne
)

// Pairs sets z, which may be x or y, to x op y, number by number; x or y may be one
// number. It returns false, and does nothing, where the processor has no vectors, or
// they are not in use. The bits are those that Go computes.
func Pairs(op Pair, z, x, y []float32) bool {
	if chosen == plain {
		return false
	}
	n, form := len(z), noneIsOne
	if n == 0 {
		return true
	}
	switch {
	case len(x) == 1 && n > 1:
		form, y = firstIsOne, y[:n]
	case len(y) == 1 && n > 1:
		form, x = secondIsOne, x[:n]
	default:
		x, y = x[:n], y[:n]
	}
	switch op {
	case Sum:
		addPairs(&z[0], &x[0], &y[0], n, form)
	case Difference:
		subtractPairs(&z[0], &x[0], &y[0], n, form)
	case ProductOf:
		multiplyPairs(&z[0], &x[0], &y[0], n, form)
	case Quotient:
		dividePairs(&z[0], &x[0], &y[0], n, form)
	case Larger:
		largerPairs(&z[0], &x[0], &y[0], n, form)
	}
	return true
}

// Activate sets y, which may be x, to a function of every number of x.
func Activate(a Activation, y, x []float32) {
	if chosen == plain {
		copy(y, x)
		activate(a, y[:len(x)])
		return
	}
	activate32(a, y, x, chosen == avx512)
}
