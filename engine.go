package lockstep

import (
	"context"
	"errors"
)

// ErrMemory is wrapped by errors of operations that need more memory than the
// budget for tensors has left.
var ErrMemory = errors.New("more memory than the budget")

// Engine runs one signature of one model.
type Engine interface {
	// Name says which engine it is, as reports show it: "native", "tensorflow".
	Name() string
	// Signature says what Run takes and returns.
	Signature() Signature
	// Run computes the signature's outputs, by name. It checks the inputs
	// against the signature first.
	Run(ctx context.Context, inputs map[string]*Tensor) (map[string]*Tensor, error)
}

// Tracer is an engine that can show its intermediate results.
type Tracer interface {
	Engine
	Trace(ctx context.Context, inputs map[string]*Tensor, detail Detail) (*Trace, error)
}

// Stepper is an engine whose recurrent layers take single steps from states
// that they are given.
type Stepper interface {
	Engine
	// Step takes one step of a layer for any number of rows: x (…, features), h
	// and of an LSTM c (…, units), the states before it. It returns the states
	// after it by the same names.
	Step(layer string, from map[string]*Tensor) (map[string]*Tensor, error)
}

// Oracle computes a model's exact results: they are in float64, each with a
// bound on how far an engine that computes in the model's own floats may be
// from it.
type Oracle interface {
	// Step takes one step of a layer, as Stepper.Step does, and shows what
	// Trace.Steps does of it, by the names h, c, i, sum_i and so on.
	Step(layer string, from map[string]*Tensor) (exact, bound map[string]*Tensor, err error)
	// Run computes the signature's outputs and, by the names of Trace, each
	// recurrent layer's final states, input, mask and first states. Layers
	// whose states at each step are given, as <layer>/h and <layer>/c, are not
	// run: the given states count as exact. unknown says which tensors have no
	// bound, and why.
	Run(ctx context.Context, inputs, given map[string]*Tensor) (exact, bound map[string]*Tensor, unknown map[string]error, err error)
	// Typical computes what Run does. The bounds are how far two engines are from
	// each other as good as always, and not, as Run's, what rounding can do to
	// one at worst: those may be infinite behind many operations. It takes some 40
	// times as long. work, if not 0, is about how many products one evaluation may
	// compute, or what takes as long; where it takes more the error is an ErrWork,
	// and comes soon.
	Typical(ctx context.Context, inputs map[string]*Tensor, work int64) (exact, bound map[string]*Tensor, unknown map[string]error, err error)
	// Coarsest is the type of 16 bits, of the fewest digits, that operations of the
	// model round their results to; Invalid if there is none.
	Coarsest() DType
	// Operator computes single operations, those of an Operator for the same inputs.
	Operator(ctx context.Context, inputs map[string]*Tensor) (OperatorOracle, error)
}

// Weigher is an engine that can show the weights it runs with.
type Weigher interface {
	Weights() (Weights, error)
}

// Detail is how much of a run a Trace keeps.
type Detail int

const (
	// Outputs keeps the signature's outputs alone.
	Outputs Detail = iota
	// States adds every recurrent layer's final states.
	States
	// Steps adds what every recurrent layer computes at each step: see
	// Trace.Steps.
	Steps
)
