package op

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var stridedsliceOps = Table{
	"StridedSlice": {Build: buildStridedSlice, Moves: InputsAt(0), Shape: InputsAt(1, 2, 3), Time: timeOfStridedSlice, Part: partOfStridedSlice},
}

// sliceMask says how a StridedSlice reads its inputs: bit i of a mask is about
// the i-th entry of begin, end and strides.
type sliceMask struct {
	begin, end int64 // the entry's begin or end is ignored
	ellipsis   int64 // it covers all axes that are not named
	newAxis    int64 // it makes an axis of length one
	shrink     int64 // it takes one row, and the axis is removed
}

// entry is what a StridedSlice does along one axis.
type entry struct {
	begin, end, stride   int
	allBegin, allEnd     bool
	shrink               bool
	newAxis, isUntouched bool
}

func buildStridedSlice(n *savedmodel.Node) (Exec, error) {
	c := sliceMask{
		begin: n.AttrInt("begin_mask"), end: n.AttrInt("end_mask"), ellipsis: n.AttrInt("ellipsis_mask"),
		newAxis: n.AttrInt("new_axis_mask"), shrink: n.AttrInt("shrink_axis_mask"),
	}
	if c.ellipsis&(c.ellipsis-1) != 0 {
		return nil, fmt.Errorf("attribute \"ellipsis_mask\" is %b, want one bit at most", c.ellipsis)
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 4)
		if err != nil {
			return nil, err
		}
		var spec [3][]int // begin, end, strides
		for i := range spec {
			if spec[i], err = Vector(t[i+1]); err != nil {
				return nil, err
			}
		}
		if len(spec[0]) != len(spec[1]) || len(spec[0]) != len(spec[2]) || len(spec[0]) >= 32 {
			return nil, fmt.Errorf("%d begins, %d ends and %d strides, want as many of each and fewer than 32", len(spec[0]), len(spec[1]), len(spec[2]))
		}
		entries, err := c.entries(spec, t[0].Rank())
		if err != nil {
			return nil, err
		}
		return w.One(cutEntries(t[0], entries))
	}, nil
}

// entries makes one entry for each axis of a tensor, and those of new axes
// between them.
func (c sliceMask) entries(spec [3][]int, rank int) ([]entry, error) {
	var out []entry
	n := len(spec[0])
	has := func(mask int64, i int) bool { return mask&(1<<i) != 0 }
	// The ellipsis covers the axes that the other entries leave.
	named, seen := 0, false
	for i := range n {
		switch {
		case has(c.ellipsis, i):
			seen = true
		case !has(c.newAxis, i):
			named++
		}
	}
	untouched := func() {
		for range rank - named {
			out = append(out, entry{isUntouched: true})
		}
	}
	for i := range n {
		switch {
		case has(c.ellipsis, i):
			untouched()
		case has(c.newAxis, i):
			out = append(out, entry{newAxis: true})
		default:
			out = append(out, entry{
				begin: spec[0][i], end: spec[1][i], stride: spec[2][i],
				allBegin: has(c.begin, i), allEnd: has(c.end, i), shrink: has(c.shrink, i),
			})
		}
	}
	if named > rank {
		return nil, fmt.Errorf("%d axes are named, and the tensor has rank %d", named, rank)
	}
	if !seen {
		untouched()
	}
	return out, nil
}

func cutEntries(t *lockstep.Tensor, entries []entry) (*lockstep.Tensor, error) {
	if _, err := value.Allow(t.Shape()); err != nil {
		return nil, err
	}
	steps := value.Strides(t.Shape())
	axes := make([][]int, 0, t.Rank())
	shape := []int{}
	for _, e := range entries {
		if e.newAxis {
			shape = append(shape, 1)
			continue
		}
		i := len(axes)
		begin, n, stride, err := e.resolve(t.Shape()[i])
		if err != nil {
			return nil, fmt.Errorf("axis %d of %s: %w", i, t, err)
		}
		axes = append(axes, value.Positions(begin*steps[i], n, stride*steps[i]))
		if !e.shrink {
			shape = append(shape, n)
		}
	}
	out, err := value.Sample(t, axes, nil)
	if err != nil {
		return nil, err
	}
	return value.Reshaped(out, shape)
}

// resolve returns what an entry takes of an axis of some length
// (tensorflow/core/util/strided_slice_op.cc).
func (e entry) resolve(length int) (begin, n, stride int, err error) {
	if e.isUntouched {
		return 0, length, 1, nil
	}
	if e.stride == 0 {
		return 0, 0, 0, errors.New("a stride of 0")
	}
	if e.shrink {
		if e.stride < 0 {
			return 0, 0, 0, fmt.Errorf("one row by the stride %d, want a positive one", e.stride)
		}
		begin = e.begin
		if begin < 0 {
			begin += length
		}
		if begin < 0 || begin >= length {
			return 0, 0, 0, fmt.Errorf("row %d of %d", e.begin, length)
		}
		return begin, 1, 1, nil
	}
	low, high := 0, length
	if e.stride < 0 {
		low, high = -1, length-1
	}
	place := func(x int, all, isEnd bool) int {
		if all {
			if (e.stride > 0) == isEnd {
				return high
			}
			return low
		}
		if x < 0 {
			x += length
		}
		return min(max(x, low), high)
	}
	begin = place(e.begin, e.allBegin, false)
	span := place(e.end, e.allEnd, true) - begin
	if span == 0 || (span < 0) != (e.stride < 0) {
		return 0, 0, 1, nil
	}
	if n = span / e.stride; span%e.stride != 0 {
		n++
	}
	return begin, n, e.stride, nil
}

// timeOfStridedSlice is for a slice of all steps of the time axis, or of the
// last one.
func timeOfStridedSlice(t Timed) (Timing, error) {
	l, shape, err := onlyTimed(t, 0)
	if l.Kind == SoFar && err == nil {
		return l, nil
	}
	n := t.Node()
	if err != nil || n.AttrInt("ellipsis_mask") != 0 || n.AttrInt("new_axis_mask") != 0 {
		return l, ErrMixes
	}
	axis, whole, ok := l.Axis(shape, t.Steps())
	if !ok || !whole {
		return l, ErrMixes
	}
	begin, err1 := value.Ints(t.Tensor(1))
	_, err2 := value.Ints(t.Tensor(2))
	strides, err3 := value.Ints(t.Tensor(3))
	if err := errors.Join(err1, err2, err3); err != nil {
		return l, err
	}
	shrinks := func(axis int) bool { return n.AttrInt("shrink_axis_mask")>>axis&1 == 1 }
	open := func(mask string) bool { return n.AttrInt(mask)>>axis&1 == 1 }
	dropped := 0
	for i := range min(axis, len(begin)) {
		if shrinks(i) {
			dropped++
		}
	}
	switch {
	case axis >= len(begin), open("begin_mask") && open("end_mask") && strides[axis] == 1 && !shrinks(axis):
		return TimeAt(t.Result(), axis-dropped), nil
	case shrinks(axis) && begin[axis] == -1:
		return Timing{Kind: SoFar}, nil // of the sequence so far, the last step
	case shrinks(axis):
		return l, ErrPicks
	}
	// Among them the last step as a sequence of one: its own time axis.
	return l, ErrMixes
}

// partOfStridedSlice is for x[..., a:b], with any slices before it.
func partOfStridedSlice(n *savedmodel.Node, _ int, shape []int, c Numbers) (from, to int, ok bool) {
	if len(n.Inputs) != 4 || n.AttrInt("new_axis_mask") != 0 {
		return 0, 0, false
	}
	begin, known := c.Numbers(n.Inputs[1])
	end, also := c.Numbers(n.Inputs[2])
	if !known || !also || len(begin) != len(end) || len(begin) == 0 {
		return 0, 0, false
	}
	at, ellipsis := len(begin)-1, n.AttrInt("ellipsis_mask")
	if ellipsis == 0 && len(begin) != len(shape) || ellipsis>>at&1 == 1 {
		return 0, 0, false
	}
	size := shape[len(shape)-1]
	wrap := func(v float64) int {
		if v < 0 {
			v += float64(size)
		}
		return min(max(int(v), 0), size)
	}
	from, to = wrap(begin[at]), wrap(end[at])
	if n.AttrInt("begin_mask")>>at&1 == 1 {
		from = 0
	}
	switch {
	case n.AttrInt("shrink_axis_mask")>>at&1 == 1:
		to = from + 1
	case n.AttrInt("end_mask")>>at&1 == 1:
		to = size
	}
	return from, to, from < to
}
