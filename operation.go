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

// Preparer is a Prober that can be told beforehand which tensors Inner will be asked
// for, in whatever runs: preparing all of them at once may be faster.
type Preparer interface {
	Prober
	Prepare(ctx context.Context, want []InnerTensor) error
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
	// Loop says what a loop that is no known layer runs, nil of any other operation.
	Loop *Loop
}

// Loop is what a loop runs in each iteration: the condition and, if that holds, the
// body.
type Loop struct {
	// Condition and Body are their operations. Reads are of the same iteration. Body is
	// nil where they are not known: the Operator's engine does not run the body.
	Condition, Body []Operation
	// Whole says why the iterations cannot be run one by one, "" if they can.
	Whole string
}

// Operator runs the operations of a signature's graph one by one, each on what
// another engine has for the results of those before it: so nothing
// accumulates.
type Operator interface {
	Operations() []Operation
	// Next runs the next operation and returns its Results, nil of a Recurrent one.
	Next() (own []*Tensor, err error)
	// Take replaces the results of the operation that ran last, or of the loop whose
	// iterations were run, by another engine's.
	Take(theirs []*Tensor) error
	// GiveLayers gives what another engine has for the recurrent layers inside loops
	// and branches, as Oracle.Run is given it: such a loop or branch then does with
	// that what it does, and the layers' own steps are compared elsewhere.
	GiveLayers(given map[string]*Tensor)
	// Loop begins the loop that the next operation is, to run its iterations.
	Loop() (LoopOperator, error)
}

// LoopOperator runs the iterations of a loop. The variables that one leaves, with the
// results that its Operators took, are those that the next begins with.
type LoopOperator interface {
	// Condition and Body run the operations of the next iteration: see Loop. Whether
	// the body is run is for the other engine's condition to say.
	Condition() (Operator, error)
	Body() (Operator, error)
	// Results are the loop's own, if no iteration follows.
	Results() ([]*Tensor, error)
}

// LoopTensors are the tensors that are wanted of a loop: of each iteration's condition
// and body, by their names there, and those of the loop itself.
type LoopTensors struct {
	Node                     string // of the loop
	Condition, Body, Results []InnerTensor
}

// Iteration is what an engine has in an iteration of a loop.
type Iteration struct {
	// Holds says that the condition did, so that the body ran.
	Holds bool
	// Condition and Body are the wanted tensors, in their order.
	Condition, Body []*Tensor
}

// LoopProber is an engine that can show the iterations of a loop in its graph.
type LoopProber interface {
	Prober
	// Loop begins a loop, from what Inner would compute its variables from. Lists among
	// what is given are tensors of their elements.
	Loop(ctx context.Context, inputs map[string]*Tensor, given []GivenTensor, want LoopTensors) (LoopRun, error)
}

// LoopRun is a loop in progress. It is for one goroutine.
type LoopRun interface {
	// Next runs iterations until the tensors that they show have that many bytes, or
	// until the condition does not hold, which is the loop's last iteration.
	Next(ctx context.Context, bytes int64) ([]Iteration, error)
	// Results are the wanted results after the last iteration.
	Results(ctx context.Context) ([]*Tensor, error)
	Close() error
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
	// Bounds is Next without the results themselves, which takes less. A bound is NaN
	// where the result is infinite.
	Bounds(operation Operation) (bound []*Tensor, unknown []error, err error)
	// Skip stands for a Next whose results are not wanted.
	Skip(operation Operation) error
	// Take and GiveLayers are those of Operator.
	Take(theirs []*Tensor) error
	GiveLayers(given map[string]*Tensor)
	// Loop begins a loop of the Operator, to evaluate its iterations.
	Loop(operation Operation) (LoopOracle, error)
}

// LoopOracle computes exactly what a LoopOperator does.
type LoopOracle interface {
	Condition() (OperatorOracle, error)
	Body() (OperatorOracle, error)
	Results() (exact, bound []*Tensor, unknown []error, err error)
}
