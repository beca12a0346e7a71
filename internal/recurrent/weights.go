package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Weight is a variable and its role.
type Weight struct {
	Name     string // such as "encoder/kernel"
	Variable *savedmodel.Variable
}

// Weights returns the variables of a model: of the sequence-to-sequence model
// in the order of Keras's get_weights(), of any other those that the signature
// reads, in order of first use.
func Weights(m *savedmodel.MetaGraph, g *savedmodel.Graph) ([]Weight, error) {
	f, err := Find(m, g)
	if err != nil {
		return nil, err
	}
	return f.Weights(m, g)
}

// Weights returns the variables of the model that f was found in, those among
// them that cannot be read (Variable.Err).
func (f *Findings) Weights(m *savedmodel.MetaGraph, g *savedmodel.Graph) ([]Weight, error) {
	if f.Seq2Seq != nil {
		return f.Seq2Seq.Weights(m)
	}
	roles, err := f.roles(m)
	if err != nil {
		return nil, err
	}
	used, err := usesOf(g)
	if err != nil {
		return nil, err
	}
	var out []Weight
	taken, done := map[string]bool{}, map[*savedmodel.Variable]bool{}
	for _, handle := range used.read {
		v, ok, err := m.FindVariable(handle)
		if err != nil {
			return nil, err
		}
		if !ok || done[v] {
			continue
		}
		done[v] = true
		name, ok := roles[v]
		if !ok {
			name = v.Name
		}
		out = append(out, Weight{Name: unique(name, taken), Variable: v})
	}
	return out, nil
}

// roles names the variables of the layers. One that several layers share has
// the name of the first.
func (f *Findings) roles(m *savedmodel.MetaGraph) (map[*savedmodel.Variable]string, error) {
	roles := map[*savedmodel.Variable]string{}
	for _, l := range f.Layers {
		for _, role := range []struct {
			name string
			of   savedmodel.Ref
		}{{"kernel", l.Kernel}, {"recurrent_kernel", l.RecurrentKernel}, {"bias", l.Bias}} {
			v, ok, err := m.Variable(role.of)
			if err != nil {
				return nil, err
			}
			if _, named := roles[v]; ok && !named {
				roles[v] = l.Name + "/" + role.name
			}
		}
	}
	return roles, nil
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
			return nil, fmt.Errorf("%s is %s (%s), want a variable", w.name, w.ref, w.ref.Node.Op)
		}
		out = append(out, Weight{Name: w.name, Variable: v})
	}
	return out, nil
}

// checkVariables tells whether the weights are variables of one type, which
// nothing changes while the signature runs.
func (s *Seq2Seq) checkVariables(sh *shapes, g *savedmodel.Graph) error {
	weights, err := s.Weights(sh.m)
	if err != nil {
		return err
	}
	for _, w := range weights {
		if w.Variable.DType != weights[0].Variable.DType {
			return fmt.Errorf("%s is %s and %s %s, want one type", weights[0].Name, weights[0].Variable.DType, w.Name, w.Variable.DType)
		}
	}
	if len(g.Effects) > 0 {
		return fmt.Errorf("a call changes what outlives it, by %q (%s)", g.Effects[0].Name, g.Effects[0].Op)
	}
	layers := []*savedmodel.Node{s.Encoder.Loop, s.Decoder.Loop}
	for _, n := range g.Nodes {
		if n.ReadsResources() || n.Op == "Identity" || n.Op == "IdentityN" || slices.Contains(layers, n) {
			continue
		}
		for _, in := range n.Inputs {
			if in = in.Through(); in.Node.Op == "VarHandleOp" {
				return fmt.Errorf("the variable %q is given to %q (%s), which may change it", in.Node.Name, n.Name, n.Op)
			}
		}
	}
	return nil
}
