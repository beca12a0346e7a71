package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that pad a tensor.
var padOps = Table{
	"Pad":            {Build: Plain(padWith), Moves: InputsAt(0), Shape: InputsAt(1), Rows: rowsOfPad},
	"PadV2":          {Build: Plain(padWith), Moves: InputsAt(0, 2), Shape: InputsAt(1), Rows: rowsOfPad},
	"MirrorPad":      {Build: buildMirrorPad, Moves: InputsAt(0), Rows: rowsOfPad},
	"SpaceToBatchND": {Build: Plain(spaceToBatch), Moves: InputsAt(0)},
	"BatchToSpaceND": {Build: Plain(batchToSpace), Moves: InputsAt(0)},
}

// paddings reads how much is added before and after each axis.
func paddings(t, pads *lockstep.Tensor) ([]int, error) {
	if pads.Rank() != 2 || pads.Shape()[0] != t.Rank() || pads.Shape()[1] != 2 {
		return nil, fmt.Errorf("paddings are %s for %s, want the shape (%d, 2)", pads, t, t.Rank())
	}
	p, err := value.Ints(pads)
	if err != nil {
		return nil, fmt.Errorf("paddings: %w", err)
	}
	return p, nil
}

// paddedShape returns the shape that paddings make of another.
func paddedShape(shape, pads []int) ([]int, error) {
	wide := make([]int, len(shape))
	for i, d := range shape {
		a, b := pads[2*i], pads[2*i+1]
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("paddings of %d and %d at axis %d, want none below 0", a, b, i)
		}
		if a > value.MaxElements || b > value.MaxElements || d > value.MaxElements {
			return nil, fmt.Errorf("paddings of %d and %d at axis %d, want at most %d", a, b, i, value.MaxElements)
		}
		wide[i] = a + d + b
	}
	return wide, nil
}

func padWith(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, -1)
	if err != nil {
		return nil, err
	}
	var fill *lockstep.Tensor
	switch len(t) {
	case 2:
	case 3:
		fill = t[2]
		if err := WantScalar("the value", fill); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%d inputs, want 2 or 3", len(t))
	}
	pads, err := paddings(t[0], t[1])
	if err != nil {
		return nil, err
	}
	return w.One(padded(t[0], pads, fill))
}

// padded pads a tensor with fill's one element, or with zeros if fill is nil.
func padded(t *lockstep.Tensor, pads []int, fill *lockstep.Tensor) (*lockstep.Tensor, error) {
	wide, err := paddedShape(t.Shape(), pads)
	if err != nil {
		return nil, err
	}
	if n, err := value.Allow(wide); err != nil || n == 0 {
		return emptyOr(err, t.DType(), wide)
	}
	axes := make([][]int, len(wide))
	from, err := value.AllPositions(t.Shape())
	if err != nil {
		return nil, err
	}
	for i, axis := range from {
		axes[i] = make([]int, wide[i])
		for j := range axes[i] {
			axes[i][j] = -1
		}
		copy(axes[i][pads[2*i]:], axis)
	}
	return value.Sample(t, axes, fill)
}

func buildMirrorPad(n *savedmodel.Node) (Exec, error) {
	mode := n.AttrString("mode")
	edge := 0 // how many elements at the border are not repeated
	switch mode {
	case "REFLECT":
		edge = 1
	case "SYMMETRIC":
	default:
		return nil, fmt.Errorf("attribute \"mode\" is %q, want REFLECT or SYMMETRIC", mode)
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		pads, err := paddings(t[0], t[1])
		if err != nil {
			return nil, err
		}
		wide, err := paddedShape(t[0].Shape(), pads)
		if err != nil {
			return nil, err
		}
		for i, d := range t[0].Shape() {
			// An empty axis cannot be mirrored; TensorFlow refuses paddings of
			// 0 as well.
			if most := d - edge; pads[2*i] > most || pads[2*i+1] > most {
				return nil, fmt.Errorf("paddings of %d and %d at axis %d of %s, want at most %d", pads[2*i], pads[2*i+1], i, t[0], most)
			}
		}
		if n, err := value.Allow(wide); err != nil || n == 0 {
			return w.One(emptyOr(err, t[0].DType(), wide))
		}
		axes := make([][]int, len(wide))
		from, err := value.AllPositions(t[0].Shape())
		if err != nil {
			return nil, err
		}
		for i, axis := range from {
			axes[i] = make([]int, wide[i])
			for j := range axes[i] {
				axes[i][j] = axis[mirror(j-pads[2*i], len(axis), edge)]
			}
		}
		return w.One(value.Sample(t[0], axes, nil))
	}, nil
}

// mirror returns which of n rows is at i, which may be outside by less than n.
func mirror(i, n, edge int) int {
	if i < 0 {
		i = -i - 1 + edge
	}
	if i >= n {
		i = 2*n - 1 - i - edge
	}
	return i
}

// The operations around a dilated convolution: Keras makes separate images of
// every n-th row of an axis, convolves those, and puts the rows back.

// blocking are the sizes of the blocks along the axes after the first, and for
// each how much is padded, or cut off, before and after it.
type blocking struct {
	sizes, pads []int
	count       int // of places in a block
}

func readBlocking(t []*lockstep.Tensor) (*blocking, error) {
	sizes, err := Vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the block: %w", err)
	}
	if t[2].Rank() != 2 || t[2].Shape()[0] != len(sizes) || t[2].Shape()[1] != 2 {
		return nil, fmt.Errorf("paddings %s for a block of %d axes, want the shape (%d, 2)", t[2], len(sizes), len(sizes))
	}
	pads, err := value.Ints(t[2])
	if err != nil {
		return nil, fmt.Errorf("the paddings: %w", err)
	}
	if len(sizes) >= t[0].Rank() {
		return nil, fmt.Errorf("a block of %d axes in %s, want an axis more in front", len(sizes), t[0])
	}
	b := &blocking{sizes, pads, 1}
	for i, n := range sizes {
		if n < 1 || n > value.MaxElements/b.count {
			return nil, fmt.Errorf("a block of %v", sizes)
		}
		b.count *= n
		if pads[2*i] < 0 || pads[2*i+1] < 0 {
			return nil, fmt.Errorf("the padding %v, want no number below 0", pads)
		}
	}
	return b, nil
}

// spaceToBatch cuts axes into blocks and makes the place in a block a part of
// the first axis.
func spaceToBatch(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	b, err := readBlocking(t)
	if err != nil {
		return nil, err
	}
	n, rank := len(b.sizes), t[0].Rank()
	pads := make([]int, 2*rank)
	copy(pads[2:], b.pads)
	x, err := padded(t[0], pads, nil)
	if err != nil {
		return nil, err
	}
	shape := x.Shape()
	blocks := []int{shape[0]}           // (batch, rows, row in the block, …, rest)
	order := make([]int, 0, rank+n)     // the rows in the block first
	joined := []int{shape[0] * b.count} // (batch, rows, …, rest)
	rows := make([]int, 0, n)
	for i, size := range b.sizes {
		if shape[i+1]%size != 0 {
			return nil, fmt.Errorf("axis %d of %s with its paddings is %d, want a multiple of the block's %d", i+1, t[0], shape[i+1], size)
		}
		blocks = append(blocks, shape[i+1]/size, size)
		order = append(order, 2*i+2)
		rows = append(rows, 2*i+1)
		joined = append(joined, shape[i+1]/size)
	}
	blocks, joined = append(blocks, shape[n+1:]...), append(joined, shape[n+1:]...)
	order = append(append(append(order, 0), rows...), value.Positions(2*n+1, rank-n-1, 1)...)
	return w.One(regrouped(x, blocks, order, joined))
}

// batchToSpace undoes spaceToBatch, and cuts off its padding.
func batchToSpace(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
	if err != nil {
		return nil, err
	}
	b, err := readBlocking(t)
	if err != nil {
		return nil, err
	}
	n, rank, shape := len(b.sizes), t[0].Rank(), t[0].Shape()
	if shape[0]%b.count != 0 {
		return nil, fmt.Errorf("%s, want a first axis that is a multiple of the block's %d", t[0], b.count)
	}
	batch := shape[0] / b.count
	blocks := append(append(slices.Clone(b.sizes), batch), shape[1:]...) // (row in the block, …, batch, rows, …, rest)
	order, joined := []int{n}, []int{batch}
	for i, size := range b.sizes {
		if shape[i+1] > value.MaxElements/size {
			return nil, fmt.Errorf("axis %d of %s and a block of %d", i+1, t[0], size)
		}
		order, joined = append(order, n+1+i, i), append(joined, shape[i+1]*size)
	}
	order, joined = append(order, value.Positions(2*n+1, rank-n-1, 1)...), append(joined, shape[n+1:]...)
	x, err := regrouped(t[0], blocks, order, joined)
	if err != nil {
		return nil, err
	}
	axes, err := value.AllPositions(joined)
	if err != nil {
		return nil, err
	}
	for i := range b.sizes {
		before, after, length := b.pads[2*i], b.pads[2*i+1], joined[i+1]
		if before > length || after > length-before {
			return nil, fmt.Errorf("%d and %d cut off axis %d, which has %d", before, after, i+1, length)
		}
		axes[i+1] = axes[i+1][before : length-after]
	}
	return w.One(value.Sample(x, axes, nil))
}

// regrouped reshapes a tensor, transposes it, and reshapes the result.
func regrouped(t *lockstep.Tensor, blocks, order, joined []int) (*lockstep.Tensor, error) {
	x, err := value.Reshaped(t, blocks)
	if err != nil {
		return nil, err
	}
	if x, err = turned(x, order); err != nil {
		return nil, err
	}
	return value.Reshaped(x, joined)
}

// rowsOfPad is for an operation whose input 1 has two numbers for each axis, 0 for those
// that stay the same.
func rowsOfPad(t Timed) (Timing, error) {
	l, axis, done, err := timeAlong(t, 0)
	if done {
		return l, errors.Join(err, ErrMixes)
	}
	by, err := value.Ints(t.Tensor(1))
	if err != nil || len(by) <= 2*axis+1 || by[2*axis] != 0 || by[2*axis+1] != 0 {
		return l, errors.Join(err, ErrMixes)
	}
	return TimeAt(t.Result(), axis), nil
}
