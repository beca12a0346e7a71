package op

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Operand returns a tensor of one element type and its elements.
func Operand[E lockstep.Element](in []value.Value, i int) (*lockstep.Tensor, []E, error) {
	t := in[i].Tensor
	if t == nil {
		return nil, nil, fmt.Errorf("input %d is %s, want a tensor", i, in[i])
	}
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, nil, fmt.Errorf("input %d: %w", i, err)
	}
	return t, d, nil
}

// Operands returns n tensors of one element type and their elements; any
// number of them if n is negative.
func Operands[E lockstep.Element](in []value.Value, n int) ([]*lockstep.Tensor, [][]E, error) {
	t, err := value.Tensors(in, n)
	if err != nil {
		return nil, nil, err
	}
	d := make([][]E, len(t))
	for i := range t {
		if _, d[i], err = Operand[E](in, i); err != nil {
			return nil, nil, err
		}
	}
	return t, d, nil
}

// Vector reads a list of integers.
func Vector(t *lockstep.Tensor) ([]int, error) {
	if t.Rank() != 1 {
		return nil, fmt.Errorf("%s, want a list of integers", t)
	}
	return value.Ints(t)
}

// oldVector reads a list of integers where TensorFlow still accepts a single
// integer.
func oldVector(t *lockstep.Tensor) ([]int, error) {
	if t.Rank() == 0 {
		return value.Ints(t)
	}
	return Vector(t)
}

// WantShape checks a requested shape: all its axes must be known.
func WantShape(shape []int, err error) ([]int, error) {
	if err != nil {
		return nil, fmt.Errorf("the shape: %w", err)
	}
	if _, err := value.Allow(shape); err != nil {
		return nil, err
	}
	return shape, nil
}

// Scalar reads an integer that must not even have an axis of length one.
func Scalar(t *lockstep.Tensor) (int, error) {
	if t.Rank() != 0 {
		return 0, fmt.Errorf("%s, want one integer without axes", t)
	}
	return value.ScalarInt(t)
}

// WantScalar refuses a value that has axes.
func WantScalar(what string, t *lockstep.Tensor) error {
	if t.Rank() != 0 {
		return fmt.Errorf("%s is %s, want a scalar", what, t)
	}
	return nil
}

// wantOldScalar refuses a value that has axes, except a list of one where
// TensorFlow still accepts that.
func wantOldScalar(what string, t *lockstep.Tensor) error {
	if t.Rank() == 1 && t.Len() == 1 {
		return nil
	}
	return WantScalar(what, t)
}

// scalars reads inputs that are one number each.
func scalars[E lockstep.Element](in []value.Value, n int, want func(string, *lockstep.Tensor) error) ([]E, error) {
	t, err := value.Tensors(in, n)
	if err != nil {
		return nil, err
	}
	out := make([]E, n)
	for i, x := range t {
		if err := want(fmt.Sprintf("input %d", i), x); err != nil {
			return nil, err
		}
		d, err := lockstep.Data[E](x)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		out[i] = d[0]
	}
	return out, nil
}

// NotSupported is the error of an attribute's value.
func NotSupported(attr string, value any) error {
	return fmt.Errorf("attribute %q is %v, which is not supported", attr, value)
}

// BoolOr reads an attribute that a SavedModel leaves out where it has its default.
func BoolOr(n *savedmodel.Node, name string, absent bool) bool {
	if !n.HasAttr(name) {
		return absent
	}
	return n.AttrBool(name)
}

// FloatOr is BoolOr for a number.
func FloatOr(n *savedmodel.Node, name string, absent float32) float32 {
	if !n.HasAttr(name) {
		return absent
	}
	return n.AttrFloat(name)
}

// StringOr is BoolOr for a string.
func StringOr(n *savedmodel.Node, name, absent string) string {
	if !n.HasAttr(name) {
		return absent
	}
	return n.AttrString(name)
}

// TypeOr is BoolOr for an element type.
func TypeOr(n *savedmodel.Node, name string, absent lockstep.DType) (lockstep.DType, error) {
	if !n.HasAttr(name) {
		return absent, nil
	}
	return n.AttrType(name)
}

// OrFloat32 is ByType for an operation whose type is float32 if its attribute is absent.
func OrFloat32(v Variants[Exec]) Builder {
	return func(n *savedmodel.Node) (Exec, error) { return v.orFloat32(n, "T") }
}

func (v Variants[T]) orFloat32(n *savedmodel.Node, attr string) (run T, err error) {
	d, err := TypeOr(n, attr, lockstep.Float32)
	if err != nil {
		return run, err
	}
	return v.of(attr, d)
}

// IntOr is BoolOr for an integer.
func IntOr(n *savedmodel.Node, name string, absent int) int {
	if !n.HasAttr(name) {
		return absent
	}
	return int(n.AttrInt(name))
}

// indexType reads an attribute that chooses between int32 and int64.
func indexType(n *savedmodel.Node, name string) (lockstep.DType, error) {
	d, err := TypeOr(n, name, lockstep.Int32)
	if err == nil && d != lockstep.Int32 && d != lockstep.Int64 {
		err = fmt.Errorf("attribute %q is %s, want int32 or int64", name, d)
	}
	return d, err
}

// InputError is an error about input i.
func InputError(i int, err error) error { return fmt.Errorf("input %d: %w", i, err) }

// InputsError is the error of a wrong number of inputs.
func InputsError(n int) error { return fmt.Errorf("%d inputs", n) }

// hasElement tells whether a tensor of floats has an element that is such.
func hasElement(t *lockstep.Tensor, such func(v float64) bool) bool {
	if !t.DType().IsFloat() {
		return false
	}
	d, err := t.Float64s()
	return err == nil && slices.ContainsFunc(d, such)
}
