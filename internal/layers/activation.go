package layers

import "github.com/lockstep-go/lockstep/native/savedmodel"

// Activation is a function that Keras applies element by element.
type Activation int

// The activations that are recognised in a cell.
const (
	Linear Activation = iota
	Tanh
	Sigmoid
	Relu
)

var activationNames = [...]string{"linear", "tanh", "sigmoid", "relu"}

// String returns Keras's name of the activation.
func (a Activation) String() string { return activationNames[a] }

// activations lists what r can be read as: a function of what, the plain
// value last.
func activations(r savedmodel.Ref) []applied {
	r = r.Through()
	var out []applied
	for op, a := range map[string]Activation{"Tanh": Tanh, "Sigmoid": Sigmoid, "Relu": Relu} {
		if in, ok := operands(r, op, 1); ok {
			out = append(out, applied{a, in[0]})
		}
	}
	return append(out, applied{Linear, r})
}

type applied struct {
	function Activation
	of       savedmodel.Ref
}
