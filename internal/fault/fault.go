// Package fault plants a known mistake in a model before it is compiled, and
// lists those that a model can have: to see whether a check finds them, and,
// where engines diverge, whether one of them explains it.
//
//	for _, f := range fault.List(m.Source()) {
//		faulty, err := m.Edit(f.Plant)
//
// This package defines the mistakes and how they change a source.Source.
package fault

import (
	"fmt"
	"strings"
)

// Kind is a kind of mistake that engines, exporters and converters of
// recurrent models are known to make.
type Kind string

// The kinds of faults.
const (
	// GateOrder reads the gates in an order that is not Keras's: Fault.Order.
	GateOrder Kind = "gate order"
	// KernelTransposed reads the kernel's numbers as if they were stored as
	// (gates·units, features), RecurrentTransposed the recurrent kernel's as if
	// stored as (gates·units, units).
	KernelTransposed    Kind = "kernel transposed"
	RecurrentTransposed Kind = "recurrent kernel transposed"
	// RecurrentBlocksTransposed transposes the square block of each gate.
	RecurrentBlocksTransposed Kind = "recurrent kernel transposed gate by gate"
	BiasMissing               Kind = "bias missing"
	// BiasTwice adds the bias to the input's sums and again to the state's, as
	// engines with two bias vectors do if they get the same one twice.
	BiasTwice Kind = "bias twice"
	// BiasRowsSwapped swaps a GRU's bias rows for x and h, and BiasRowsAdded
	// adds both to the one for x.
	BiasRowsSwapped Kind = "bias rows swapped"
	BiasRowsAdded   Kind = "bias rows added"
	// ForgetBias adds one to the biases of the forget gate.
	ForgetBias Kind = "forget bias twice"
	// ActivationChanged is a different activation: Fault.Role, From and To.
	ActivationChanged Kind = "activation"
	// ResetAfter is the other GRU: reset_after=False instead of True, or the
	// reverse.
	ResetAfter Kind = "reset_after"
	// WeightsSwapped swaps the weights of the layers Fault.Layer and Other.
	WeightsSwapped Kind = "weights swapped"
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
	// HalfWeights rounds every weight to float16.
	HalfWeights Kind = "float16 weights"
	// OneWeight changes one weight.
	OneWeight Kind = "one weight"
)

// Fault is one mistake, planted on purpose to see whether it is found, or tried
// to see whether it explains a divergence.
type Fault struct {
	Kind Kind `json:"kind"`
	// Layer is the recurrent layer that has it; empty for the whole model.
	Layer string `json:"layer,omitempty"`
	// Other is the other layer, or the other input.
	Other string `json:"other,omitempty"`
	// Input is an input of the signature, Steps by how many steps it is
	// delayed.
	Input string `json:"input,omitempty"`
	Steps int    `json:"steps,omitempty"`
	// Order is the order in which the gates are read, by their letters: an
	// LSTM's weights are in the order ifgo, a GRU's zrg.
	Order string `json:"order,omitempty"`
	// Role is "activation" or "recurrent_activation", From what the
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

// frameworks names those that store gates in another order.
var frameworks = map[string]string{
	"iofg": "ONNX",
	"igfo": "TensorFlow's BasicLSTMCell, CNTK, Haiku",
	"ifog": "Core ML, Caffe, Deeplearning4j",
	"gifo": "Chainer",
	"figo": "many papers",
	"rzg":  "PyTorch, cuDNN",
}

// String describes the fault.
func (f Fault) String() string {
	s := f.what()
	if f.Layer != "" && f.Kind != WeightsSwapped {
		s += " in layer " + f.Layer
	}
	return s
}

func (f Fault) what() string {
	switch f.Kind {
	case GateOrder:
		s := "gates read in the order " + strings.Join(strings.Split(f.Order, ""), ",")
		if by := frameworks[f.Order]; by != "" {
			s += " (" + by + ")"
		}
		if len(f.Order) == 4 {
			return s + " instead of i,f,g,o"
		}
		return s + " instead of z,r,g"
	case KernelTransposed:
		return "kernel transposed: read as if stored as (gates·units, features)"
	case RecurrentTransposed:
		return "recurrent kernel transposed: read as if stored as (gates·units, units)"
	case BiasTwice:
		return "bias added twice"
	case BiasRowsSwapped:
		return "bias split wrongly: the rows for x and for h swapped"
	case BiasRowsAdded:
		return "bias split wrongly: both rows added beside x, none beside h"
	case ForgetBias:
		return "the forget gate's bias of one added twice"
	case ActivationChanged:
		return fmt.Sprintf("%s %s instead of %s", f.Role, f.To, f.From)
	case ResetAfter:
		return fmt.Sprintf("reset_after=%s instead of %s", f.To, f.From)
	case WeightsSwapped:
		return fmt.Sprintf("the weights of layers %s and %s swapped", f.Layer, f.Other)
	case StatesSwapped:
		return "h and c swapped in initial_state"
	case Backwards:
		if f.From == "backwards" {
			return "go_backwards ignored"
		}
		return "steps read backwards where the model has no go_backwards"
	case MaskZeroInputs:
		return "mask applied with zeros: masked steps taken with an input of zeros"
	case MaskZeroOutputs:
		return "mask applied with zeros: a masked step's output is zeros, not the one before it"
	case InputsSwapped:
		return fmt.Sprintf("inputs %s and %s swapped", f.Input, f.Other)
	case InputShifted:
		what := "every sequence input"
		if f.Input != "" {
			what = "input " + f.Input
		}
		if f.Steps < 0 {
			return fmt.Sprintf("%s off by one step: each step reads the next one's values", what)
		}
		return fmt.Sprintf("%s off by one step: each step reads the values of the one before it", what)
	case OwnOutput:
		return "the decoder fed with its own outputs, not with its inputs (no teacher forcing)"
	case HalfWeights:
		return "weights rounded to float16"
	case OneWeight:
		s := fmt.Sprintf("one weight: element %d of %s", f.Index, f.Tensor)
		switch {
		case f.ULP != 0:
			return s + fmt.Sprintf(" off by %d ulp", f.ULP)
		case f.Factor != 0:
			return s + fmt.Sprintf(" times %v", f.Factor)
		}
		return s + fmt.Sprintf(" is %v", f.Is)
	}
	return string(f.Kind)
}

// SequenceLevel tells whether the fault is in what a layer reads over a whole
// sequence, so that every single step is right.
func (f Fault) SequenceLevel() bool {
	switch f.Kind {
	case StatesSwapped, StatesIgnored, Backwards, MaskIgnored, MaskZeroInputs, MaskZeroOutputs, InputsSwapped, InputShifted, OwnOutput:
		return true
	}
	return false
}
