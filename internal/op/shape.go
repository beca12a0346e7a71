package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that read and change a tensor's shape and leave its elements
// where they are.
var shapeOps = Table{
	"Shape":         {Build: buildShape, AnyType: true, Measures: AxesOf},
	"ShapeN":        {Build: buildShape, AnyType: true, Measures: AxesOf},
	"VariableShape": {Build: buildShape},
	"Rank":          {Build: Plain(rank), AnyType: true, Measures: RankOf},
	"Size":          {Build: buildSize, AnyType: true, Measures: SizeOf},
	"Reshape":       {Build: Plain(reshape), Moves: InputsAt(0), View: true, Shape: InputsAt(1), Time: timeOfReshape},
	"ExpandDims":    {Build: Plain(expandDims), Moves: InputsAt(0), View: true, Shape: InputsAt(1), Time: TimeOfFirst},
	"Squeeze":       {Build: buildSqueeze, Moves: InputsAt(0), View: true, Shape: NoInput, Time: TimeOfFirst},
	"BroadcastTo":   {Build: Plain(broadcastTo), Moves: InputsAt(0), Shape: InputsAt(1)},
	"BroadcastArgs": {Build: Plain(broadcastArgs)},
	"EnsureShape":   {Build: buildEnsureShape, Moves: InputsAt(0)},
}

func buildShape(n *savedmodel.Node) (Exec, error) {
	dtype, err := indexType(n, "out_type")
	if err != nil {
		return nil, err
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		out := make([]value.Value, len(in))
		for i, v := range in {
			if v.Variable != nil {
				v.Tensor = v.Variable
			}
			if v.Tensor == nil {
				return nil, fmt.Errorf("the shape of %s", v)
			}
			shape, err := value.ShapeTensor(v.Tensor.Shape(), dtype)
			if err != nil {
				return nil, err
			}
			out[i].Tensor = shape
		}
		return out, nil
	}, nil
}

func rank(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, err
	}
	return w.One(value.IntTensor([]int{t[0].Rank()}, lockstep.Int32))
}

func buildSize(n *savedmodel.Node) (Exec, error) {
	dtype, err := indexType(n, "out_type")
	if err != nil {
		return nil, err
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		return w.One(value.IntTensor([]int{t[0].Len()}, dtype))
	}, nil
}

func reshape(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	shape, err := oldVector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the shape: %w", err)
	}
	want := slices.Clone(shape)
	open, known := -1, 1
	for i, d := range shape {
		switch {
		case d == -1 && open >= 0:
			return nil, fmt.Errorf("the shape %v leaves two axes open", want)
		case d == -1:
			open = i
		case d < -1:
			return nil, fmt.Errorf("the shape %v has a negative axis", want)
		case d > 0 && known > math.MaxInt/d:
			return nil, fmt.Errorf("the shape %v has more elements than memory can hold", want)
		case d > 0:
			known *= d
		}
	}
	if open >= 0 {
		// An axis of length 0 says nothing about the others: it is left out on
		// both sides.
		have := t[0].Len()
		if slices.Contains(shape, 0) {
			have = 1
			for _, d := range t[0].Shape() {
				if d > 0 {
					have *= d
				}
			}
		}
		shape[open] = have / known
	}
	if n, err := lockstep.NumElements(shape); err != nil || n != t[0].Len() {
		return nil, fmt.Errorf("%s of %d elements does not fit the shape %v", t[0], t[0].Len(), want)
	}
	return w.One(value.Reshaped(t[0], shape))
}

func expandDims(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	axis, err := value.ScalarInt(t[1])
	if err != nil {
		return nil, err
	}
	if axis, err = value.AxisOf(axis, t[0].Rank()+1); err != nil {
		return nil, err
	}
	return w.One(value.Reshaped(t[0], slices.Insert(slices.Clone(t[0].Shape()), axis, 1)))
}

func buildSqueeze(n *savedmodel.Node) (Exec, error) {
	axes := n.AttrInts("squeeze_dims")
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		drop := make([]bool, t[0].Rank())
		for _, a := range axes {
			axis, err := value.AxisOf(int(a), t[0].Rank())
			if err != nil {
				return nil, err
			}
			if d := t[0].Shape()[axis]; d != 1 {
				return nil, fmt.Errorf("axis %d of %s cannot be removed, want the length 1", a, t[0])
			}
			drop[axis] = true
		}
		var shape []int
		for i, d := range t[0].Shape() {
			if !drop[i] && (d != 1 || len(axes) > 0) {
				shape = append(shape, d)
			}
		}
		return w.One(value.Reshaped(t[0], shape))
	}, nil
}

func broadcastTo(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	shape, err := WantShape(Vector(t[1]))
	if err != nil {
		return nil, err
	}
	more := len(shape) - t[0].Rank()
	if more < 0 {
		return nil, fmt.Errorf("%s cannot become the shape %s of lower rank", t[0], lockstep.FormatShape(shape))
	}
	axes := make([][]int, len(shape))
	steps := value.Strides(t[0].Shape())
	for i, d := range shape {
		axes[i] = make([]int, d)
		if i < more {
			continue
		}
		switch t[0].Shape()[i-more] {
		case d:
			axes[i] = value.Positions(0, d, steps[i-more])
		case 1:
		default:
			return nil, fmt.Errorf("%s cannot become the shape %s", t[0], lockstep.FormatShape(shape))
		}
	}
	return w.One(value.Sample(t[0], axes, nil))
}

// broadcastArgs computes the shape that two shapes are broadcast to.
func broadcastArgs(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	if t[0].DType() != t[1].DType() {
		return nil, fmt.Errorf("shapes of %s and %s", t[0].DType(), t[1].DType())
	}
	a, err := Vector(t[0])
	if err != nil {
		return nil, err
	}
	b, err := Vector(t[1])
	if err != nil {
		return nil, err
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case out[at] == d || d == 1:
		case out[at] == 1:
			out[at] = d
		default:
			return nil, fmt.Errorf("the shapes %v and %v cannot be broadcast together", a, b)
		}
	}
	return w.One(value.ShapeTensor(out, t[0].DType()))
}

func buildEnsureShape(n *savedmodel.Node) (Exec, error) {
	if !n.HasAttr("shape") {
		return nil, errors.New(`no attribute "shape"`)
	}
	shape, known := n.AttrShape("shape")
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if known && !value.Fits(t[0].Shape(), shape) {
			return nil, fmt.Errorf("%s, want the shape %s", t[0], lockstep.FormatShape(shape))
		}
		return w.One(t[0], nil)
	}, nil
}

// timeOfReshape is for the same elements under a shape that fits any number of
// steps.
func timeOfReshape(t Timed) (Timing, error) {
	l := t.Timing(0)
	if l.Kind != BySteps || t.Inputs() != 2 {
		return TimeOfFirst(t)
	}
	return l, t.FitsSteps(1)
}
