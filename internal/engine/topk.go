package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var topkOps = Table{
	"TopKV2":   {Build: buildTopK, Bound: topBound},
	"InTopKV2": {Build: plain(inTopK), Float64: onlyFloat32},
}

func buildTopK(n *savedmodel.Node) (Exec, error) {
	if !boolOr(n, "sorted", true) {
		return nil, unsupported("sorted", false) // TensorFlow leaves the order open
	}
	index, err := indexType(n, "index_type")
	if err != nil {
		return nil, err
	}
	return halved(numbers(topK[float32](index), topK[float64](index), topK[int32](index), topK[int64](index))).choose(n, "T")
}

// topK returns the k largest of each row, the largest first, and where they
// are; of equal ones the first comes first, and NaN is larger than any.
func topK[E number](index lockstep.DType) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		ts, err := tensors(in, 2)
		if err != nil {
			return nil, err
		}
		t, x, err := operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		k, err := scalar(ts[1])
		if err != nil {
			return nil, fmt.Errorf("k: %w", err)
		}
		if t.Rank() == 0 {
			return nil, errors.New("the largest of a scalar")
		}
		n := t.Shape()[t.Rank()-1]
		if k < 0 || k > n {
			return nil, fmt.Errorf("the %d largest of rows of %d", k, n)
		}
		shape := slices.Clone(t.Shape())
		shape[len(shape)-1] = k
		size, err := elements(shape)
		if err != nil {
			return nil, err
		}
		values, at := make([]E, 0, size), make([]int, 0, size)
		order := make([]int, min(n, len(x)))
		for row := 0; size > 0 && row < len(x)/n; row++ {
			for i := range order {
				order[i] = i
			}
			of := x[row*n : (row+1)*n]
			slices.SortStableFunc(order, func(i, j int) int { return descending(of[i], of[j]) })
			for _, i := range order[:k] {
				values, at = append(values, of[i]), append(at, i)
			}
		}
		v, err := lockstep.New(values, shape...)
		if err != nil {
			return nil, err
		}
		i, err := intTensor(at, index, shape...)
		if err != nil {
			return nil, err
		}
		return []Value{{Tensor: v}, {Tensor: i}}, nil
	}
}

// descending puts NaN first, which cmp.Compare takes for the smallest.
func descending[E number](x, y E) int {
	if x != x || y != y {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(y, x)
}

// inTopK tells for each row whether fewer than k numbers are above the target's.
// A row whose target is none of its places, or that has a number up there that
// is not finite, says no.
func inTopK(w *Call, in []Value) ([]Value, error) {
	t, err := tensors(in, 3)
	if err != nil {
		return nil, err
	}
	_, x, err := operand[float32](in, 0)
	if err != nil {
		return nil, err
	}
	targets, err := ints(t[1])
	if err != nil {
		return nil, fmt.Errorf("the targets: %w", err)
	}
	k, err := scalar(t[2])
	if err != nil {
		return nil, fmt.Errorf("k: %w", err)
	}
	if t[0].Rank() != 2 || t[1].Rank() != 1 || t[0].Shape()[0] != len(targets) {
		return nil, fmt.Errorf("rows %s and targets %s, want one for each row", t[0], t[1])
	}
	n := t[0].Shape()[1]
	out := make([]bool, len(targets))
	for i, target := range targets {
		if target < 0 || target >= n || !finite(x[i*n+target]) {
			continue
		}
		above, known := 0, true
		for _, v := range x[i*n:][:n] {
			known = known && finite(v)
			if v > x[i*n+target] {
				above++
			}
		}
		out[i] = known && above < k
	}
	return w.one(lockstep.New(out, len(out)))
}

func finite(x float32) bool { return x-x == 0 }
