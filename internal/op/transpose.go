package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

var transposeOps = Table{
	"Transpose": {Build: Plain(transpose), Moves: InputsAt(0), Shape: InputsAt(1), Time: timeOfTranspose},
	"Tile":      {Build: Plain(tile), Moves: InputsAt(0), Shape: InputsAt(1), Rows: rowsOfTile},
}

func transpose(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	perm, err := Vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the order of axes: %w", err)
	}
	return w.One(turned(t[0], perm))
}

// turned transposes a tensor's axes.
func turned(t *lockstep.Tensor, order []int) (*lockstep.Tensor, error) {
	if len(order) != t.Rank() {
		return nil, fmt.Errorf("an order of %d axes for %s of rank %d", len(order), t, t.Rank())
	}
	from, err := value.AllPositions(t.Shape())
	if err != nil {
		return nil, err
	}
	axes := make([][]int, len(order))
	seen := make([]bool, len(order))
	for i, p := range order {
		axis, err := value.AxisOf(p, len(order))
		if err != nil {
			return nil, err
		}
		if seen[axis] {
			return nil, fmt.Errorf("the order of axes %v names axis %d twice", order, axis)
		}
		seen[axis] = true
		axes[i] = from[axis]
	}
	return value.Sample(t, axes, nil)
}

func tile(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	times, err := Vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the multiples: %w", err)
	}
	shape := t[0].Shape()
	if len(times) != len(shape) {
		return nil, fmt.Errorf("%d multiples for %s of rank %d", len(times), t[0], len(shape))
	}
	wide := make([]int, len(shape))
	for i, n := range times {
		if n < 0 || n > value.MaxElements || shape[i] > value.MaxElements {
			return nil, fmt.Errorf("axis %d of %s %d times, want at most %d elements", i, t[0], n, value.MaxElements)
		}
		wide[i] = n * shape[i]
	}
	if n, err := value.Allow(wide); err != nil || n == 0 {
		return w.One(emptyOr(err, t[0].DType(), wide))
	}
	axes := make([][]int, len(shape))
	from, err := value.AllPositions(shape)
	if err != nil {
		return nil, err
	}
	for i, axis := range from {
		axes[i] = make([]int, 0, wide[i])
		for range times[i] {
			axes[i] = append(axes[i], axis...)
		}
	}
	return w.One(value.Sample(t[0], axes, nil))
}

// emptyOr returns an error, or without one the empty tensor of a shape: an
// axis beside one of length 0 may have any length, and no list of positions.
func emptyOr(err error, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	if err != nil {
		return nil, err
	}
	return lockstep.Zeros(dtype, shape...)
}

func timeOfTranspose(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 0)
	if done {
		return l, err
	}
	perm, err := value.Ints(t.Tensor(1))
	if err != nil {
		return l, ErrMixes
	}
	rank := len(t.Shape(0))
	to := slices.IndexFunc(perm, func(from int) bool { return from == axis || from == axis-rank })
	return TimeAt(t.Result(), to), nil
}

// rowsOfTile is for rows that are not repeated along their own axis.
func rowsOfTile(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 0)
	if done {
		return l, errors.Join(err, ErrMixes)
	}
	times, err := value.Ints(t.Tensor(1))
	if err != nil || len(times) <= axis || times[axis] != 1 {
		return l, errors.Join(err, ErrMixes)
	}
	return TimeAt(t.Result(), axis), nil
}
