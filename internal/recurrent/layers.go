// Package recurrent finds Keras's recurrent layers in the flat graph of a
// SavedModel: which loop runs which cells, what each of its loop variables
// means, and which variable of the model plays which role in it.
//
// Nothing is decided by a name or by the order of variables. Each tensor of a
// loop's body becomes an expression of the values at the start of the step
// (expr), in one normal form; the loop is a layer only if these are the layer's
// equations: every product, every gate's columns, every activation's constants,
// every mask and every state is checked. A loop that is not proven to be a
// layer is not treated as one; the reason is kept for the user.
package recurrent

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Kind is a kind of recurrent layer.
type Kind int

// The kinds that are recognised.
const (
	LSTM Kind = iota + 1
	GRU
	SimpleRNN
)

// String returns Keras's name of the layer's class.
func (k Kind) String() string {
	switch k {
	case LSTM:
		return "LSTM"
	case GRU:
		return "GRU"
	case SimpleRNN:
		return "SimpleRNN"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Layer is one recurrent layer: a loop of the graph whose body is its cell, or
// one of the cells that a step of the loop runs.
type Layer struct {
	Kind Kind
	// Name is the Keras layer's name, from its kernel's variable. It is for
	// display only.
	Name string
	// Loop is the While operation, and Place where it stands: in a function that
	// another loop or a branch runs, or, if it is nil, in the signature's graph.
	// The tensors below are those of that function or graph.
	Loop  *savedmodel.Node
	Place *savedmodel.Place

	Units    int // the length of a state
	Features int // the length of the input's last axis

	// Kernel, RecurrentKernel and Bias are the complete weights, as in Keras:
	// handles of variables or constants, wherever these stand, nodes that stand for
	// parts of them (Findings.Joined), or tensors of the signature's graph that are
	// computed of these alone. Bias has no node where the layer has none; a GRU with
	// ResetAfter has one of two rows, for the input and for the state.
	Kernel, RecurrentKernel, Bias savedmodel.Ref
	// ForgetBias is added to the sum of an LSTM's forget gate beside Bias, as by
	// TensorFlow 1's cells.
	ForgetBias float64

	// RecurrentActivation is that of the gates; a SimpleRNN has none.
	Activation, RecurrentActivation Activation
	// ResetAfter says that a GRU's reset gate multiplies h·recurrent_kernel,
	// and not h.
	ResetAfter bool

	// Steps is the list of input steps that the loop reads: an operation such
	// as TensorListFromTensor makes it of a time-major tensor (T, N, F). Of
	// the cells in one loop the first reads it.
	Steps savedmodel.Ref
	// States are the loop variables of the states, h and of an LSTM c;
	// InitialState and FinalState their values before the first and after the
	// last step, each (N, units).
	States                   []int
	InitialState, FinalState []savedmodel.Ref
	// Outputs is the list of h at each step after the loop: T elements, or, if
	// LastOnly, one that each step overwrites. Of the cells in one loop the
	// last writes it; it has no node where there is none.
	Outputs  savedmodel.Ref
	LastOnly bool
	// Gates are a step's gates, in the order of the kernels' columns, and Input
	// what it reads: tensors of the loop's body. Next are the states after the
	// step, with masked rows unchanged.
	Gates []Gate
	Input savedmodel.Ref
	Next  []savedmodel.Ref
	// Bounds bound the loop's steps: it runs as many as the smallest says. They
	// are tensors in the graph around it, or constants of its condition.
	Bounds []savedmodel.Ref
}

// Weights are Kernel, RecurrentKernel and Bias.
func (l *Layer) Weights() [3]savedmodel.Ref {
	return [3]savedmodel.Ref{l.Kernel, l.RecurrentKernel, l.Bias}
}

// Nested tells whether the layer stands in a loop or a branch.
func (l *Layer) Nested() bool { return l.Place != nil }

// UnknownLoop is a loop that was not proven to be a layer.
type UnknownLoop struct {
	Loop   *savedmodel.Node
	Place  *savedmodel.Place // where it stands, as of a Layer
	Reason string
}

// Findings are the recurrent layers and loops of a graph, those inside other
// loops and branches among them.
type Findings struct {
	Layers []*Layer // every cell, in the order in which they run
	// Recurrences are the loops that run the layers, Slices those of the
	// signature's graph that split a tensor, Rest all others.
	Recurrences []*Recurrence
	Slices      []*Slices
	Rest        []UnknownLoop
	// Joined are weights that are put together of parts of variables, by the nodes
	// that stand for them.
	Joined map[*savedmodel.Node]*Joined
	// Seq2Seq is the sequence-to-sequence model that the layers are part of,
	// nil if they are not; then NoSeq2Seq says why. Its two layers are named
	// encoder and decoder.
	Seq2Seq   *Seq2Seq
	NoSeq2Seq error
}

// StateNames returns what a layer's states are called, in their order.
func (k Kind) StateNames() []string {
	if k == LSTM {
		return []string{"state_h", "state_c"}
	}
	return []string{"state_h"}
}
