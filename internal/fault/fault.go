// Package fault plants a known mistake in a model before it is compiled, and
// lists those that a model can have: to see whether a check finds them, and,
// where engines diverge, whether one of them explains it.
//
//	for _, f := range fault.List(m.Source()) {
//		faulty, err := m.Edit(f.Plant)
//
// This package defines the mistakes and how they change a source.Source.
package fault

// Kind is a kind of mistake that engines, exporters and converters of
// recurrent models are known to make.
type Kind string

// The kinds of faults in a recurrent layer, or in what it reads.
const (
	// GateOrder reads the gates in an order that is not Keras's: Fault.Order. With
	// a Fault.Tensor only those of that kernel.
	GateOrder Kind = "gate order"
	// KernelTransposed reads the kernel's numbers as if they were stored as
	// (gates·units, features), RecurrentTransposed the recurrent kernel's as if
	// stored as (gates·units, units).
	KernelTransposed    Kind = "kernel transposed"
	RecurrentTransposed Kind = "recurrent kernel transposed"
	// RecurrentBlocksTransposed transposes the square block of each gate.
	RecurrentBlocksTransposed Kind = "recurrent kernel transposed gate by gate"
	// KernelBlocksTransposed reads the numbers of each gate's block of the kernel
	// as if they were stored as (units, features).
	KernelBlocksTransposed Kind = "kernel transposed gate by gate"
	// KernelsExchanged uses the kernel for the state and the recurrent kernel for
	// the input.
	KernelsExchanged Kind = "kernel and recurrent kernel exchanged"
	// BiasMissing leaves out the bias of a layer, or of Fault.Variable.
	BiasMissing Kind = "bias missing"
	// BiasTwice adds the bias to the input's sums and again to the state's, as
	// engines with two bias vectors do if they get the same one twice.
	BiasTwice Kind = "bias twice"
	// BiasRowsSwapped swaps a GRU's bias rows for x and h, and BiasRowsAdded
	// adds both to the one for x.
	BiasRowsSwapped Kind = "bias rows swapped"
	BiasRowsAdded   Kind = "bias rows added"
	// BiasRowMissing leaves out a GRU's bias row Fault.Index: 0 for x, 1 for h.
	BiasRowMissing Kind = "bias row missing"
	// ForgetBias adds one to the biases of the forget gate.
	ForgetBias Kind = "forget bias twice"
	// ActivationChanged is a different activation: Fault.Role, From and To; of a
	// layer, or of the operation Fault.Node, or wherever the model has it.
	ActivationChanged Kind = "activation"
	// ResetAfter is the other GRU: reset_after=False instead of True, or the
	// reverse.
	ResetAfter Kind = "reset_after"
	// WeightsSwapped swaps the weights of the layers Fault.Layer and Other.
	WeightsSwapped Kind = "weights swapped"
	// KernelsSwapped swaps the kernels alone: of the layers Fault.Layer and Other,
	// or the variables Fault.Variable and Other.
	KernelsSwapped Kind = "kernels swapped"
	// StatesSwapped begins with h and c swapped.
	StatesSwapped Kind = "states swapped"
	// StatesIgnored begins with zeros.
	StatesIgnored Kind = "initial state ignored"
	// Backwards reads the steps in reverse order.
	Backwards Kind = "direction"
	// MaskIgnored runs masked steps too; MaskZeroInputs runs them with an input
	// of zeros; MaskZeroOutputs makes a masked step's output zeros instead of
	// the previous output.
	MaskIgnored     Kind = "mask ignored"
	MaskZeroInputs  Kind = "mask with zero inputs"
	MaskZeroOutputs Kind = "mask with zero outputs"
	// InputsSwapped swaps the inputs Fault.Input and Other.
	InputsSwapped Kind = "inputs swapped"
	// InputShifted feeds Fault.Input off by Fault.Steps steps.
	InputShifted Kind = "input off by a step"
	// OwnOutput feeds the decoder of the eight-tensor model its own outputs.
	OwnOutput Kind = "own output"
	// HalfWeights rounds every weight to float16, or those of a layer, or of the
	// layer whose kernel is Fault.Variable.
	HalfWeights Kind = "float16 weights"
	// Int8Weights rounds the kernels of a layer, or the kernel Fault.Variable, to
	// 255 multiples of one number, the same for the whole tensor or one for each
	// column, which is the last axis: Fault.Role is PerTensor or PerColumn.
	Int8Weights Kind = "int8 weights"
	// OneWeight changes one weight.
	OneWeight Kind = "one weight"
)

// The kinds of faults around the recurrent layers.
const (
	// Epsilon is a different epsilon in a normalization: Fault.Node, From, To.
	Epsilon Kind = "epsilon"
	// BatchStatistics normalizes by the mean and the variance of the batch, as in
	// training; Variance reads the moving variance Fault.Variable as the standard
	// deviation.
	BatchStatistics Kind = "statistics of the batch"
	Variance        Kind = "variance read as standard deviation"
	// Padding is a different padding of a convolution along time: Fault.Node,
	// From, To.
	Padding Kind = "padding"
	// EmbeddingShifted looks the row of the number next to an index up in the
	// table Fault.Variable: Fault.Steps is 1 or -1.
	EmbeddingShifted Kind = "embedding row off by one"
	// InputScaled computes with Fault.Input·Factor + Is.
	InputScaled Kind = "input scaling"
	// OutputsSwapped returns the outputs Fault.Output and Other in each other's
	// place.
	OutputsSwapped Kind = "outputs swapped"
	// LayerOutput has all that reads the sequence or the last output of
	// Fault.Layer read that of Other.
	LayerOutput Kind = "another layer's output"
	// StateReturned has all that reads the final state Fault.From of an LSTM read
	// the state To.
	StateReturned Kind = "another state returned"
)

// What Int8Weights has one scale for.
const (
	PerTensor = "tensor"
	PerColumn = "column"
)

// Fault is one mistake, planted on purpose to see whether it is found, or tried
// to see whether it explains a divergence.
type Fault struct {
	Kind Kind `json:"kind"`
	// Layer is the recurrent layer that has it; empty for the whole model.
	Layer string `json:"layer,omitempty"`
	// Other is the other layer, or the other input.
	Other string `json:"other,omitempty"`
	// Node is an operation by its name in the graph, Variable a variable by its
	// own, Output an output of the signature.
	Node     string `json:"node,omitempty"`
	Variable string `json:"variable,omitempty"`
	Output   string `json:"output,omitempty"`
	// Input is an input of the signature, Steps by how many steps it is
	// delayed.
	Input string `json:"input,omitempty"`
	Steps int    `json:"steps,omitempty"`
	// Order is the order in which the gates are read, by their letters: an
	// LSTM's weights are in the order ifgo, a GRU's zrg.
	Order string `json:"order,omitempty"`
	// Role is "activation" or "recurrent_activation", or what a weight's rounding
	// or an epsilon is of, From what the
	// model has and To what the fault has instead.
	Role string `json:"role,omitempty"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Tensor is kernel, recurrent_kernel or bias, and Index the weight's place
	// in it, row-major. Its value w becomes w moved by ULP units in the last
	// place if ULP is not 0, else w·Factor if that is not 0, else Is.
	Tensor string  `json:"tensor,omitempty"`
	Index  int     `json:"index,omitempty"`
	ULP    int     `json:"ulp,omitempty"`
	Factor float64 `json:"factor,omitempty"`
	Is     float64 `json:"is,omitempty"`
}

// OutsideSteps tells whether the fault is in what a layer reads over a whole
// sequence, or in what is computed around the layers, so that every single step
// of them is right.
func (f Fault) OutsideSteps() bool {
	switch f.Kind {
	case StatesSwapped, StatesIgnored, Backwards, MaskIgnored, MaskZeroInputs, MaskZeroOutputs, InputsSwapped, InputShifted, InputScaled, OwnOutput,
		OutputsSwapped, LayerOutput, StateReturned:
		return true
	}
	return f.Node != "" || f.Variable != ""
}
