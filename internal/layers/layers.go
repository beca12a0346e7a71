// Package layers finds Keras's recurrent layers in the flat graph of a
// SavedModel: which loop is an LSTM, what each of its loop variables means,
// and which variable of the model plays which role in it.
//
// Nothing is decided by a name or by the order of variables. A loop is taken
// for a layer only if its body, seen through identities, is that layer's
// equation: every product, every gate's place in the split, every activation
// and every state is checked. What is not proven to be the layer is not taken
// for it; the reason is kept, so that a user can be told.
package layers

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Kind is a kind of recurrent layer.
type Kind int

// The kinds that are recognised.
const (
	LSTM Kind = iota + 1
)

// String returns Keras's name of the layer's class.
func (k Kind) String() string {
	switch k {
	case LSTM:
		return "LSTM"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Layer is one recurrent layer: a loop of the graph whose body is its cell.
type Layer struct {
	Kind Kind
	// Name is the Keras layer's name, taken from its kernel's variable. It is
	// for people; nothing is decided by it.
	Name string
	// Loop is the While operation.
	Loop *savedmodel.Node

	Units    int // the length of a state
	Features int // the length of the input's last axis

	// Kernel, RecurrentKernel and Bias are the weights, as tensors in the
	// graph around the loop. Bias has no node where the layer has none.
	Kernel, RecurrentKernel, Bias savedmodel.Ref

	Activation, RecurrentActivation Activation

	// Steps is the list of input steps that the loop reads: an operation such
	// as TensorListFromTensor makes it of a time-major tensor (T, N, F).
	Steps savedmodel.Ref
	// InitialState and FinalState are the states before the first and after
	// the last step, each (N, units): h, c.
	InitialState, FinalState []savedmodel.Ref
	// Outputs is the list of h at each step that the loop leaves: T elements,
	// or, if LastOnly, one that each step overwrites.
	Outputs  savedmodel.Ref
	LastOnly bool
	// Bounds bound the loop's steps: it runs as many as the smallest says. They
	// are tensors in the graph around it, or constants of its condition.
	Bounds []savedmodel.Ref
}

// Unrecognised is a loop that was not proven to be a layer.
type Unrecognised struct {
	Loop   *savedmodel.Node
	Reason string
}

// Found is what there is of recurrence in a graph.
type Found struct {
	Layers []*Layer // in the order in which they run
	// Rest are the loops that are no layer.
	Rest []Unrecognised
	// Seq2Seq is the sequence-to-sequence model that the layers are part of,
	// nil if they are not; then Not says why. Its two layers bear the names
	// encoder and decoder.
	Seq2Seq *Seq2Seq
	Not     error
}

// Find looks at every loop of the graph.
func Find(m *savedmodel.MetaGraph, g *savedmodel.Graph) (*Found, error) {
	f := &Found{}
	sh := newShapes(m, g)
	for _, n := range g.Nodes {
		if n.Op != "While" && n.Op != "StatelessWhile" {
			continue
		}
		l, err := readLoop(g, n)
		if err != nil {
			return nil, fmt.Errorf("layers: loop %q: %w", n.Name, err)
		}
		layer, reason := l.lstm()
		if layer != nil {
			reason = layer.measure(sh)
		}
		if reason != "" {
			f.Rest = append(f.Rest, Unrecognised{Loop: n, Reason: reason})
			continue
		}
		f.Layers = append(f.Layers, layer)
	}
	if err := nameLayers(m, f.Layers); err != nil {
		return nil, fmt.Errorf("layers: %w", err)
	}
	if f.Seq2Seq, f.Not = findSeq2Seq(sh, g, f); f.Seq2Seq != nil {
		f.Seq2Seq.Encoder.Name, f.Seq2Seq.Decoder.Name = "encoder", "decoder"
	}
	return f, nil
}

// StateNames returns what a layer's states are called, in their order.
func (k Kind) StateNames() []string {
	if k == LSTM {
		return []string{"state_h", "state_c"}
	}
	return []string{"state_h"}
}
