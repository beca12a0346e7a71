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
	// Weights are the weights of a supported model in the order of Keras's
	// get_weights(), by role; of any other, all its variables by their own
	// names.
	Weights []Weight
	// Reason says why Load refuses the signature, nil if it does not.
	Reason error

	meta *savedmodel.MetaGraph
}

// Layer is a recurrent layer.
type Layer struct {
	Name                            string // encoder, decoder, or Keras's name
	Kind                            string // Keras's class, such as LSTM
	Activation, RecurrentActivation string // Keras's names
	Loop                            string // the graph's node that loops over the steps
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
	src, err := read(saved, options)
	if err != nil {
		return nil, err
	}
	d := &Description{TensorFlow: src.meta.TensorFlowVersion(), Signature: src.graph.Signature.Name, meta: src.meta}
	if d.Signatures, err = src.meta.Signatures(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	for _, l := range src.found.Layers {
		d.Layers = append(d.Layers, Layer{
			Name: l.Name, Kind: l.Kind.String(), Loop: l.Loop.Name,
			Activation: l.Activation.String(), RecurrentActivation: l.RecurrentActivation.String(),
		})
	}
	for _, u := range src.found.Rest {
		d.Unrecognised = append(d.Unrecognised, Loop{Node: u.Loop.Name, Reason: u.Reason})
	}
	if err := d.findWeights(src.found); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	_, d.Reason = src.model()
	return d, nil
}

func (d *Description) findWeights(found *layers.Found) error {
	if found.Seq2Seq != nil {
		named, err := found.Seq2Seq.Weights(d.meta)
		if err != nil {
			return err
		}
		for _, w := range named {
			d.addWeight(w.Name, w.Variable)
		}
		return nil
	}
	all, err := d.meta.Variables()
	if err != nil {
		return err
	}
	for _, v := range all {
		d.addWeight(v.Name, v)
	}
	return nil
}

func (d *Description) addWeight(name string, v *savedmodel.Variable) {
	d.Weights = append(d.Weights, Weight{Name: name, DType: v.DType, Shape: v.Shape, Variable: v.Name, Key: v.Key, of: v})
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
