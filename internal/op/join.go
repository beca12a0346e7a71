package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that join tensors.
var joinOps = Table{
	"Pack":     {Build: buildPack, Moves: AllInputs, Shape: NoInput, Packs: true, Rows: rowsOfPack},
	"ConcatV2": {Build: Plain(concatV2), Moves: AllButLast, Shape: LastInput, Time: timeOfConcat},
	"Concat":   {Build: Plain(concatV1), Moves: AllButFirst},
}

func buildPack(n *savedmodel.Node) (Exec, error) {
	at := IntOr(n, "axis", 0)
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, -1)
		if err != nil {
			return nil, err
		}
		if len(t) == 0 {
			return nil, errors.New("nothing to pack")
		}
		axis, err := value.AxisOf(at, t[0].Rank()+1)
		if err != nil {
			return nil, err
		}
		shape := slices.Insert(slices.Clone(t[0].Shape()), axis, 1)
		rows := make([]*lockstep.Tensor, len(t))
		for i, x := range t {
			if !slices.Equal(x.Shape(), t[0].Shape()) {
				return nil, fmt.Errorf("input %d is %s, want the shape of input 0, %s", i, x, t[0])
			}
			if rows[i], err = value.Reshaped(x, shape); err != nil {
				return nil, err
			}
		}
		return w.One(join(rows, axis))
	}, nil
}

func concatV2(w *Call, in []value.Value) ([]value.Value, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("%d inputs, want tensors and an axis", len(in))
	}
	return concat(w, in[:len(in)-1], in[len(in)-1])
}

// concatV1 has its axis in front.
func concatV1(w *Call, in []value.Value) ([]value.Value, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("%d inputs, want an axis and tensors", len(in))
	}
	return concat(w, in[1:], in[0])
}

func concat(w *Call, in []value.Value, axis value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, -1)
	if err != nil {
		return nil, err
	}
	a, err := value.Tensors([]value.Value{axis}, 1)
	if err != nil {
		return nil, fmt.Errorf("the axis: %w", err)
	}
	at, err := value.ScalarInt(a[0])
	if err != nil {
		return nil, fmt.Errorf("the axis: %w", err)
	}
	if at, err = value.AxisOf(at, t[0].Rank()); err != nil {
		return nil, err
	}
	return w.One(join(t, at))
}

// join joins tensors, one at least, along an axis that they have.
func join(t []*lockstep.Tensor, axis int) (*lockstep.Tensor, error) {
	shape := slices.Clone(t[0].Shape())
	shape[axis] = 0
	for i, x := range t {
		have := x.Shape()
		if len(have) != len(shape) || !slices.Equal(have[:axis], shape[:axis]) || !slices.Equal(have[axis+1:], shape[axis+1:]) {
			return nil, fmt.Errorf("input %d is %s, want the shape of input 0, %s, but for axis %d", i, x, t[0], axis)
		}
		if x.DType() != t[0].DType() {
			return nil, fmt.Errorf("input %d is %s, want %s as input 0", i, x.DType(), t[0].DType())
		}
		shape[axis] += have[axis]
	}
	out, err := value.Zeros(t[0].DType(), shape)
	if err != nil {
		return nil, err
	}
	row := value.Product(shape[axis:])
	from := 0
	for _, x := range t {
		run := value.Product(x.Shape()[axis:])
		if err := value.Put(out, value.Positions(from, value.Product(shape[:axis]), row), run, x); err != nil {
			return nil, err
		}
		from += run
	}
	return out, nil
}

// timeOfConcat is for a concatenation along another axis than time, given by
// the last input.
func timeOfConcat(t Timed) (Timing, error) {
	last := t.Inputs() - 1
	if err := t.Same(last); err != nil {
		return Timing{}, err
	}
	along, err := value.ScalarInt(t.Tensor(last))
	if err != nil {
		return Timing{}, err
	}
	out := t.Result()
	if along < 0 {
		along += len(out)
	}
	kind, axis := t.Timing(0).Kind, -1
	for i := range last {
		l := t.Timing(i)
		if l.Kind != kind {
			return l, errors.New("it joins values of single steps with others")
		}
		if l.Kind != BySteps {
			continue
		}
		at, whole, ok := l.Axis(t.Shape(i), t.Steps())
		if !ok || !whole || at == along || axis >= 0 && at != axis {
			return l, ErrMixes
		}
		axis = at
	}
	if kind == BySteps {
		return TimeAt(out, axis), nil
	}
	return Timing{Kind: kind}, nil
}

// rowsOfPack is for tensors that become one along a new axis.
func rowsOfPack(t Timed) (Timing, error) {
	axis, err := rowsAt(t, 0)
	for i := range t.Inputs() {
		if at, wrong := rowsAt(t, i); wrong != nil || at != axis {
			return Timing{}, errors.Join(err, ErrMixes)
		}
	}
	if err != nil {
		return Timing{}, err
	}
	out, along := t.Result(), int(t.Node().AttrInt("axis"))
	if along < 0 {
		along += len(out)
	}
	if along <= axis {
		axis++
	}
	return TimeAt(out, axis), nil
}
