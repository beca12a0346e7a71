package lockstep

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// TensorSpec describes one input or output of a signature.
type TensorSpec struct {
	Name  string // the SignatureDef's name for it
	DType DType
	// Type is TensorFlow's name of a type that no tensor of lockstep can have,
	// such as "qint8" or "float8_e4m3fn"; DType is Invalid then. It is empty else.
	Type string
	// Shape has -1 where an axis may have any length. It is nil and
	// UnknownRank is set where the rank is not given; a nil Shape without
	// UnknownRank is a scalar's.
	Shape       []int
	UnknownRank bool
}

// String describes the spec, as in "encoder_input float32 (?, 10, 1)".
func (s TensorSpec) String() string {
	if s.UnknownRank {
		return s.Name + " " + s.TypeName() + " of any shape"
	}
	return s.Name + " " + s.TypeName() + " " + FormatShape(s.Shape)
}

// TypeName returns TensorFlow's name of the type, whether or not lockstep has
// tensors of it.
func (s TensorSpec) TypeName() string {
	if s.Type != "" {
		return s.Type
	}
	return s.DType.String()
}

// Check tells whether t fits s: its type, its rank and every axis that s fixes.
func (s TensorSpec) Check(t *Tensor) error {
	if t == nil {
		return fmt.Errorf("lockstep: %q is missing, want %s", s.Name, s)
	}
	if t.dtype != s.DType {
		return fmt.Errorf("lockstep: %q has the type %s, want %s: convert it, in numpy with x.astype(%q)", s.Name, t.dtype, s.TypeName(), s.TypeName())
	}
	if s.UnknownRank {
		return nil
	}
	if len(t.shape) != len(s.Shape) {
		return fmt.Errorf("lockstep: %q has the shape %s of rank %d, want %s of rank %d", s.Name, FormatShape(t.shape), len(t.shape), FormatShape(s.Shape), len(s.Shape))
	}
	for i, d := range s.Shape {
		if d >= 0 && t.shape[i] != d {
			return fmt.Errorf("lockstep: %q has the shape %s, want %s: axis %d is %d, want %d", s.Name, FormatShape(t.shape), FormatShape(s.Shape), i, t.shape[i], d)
		}
	}
	return nil
}

// Signature is one way to call a model: the tensors that go in and come out.
type Signature struct {
	Name    string       // such as "serving_default"
	Inputs  []TensorSpec // in order of name
	Outputs []TensorSpec // in order of name
}

// Input returns the input of that name.
func (s Signature) Input(name string) (TensorSpec, bool) { return find(s.Inputs, name) }

// Output returns the output of that name.
func (s Signature) Output(name string) (TensorSpec, bool) { return find(s.Outputs, name) }

func find(specs []TensorSpec, name string) (TensorSpec, bool) {
	for _, spec := range specs {
		if spec.Name == name {
			return spec, true
		}
	}
	return TensorSpec{}, false
}

// CheckTypes tells whether every input and output has a type that tensors can
// have. The error names all others.
func (s Signature) CheckTypes() error {
	var errs []error
	for _, side := range []struct {
		name  string
		specs []TensorSpec
	}{{"input", s.Inputs}, {"output", s.Outputs}} {
		for _, spec := range side.specs {
			if spec.DType == Invalid {
				errs = append(errs, fmt.Errorf("lockstep: signature %q: %s %q is %s, and lockstep has no tensors of that type", s.Name, side.name, spec.Name, spec.TypeName()))
			}
		}
	}
	return errors.Join(errs...)
}

// CheckInputs tells whether inputs are exactly the signature's, by name, type
// and shape. The error, a *TensorError, lists everything that is wrong.
func (s Signature) CheckInputs(inputs map[string]*Tensor) error {
	var errs []error
	for _, spec := range s.Inputs {
		t, ok := inputs[spec.Name]
		if !ok {
			errs = append(errs, fmt.Errorf("lockstep: no input %s, which signature %q wants; got %s%s", spec, s.Name, nameList(slices.Sorted(maps.Keys(inputs))), Nearest(spec.Name, s.others(inputs))))
			continue
		}
		if err := spec.Check(t); err != nil {
			errs = append(errs, err)
		}
	}
	if len(inputs) == len(s.Inputs) && len(errs) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if _, ok := s.Input(name); !ok {
			errs = append(errs, fmt.Errorf("lockstep: signature %q has no input %q; it has %s%s", s.Name, name, nameList(specNames(s.Inputs)), Nearest(name, specNames(s.Inputs))))
		}
	}
	return &TensorError{errors.Join(errs...)}
}

// others are the names of inputs that the signature does not have.
func (s Signature) others(inputs map[string]*Tensor) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if _, ok := s.Input(name); !ok {
			out = append(out, name)
		}
	}
	return out
}

func specNames(specs []TensorSpec) []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	return names
}

func nameList(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}
