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

// readSplits reads the splits of some number of rows' elements, -1 for any.
func readSplits(t *lockstep.Tensor, elements int) ([]int, error) {
	ends, err := op.Vector(t)
	if err != nil {
		return nil, fmt.Errorf("the splits: %w", err)
	}
	if len(ends) == 0 || ends[0] != 0 {
		return nil, fmt.Errorf("the splits %s, want 0 first", t)
	}
	for i := 1; i < len(ends); i++ {
		if ends[i] < ends[i-1] {
			return nil, fmt.Errorf("split %d is %d after %d", i, ends[i], ends[i-1])
		}
	}
	if last := ends[len(ends)-1]; elements >= 0 && last != elements {
		return nil, fmt.Errorf("the last split is %d, and there are %d elements", last, elements)
	}
	return ends, nil
}

// nested reads the splits of a ragged tensor, the outermost first, and its elements.
func nested(t []*lockstep.Tensor) (splits [][]int, values *lockstep.Tensor, err error) {
	if len(t) < 2 {
		return nil, nil, op.InputsError(len(t))
	}
	values = t[len(t)-1]
	if values.Rank() == 0 {
		return nil, nil, fmt.Errorf("%s, want a list of elements", values)
	}
	splits = make([][]int, len(t)-1)
	below := values.Shape()[0]
	for i := len(t) - 2; i >= 0; i-- {
		if splits[i], err = readSplits(t[i], below); err != nil {
			return nil, nil, op.InputError(i, err)
		}
		below = len(splits[i]) - 1
	}
	return splits, values, nil
}

// buildToSparse lists the places of a ragged tensor's elements.
func buildToSparse(*savedmodel.Node) (op.Exec, error) {
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, -1)
		if err != nil {
			return nil, err
		}
		splits, values, err := nested(t)
		if err != nil {
			return nil, err
		}
		inner := values.Shape()[1:]
		rank := len(splits) + values.Rank()
		if _, err := value.AllowSized([]int{values.Len(), rank}, value.WordBytes); err != nil {
			return nil, err
		}
		shape := []int{len(splits[0]) - 1}
		for _, ends := range splits {
			shape = append(shape, widest(bySplits, ends))
		}
		shape = append(shape, inner...)
		places := make([]int, 0, values.Len()*rank)
		var walk func(level, row int, before []int)
		walk = func(level, row int, before []int) {
			if level == len(splits) {
				for k := range value.Product(inner) {
					places = append(places, before...)
					for i, step := range value.Strides(inner) {
						places = append(places, k/step%inner[i])
					}
				}
				return
			}
			for i := splits[level][row]; i < splits[level][row+1]; i++ {
				walk(level+1, i, append(slices.Clip(before), i-splits[level][row]))
			}
		}
		for row := range len(splits[0]) - 1 {
			walk(0, row, []int{row})
		}
		indices, err := value.IntTensor(places, lockstep.Int64, values.Len(), rank)
		if err != nil {
			return nil, err
		}
		elements, err := value.Reshaped(values, []int{values.Len()})
		if err != nil {
			return nil, err
		}
		dense, err := value.ShapeTensor(shape, lockstep.Int64)
		return []value.Value{{Tensor: indices}, {Tensor: elements}, {Tensor: dense}}, err
	}, nil
}

// buildGather takes rows of a ragged tensor by their numbers.
func buildGather(n *savedmodel.Node) (op.Exec, error) {
	rank := int(n.AttrInt("OUTPUT_RAGGED_RANK"))
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, -1)
		if err != nil {
			return nil, err
		}
		if len(t) < 3 {
			return nil, op.InputsError(len(t))
		}
		numbers := t[len(t)-1]
		list, err := value.Ints(numbers)
		if err != nil {
			return nil, fmt.Errorf("the row numbers: %w", err)
		}
		splits, values, err := nested(t[:len(t)-1])
		if err != nil {
			return nil, err
		}
		if numbers.Rank() == 0 || len(splits)+numbers.Rank()-1 != rank {
			return nil, fmt.Errorf("rows by %s of %d splits, want %d", numbers, len(splits), rank)
		}
		made := regular(numbers.Shape())
		for _, ends := range splits {
			total := 0
			for _, r := range list {
				if r < 0 || r >= len(ends)-1 {
					return nil, fmt.Errorf("row %d of %d", r, len(ends)-1)
				}
				total += ends[r+1] - ends[r]
			}
			if _, err := value.AllowSized([]int{total + len(list)}, 2*value.WordBytes); err != nil {
				return nil, err
			}
			next, now := make([]int, 0, total), []int{0}
			for _, r := range list {
				for i := ends[r]; i < ends[r+1]; i++ {
					next = append(next, i)
				}
				now = append(now, len(next))
			}
			made, list = append(made, now), next
		}
		var out []value.Value
		for _, ends := range made {
			s, err := value.IntTensor(ends, t[0].DType(), len(ends))
			if err != nil {
				return nil, err
			}
			out = append(out, value.Value{Tensor: s})
		}
		shape := append([]int{len(list)}, values.Shape()[1:]...)
		if _, err := value.Allow(shape); err != nil {
			return nil, err
		}
		run := value.Product(shape[1:])
		for i := range list {
			list[i] *= run
		}
		elements, err := value.Pick(values, list, run, shape)
		return append(out, value.Value{Tensor: elements}), err
	}, nil
}

// regular are the splits of rows of equal lengths, for each axis but the last.
func regular(shape []int) (splits [][]int) {
	rows := 1
	for i := range len(shape) - 1 {
		rows *= shape[i]
		ends := make([]int, rows+1)
		for k := range ends {
			ends[k] = k * shape[i+1]
		}
		splits = append(splits, ends)
	}
	return splits
}

// buildRange makes rows that count from starts to limits.
func buildRange(n *savedmodel.Node) (op.Exec, error) {
	splits, err := op.TypeOr(n, "Tsplits", lockstep.Int64)
	if err != nil {
		return nil, err
	}
	if splits != lockstep.Int32 && splits != lockstep.Int64 {
		return nil, op.NotSupported("Tsplits", splits)
	}
	d, err := op.TypeOr(n, "T", lockstep.Int32)
	if err != nil {
		return nil, err
	}
	switch d {
	case lockstep.Int32:
		return ranges[int32](splits), nil
	case lockstep.Int64:
		return ranges[int64](splits), nil
	}
	return nil, op.NotSupported("T", d)
}

func ranges[E int32 | int64](splits lockstep.DType) op.Exec {
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[E](in, 3)
		if err != nil {
			return nil, err
		}
		rows, scalars := -1, true
		for i, x := range t {
			switch {
			case x.Rank() > 1:
				return nil, op.InputError(i, fmt.Errorf("%s, want a number or a list", x))
			case x.Rank() == 1 && rows >= 0 && rows != x.Len():
				return nil, fmt.Errorf("lists of %d and of %d", rows, x.Len())
			case x.Rank() == 1:
				rows, scalars = x.Len(), false
			}
		}
		if scalars {
			rows = 1
		}
		at := func(k, i int) E {
			if t[k].Rank() == 0 {
				return d[k][0]
			}
			return d[k][i]
		}
		ends, total := []int{0}, 0
		for i := range rows {
			n, err := steps(int64(at(0, i)), int64(at(1, i)), int64(at(2, i)))
			if err != nil {
				return nil, err
			}
			if total += n; total > value.MaxElements {
				return nil, fmt.Errorf("ranges of more than %d numbers", value.MaxElements)
			}
			ends = append(ends, total)
		}
		if _, err := value.AllowSized([]int{total}, value.SizeFor[E]()); err != nil {
			return nil, err
		}
		out := make([]E, 0, total)
		for i := range rows {
			v := at(0, i)
			for range ends[i+1] - ends[i] {
				out = append(out, v)
				v += at(2, i)
			}
		}
		made, err := value.IntTensor(ends, splits, len(ends))
		if err != nil {
			return nil, err
		}
		numbers, err := lockstep.New(out, len(out))
		return []value.Value{{Tensor: made}, {Tensor: numbers}}, err
	}
}

// steps is how many steps lead from a number to before a limit.
func steps(from, limit, by int64) (int, error) {
	switch {
	case by == 0:
		return 0, errors.New("a range of steps of 0")
	case by > 0 == (from >= limit), from == limit:
		return 0, nil
	}
	// In uint64, since the distance of two int64 may not fit one.
	distance, step := uint64(limit)-uint64(from), uint64(by)
	if by < 0 {
		distance, step = uint64(from)-uint64(limit), -step
	}
	n := distance / step
	if distance%step != 0 {
		n++
	}
	if n > uint64(value.MaxElements) {
		return 0, fmt.Errorf("a range of %d numbers, want at most %d", n, value.MaxElements)
	}
	return int(n), nil
}

// boundOfElements moves the bounds of elements as the elements are moved: those of an
// input, counted from the last, to a result, counted from the first or, if that is 0, to
// the last.
func boundOfElements(fromLast, result int) op.BoundRule {
	return func(x *op.BoundInput) error {
		at, to := len(x.In)-1-fromLast, result
		if to == 0 {
			to = len(x.Out) - 1
		}
		in := make([]value.Value, len(x.In))
		for i := range x.In {
			in[i] = x.In[i].Value
		}
		var err error
		if in[at], err = x.In[at].Errors(); err != nil {
			return err
		}
		out, err := x.Again(in...)
		if err != nil {
			return err
		}
		if e := op.FloatsOf(out[to].Tensor); !op.AllZero(e) {
			x.Out[to].Bound = out[to]
		}
		return nil
	}
}
