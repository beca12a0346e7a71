package lockstep

import (
	"context"
	"fmt"
)

// InnerTensor is a tensor inside a signature's graph.
type InnerTensor struct {
	// Node is the operation that makes it, by its name in the graph with all calls
	// inlined, and Output the number of its result.
	Node   string
	Output int
	// List is the type of the elements of a list of tensors, which is shown as one
	// tensor of them, and Invalid for a tensor.
	List DType
	// Bytes is about how large it is.
	Bytes int64
}

// Name is the tensor's name, as in "dense/MatMul:0".
func (t InnerTensor) Name() string { return fmt.Sprintf("%s:%d", t.Node, t.Output) }

// GivenTensor is an inner tensor and its value.
type GivenTensor struct {
	InnerTensor
	Value *Tensor
}

// Prober is an engine that can show the tensors inside its graph.
type Prober interface {
	Engine
	// Inner computes the wanted tensors in one run, from the inputs and from inner
	// tensors that are given, no lists among them. It returns them in their order.
	Inner(ctx context.Context, inputs map[string]*Tensor, given []GivenTensor, want []InnerTensor) ([]*Tensor, error)
}

// Operation is an operation of a signature's graph that an Operator runs: one
// that computes or moves elements of the inputs.
type Operation struct {
	Node, Op string
	// Recurrent says that it is the loop of recurrent layers, whose steps a Trace
	// shows: an Operator has no results of its own, and takes another engine's.
	Recurrent bool
	// Reads are the results of other operations that it depends on, with nothing
	// but operations in between that compute nothing.
	Reads []InnerTensor
	// Results are those that a later operation reads, or that are outputs.
	Results []InnerTensor
}

// Operator runs the operations of a signature's graph one by one, each on what
// another engine has for the results of those before it: so nothing
// accumulates.
type Operator interface {
	Operations() []Operation
	// Next runs the next operation and returns its Results, nil of a Recurrent one.
	Next() (own []*Tensor, err error)
	// Take replaces the results of the operation that ran last by another engine's.
	Take(theirs []*Tensor) error
}

// Isolator is an engine that can run single operations.
type Isolator interface {
	Engine
	Operator(ctx context.Context, inputs map[string]*Tensor) (Operator, error)
}

// OperatorOracle computes exactly what an Operator does, with the bound on the
// rounding of each single operation. The graphs of both may differ in what reads what:
// an operation that has not been taken yet is then the oracle's own.
type OperatorOracle interface {
	// Next computes the results of an operation of the Operator. bound is nil where
	// unknown says why, and for what is no float.
	Next(operation Operation) (exact, bound []*Tensor, unknown []error, err error)
	// Take is that of Operator.
	Take(theirs []*Tensor) error
}
