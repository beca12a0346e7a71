package native

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Description describes one signature of a SavedModel, from its files.
type Description struct {
	// TensorFlow is the version of TensorFlow that wrote the model.
	TensorFlow string
	// Signatures are all that can be called, whatever types they have; Signature
	// is the one described.
	Signatures []lockstep.Signature
	Signature  string
	// Layers are the recurrent layers that were recognised, in the order in
	// which they run, and Unrecognised the loops that were not.
	Layers       []Layer
	Unrecognised []Loop
	// Slices are the loops, by their nodes, that split a tensor, as Keras 3's
	// TimeDistributed of unknown length does: they run as one operation.
	Slices []string
	// Weights are those of the eight-tensor model in the order of Keras's
	// get_weights(); of any other, the variables that the signature reads, in
	// that order: <layer>/kernel and so on for a recognised layer, otherwise
	// the variable's own name. Where the signature's graph cannot be followed,
	// they are all variables that loading the model fills.
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
	Masked     bool   // it leaves out steps by a mask
	Loop       string // the graph's node that loops over the steps
	// Within says where that node stands, as in "the body of loop while"; it is ""
	// in the signature's graph. A name of a node inside a loop or a branch is
	// local to it.
	Within string
	// Cell counts the cells of one loop from 0, of Cells.
	Cell, Cells int
}

// Loop is a loop of the graph that is no known layer, and why. Within is as of a
// Layer.
type Loop struct{ Node, Reason, Within string }

// Weight is a variable of the model.
type Weight struct {
	Name     string // such as encoder/kernel
	DType    lockstep.DType
	Type     string // TensorFlow's name of the type, where DType is Invalid too
	Shape    []int  // nil where the graph leaves it open
	Variable string // the graph's name of it
	Key      string // the checkpoint's entry that fills it
	Reason   error  // why its value cannot be read, nil if it can

	of *savedmodel.Variable
}

// Inspect describes the SavedModel in dir, or in a zip of one, supported or not: it fails only
// where there is no such model, graph or signature.
func Inspect(dir string, options ...Option) (*Description, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	o := chosen(options)
	meta, err := saved.MetaGraph(o.Tags...)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	sig, err := meta.Signature(o.Signature)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	d := &Description{TensorFlow: meta.TensorFlowVersion(), Signatures: meta.Signatures(), Signature: sig.Name, meta: meta}
	src, err := source.ReadMeta(meta, o.Options)
	if err == nil {
		err = d.describe(src)
	}
	if err != nil {
		d.Reason = err
		all, err := meta.Variables()
		if err != nil {
			d.Reason = errors.Join(d.Reason, fmt.Errorf("native: %w", err))
		}
		for _, v := range all {
			d.Weights = append(d.Weights, describeWeight(v.Name, v))
		}
	}
	return d, nil
}

// describe describes a signature whose graph could be read.
func (d *Description) describe(src *source.Source) error {
	d.Layers = describeLayers(src.Found)
	for _, s := range src.Found.Slices {
		d.Slices = append(d.Slices, s.Loop.Name)
	}
	d.Unrecognised = unknownLoops(src.Found)
	named, err := src.Found.Weights(d.meta, src.Graph)
	if err != nil {
		return fmt.Errorf("native: %w", err)
	}
	for _, w := range named {
		d.Weights = append(d.Weights, describeWeight(w.Name, w.Variable))
	}
	_, d.Reason = newModel(src)
	return nil
}

func describeWeight(name string, v *savedmodel.Variable) Weight {
	return Weight{Name: name, DType: v.DType, Type: v.Type, Shape: v.Shape, Variable: v.Name, Key: v.Key, Reason: v.Err, of: v}
}

// unknownLoops describes the loops that were not recognised.
func unknownLoops(found *recurrent.Findings) []Loop {
	var out []Loop
	for _, u := range found.Rest {
		out = append(out, Loop{Node: u.Loop.Name, Reason: u.Reason, Within: placeName(u.Place)})
	}
	return out
}

func placeName(p *savedmodel.Place) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// describeLayers describes what was recognised.
func describeLayers(found *recurrent.Findings) []Layer {
	var out []Layer
	for _, r := range found.Recurrences {
		for i, l := range r.Cells {
			d := Layer{
				Name: l.Name, Kind: l.Kind.String(), Units: l.Units, Features: l.Features,
				Activation: l.Activation.String(), ResetAfter: l.ResetAfter, Masked: r.Mask != nil,
				Loop: l.Loop.Name, Within: placeName(l.Place), Cell: i, Cells: len(r.Cells),
			}
			if l.Kind != recurrent.SimpleRNN {
				d.RecurrentActivation = l.RecurrentActivation.String()
			}
			out = append(out, d)
		}
	}
	return out
}

// ReadWeights reads the values of d.Weights from the checkpoint, as far as they
// can be read. The error says which cannot, and why.
func (d *Description) ReadWeights() (lockstep.Weights, error) {
	var out lockstep.Weights
	var errs []error
	for _, w := range d.Weights {
		t, err := d.meta.Value(w.of)
		if err != nil {
			errs = append(errs, fmt.Errorf("native: weight %q: %w", w.Name, err))
			continue
		}
		out = append(out, lockstep.NamedTensor{Name: w.Name, Tensor: t})
	}
	return out, errors.Join(errs...)
}
