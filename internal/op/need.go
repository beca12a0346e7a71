package op

import (
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Need is what an operation requires of a tensor's elements, Low <= v <= High,
// so that inputs can be made that a graph accepts.
type Need struct {
	Low, High float64
	// Below and Above are how far fractions may be outside, since they are
	// rounded.
	Below, Above float64
	// Unknown says that no High is known, though there is one.
	Unknown bool
	// Real says that the elements may be fractions.
	Real bool
	// Length says that they count time steps.
	Length bool
}

// Reads reports the inputs of a node that it reads as indices or lengths, and
// its requirements on them.
type Reads func(n *savedmodel.Node, g Reader)

// Reader receives what an operation reads.
type Reader interface {
	// Found receives the requirement on a tensor.
	Found(r savedmodel.Ref, n Need)
	// Along is the requirement on indices along an axis of a table.
	Along(table savedmodel.Ref, axis int) Need
	// Counts tells whether a tensor counts up from some number, in any shape.
	Counts(r savedmodel.Ref) bool
	// Packed returns the parts that the last axis of a tensor is packed from;
	// ok is false if it is not packed.
	Packed(r savedmodel.Ref) (elements []savedmodel.Ref, ok bool)
	Numbers
}

// Numbers reads constants.
type Numbers interface {
	// Numbers returns the elements of a constant of numbers.
	Numbers(r savedmodel.Ref) ([]float64, bool)
}

// one returns a constant of one element.
func one(c Numbers, r savedmodel.Ref) (float64, bool) {
	v, ok := c.Numbers(r)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// endsOf returns the least and the largest element of a constant.
func endsOf(c Numbers, r savedmodel.Ref) (least, most float64, ok bool) {
	v, ok := c.Numbers(r)
	if !ok || len(v) == 0 {
		return 0, 0, false
	}
	return slices.Min(v), slices.Max(v), true
}

// Back says which inputs of a node must fulfil a requirement so that its result
// fulfils n, and changes n to that; ok is false where it is not known.
type Back func(node *savedmodel.Node, n *Need, c Numbers) (inputs []int, ok bool)

// Domain is where the function of a node's first input is defined; ok is false
// if it is everywhere.
type Domain func(node *savedmodel.Node, c Numbers) (n Need, ok bool)

// Part is the part [from, to) of the last axis of a tensor of some shape that a
// node's result takes.
type Part func(node *savedmodel.Node, result int, shape []int, c Numbers) (from, to int, ok bool)

// Index is the requirement on indices of n things.
func Index(n int) Need { return Need{High: float64(n) - 1} }

// round says that elements are rounded to integers before they are used: those
// less than below under Low, or less than above over High, are accepted.
func (n *Need) round(below, above float64) {
	if n.Real {
		n.Low, n.High, n.Real = math.Ceil(n.Low), math.Floor(n.High), false
	}
	n.Below, n.Above = below, above
}

// NearlyOne keeps what is rounded on its own side.
const NearlyOne = 0.99

// fractions allows real numbers in n: only the values computed from them must
// be integers.
func (n *Need) fractions() {
	n.Low, n.High = n.Low-n.Below*NearlyOne, n.High+n.Above*NearlyOne
	n.Below, n.Above, n.Real = 0, 0, true
}

// scale is the requirement on a number that is divided by one from least to
// most.
func (n *Need) scale(least, most float64) bool {
	if !(least > 0) || most < least || math.IsInf(most, 0) {
		return false
	}
	if least != 1 || most != 1 {
		n.fractions()
	}
	n.Low, n.High = max(n.Low*most, n.Low*least), n.High*least
	return n.High >= n.Low
}

// sameOf is for a result whose elements are those of some inputs, or between
// them.
func sameOf(inputs ...int) Back {
	return func(*savedmodel.Node, *Need, Numbers) ([]int, bool) { return inputs, true }
}

// roundedBack is for a function that rounds to integers.
func roundedBack(below, above float64) Back {
	return func(_ *savedmodel.Node, n *Need, _ Numbers) ([]int, bool) {
		n.round(below, above)
		return []int{0}, true
	}
}

// inverseBack is for a function of one number.
func inverseBack(inverse func(n *Need) bool) Back {
	return func(_ *savedmodel.Node, n *Need, _ Numbers) ([]int, bool) { return []int{0}, inverse(n) }
}

// increasingBack is inverseBack for an increasing function, by its inverse.
func increasingBack(inverse func(float64) float64) Back {
	return inverseBack(func(n *Need) bool {
		n.fractions()
		n.Low, n.High = inverse(n.Low), inverse(n.High)
		return true
	})
}

// clippedBack is increasingBack for a function that does not reach every
// number: unreachable ones are left out, and some must remain.
func clippedBack(inverse func(float64) float64) Back {
	back := increasingBack(inverse)
	return func(node *savedmodel.Node, n *Need, c Numbers) ([]int, bool) {
		inputs, _ := back(node, n, c)
		return inputs, n.High > n.Low
	}
}

func logOrLess(y float64) float64    { return math.Log(max(y, 0)) }
func squareOrZero(y float64) float64 { return max(y, 0) * max(y, 0) }
func rootOrZero(y float64) float64   { return math.Sqrt(max(y, 0)) }

func negatedBack(n *Need) bool {
	n.Low, n.High, n.Below, n.Above = -n.High, -n.Low, n.Above, n.Below
	return !n.Unknown
}

func notNegativeBack(n *Need) bool {
	n.Low = max(n.Low, 0)
	return n.High >= n.Low || n.Unknown
}

// constantBack is for an operation on a tensor and a constant from least to
// most; input is the tensor's.
func constantBack(f func(n *Need, input int, least, most float64) bool) Back {
	return func(node *savedmodel.Node, n *Need, c Numbers) ([]int, bool) {
		if len(node.Inputs) < 2 {
			return nil, false
		}
		input := 0
		least, most, ok := endsOf(c, node.Inputs[1])
		if !ok {
			if least, most, ok = endsOf(c, node.Inputs[0]); !ok {
				return nil, false
			}
			input = 1
		}
		ok = f(n, input, least, most) && (n.Unknown || n.High >= n.Low)
		return []int{input}, ok
	}
}

func sumBack(n *Need, _ int, least, most float64) bool {
	n.Low, n.High = n.Low-least, n.High-most
	return true
}

func differenceBack(n *Need, input int, least, most float64) bool {
	if input == 1 { // c - x
		n.Low, n.High, n.Below, n.Above = most-n.High, least-n.Low, n.Above, n.Below
		return !n.Unknown
	}
	n.Low, n.High = n.Low+most, n.High+least
	return true
}

func productBack(n *Need, _ int, least, most float64) bool { return n.scale(1/most, 1/least) }

func quotientBack(n *Need, input int, least, most float64) bool {
	return input == 0 && n.scale(least, most)
}

func wholeQuotientBack(n *Need, input int, least, most float64) bool {
	n.round(0, 1)
	return quotientBack(n, input, least, most)
}

func extremeBack(*Need, int, float64, float64) bool { return true }

// backOfAddN is for a sum of one tensor.
func backOfAddN(node *savedmodel.Node, _ *Need, _ Numbers) ([]int, bool) {
	return []int{0}, len(node.Inputs) == 1
}

// castBack is for a cast, which cuts fractions.
func castBack(node *savedmodel.Node, n *Need, _ Numbers) ([]int, bool) {
	from, _ := node.AttrType("SrcT")
	to, _ := node.AttrType("DstT")
	if from.IsFloat() && !to.IsFloat() {
		n.round(0, 1)
	}
	return []int{0}, from != lockstep.Bool
}

// definedBetween is the Domain of a function that is defined from low to high.
func definedBetween(low, high float64) Domain {
	return func(*savedmodel.Node, Numbers) (Need, bool) { return Need{Low: low, High: high, Real: true}, true }
}

// definedFrom is definedBetween without an end.
func definedFrom(low float64) Domain { return definedBetween(low, math.Inf(1)) }

// domainOfPow: a negative number has no power with a fractional exponent.
func domainOfPow(node *savedmodel.Node, c Numbers) (Need, bool) {
	if len(node.Inputs) < 2 {
		return Need{}, false
	}
	if e, ok := one(c, node.Inputs[1]); !ok || e == math.Trunc(e) {
		return Need{}, false
	}
	return definedFrom(0)(node, c)
}
