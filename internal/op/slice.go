package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that cut tensors into parts and reverse them. join.go joins
// them; stridedslice.go has StridedSlice.
var sliceOps = Table{
	"Slice":     {Build: Plain(slice), Moves: InputsAt(0), Shape: InputsAt(1, 2)},
	"Split":     {Build: buildSplit, Moves: InputsAt(1), Shape: InputsAt(0), Time: timeOfSplit, Part: partOfSplit},
	"SplitV":    {Build: buildSplitV, Moves: InputsAt(0), Shape: InputsAt(1, 2)},
	"Unpack":    {Build: buildUnpack, Moves: InputsAt(0), Part: partOfUnpack, Rows: rowsBesideAxes(0, "axis")},
	"ReverseV2": {Build: Plain(reverse), Moves: InputsAt(0), Shape: InputsAt(1), Rows: rowsBesideAxes(1, "")},
	"Roll":      {Build: Plain(roll), Moves: InputsAt(0)},
}

func slice(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	begin, err := Vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("where it begins: %w", err)
	}
	size, err := Vector(t[2])
	if err != nil {
		return nil, fmt.Errorf("its size: %w", err)
	}
	shape := t[0].Shape()
	if len(begin) != len(shape) || len(size) != len(shape) {
		return nil, fmt.Errorf("a slice from %v of size %v out of %s of rank %d", begin, size, t[0], len(shape))
	}
	if _, err := value.Allow(shape); err != nil {
		return nil, err
	}
	axes := make([][]int, len(shape))
	for i, step := range value.Strides(shape) {
		n := size[i]
		if n == -1 {
			n = shape[i] - begin[i]
		}
		// In this order no sum overflows.
		if begin[i] < 0 || begin[i] > shape[i] || n < 0 || n > shape[i]-begin[i] {
			return nil, fmt.Errorf("a slice from %v of size %v out of %s: axis %d", begin, size, t[0], i)
		}
		axes[i] = value.Positions(begin[i]*step, n, step)
	}
	return w.One(value.Sample(t[0], axes, nil))
}

// part returns n of the rows along an axis.
func part(t *lockstep.Tensor, axis, from, n int) (*lockstep.Tensor, error) {
	if axis == 0 {
		return value.RowsOf(t, from, n, append([]int{n}, t.Shape()[1:]...))
	}
	axes, err := value.AllPositions(t.Shape())
	if err != nil {
		return nil, err
	}
	axes[axis] = axes[axis][from : from+n]
	return value.Sample(t, axes, nil)
}

// buildSplit cuts a tensor into equal parts.
func buildSplit(n *savedmodel.Node) (Exec, error) {
	num := IntOr(n, "num_split", 0)
	if num < 1 || num != n.NumOutputs {
		return nil, fmt.Errorf("attribute \"num_split\" is %d for %d results", num, n.NumOutputs)
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		axis, err := Scalar(t[0])
		if err != nil {
			return nil, fmt.Errorf("the axis: %w", err)
		}
		if axis, err = value.AxisOf(axis, t[1].Rank()); err != nil {
			return nil, err
		}
		length := t[1].Shape()[axis]
		if length%num != 0 {
			return nil, fmt.Errorf("axis %d of %s cannot be cut into %d equal parts", axis, t[1], num)
		}
		sizes := make([]int, num)
		for i := range sizes {
			sizes[i] = length / num
		}
		return cut(t[1], axis, sizes)
	}, nil
}

// cut cuts a tensor along an axis into parts of sizes that add up to it.
func cut(t *lockstep.Tensor, axis int, sizes []int) ([]value.Value, error) {
	out := make([]value.Value, len(sizes))
	from := 0
	for i, n := range sizes {
		var err error
		if out[i].Tensor, err = part(t, axis, from, n); err != nil {
			return nil, err
		}
		from += n
	}
	return out, nil
}

// buildSplitV cuts a tensor into parts of given sizes.
func buildSplitV(n *savedmodel.Node) (Exec, error) {
	num := IntOr(n, "num_split", 0)
	if num < 1 || num != n.NumOutputs {
		return nil, fmt.Errorf("attribute \"num_split\" is %d for %d results", num, n.NumOutputs)
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		sizes, err := Vector(t[1])
		if err != nil {
			return nil, fmt.Errorf("the sizes: %w", err)
		}
		axis, err := value.ScalarInt(t[2])
		if err != nil {
			return nil, fmt.Errorf("the axis: %w", err)
		}
		if axis, err = value.AxisOf(axis, t[0].Rank()); err != nil {
			return nil, err
		}
		if len(sizes) != num {
			return nil, fmt.Errorf("%d sizes, want %d", len(sizes), num)
		}
		if num == 1 && sizes[0] == -1 { // TensorFlow has no case for it
			return nil, fmt.Errorf("the size -1 of one part, want %d", t[0].Shape()[axis])
		}
		if err := completeSizes(sizes, t[0].Shape()[axis]); err != nil {
			return nil, fmt.Errorf("axis %d of %s: %w", axis, t[0], err)
		}
		return cut(t[0], axis, sizes)
	}, nil
}

// completeSizes replaces a -1 by length less the other sizes.
func completeSizes(sizes []int, length int) error {
	open, left := -1, length
	for i, n := range sizes {
		switch {
		case n == -1 && open >= 0:
			return fmt.Errorf("the sizes %v leave two parts open", sizes)
		case n == -1:
			open = i
		case n < 0 || n > left:
			return fmt.Errorf("the sizes %v, want ones that add up to %d", sizes, length)
		default:
			left -= n
		}
	}
	if open >= 0 {
		sizes[open] = left
	} else if left > 0 {
		return fmt.Errorf("the sizes %v, want ones that add up to %d", sizes, length)
	}
	return nil
}

// buildUnpack cuts a tensor into its rows along an axis, which is removed.
func buildUnpack(n *savedmodel.Node) (Exec, error) {
	num, at := IntOr(n, "num", 0), IntOr(n, "axis", 0)
	if num != n.NumOutputs {
		return nil, fmt.Errorf("attribute \"num\" is %d for %d results", num, n.NumOutputs)
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		axis, err := value.AxisOf(at, t[0].Rank())
		if err != nil {
			return nil, err
		}
		if d := t[0].Shape()[axis]; d != num {
			return nil, fmt.Errorf("axis %d of %s, want the length %d", axis, t[0], num)
		}
		sizes := make([]int, num)
		for i := range sizes {
			sizes[i] = 1
		}
		out, err := cut(t[0], axis, sizes)
		if err != nil {
			return nil, err
		}
		shape := slices.Delete(slices.Clone(t[0].Shape()), axis, axis+1)
		for i := range out {
			if out[i].Tensor, err = value.Reshaped(out[i].Tensor, shape); err != nil {
				return nil, err
			}
		}
		return out, nil
	}, nil
}

func reverse(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 || t[0].Len() == 0 { // TensorFlow does not check the axes then
		return w.One(t[0], nil)
	}
	list, err := Vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the axes: %w", err)
	}
	axes, err := value.AllPositions(t[0].Shape())
	if err != nil {
		return nil, err
	}
	seen := make([]bool, len(axes))
	for _, a := range list {
		axis, err := value.AxisOf(a, len(axes))
		if err != nil {
			return nil, err
		}
		if seen[axis] {
			return nil, fmt.Errorf("axis %d is named twice in %v", axis, list)
		}
		seen[axis] = true
		slices.Reverse(axes[axis])
	}
	return w.One(value.Sample(t[0], axes, nil))
}

func roll(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 {
		return nil, errors.New("a scalar has no axis to roll")
	}
	if t[1].Rank() > 1 || t[2].Rank() > 1 || t[1].Len() != t[2].Len() {
		return nil, fmt.Errorf("shifts %s along axes %s, want as many of each", t[1], t[2])
	}
	shifts, err := value.Ints(t[1])
	if err != nil {
		return nil, err
	}
	list, err := value.Ints(t[2])
	if err != nil {
		return nil, err
	}
	axes, err := value.AllPositions(t[0].Shape())
	if err != nil {
		return nil, err
	}
	for i, a := range list {
		axis, err := value.AxisOf(a, len(axes))
		if err != nil {
			return nil, err
		}
		n := len(axes[axis])
		if n == 0 {
			continue
		}
		at := n - (shifts[i]%n+n)%n // which row becomes the first
		axes[axis] = append(slices.Clone(axes[axis][at:]), axes[axis][:at]...)
	}
	return w.One(value.Sample(t[0], axes, nil))
}

// timeOfSplit is for a split along another axis than time.
func timeOfSplit(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 1)
	if done {
		return l, err
	}
	along, err := value.ScalarInt(t.Tensor(0))
	if err != nil {
		return l, err
	}
	if along < 0 {
		along += len(t.Shape(1))
	}
	if axis == along {
		return l, ErrMixes
	}
	return TimeAt(t.Result(), axis), nil
}

func partOfUnpack(n *savedmodel.Node, result int, shape []int, _ Numbers) (from, to int, ok bool) {
	axis := int(n.AttrInt("axis"))
	return result, result + 1, axis == len(shape)-1 || axis == -1
}

func partOfSplit(n *savedmodel.Node, result int, shape []int, c Numbers) (from, to int, ok bool) {
	last := len(shape) - 1
	axis, known := one(c, n.Inputs[0])
	if !known || int(axis) != last && axis != -1 || n.NumOutputs == 0 {
		return 0, 0, false
	}
	size := shape[last] / n.NumOutputs
	return result * size, (result + 1) * size, true
}
