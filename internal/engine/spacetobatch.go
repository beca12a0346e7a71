package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// The operations around a dilated convolution: Keras makes blocks of every
// n-th row of an axis into images of their own, convolves those, and puts the
// rows back.
var spacetobatchOps = Table{
	"SpaceToBatchND": {Build: plain(spaceToBatch), Moves: InputsAt(0)},
	"BatchToSpaceND": {Build: plain(batchToSpace), Moves: InputsAt(0)},
}

// blocking are the sizes of the blocks along the axes after the first, and
// two numbers for each: what is put, or cut off, before and after it.
type blocking struct {
	sizes, pads []int
	count       int // of places in a block
}

func readBlocking(t []*lockstep.Tensor) (*blocking, error) {
	sizes, err := vector(t[1])
	if err != nil {
		return nil, fmt.Errorf("the block: %w", err)
	}
	if t[2].Rank() != 2 || t[2].Shape()[0] != len(sizes) || t[2].Shape()[1] != 2 {
		return nil, fmt.Errorf("a frame %s for a block of %d axes, want the shape (%d, 2)", t[2], len(sizes), len(sizes))
	}
	pads, err := ints(t[2])
	if err != nil {
		return nil, fmt.Errorf("the frame: %w", err)
	}
	if len(sizes) >= t[0].Rank() {
		return nil, fmt.Errorf("a block of %d axes in %s, want an axis more in front", len(sizes), t[0])
	}
	b := &blocking{sizes, pads, 1}
	for i, n := range sizes {
		if n < 1 || n > maxElements/b.count {
			return nil, fmt.Errorf("a block of %v", sizes)
		}
		b.count *= n
		if pads[2*i] < 0 || pads[2*i+1] < 0 {
			return nil, fmt.Errorf("a frame of %v, want none below 0", pads)
		}
	}
	return b, nil
}

// spaceToBatch cuts axes into blocks and makes the place in a block a part of
// the first axis.
func spaceToBatch(w *Call, in []Value) ([]Value, error) {
	t, err := tensors(in, 3)
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
	x, err := framed(t[0], pads, nil)
	if err != nil {
		return nil, err
	}
	shape := x.Shape()
	apart := []int{shape[0]}            // (batch, rows, row in the block, …, rest)
	order := make([]int, 0, rank+n)     // the rows in the block first
	joined := []int{shape[0] * b.count} // (batch, rows, …, rest)
	rows := make([]int, 0, n)
	for i, size := range b.sizes {
		if shape[i+1]%size != 0 {
			return nil, fmt.Errorf("axis %d of %s with its frame is %d, want a multiple of the block's %d", i+1, t[0], shape[i+1], size)
		}
		apart = append(apart, shape[i+1]/size, size)
		order = append(order, 2*i+2)
		rows = append(rows, 2*i+1)
		joined = append(joined, shape[i+1]/size)
	}
	apart, joined = append(apart, shape[n+1:]...), append(joined, shape[n+1:]...)
	order = append(append(append(order, 0), rows...), positions(2*n+1, rank-n-1, 1)...)
	return w.one(regrouped(x, apart, order, joined))
}

// batchToSpace undoes what spaceToBatch does, and cuts off what that framed.
func batchToSpace(w *Call, in []Value) ([]Value, error) {
	t, err := tensors(in, 3)
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
	apart := append(append(slices.Clone(b.sizes), batch), shape[1:]...) // (row in the block, …, batch, rows, …, rest)
	order, joined := []int{n}, []int{batch}
	for i, size := range b.sizes {
		if shape[i+1] > maxElements/size {
			return nil, fmt.Errorf("axis %d of %s and a block of %d", i+1, t[0], size)
		}
		order, joined = append(order, n+1+i, i), append(joined, shape[i+1]*size)
	}
	order, joined = append(order, positions(2*n+1, rank-n-1, 1)...), append(joined, shape[n+1:]...)
	x, err := regrouped(t[0], apart, order, joined)
	if err != nil {
		return nil, err
	}
	axes, err := whole(joined)
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
	return w.one(sample(x, axes, nil))
}

// regrouped sees a tensor under one shape, puts its axes in order, and sees
// what that makes under another.
func regrouped(t *lockstep.Tensor, apart, order, joined []int) (*lockstep.Tensor, error) {
	x, err := reshaped(t, apart)
	if err != nil {
		return nil, err
	}
	if x, err = turned(x, order); err != nil {
		return nil, err
	}
	return reshaped(x, joined)
}
