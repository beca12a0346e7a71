package lockstep

// NamedTensor is a tensor and its name.
type NamedTensor struct {
	Name   string
	Tensor *Tensor
}

// ByName returns named tensors by their names; of two of one name, the last.
func ByName(tensors []NamedTensor) map[string]*Tensor {
	out := make(map[string]*Tensor, len(tensors))
	for _, nt := range tensors {
		out[nt.Name] = nt.Tensor
	}
	return out
}

// Names returns the names of named tensors, in order.
func Names(tensors []NamedTensor) []string {
	out := make([]string, len(tensors))
	for i, nt := range tensors {
		out[i] = nt.Name
	}
	return out
}

// Weights are a model's weights in the order of Keras's get_weights(). In a
// sequence-to-sequence model these are eight: encoder/kernel (F, 4U),
// encoder/recurrent_kernel (U, 4U), encoder/bias (4U), the same three of the
// decoder, dense/kernel (U, O) and dense/bias (O); a layer made with
// use_bias=False has no bias here. A kernel's columns are four blocks of U, for
// the gates i, f, c, o.
type Weights []NamedTensor

// Get returns the weight of that name, nil if there is none.
func (w Weights) Get(name string) *Tensor {
	for _, nt := range w {
		if nt.Name == name {
			return nt.Tensor
		}
	}
	return nil
}
