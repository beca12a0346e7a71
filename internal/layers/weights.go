package layers

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Weight is a variable and the role that it plays.
type Weight struct {
	Name     string // such as "encoder/kernel"
	Variable *savedmodel.Variable
}

// Weights returns the variables of the sequence-to-sequence model, in the
// order of Keras's get_weights(), or the reason why the model is something
// else.
func Weights(m *savedmodel.MetaGraph, g *savedmodel.Graph) ([]Weight, error) {
	f, err := Find(m, g)
	if err != nil {
		return nil, err
	}
	if f.Seq2Seq == nil {
		return nil, f.Not
	}
	return f.Seq2Seq.Weights(m)
}

// Weights returns the variables of the model, in the order of Keras's
// get_weights().
func (s *Seq2Seq) Weights(m *savedmodel.MetaGraph) ([]Weight, error) {
	var out []Weight
	for _, w := range []struct {
		name string
		ref  savedmodel.Ref
	}{
		{"encoder/kernel", s.Encoder.Kernel},
		{"encoder/recurrent_kernel", s.Encoder.RecurrentKernel},
		{"encoder/bias", s.Encoder.Bias},
		{"decoder/kernel", s.Decoder.Kernel},
		{"decoder/recurrent_kernel", s.Decoder.RecurrentKernel},
		{"decoder/bias", s.Decoder.Bias},
		{"dense/kernel", s.DenseKernel},
		{"dense/bias", s.DenseBias},
	} {
		if w.ref.Node == nil {
			continue // a layer without bias
		}
		v, ok, err := m.Variable(w.ref)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("layers: %s is %s (%s), want a variable", w.name, w.ref, w.ref.Node.Op)
		}
		out = append(out, Weight{Name: w.name, Variable: v})
	}
	return out, nil
}
