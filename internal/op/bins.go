package op

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that find the bins of numbers and count them.
var binsOps = Table{
	"Bucketize":        {Build: buildBucketize},
	"LowerBound":       {Build: buildBound(below[float32], below[float64], below[int32], below[int64])},
	"UpperBound":       {Build: buildBound(notAbove[float32], notAbove[float64], notAbove[int32], notAbove[int64])},
	"Bincount":         {Reads: readsPositions},
	"DenseBincount":    {Build: buildBincount, Reads: readsPositions, Bound: BoundOfBins(2)},
	"Unique":           {Build: buildUnique},
	"UniqueWithCounts": {Build: buildUnique},
}

func buildBucketize(n *savedmodel.Node) (Exec, error) {
	edges := n.AttrFloats("boundaries")
	if !slices.IsSorted(edges) {
		return nil, fmt.Errorf("attribute \"boundaries\" is %v, want sorted ones", edges)
	}
	return numbers(bucketize[float32](edges), bucketize[float64](edges), bucketize[int32](edges), bucketize[int64](edges)).choose(n, "T")
}

// bucketize counts the edges that are not above a number; none is above NaN.
func bucketize[E number](edges []float32) Exec {
	return Map1(func(x E) int32 {
		return int32(sort.Search(len(edges), func(i int) bool { return float64(x) < float64(edges[i]) }))
	})
}

func below[E number](edge, x E) bool { return edge < x }

func notAbove[E number](edge, x E) bool { return !(x < edge) }

// buildBound counts, for every value, the sorted numbers of its row that pass.
func buildBound(f32 func(edge, x float32) bool, f64 func(edge, x float64) bool, i32 func(edge, x int32) bool, i64 func(edge, x int64) bool) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		index, err := indexType(n, "out_type")
		if err != nil {
			return nil, err
		}
		return numbers(bound(f32, index), bound(f64, index), bound(i32, index), bound(i64, index)).choose(n, "T")
	}
}

func bound[E number](passes func(edge, x E) bool, index lockstep.DType) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, d, err := Operands[E](in, 2)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() != 2 || t[1].Rank() != 2 || t[0].Shape()[0] != t[1].Shape()[0] {
			return nil, fmt.Errorf("sorted rows %s and values %s, want two matrices of as many rows", t[0], t[1])
		}
		edges, values := t[0].Shape()[1], t[1].Shape()[1]
		out := make([]int, len(d[1]))
		for i, x := range d[1] {
			row := d[0][i/values*edges:][:edges]
			out[i] = sort.Search(edges, func(k int) bool { return !passes(row[k], x) })
		}
		return w.One(value.IntTensor(out, index, t[1].Shape()...))
	}
}

func buildBincount(n *savedmodel.Node) (Exec, error) {
	binary := n.AttrBool("binary_output")
	return numbers(bincount[float32](binary), bincount[float64](binary), bincount[int32](binary), bincount[int64](binary)).choose(n, "T")
}

// bincount counts the numbers below a size, or adds up their weights, row by
// row. binary only tells which there are.
func bincount[E number](binary bool) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		list, err := value.Ints(t[0])
		if err != nil {
			return nil, err
		}
		size, err := value.ScalarInt(t[1])
		if err != nil {
			return nil, fmt.Errorf("the number of bins: %w", err)
		}
		_, weights, err := Operand[E](in, 2)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() > 2 {
			return nil, fmt.Errorf("%s, want a rank of at most 2", t[0])
		}
		if len(weights) > 0 && !slices.Equal(t[2].Shape(), t[0].Shape()) {
			return nil, fmt.Errorf("weights %s for %s, want none or the same shape", t[2], t[0])
		}
		if size < 0 {
			return nil, fmt.Errorf("%d bins", size)
		}
		shape, row := []int{size}, len(list)
		if t[0].Rank() == 2 {
			shape, row = []int{t[0].Shape()[0], size}, t[0].Shape()[1]
		}
		total, err := value.Allow(shape)
		if err != nil {
			return nil, err
		}
		out := make([]E, total)
		for i, v := range list {
			switch at := i/row*size + v; {
			case v < 0:
				return nil, errors.New("a negative number has no bin")
			case v >= size:
			case binary:
				out[at] = 1
			case len(weights) > 0:
				out[at] += weights[i]
			default:
				out[at]++
			}
		}
		return w.One(lockstep.New(out, shape...))
	}
}

// BoundOfBins is for counts, which are exact, and for sums of the weights that an input
// has: each of some of them.
func BoundOfBins(weights int) BoundRule {
	return func(x *BoundInput) error {
		v := x.V(weights)
		if len(v) == 0 {
			return nil
		}
		in := make([]value.Value, len(x.In))
		for i := range x.In {
			in[i] = x.In[i].Value
		}
		on := func(d []float64) ([]float64, error) {
			in[weights] = x.Like(weights, d)
			return x.Run(in...)
		}
		size, err := on(x.Size(weights))
		if err != nil {
			return err
		}
		out := make([]float64, len(size))
		if e := x.E(weights); e != nil {
			if out, err = on(e); err != nil {
				return err
			}
		}
		x.close(out, size, len(v))
		return x.Set(0, out)
	}
}

func buildUnique(n *savedmodel.Node) (Exec, error) {
	index, err := indexType(n, "out_idx")
	if err != nil {
		return nil, err
	}
	counts := n.Op == "UniqueWithCounts"
	return Variants[Exec]{
		lockstep.Float32: unique[float32](index, counts), lockstep.Float64: unique[float64](index, counts),
		lockstep.Int32: unique[int32](index, counts), lockstep.Int64: unique[int64](index, counts),
		lockstep.Bool: unique[bool](index, counts), lockstep.String: unique[string](index, counts),
	}.choose(n, "T")
}

// unique lists the different elements in the order in which they first come,
// says which of them each element is and, with counts, how many there are.
// NaN differs from NaN.
func unique[E lockstep.Element](index lockstep.DType, counts bool) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, d, err := Operands[E](in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() != 1 {
			return nil, fmt.Errorf("%s, want a list", t[0])
		}
		// The table of the elements seen needs the most memory.
		if err := memory.Fits(len(d[0]), 8*value.WordBytes); err != nil {
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
		which, err := value.IntTensor(at, index, len(at))
		if err != nil || !counts {
			return []value.Value{{Tensor: values}, {Tensor: which}}, err
		}
		many, err := value.IntTensor(count, index, len(count))
		return []value.Value{{Tensor: values}, {Tensor: which}, {Tensor: many}}, err
	}
}
