// Package ragged has TensorFlow's operations on ragged tensors, rows of different
// lengths, and on sparse matrices, as far as text layers use them.
//
// A ragged tensor is its elements, row after row, and where each row ends: splits
// begin with 0, and have one number more than there are rows.
package ragged

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations of this package.
var Ops = op.Table{
	"RaggedTensorToTensor": {Build: buildToTensor, Moves: op.InputsAt(1, 2), Shape: shapeOfToTensor},
	"RaggedTensorToSparse": {Build: buildToSparse, Bound: boundOfElements(0, 1)},
	"SparseToDense":        {Build: buildToDense, Moves: op.InputsAt(2, 3), Shape: op.InputsAt(1)},
	"RaggedGather":         {Build: buildGather, Bound: boundOfElements(1, 0)},
	"RaggedRange":          {Build: buildRange},
	"RaggedBincount":       {Build: buildBincount(raggedRows), Bound: op.BoundOfBins(3)},
	"SparseBincount":       {Build: buildBincount(sparseRows), Bound: op.BoundOfBins(4)},
}

// The kinds of partitions, which say which elements belong to which row.
const (
	byFirst  = "FIRST_DIM_SIZE" // the number of rows
	byIDs    = "VALUE_ROWIDS"   // the row of each element
	bySplits = "ROW_SPLITS"     // where the rows end
)

// shapeOfToTensor: all but the elements and the default.
func shapeOfToTensor(n int) []int {
	out := []int{0}
	for i := 3; i < n; i++ {
		out = append(out, i)
	}
	return out
}

// toTensor makes a tensor of a ragged one (ragged_tensor_to_tensor_op.cc).
type toTensor struct {
	kinds []string // of the partitions, without byFirst
	first bool     // that there was one, which is an input
}

func buildToTensor(n *savedmodel.Node) (op.Exec, error) {
	var t toTensor
	for i, kind := range n.AttrStrings("row_partition_types") {
		switch {
		case kind == byFirst && i == 0:
			t.first = true
		case kind == bySplits || kind == byIDs && (t.first || i > 0):
			t.kinds = append(t.kinds, kind)
		default:
			return nil, op.NotSupported("row_partition_types", n.AttrStrings("row_partition_types"))
		}
	}
	if len(t.kinds) == 0 {
		return nil, op.NotSupported("row_partition_types", n.AttrStrings("row_partition_types"))
	}
	return t.run, nil
}

func (p *toTensor) run(w *op.Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, -1)
	if err != nil {
		return nil, err
	}
	wanted := 3 + len(p.kinds)
	if p.first {
		wanted++
	}
	if len(t) != wanted {
		return nil, op.InputsError(len(t))
	}
	partitions := make([][]int, 0, len(t)-3)
	for i := 3; i < len(t); i++ {
		ints, err := value.Ints(t[i])
		if err != nil {
			return nil, op.InputError(i, err)
		}
		partitions = append(partitions, ints)
	}
	if len(partitions[0]) == 0 {
		return nil, errors.New("its first partition is empty")
	}
	rows := len(partitions[0]) - 1
	if p.first {
		if rows = partitions[0][0]; rows < 0 {
			return nil, fmt.Errorf("%d rows", rows)
		}
		partitions = partitions[1:]
	}
	shape, err := p.shape(t[0], t[1], rows, partitions)
	if err != nil {
		return nil, err
	}
	element := shape[len(p.kinds)+1:]
	if err := fitsElement(t[2].Shape(), element); err != nil {
		return nil, err
	}
	if _, err := value.Allow(shape); err != nil {
		return nil, err
	}
	at, err := p.places(shape[:len(p.kinds)+1], rows, partitions)
	if err != nil {
		return nil, err
	}
	return w.One(placed(t[1], t[2], at, shape, element))
}

// shape is that of the result: what is wanted, completed by the rows and the elements.
func (p *toTensor) shape(want, values *lockstep.Tensor, rows int, partitions [][]int) ([]int, error) {
	if values.Rank() == 0 {
		return nil, fmt.Errorf("%s, want a list of elements", values)
	}
	shape, known, err := value.ElementShape(value.Value{Tensor: want})
	if err != nil {
		return nil, err
	}
	rank := len(p.kinds) + values.Rank()
	if !known {
		shape = slices.Repeat([]int{-1}, rank)
	}
	if len(shape) != rank {
		return nil, fmt.Errorf("the shape %s of elements %s in %d partitions, want %d axes", lockstep.FormatShape(shape), values, len(p.kinds), rank)
	}
	for i, d := range shape {
		own := -1
		switch at := i - len(p.kinds); {
		case d < -1:
			return nil, fmt.Errorf("the shape %s", lockstep.FormatShape(shape))
		case i == 0:
			own = rows
		case at <= 0:
			own = widest(p.kinds[i-1], partitions[i-1])
		default:
			if own = values.Shape()[at]; d >= 0 && d != own {
				return nil, fmt.Errorf("the shape %s for elements %s", lockstep.FormatShape(shape), values)
			}
		}
		if d < 0 {
			shape[i] = own
		}
	}
	return shape, nil
}

// widest is the length of the longest row.
func widest(kind string, partition []int) int {
	most, run := 0, 0
	for i, v := range partition {
		switch {
		case kind == bySplits && i > 0:
			most = max(most, v-partition[i-1])
		case kind == byIDs:
			if i > 0 && v == partition[i-1] {
				run++
			} else {
				run = 1
			}
			most = max(most, run)
		}
	}
	return most
}

// fitsElement checks the shape of the default.
func fitsElement(shape, element []int) error {
	if len(shape) > len(element) {
		return fmt.Errorf("a default of shape %s for elements of shape %s", lockstep.FormatShape(shape), lockstep.FormatShape(element))
	}
	if value.Product(shape) != 1 && !slices.Equal(shape, element) {
		return fmt.Errorf("a default of shape %s for elements of shape %s, which is not supported", lockstep.FormatShape(shape), lockstep.FormatShape(element))
	}
	return nil
}

// places finds the place of each element in the result, -1 for those that it has no
// room for.
func (p *toTensor) places(shape []int, rows int, partitions [][]int) ([]int, error) {
	steps := value.Strides(shape)
	if _, err := value.AllowSized([]int{rows}, value.WordBytes); err != nil {
		return nil, err
	}
	at := make([]int, rows)
	for i := range at {
		if at[i] = i * steps[0]; i >= shape[0] {
			at[i] = -1
		}
	}
	for i, kind := range p.kinds {
		var err error
		if kind == bySplits {
			at, err = alongSplits(partitions[i], at, steps[i+1], shape[i+1])
		} else {
			at, err = alongIDs(partitions[i], at, steps[i+1], shape[i+1])
		}
		if err != nil {
			return nil, err
		}
	}
	return at, nil
}

// next is the place of element i of a row that begins at a place.
func next(begin, i, step, room int) int {
	if begin < 0 || i >= room {
		return -1
	}
	return begin + i*step
}

func alongSplits(ends, begins []int, step, room int) ([]int, error) {
	if len(ends) == 0 || ends[0] != 0 || len(ends)-1 > len(begins) {
		return nil, fmt.Errorf("splits for %d rows, where there are %d, want 0 and where each row ends", len(ends)-1, len(begins))
	}
	for i := 1; i < len(ends); i++ {
		if ends[i] < ends[i-1] {
			return nil, fmt.Errorf("split %d is %d after %d", i, ends[i], ends[i-1])
		}
	}
	if _, err := value.AllowSized([]int{ends[len(ends)-1]}, value.WordBytes); err != nil {
		return nil, err
	}
	out := make([]int, 0, ends[len(ends)-1])
	for row := range len(ends) - 1 {
		for i := range ends[row+1] - ends[row] {
			out = append(out, next(begins[row], i, step, room))
		}
	}
	return out, nil
}

func alongIDs(ids, begins []int, step, room int) ([]int, error) {
	out := make([]int, len(ids))
	column := 0
	for i, row := range ids {
		switch {
		case row < 0 || row >= len(begins):
			return nil, fmt.Errorf("row %d of %d", row, len(begins))
		case i > 0 && row < ids[i-1]:
			return nil, fmt.Errorf("an element of row %d after one of row %d, which is not supported", row, ids[i-1])
		case i > 0 && row == ids[i-1]:
			column++
		default:
			column = 0
		}
		out[i] = next(begins[row], column, step, room)
	}
	return out, nil
}

// placed puts elements into a tensor, and the default elsewhere.
func placed(values, absent *lockstep.Tensor, at []int, shape, element []int) (*lockstep.Tensor, error) {
	if len(at) > values.Shape()[0] {
		return nil, fmt.Errorf("rows of %d elements in all, and %d elements", len(at), values.Shape()[0])
	}
	out, err := value.Repeat(absent, shape)
	size := value.Product(element)
	if absent.Len() != 1 {
		out, err = repeated(absent, value.Product(shape)/max(size, 1), shape)
	}
	if err != nil {
		return nil, err
	}
	from, to := make([]int, 0, len(at)), make([]int, 0, len(at))
	for i, place := range at {
		if place >= 0 {
			from, to = append(from, i*size), append(to, place*size)
		}
	}
	picked, err := value.Pick(values, from, size, []int{len(from), size})
	if err != nil {
		return nil, err
	}
	return out, value.Put(out, to, size, picked)
}

// repeated is a tensor that has an element of several numbers n times.
func repeated(element *lockstep.Tensor, n int, shape []int) (*lockstep.Tensor, error) {
	index := make([]int, n)
	return value.Pick(element, index, element.Len(), shape)
}
