package source

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Weights reads the signature's weights from the checkpoint, regardless of
// edits, except variables that cannot be read: if an output needs one of these,
// compiling fails with the node that does.
func (s *Source) Weights() (lockstep.Weights, error) {
	named, err := s.files.Weights(s.meta, s.Graph)
	if err != nil {
		return nil, err
	}
	out := make(lockstep.Weights, 0, len(named))
	for _, w := range named {
		if w.Variable.Err != nil {
			continue
		}
		t, err := s.value(w.Variable)
		if err != nil {
			return nil, err
		}
		out = append(out, lockstep.NamedTensor{Name: w.Name, Tensor: t})
	}
	return out, nil
}

// LayerWeight returns a recurrent layer's kernel, recurrent_kernel or bias as the
// model computes with it, nil for a bias that it does not have.
func (s *Source) LayerWeight(layer, tensor string) (*lockstep.Tensor, error) {
	l, _, err := s.Layer(layer)
	if err != nil {
		return nil, err
	}
	ref, ok := map[string]savedmodel.Ref{"kernel": l.Kernel, "recurrent_kernel": l.RecurrentKernel, "bias": l.Bias}[tensor]
	if !ok {
		return nil, fmt.Errorf("layer %q has no weight %q", layer, tensor)
	}
	if ref.Node == nil {
		return nil, nil
	}
	t, err := s.Weight(ref)
	if err != nil {
		return nil, fmt.Errorf("the %s of layer %q: %w", tensor, layer, err)
	}
	return t, nil
}

// Weight returns the value of a layer's weight: a variable, a constant, or what is
// computed of such.
func (s *Source) Weight(r savedmodel.Ref) (*lockstep.Tensor, error) {
	if t := s.constants[r.Node]; t != nil {
		return t, nil
	}
	if joined := s.files.Joined[r.Node]; joined != nil {
		return s.join(joined)
	}
	if v, ok, err := s.meta.Variable(r); err != nil || ok {
		if err != nil {
			return nil, err
		}
		return s.Value(v)
	}
	if recurrent.Computed(r) {
		return s.converted(s.computed(r))
	}
	return s.converted(r.Through().Node.Const())
}

// Constant returns a new weight, for a layer of an edited copy.
func (s *Source) Constant(t *lockstep.Tensor) savedmodel.Ref {
	r := savedmodel.Ref{Node: &savedmodel.Node{Name: "edited", NumOutputs: 1}}
	s.constants[r.Node] = t
	return r
}

// variable returns the value of a variable by its handle.
func (s *Source) variable(handle savedmodel.Ref) (*lockstep.Tensor, error) {
	v, ok, err := s.meta.Variable(handle)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s (%s) is not a variable", handle, handle.Node.Op)
	}
	return s.Value(v)
}

// VariableOf returns the variable whose handle or value a tensor is, nil if it is
// something else or a variable that cannot be read.
func (s *Source) VariableOf(r savedmodel.Ref) *savedmodel.Variable {
	if v, ok, err := s.meta.Variable(r); err == nil && ok {
		return v
	}
	return nil
}

// Value returns the value that the model computes with for a variable.
func (s *Source) Value(v *savedmodel.Variable) (*lockstep.Tensor, error) {
	if t := s.replaced[v]; t != nil {
		return t, nil
	}
	return s.converted(s.value(v))
}

// SetVariable is for an edit: it gives a variable a new value of the same type and
// shape, wherever the model reads it.
func (s *Source) SetVariable(v *savedmodel.Variable, t *lockstep.Tensor) error {
	if t.DType() != v.DType || !slices.Equal(t.Shape(), v.Shape) {
		return fmt.Errorf("the variable %q is %s %s, and its new value %s", v.Name, v.DType, lockstep.FormatShape(v.Shape), t)
	}
	s.replaced[v] = t
	return nil
}

// ConvertWeights is for an edit: it converts every weight, also variables that
// belong to no layer.
func (s *Source) ConvertWeights(convert func(*lockstep.Tensor) (*lockstep.Tensor, error)) error {
	for node, t := range s.constants {
		converted, err := convert(t)
		if err != nil {
			return err
		}
		s.constants[node] = converted
	}
	for v, t := range s.replaced {
		converted, err := convert(t)
		if err != nil {
			return err
		}
		s.replaced[v] = converted
	}
	before := s.convert
	s.convert = func(t *lockstep.Tensor) (*lockstep.Tensor, error) {
		if before != nil {
			var err error
			if t, err = before(t); err != nil {
				return nil, err
			}
		}
		return convert(t)
	}
	return nil
}

// converted converts a weight that was read.
func (s *Source) converted(t *lockstep.Tensor, err error) (*lockstep.Tensor, error) {
	if err != nil || s.convert == nil {
		return t, err
	}
	return s.convert(t)
}

// value reads a variable, each once.
func (s *Source) value(v *savedmodel.Variable) (*lockstep.Tensor, error) {
	s.read.mu.Lock()
	defer s.read.mu.Unlock()
	if t, ok := s.read.of[v]; ok {
		return t, nil
	}
	size, err := s.room(v)
	if err != nil {
		return nil, err
	}
	t, err := s.meta.Value(v)
	if err == nil {
		s.read.of[v] = t
		s.read.bytes += size
	}
	return t, err
}

// room returns the bytes of a variable's value, if the budget has room for them
// besides those already read.
func (s *Source) room(v *savedmodel.Variable) (int64, error) {
	limit := s.Options.Memory
	if limit == 0 {
		limit = memory.Budget()
	}
	size := float64(max(v.DType.Size(), 1)) // a graph may declare any shape
	for _, d := range v.Shape {
		size *= float64(d)
	}
	if held := s.read.bytes; float64(held)+size > float64(limit) {
		return 0, fmt.Errorf("variable %q, besides those already read: %w", v.Name, &memory.Error{Want: size, Held: held, Budget: limit})
	}
	return int64(size), nil
}
