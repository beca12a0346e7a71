package text

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var crossOps = op.Table{"SparseCross": {Build: buildCross}}

// buildCross hashes every combination of the features in a row of some matrices, as
// HashedCrossing does (sparse_cross_op.cc): of dense ones, hashed.
func buildCross(n *savedmodel.Node) (op.Exec, error) {
	buckets, key := n.AttrInt("num_buckets"), uint64(n.AttrInt("hash_key"))
	switch {
	case n.AttrInt("N") != 0:
		return nil, errors.New("sparse features, which are not supported")
	case !n.AttrBool("hashed_output"):
		return nil, op.NotSupported("hashed_output", false)
	case buckets < 0:
		return nil, op.NotSupported("num_buckets", buckets)
	}
	if buckets == 0 {
		buckets = 1<<63 - 1
	}
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		columns, err := featuresOf(in)
		if err != nil {
			return nil, err
		}
		rows, each := 0, 1
		for i, c := range columns {
			if i > 0 && c.rows != rows {
				return nil, fmt.Errorf("features of %d rows and of %d", rows, c.rows)
			}
			rows = c.rows
			if each *= c.width; each > value.MaxElements {
				return nil, fmt.Errorf("more than %d combinations of features", value.MaxElements)
			}
		}
		total, err := value.AllowSized([]int{rows, each}, 4*value.WordBytes)
		if err != nil {
			return nil, err
		}
		places, hashes := make([]int64, 0, 2*total), make([]int64, 0, total)
		for row := range rows {
			for k := range each {
				places = append(places, int64(row), int64(k))
				hashes = append(hashes, int64(crossed(columns, row, k, key)%uint64(buckets)))
			}
		}
		indices, err := lockstep.New(places, total, 2)
		if err != nil {
			return nil, err
		}
		elements, err := lockstep.New(hashes, total)
		if err != nil {
			return nil, err
		}
		if rows == 0 {
			each = 0
		}
		shape, err := lockstep.New([]int64{int64(rows), int64(each)}, 2)
		return []value.Value{{Tensor: indices}, {Tensor: elements}, {Tensor: shape}}, err
	}, nil
}

// crossed is the hash of combination k of a row; the last column's features run the
// fastest.
func crossed(columns []features, row, k int, key uint64) uint64 {
	at := make([]int, len(columns))
	for i := len(columns) - 1; i >= 0; i-- {
		at[i] = k % columns[i].width
		k /= columns[i].width
	}
	for i, c := range columns {
		key = joinedFingerprint(key, c.of(row*c.width+at[i]))
	}
	return key
}

// features is a matrix whose elements are hashed: a string by its fingerprint, and an
// integer as itself.
type features struct {
	rows, width int
	of          func(i int) uint64
}

func featuresOf(in []value.Value) ([]features, error) {
	t, err := value.Tensors(in, -1)
	if err != nil {
		return nil, err
	}
	if len(t) == 0 {
		return nil, op.InputsError(0)
	}
	out := make([]features, len(t))
	for i, x := range t {
		if x.Rank() != 2 {
			return nil, op.InputError(i, fmt.Errorf("%s, want a matrix", x))
		}
		out[i] = features{rows: x.Shape()[0], width: x.Shape()[1]}
		if d, err := lockstep.Data[string](x); err == nil {
			out[i].of = func(i int) uint64 { return fingerprint(d[i]) }
			continue
		}
		d, err := lockstep.Data[int64](x)
		if err != nil {
			return nil, op.InputError(i, err)
		}
		out[i].of = func(i int) uint64 { return uint64(d[i]) }
	}
	return out, nil
}
