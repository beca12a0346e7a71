package native

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/layers"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Description is what a SavedModel's files say of one signature.
type Description struct {
	// TensorFlow is the version of TensorFlow that wrote the model.
	TensorFlow string
	// Signatures are all that can be called; Signature is the one described.
	Signatures []lockstep.Signature
	Signature  string
	// Layers are the recurrent layers that were recognised, in the order in
	// which they run, and Unrecognised the loops that were not.
	Layers       []Layer
	Unrecognised []Loop
	// Slices are the loops, by their nodes, that take a tensor apart, as Keras
	// 3's TimeDistributed of a length that is not known does: they run as one
	// operation.
	Slices []string
	// Weights are those of the eight-tensor model in the order of Keras's
	// get_weights(); of any other, the variables that the signature reads, in
	// the order in which it does: <layer>/kernel and so on of a recognised
	// layer, the variable's own name of others.
	Weights []Weight
	// Reason says why Load refuses the signature, nil if it does not.
	Reason error

	meta *savedmodel.MetaGraph
}

// Layer is a recurrent layer, or one cell of an RNN layer that stacks some.
type Layer struct {
	Name     string // encoder, decoder, or Keras's name
	Kind     string // Keras's class: LSTM, GRU, SimpleRNN
	Units    int    // the length of a state
	Features int    // the length of its input's last axis

	// Activation and RecurrentActivation are Keras's names; a SimpleRNN has no
	// recurrent one.
	Activation, RecurrentActivation string

	ResetAfter bool   // of a GRU: its reset gate is applied after the product
	Masked     bool   // it leaves out the steps that a mask names
	Loop       string // the graph's node that loops over the steps
	// Cell counts the cells of one loop from 0, of Cells.
	Cell, Cells int
}

// Loop is a loop of the graph that is no known layer, and why.
type Loop struct{ Node, Reason string }

// Weight is a variable of the model.
type Weight struct {
	Name     string // such as encoder/kernel
	DType    lockstep.DType
	Shape    []int
	Variable string // the graph's name of it
	Key      string // the checkpoint's entry that fills it

	of *savedmodel.Variable
}

// Inspect reads what the SavedModel in dir says of itself, supported or not.
func Inspect(dir string, options ...Option) (*Description, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	src, err := read(saved, chosen(options))
	if err != nil {
		return nil, err
	}
	d := &Description{TensorFlow: src.meta.TensorFlowVersion(), Signature: src.graph.Signature.Name, meta: src.meta}
	if d.Signatures, err = src.meta.Signatures(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	d.Layers = describeLayers(src.found)
	for _, s := range src.found.Slices {
		d.Slices = append(d.Slices, s.Loop.Name)
	}
	for _, u := range src.found.Rest {
		d.Unrecognised = append(d.Unrecognised, Loop{Node: u.Loop.Name, Reason: u.Reason})
	}
	named, err := layers.Weights(src.meta, src.graph)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	for _, w := range named {
		v := w.Variable
		d.Weights = append(d.Weights, Weight{Name: w.Name, DType: v.DType, Shape: v.Shape, Variable: v.Name, Key: v.Key, of: v})
	}
	_, d.Reason = src.model()
	return d, nil
}

// describeLayers describes what was recognised.
func describeLayers(found *layers.Found) []Layer {
	var out []Layer
	for _, r := range found.Recurrences {
		for i, l := range r.Cells {
			d := Layer{
				Name: l.Name, Kind: l.Kind.String(), Units: l.Units, Features: l.Features,
				Activation: l.Activation.String(), ResetAfter: l.ResetAfter, Masked: r.Mask != nil,
				Loop: l.Loop.Name, Cell: i, Cells: len(r.Cells),
			}
			if l.Kind != layers.SimpleRNN {
				d.RecurrentActivation = l.RecurrentActivation.String()
			}
			out = append(out, d)
		}
	}
	return out
}

// ReadWeights reads the values of d.Weights from the checkpoint.
func (d *Description) ReadWeights() (lockstep.Weights, error) {
	out := make(lockstep.Weights, len(d.Weights))
	for i, w := range d.Weights {
		t, err := d.meta.Value(w.of)
		if err != nil {
			return nil, fmt.Errorf("native: %w", err)
		}
		out[i] = lockstep.NamedTensor{Name: w.Name, Tensor: t}
	}
	return out, nil
}
