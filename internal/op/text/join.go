package text

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var joinOps = op.Table{
	"StringJoin": {Build: buildJoin, Shape: op.NoInput, Time: op.TimeElementwise},
	"ReduceJoin": {Build: buildReduceJoin, Shape: op.InputsAt(1)},
}

// buildJoin joins the strings at each position; those without axes are repeated.
func buildJoin(n *savedmodel.Node) (op.Exec, error) {
	separator := n.AttrString("separator")
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[string](in, -1)
		if err != nil {
			return nil, err
		}
		if len(t) == 0 {
			return nil, op.InputsError(0)
		}
		shape := []int{}
		for _, x := range t {
			switch {
			case x.Rank() == 0 || slices.Equal(x.Shape(), shape):
			case len(shape) > 0:
				return nil, fmt.Errorf("%s and strings of shape %s, want equal shapes", x, lockstep.FormatShape(shape))
			default:
				shape = x.Shape()
			}
		}
		count, err := value.Allow(shape)
		if err != nil {
			return nil, err
		}
		out, err := newList(count)
		if err != nil {
			return nil, err
		}
		parts := make([]string, len(d))
		for i := range count {
			for k := range d {
				if parts[k] = d[k][0]; t[k].Rank() > 0 {
					parts[k] = d[k][i]
				}
			}
			if err := joined(out, parts, separator); err != nil {
				return nil, err
			}
		}
		return w.One(out.tensor(shape...))
	}, nil
}

// joined adds strings, joined.
func joined(out *list, parts []string, separator string) error {
	size := (len(parts) - 1) * len(separator)
	for _, s := range parts {
		size += len(s)
	}
	if err := out.allow(size); err != nil {
		return err
	}
	out.add(strings.Join(parts, separator))
	return nil
}

// buildReduceJoin joins the strings along some axes, the first that is listed the
// fastest.
func buildReduceJoin(n *savedmodel.Node) (op.Exec, error) {
	separator, keep := n.AttrString("separator"), n.AttrBool("keep_dims")
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		_, d, err := op.Operand[string](in, 0)
		if err != nil {
			return nil, err
		}
		axes, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the axes: %w", err)
		}
		shape := t[0].Shape()
		gone := make([]bool, len(shape))
		for i, a := range axes {
			if axes[i], err = value.AxisOf(a, len(shape)); err != nil {
				return nil, err
			}
			if gone[axes[i]] {
				return nil, fmt.Errorf("axis %d twice", a)
			}
			gone[axes[i]] = true
		}
		var kept, result []int
		for axis, length := range shape {
			switch {
			case !gone[axis]:
				kept, result = append(kept, axis), append(result, length)
			case keep:
				result = append(result, 1)
			}
		}
		slices.Reverse(axes)
		outer, inner := positionsAlong(shape, kept), positionsAlong(shape, axes)
		if _, err := value.Allow(result); err != nil {
			return nil, err
		}
		out, err := newList(len(outer))
		if err != nil {
			return nil, err
		}
		parts := make([]string, len(inner))
		for _, at := range outer {
			for k, by := range inner {
				parts[k] = d[at+by]
			}
			if err := joined(out, parts, separator); err != nil {
				return nil, err
			}
		}
		return w.One(out.tensor(result...))
	}, nil
}

// positionsAlong are the places of the elements along some axes, in the order in
// which the axes are listed, the last of which runs fastest.
func positionsAlong(shape, axes []int) []int {
	steps, out := value.Strides(shape), []int{0}
	for _, a := range axes {
		next := make([]int, 0, len(out)*shape[a])
		for _, at := range out {
			for i := range shape[a] {
				next = append(next, at+i*steps[a])
			}
		}
		out = next
	}
	return out
}
