package regroup

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// buildUnique finds the distinct elements of a vector, or the distinct slices along an
// axis, in the order in which each first occurs; which of them each is; and how often
// it occurs: unique_op.cc. A NaN is distinct from every other.
func buildUnique(n *savedmodel.Node) (op.Exec, error) {
	index, err := indexType(n)
	if err != nil {
		return nil, err
	}
	counted := n.NumOutputs > 2
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		cut, err := cutAlong(t)
		if err != nil {
			return nil, err
		}
		keys, err := cut.keys(t[0])
		if err != nil {
			return nil, err
		}
		seen := make(map[string]int, len(keys))
		var first, count []int
		of := make([]int, len(keys))
		for i, key := range keys {
			at, known := seen[key]
			if !known || key == "" { // which is of a NaN
				at = len(first)
				seen[key] = at
				first, count = append(first, i), append(count, 0)
			}
			of[i] = at
			count[at]++
		}
		out, err := cut.at(t[0], first)
		if err != nil {
			return nil, err
		}
		results := []value.Value{{Tensor: out}}
		lists := [][]int{of}
		if counted {
			lists = append(lists, count)
		}
		for _, list := range lists {
			x, err := value.IntTensor(list, index, len(list))
			if err != nil {
				return nil, err
			}
			results = append(results, value.Value{Tensor: x})
		}
		return results, nil
	}, nil
}

// buildDifference returns the elements of one vector that are not in another, and
// their positions: listdiff_op.cc.
func buildDifference(n *savedmodel.Node) (op.Exec, error) {
	index, err := indexType(n)
	if err != nil {
		return nil, err
	}
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		var keys [2][]string
		var cuts [2]slices
		for i := range t {
			if cuts[i], err = cutAlong(t[i : i+1]); err != nil {
				return nil, err
			}
			if keys[i], err = cuts[i].keys(t[i]); err != nil {
				return nil, err
			}
		}
		without := make(map[string]bool, len(keys[1]))
		for _, key := range keys[1] {
			without[key] = key != ""
		}
		var kept []int
		for i, key := range keys[0] {
			if !without[key] {
				kept = append(kept, i)
			}
		}
		out, err := cuts[0].at(t[0], kept)
		if err != nil {
			return nil, err
		}
		positions, err := value.IntTensor(kept, index, len(kept))
		return []value.Value{{Tensor: out}, {Tensor: positions}}, err
	}, nil
}

func indexType(n *savedmodel.Node) (lockstep.DType, error) {
	if !n.HasAttr("out_idx") {
		return lockstep.Int32, nil
	}
	d, err := n.AttrType("out_idx")
	if err == nil && d != lockstep.Int32 && d != lockstep.Int64 {
		err = op.NotSupported("out_idx", d)
	}
	return d, err
}

// slices are how a tensor is cut along one axis: (outer, n, inner).
type slices struct {
	axis, outer, n, inner int
}

// cutAlong reads the axis from the second input; without one, or if that is empty, the
// first is a vector.
func cutAlong(t []*lockstep.Tensor) (slices, error) {
	axis := 0
	given := len(t) > 1 && t[1].Len() > 0
	if given {
		at, err := value.ScalarInt(t[1])
		if err != nil {
			return slices{}, fmt.Errorf("the axis: %w", err)
		}
		if axis, err = value.AxisOf(at, t[0].Rank()); err != nil {
			return slices{}, err
		}
	} else if t[0].Rank() != 1 {
		return slices{}, fmt.Errorf("%s, want a vector", t[0])
	}
	shape := t[0].Shape()
	return slices{axis, value.Product(shape[:axis]), shape[axis], value.Product(shape[axis+1:])}, nil
}

// keys are the same for equal slices alone, and "" for those with a NaN.
func (s slices) keys(t *lockstep.Tensor) ([]string, error) {
	if err := memory.Fits(t.Len()+2*s.n, 4*value.WordBytes); err != nil {
		return nil, fmt.Errorf("the elements of %s: %w", t, err)
	}
	write, err := writerOf(t)
	if err != nil {
		return nil, err
	}
	keys := make([]string, s.n)
	var b []byte
	for i := range keys {
		b = append(b[:0], 'k')
		number := true
		for o := range s.outer {
			for k := range s.inner {
				var is bool
				b, is = write(b, (o*s.n+i)*s.inner+k)
				number = number && is
			}
		}
		if number {
			keys[i] = string(b)
		}
	}
	return keys, nil
}

// writerOf appends an element's value, which is the same bytes for equal ones; false
// for a NaN, which equals none.
func writerOf(t *lockstep.Tensor) (func(b []byte, at int) ([]byte, bool), error) {
	switch t.DType() {
	case lockstep.String:
		d, err := lockstep.Data[string](t)
		return func(b []byte, at int) ([]byte, bool) {
			return append(binary.LittleEndian.AppendUint64(b, uint64(len(d[at]))), d[at]...), true
		}, err
	case lockstep.Int64:
		d, err := lockstep.Data[int64](t)
		return func(b []byte, at int) ([]byte, bool) { return binary.LittleEndian.AppendUint64(b, uint64(d[at])), true }, err
	case lockstep.Uint64:
		d, err := lockstep.Data[uint64](t)
		return func(b []byte, at int) ([]byte, bool) { return binary.LittleEndian.AppendUint64(b, d[at]), true }, err
	}
	d, err := t.Float64s() // exact for all others
	return func(b []byte, at int) ([]byte, bool) {
		v := d[at] + 0 // -0 is 0
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v)), v == v
	}, err
}

// at returns the slices of some numbers.
func (s slices) at(t *lockstep.Tensor, numbers []int) (*lockstep.Tensor, error) {
	places := make([]int, len(numbers))
	for i, n := range numbers {
		places[i] = n * s.inner
	}
	shape := append([]int{}, t.Shape()...)
	shape[s.axis] = len(numbers)
	out, err := value.Sample(t, [][]int{value.Positions(0, s.outer, s.n*s.inner), places, value.Positions(0, s.inner, 1)}, nil)
	if err != nil {
		return nil, err
	}
	return value.Reshaped(out, shape)
}
