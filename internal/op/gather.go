package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that take elements by their numbers.
var gatherOps = Table{
	"GatherV2":          {Build: buildGather(3, false), Moves: InputsAt(0), Shape: InputsAt(2), Time: timeOfLookup, Reads: readsAlong},
	"Gather":            {Build: buildGather(2, false), Moves: InputsAt(0), Reads: readsRows},
	"ResourceGather":    {Build: buildGather(2, true), Moves: InputsAt(0), Shape: NoInput, Time: timeOfLookup, Reads: readsRows},
	"GatherNd":          {Build: buildGatherNd(false), Moves: InputsAt(0), Reads: readsPlaces},
	"ResourceGatherNd":  {Build: buildGatherNd(true), Moves: InputsAt(0), Reads: readsPlaces},
	"InvertPermutation": {Build: Plain(invertPermutation)},
	"ReverseSequence":   {Build: buildReverseSequence, Moves: InputsAt(0)},
}

// params returns the inputs of a gather, the first of which may be a variable.
func params(in []value.Value, n int, variable bool) ([]*lockstep.Tensor, error) {
	if variable && len(in) > 0 {
		if in[0].Variable == nil {
			return nil, fmt.Errorf("input 0 is %s, want a variable", in[0])
		}
		in = append([]value.Value{{Tensor: in[0].Variable}}, in[1:]...)
	}
	return value.Tensors(in, n)
}

// buildGather makes a builder of a gather along an axis, which is an input if
// there are three, and the first after the batch otherwise.
func buildGather(inputs int, variable bool) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		batchDims := IntOr(n, "batch_dims", 0)
		if variable && batchDims < 0 {
			return nil, fmt.Errorf("attribute \"batch_dims\" is %d, want none below 0", batchDims)
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			if t, ok := embedding(in, variable); ok && batchDims == 0 {
				return w.One(lookUp(w, t, in[1].Tensor))
			}
			t, err := params(in, inputs, variable)
			if err != nil {
				return nil, err
			}
			batch := batchDims
			if batch < 0 {
				batch += t[1].Rank()
			}
			axis := batch
			if inputs == 3 {
				if axis, err = Scalar(t[2]); err != nil {
					return nil, fmt.Errorf("the axis: %w", err)
				}
				if axis, err = value.AxisOf(axis, t[0].Rank()); err != nil {
					return nil, err
				}
			}
			return w.One(gather(t[0], t[1], axis, batch, variable))
		}, nil
	}
}

// embedding returns the table of a gather that takes its rows, as an Embedding
// does.
func embedding(in []value.Value, variable bool) (t *lockstep.Tensor, ok bool) {
	if len(in) < 2 || in[1].Tensor == nil || in[1].Tensor.Len() == 0 {
		return nil, false
	}
	if t = in[0].Tensor; variable {
		t = in[0].Variable
	}
	if t == nil || t.Len() == 0 || t.Rank() == 0 {
		return nil, false
	}
	if len(in) == 2 {
		return t, true
	}
	axis, ok := value.Integer(in[2].Tensor)
	return t, ok && axis == 0 && len(in) == 3 && in[2].Tensor.Rank() == 0
}

// lookUp gathers rows of t by their numbers, as an Embedding does.
func lookUp(w *Call, t, numbers *lockstep.Tensor) (*lockstep.Tensor, error) {
	mover, err := value.MoverOf(t)
	if err != nil {
		return nil, err
	}
	m := Room[gatherMemory](w)
	if m.list, err = value.AppendInts(m.list[:0], numbers); err != nil {
		return nil, fmt.Errorf("the row numbers: %w", err)
	}
	rows := t.Shape()[0]
	for _, r := range m.list {
		if r < 0 || r >= rows {
			return nil, fmt.Errorf("row %d of the %d along axis 0 of %s", r, rows, t)
		}
	}
	m.shape = append(append(m.shape[:0], numbers.Shape()...), t.Shape()[1:]...)
	if m.result == nil || m.result.DType() != t.DType() || !slices.Equal(m.result.Shape(), m.shape) {
		if m.result, err = value.Zeros(t.DType(), m.shape); err != nil {
			return nil, err
		}
	}
	return m.result, mover.Rows(m.result, t, m.list)
}

// gatherMemory is the memory of a look-up.
type gatherMemory struct {
	list, shape []int
	result      *lockstep.Tensor
}

// gather gathers rows of t along an axis by their numbers; the first batch axes
// of both are matched. strict checks the numbers for an empty result as well.
func gather(t, numbers *lockstep.Tensor, axis, batch int, strict bool) (*lockstep.Tensor, error) {
	if t.Rank() == 0 {
		return nil, errors.New("a gather from a scalar")
	}
	if batch < 0 || batch > numbers.Rank() || batch >= t.Rank() || batch > axis {
		return nil, fmt.Errorf("a gather along axis %d from %s by %s with %d batch axes", axis, t, numbers, batch)
	}
	if !slices.Equal(t.Shape()[:batch], numbers.Shape()[:batch]) {
		return nil, fmt.Errorf("a gather from %s by %s, want the first %d axes to be equal", t, numbers, batch)
	}
	list, err := value.Ints(numbers)
	if err != nil {
		return nil, fmt.Errorf("the row numbers: %w", err)
	}
	shape := slices.Concat(t.Shape()[:axis], numbers.Shape()[batch:], t.Shape()[axis+1:])
	n, err := value.Allow(shape)
	if err != nil {
		return nil, err
	}
	if n == 0 && !strict {
		return value.Pick(t, nil, 0, shape)
	}
	rows := t.Shape()[axis]
	for _, r := range list {
		if r < 0 || r >= rows {
			return nil, fmt.Errorf("row %d of the %d along axis %d of %s", r, rows, axis, t)
		}
	}
	run := value.Product(t.Shape()[axis+1:])
	batches, outer := value.Product(t.Shape()[:batch]), value.Product(t.Shape()[batch:axis])
	each := value.Product(numbers.Shape()[batch:])
	index := make([]int, 0, batches*outer*each)
	for b := range batches {
		for o := range outer {
			from := (b*outer + o) * rows * run
			for _, r := range list[b*each : (b+1)*each] {
				index = append(index, from+r*run)
			}
		}
	}
	return value.Pick(t, index, run, shape)
}

// buildGatherNd makes a builder of a gather by whole positions.
func buildGatherNd(variable bool) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		if p := n.AttrString("bad_indices_policy"); p != "" && p != "DEFAULT" && p != "ERROR" {
			return nil, fmt.Errorf("attribute \"bad_indices_policy\" is %q, want DEFAULT or ERROR", p)
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			t, err := params(in, 2, variable)
			if err != nil {
				return nil, err
			}
			if t[0].Rank() == 0 || t[1].Rank() == 0 {
				return nil, fmt.Errorf("a gather from %s by %s, want an axis at least in both", t[0], t[1])
			}
			depth := t[1].Shape()[t[1].Rank()-1]
			if depth > t[0].Rank() {
				return nil, fmt.Errorf("a gather from %s by positions of %d axes", t[0], depth)
			}
			shape := slices.Concat(t[1].Shape()[:t[1].Rank()-1], t[0].Shape()[depth:])
			if _, err := value.Allow(shape); err != nil {
				return nil, err
			}
			if t[0].Len() == 0 && t[1].Len() > 0 {
				return nil, fmt.Errorf("a gather from the empty %s by %s", t[0], t[1])
			}
			index, run, err := blocks(t[1], t[0].Shape())
			if err != nil {
				return nil, err
			}
			return w.One(value.Pick(t[0], index, run, shape))
		}, nil
	}
}

// blocks converts positions in a tensor of some shape, which are along the last
// axis of numbers, into the flat indices of the first elements of blocks.
func blocks(numbers *lockstep.Tensor, shape []int) (index []int, run int, err error) {
	list, err := value.Ints(numbers)
	if err != nil {
		return nil, 0, fmt.Errorf("the positions: %w", err)
	}
	depth := numbers.Shape()[numbers.Rank()-1]
	run = value.Product(shape[depth:])
	index = make([]int, value.Product(numbers.Shape()[:numbers.Rank()-1]))
	steps := value.Strides(shape)
	for i := range index {
		position := list[i*depth : (i+1)*depth]
		for axis, at := range position {
			if at < 0 || at >= shape[axis] {
				return nil, 0, fmt.Errorf("position %v in the shape %s", position, lockstep.FormatShape(shape))
			}
			index[i] += at * steps[axis]
		}
	}
	return index, run, nil
}

func invertPermutation(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, err
	}
	perm, err := Vector(t[0])
	if err != nil {
		return nil, err
	}
	out := make([]int, len(perm))
	for i := range out {
		out[i] = -1
	}
	for i, p := range perm {
		if p < 0 || p >= len(perm) || out[p] >= 0 {
			return nil, fmt.Errorf("%d at %d, want every number below %d once", p, i, len(perm))
		}
		out[p] = i
	}
	return w.One(value.IntTensor(out, t[0].DType(), len(out)))
}

// buildReverseSequence reverses the first elements of each row, as many as that
// row's length says.
func buildReverseSequence(n *savedmodel.Node) (Exec, error) {
	seq, batch := IntOr(n, "seq_dim", 0), IntOr(n, "batch_dim", 0)
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		shape := t[0].Shape()
		if seq == batch || seq < 0 || batch < 0 || seq >= len(shape) || batch >= len(shape) {
			return nil, fmt.Errorf("sequences along axis %d and a batch along axis %d of %s", seq, batch, t[0])
		}
		lengths, err := Vector(t[1])
		if err != nil {
			return nil, fmt.Errorf("the lengths: %w", err)
		}
		if len(lengths) != shape[batch] {
			return nil, fmt.Errorf("%d lengths for %d sequences", len(lengths), shape[batch])
		}
		for i, l := range lengths {
			if l < 0 || l > shape[seq] {
				return nil, fmt.Errorf("length %d of sequence %d, want 0 to %d", l, i, shape[seq])
			}
		}
		steps := value.Strides(shape)
		index := make([]int, t[0].Len())
		for i := range index {
			index[i] = i
			at := i / steps[seq] % shape[seq]
			if l := lengths[i/steps[batch]%shape[batch]]; at < l {
				index[i] += (l - 1 - 2*at) * steps[seq]
			}
		}
		return w.One(value.Pick(t[0], index, 1, shape))
	}, nil
}

// timeOfLookup is for rows that are looked up by the numbers of steps.
func timeOfLookup(t Timed) (Timing, error) {
	l, shape, err := onlyTimed(t, 1)
	if err != nil {
		return l, err
	}
	if t.Inputs() > 2 {
		if axis, err := value.ScalarInt(t.Tensor(2)); err != nil || axis != 0 {
			return l, ErrMixes
		}
	}
	if t.Node().AttrInt("batch_dims") != 0 {
		return l, ErrMixes
	}
	if l.Kind == BySteps {
		l.After *= value.Product(t.Result()[len(shape):])
	}
	return l, nil
}

// readsRows is for a look-up along the axis after those of the batch.
func readsRows(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) > 1 {
		g.Found(n.Inputs[1], g.Along(n.Inputs[0], int(n.AttrInt("batch_dims"))))
	}
}

// readsAlong is for a look-up along the axis in the third input.
func readsAlong(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) < 3 {
		return
	}
	if axis, ok := one(g, n.Inputs[2]); ok {
		g.Found(n.Inputs[1], g.Along(n.Inputs[0], int(axis)))
	}
}

// readsPlaces is for a look-up by positions, one index for each of the first
// axes.
func readsPlaces(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) < 2 {
		return
	}
	elements, ok := g.Packed(n.Inputs[1])
	if !ok {
		g.Found(n.Inputs[1], g.Along(n.Inputs[0], 0))
		return
	}
	for i, r := range elements {
		g.Found(r, g.Along(n.Inputs[0], i))
	}
}
