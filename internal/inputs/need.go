package inputs

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// rounded says that elements are rounded to integers before they are used: those
// that are less than below under low, or less than more above high, will do.
func (n *need) rounded(below, more float64) {
	if n.real {
		n.low, n.high, n.real = math.Ceil(n.low), math.Floor(n.high), false
	}
	n.below, n.more = below, more
}

// nearlyOne keeps what is rounded on its own side.
const nearlyOne = 0.99

// fractions makes n one of real numbers: what is computed from them is what must
// be whole.
func (n *need) fractions() {
	n.low, n.high = n.low-n.below*nearlyOne, n.high+n.more*nearlyOne
	n.below, n.more, n.real = 0, 0, true
}

// inverses are the functions of one number that need is taken back through.
var inverses = map[string]func(n *need) bool{
	"Neg": func(n *need) bool {
		n.low, n.high, n.below, n.more = -n.high, -n.low, n.more, n.below
		return !n.unknown
	},
	"Abs":  notNegative,
	"Relu": notNegative,
	"Log": func(n *need) bool {
		n.fractions()
		n.low, n.high = math.Exp(n.low), math.Exp(n.high)
		return true
	},
	"Log1p": func(n *need) bool {
		n.fractions()
		n.low, n.high = math.Expm1(n.low), math.Expm1(n.high)
		return true
	},
	"Exp": func(n *need) bool {
		n.fractions()
		n.low, n.high = math.Log(max(n.low, 0)), math.Log(n.high)
		return n.high > n.low
	},
	"Sqrt": func(n *need) bool {
		n.fractions()
		n.low = max(n.low, 0)
		n.low, n.high = n.low*n.low, n.high*n.high
		return true
	},
	"Square": func(n *need) bool {
		n.fractions()
		n.low, n.high = math.Sqrt(max(n.low, 0)), math.Sqrt(n.high)
		return n.high > n.low
	},
}

func notNegative(n *need) bool {
	n.low = max(n.low, 0)
	return n.high >= n.low || n.unknown
}

// arithmetic takes n back through an operation on a tensor and a constant.
func arithmetic(node *savedmodel.Node, n *need) (input int, ok bool) {
	if len(node.Inputs) < 2 {
		return 0, false
	}
	if node.Op == "ClipByValue" {
		return 0, true
	}
	least, most, ok := span(node.Inputs[1])
	if !ok {
		if least, most, ok = span(node.Inputs[0]); !ok {
			return 0, false
		}
		input = 1
	}
	switch node.Op {
	case "AddV2", "Add", "BiasAdd":
		n.low, n.high = n.low-least, n.high-most
	case "Sub":
		if input == 1 { // c - x
			n.low, n.high, n.below, n.more = most-n.high, least-n.low, n.more, n.below
			return 1, !n.unknown
		}
		n.low, n.high = n.low+most, n.high+least
	case "Mul":
		return input, n.scaled(1/most, 1/least)
	case "RealDiv", "Div", "FloorDiv", "TruncateDiv":
		if node.Op != "RealDiv" && node.Op != "Div" {
			n.rounded(0, 1)
		}
		return input, input == 0 && n.scaled(least, most)
	case "Maximum", "Minimum":
	case "FloorMod", "Mod":
		return 0, false // it is in its range whatever it is of
	default:
		return 0, false
	}
	return input, n.unknown || n.high >= n.low
}

// scaled is what is wanted of a number that is divided by one from least to most.
func (n *need) scaled(least, most float64) bool {
	if !(least > 0) || most < least || math.IsInf(most, 0) {
		return false
	}
	if least != 1 || most != 1 {
		n.fractions()
	}
	n.low, n.high = max(n.low*most, n.low*least), n.high*least
	return n.high >= n.low
}

// folded are the operations on a constant that are computed.
var folded = map[string]func(float64) float64{
	"Cast": same, "ExpandDims": same, "Reshape": same, "Log": math.Log, "Exp": math.Exp, "Sqrt": math.Sqrt,
	"Neg": func(v float64) float64 { return -v },
}

func same(v float64) float64 { return v }

// numbers returns the elements of a constant.
func numbers(r savedmodel.Ref) ([]float64, bool) {
	r = r.Through()
	if r.Node != nil && len(r.Node.Inputs) > 0 {
		if f, ok := folded[r.Node.Op]; ok {
			v, known := numbers(r.Node.Inputs[0])
			for i := range v {
				v[i] = f(v[i])
			}
			return v, known
		}
	}
	if r.Node == nil || r.Node.Op != "Const" {
		return nil, false
	}
	t, err := r.Node.Const()
	if err != nil {
		return nil, false
	}
	v, err := t.Float64s()
	return v, err == nil && t.DType() != lockstep.Bool
}

// number returns a constant of one element.
func number(r savedmodel.Ref) (float64, bool) {
	v, ok := numbers(r)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// span returns the least and the largest element of a constant.
func span(r savedmodel.Ref) (least, most float64, ok bool) {
	v, ok := numbers(r)
	if !ok || len(v) == 0 {
		return 0, 0, false
	}
	least, most = v[0], v[0]
	for _, x := range v {
		least, most = min(least, x), max(most, x)
	}
	return least, most, true
}

// shapeOf returns the shape of a variable's value or of a constant.
func shapeOf(r savedmodel.Ref, f *frame) ([]int, bool) {
	for r = r.Through(); r.Node != nil; r = r.Through() {
		switch r.Node.Op {
		case "Const":
			t, err := r.Node.Const()
			if err != nil {
				return nil, false
			}
			return t.Shape(), true
		case "VarHandleOp":
			return r.Node.AttrShape("shape")
		case "_Arg":
			if r, f = f.outside(r.Node); f == nil {
				return nil, false
			}
		case "ReadVariableOp", "Cast":
			if len(r.Node.Inputs) == 0 {
				return nil, false
			}
			r = r.Node.Inputs[0]
		default:
			return nil, false
		}
	}
	return nil, false
}
