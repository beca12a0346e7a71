package recurrent

import "fmt"

// Activation is a function that Keras applies element by element.
type Activation int

// The activations that are recognised in a cell.
const (
	Linear Activation = iota
	Tanh
	Sigmoid
	Relu
	Relu6
	LeakyRelu    // of the slope 0.2, which is Keras 3's
	HardSigmoid2 // clip(0.2x + 0.5, 0, 1)
	HardSigmoid3 // relu6(x + 3) / 6
	Elu          // of alpha 1
	Selu
	Celu // of alpha 1, by max(x, 0) + expm1(min(x, 0))
	Softplus
	Softsign
	Gelu     // x/2 · erfc(-x/√2)
	GeluTanh // x/2 · (1 + tanh(√(2/π) · (x + 0.044715x³)))
	Silu     // which Keras 2 calls swish
	HardSilu // x · relu6(x + 3) / 6
	Exponential
	Mish // x · tanh(softplus(x))
	HardTanh
	LogSigmoid // -softplus(-x)
	TanhShrink // x - tanh(x)
	Squareplus // (x + √(x² + 4)) / 2
	// RationalTanh is x·(27 + x²) / (27 + 9x²) between -3 and 3, and ±1 beyond:
	// some engines compute tanh so. No layer is recognised to have it.
	RationalTanh
)

var activationNames = [...]string{
	"linear", "tanh", "sigmoid", "relu", "relu6", "leaky_relu", "hard_sigmoid (Keras 2)", "hard_sigmoid (Keras 3)",
	"elu", "selu", "celu", "softplus", "softsign", "gelu", "gelu (approximate)", "silu", "hard_silu", "exponential",
	"mish", "hard_tanh", "log_sigmoid", "tanh_shrink", "squareplus", "tanh (rational approximation)",
}

// String returns Keras's name of the activation.
func (a Activation) String() string {
	if a < 0 || int(a) >= len(activationNames) {
		return fmt.Sprintf("Activation(%d)", int(a))
	}
	return activationNames[a]
}

// ActivationNamed returns the activation that String calls by a name.
func ActivationNamed(name string) (Activation, bool) {
	for a, own := range activationNames {
		if own == name {
			return Activation(a), true
		}
	}
	return 0, false
}

// form is an activation as exporters write it: the expression of f(x), and its
// last operation.
type form struct {
	activation Activation
	ends       string
	of         func(ev *evaluator, x *expr) *expr
}

// calls is the form of an activation that is one operation.
func calls(a Activation, op string) form {
	return form{a, op, func(ev *evaluator, x *expr) *expr { return ev.call(op, x) }}
}

// forms are compared with the expressions of a body, constants bit for bit: an
// activation that merely looks like one of them is a different function.
var forms = []form{
	calls(Tanh, "Tanh"), calls(Sigmoid, "Sigmoid"), calls(Relu, "Relu"), calls(Relu6, "Relu6"), calls(LeakyRelu, leaky),
	calls(Elu, "Elu"), calls(Selu, "Selu"), calls(Softplus, "Softplus"), calls(Softsign, "Softsign"), calls(Exponential, "Exp"),
	{HardSigmoid2, "Maximum", func(ev *evaluator, x *expr) *expr {
		return ev.clip(ev.add(ev.mul(x, ev.num(0.2, x)), ev.num(0.5, x)), 0, 1)
	}},
	{HardTanh, "Maximum", func(ev *evaluator, x *expr) *expr { return ev.clip(x, -1, 1) }},
	{HardSigmoid3, "RealDiv", hardSigmoid3},
	{Squareplus, "RealDiv", func(ev *evaluator, x *expr) *expr {
		return ev.call("RealDiv", ev.add(x, ev.call("Sqrt", ev.add(ev.call("Square", x), ev.num(4, x)))), ev.num(2, x))
	}},
	{Celu, opSum, func(ev *evaluator, x *expr) *expr {
		one, zero := ev.num(1, x), ev.num(0, x)
		return ev.add(ev.call("Maximum", x, zero), ev.mul(one, ev.call("Expm1", ev.call("RealDiv", ev.call("Minimum", x, zero), one))))
	}},
	{Gelu, "Mul", func(ev *evaluator, x *expr) *expr {
		return ev.mul(ev.mul(ev.num(0.5, x), x), ev.call("Erfc", ev.mul(ev.call("Neg", x), ev.num(0.7071067811865476, x))))
	}},
	{GeluTanh, "Mul", func(ev *evaluator, x *expr) *expr {
		inner := ev.add(x, ev.mul(ev.num(0.044715, x), ev.call("Pow", x, ev.num(3, x))))
		return ev.mul(ev.mul(ev.num(0.5, x), x), ev.add(ev.num(1, x), ev.call("Tanh", ev.mul(ev.num(0.7978845608028654, x), inner))))
	}},
	{Silu, "Mul", func(ev *evaluator, x *expr) *expr { return ev.mul(x, ev.call("Sigmoid", ev.mul(ev.num(1, x), x))) }},
	{Silu, "Mul", func(ev *evaluator, x *expr) *expr { return ev.mul(x, ev.call("Sigmoid", x)) }},
	{HardSilu, "Mul", func(ev *evaluator, x *expr) *expr { return ev.mul(x, hardSigmoid3(ev, x)) }},
	{Mish, "Mul", func(ev *evaluator, x *expr) *expr { return ev.mul(x, ev.call("Tanh", ev.call("Softplus", x))) }},
	{LogSigmoid, "Neg", func(ev *evaluator, x *expr) *expr { return ev.call("Neg", ev.call("Softplus", ev.call("Neg", x))) }},
	{TanhShrink, "Sub", func(ev *evaluator, x *expr) *expr { return ev.call("Sub", x, ev.call("Tanh", x)) }},
}

func hardSigmoid3(ev *evaluator, x *expr) *expr {
	return ev.call("RealDiv", ev.call("Relu6", ev.add(x, ev.num(3, x))), ev.num(6, x))
}

// clip is tf.clip_by_value.
func (ev *evaluator) clip(x *expr, low, high float64) *expr {
	return ev.call("Maximum", ev.call("Minimum", x, ev.num(high, x)), ev.num(low, x))
}

// applied is an activation, its argument and its result.
type applied struct {
	function Activation
	of, is   *expr
}

// activations lists what e can be read as: an activation of one of the
// expressions that is tells of.
func (ev *evaluator) activations(e *expr, is func(x *expr) bool) []applied {
	var out []applied
	for _, x := range within(e) {
		if !is(x) {
			continue
		}
		if x == e {
			out = append(out, applied{Linear, x, e})
		}
		for _, f := range forms {
			if f.ends == e.op && f.of(ev, x) == e {
				out = append(out, applied{f.activation, x, e})
			}
		}
	}
	return out
}

// maxWithin bounds the expressions that are searched for an activation's
// argument; the longest form has some ten.
const maxWithin = 32

// within returns the subexpressions of e, from e inwards, without the factors
// of products. A sum also counts without its constants, which a form may have
// added to its argument.
func within(e *expr) []*expr {
	out := []*expr{e}
	add := func(x *expr) {
		for _, seen := range out {
			if seen == x {
				return
			}
		}
		if len(out) < maxWithin {
			out = append(out, x)
		}
	}
	for i := 0; i < len(out); i++ {
		if out[i].plain != nil {
			add(out[i].plain)
		}
		for _, a := range out[i].args {
			add(a)
		}
		for _, t := range out[i].terms {
			if t.other != nil {
				add(t.other)
			}
		}
	}
	return out
}
