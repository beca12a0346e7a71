package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var uniqueOps = Table{
	"Unique":           {Build: buildUnique},
	"UniqueWithCounts": {Build: buildUnique},
}

func buildUnique(n *savedmodel.Node) (Exec, error) {
	index, err := indexType(n, "out_idx")
	if err != nil {
		return nil, err
	}
	counts := n.Op == "UniqueWithCounts"
	return variants[Exec]{
		lockstep.Float32: unique[float32](index, counts), lockstep.Float64: unique[float64](index, counts),
		lockstep.Int32: unique[int32](index, counts), lockstep.Int64: unique[int64](index, counts),
		lockstep.Bool: unique[bool](index, counts), lockstep.String: unique[string](index, counts),
	}.choose(n, "T")
}

// unique lists the different elements in the order in which they first come,
// says which of them each element is and, with counts, how many there are.
// NaN differs from NaN.
func unique[E lockstep.Element](index lockstep.DType, counts bool) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		t, d, err := operands[E](in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() != 1 {
			return nil, fmt.Errorf("%s, want a list", t[0])
		}
		// The table of those that were seen takes the most.
		if err := memory.Fits(len(d[0]), 8*wordBytes); err != nil {
			return nil, fmt.Errorf("the different elements of %s: %w", t[0], err)
		}
		seen, list, at, count := map[E]int{}, []E{}, make([]int, len(d[0])), []int{}
		for i, v := range d[0] {
			k, ok := seen[v]
			if !ok {
				k = len(list)
				seen[v], list, count = k, append(list, v), append(count, 0)
			}
			at[i] = k
			count[k]++
		}
		values, err := lockstep.New(list, len(list))
		if err != nil {
			return nil, err
		}
		which, err := intTensor(at, index, len(at))
		if err != nil || !counts {
			return []Value{{Tensor: values}, {Tensor: which}}, err
		}
		many, err := intTensor(count, index, len(count))
		return []Value{{Tensor: values}, {Tensor: which}, {Tensor: many}}, err
	}
}
