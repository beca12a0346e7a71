package image

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// buildNearest takes the nearest pixel.
func buildNearest(n *savedmodel.Node) (op.Exec, error) {
	if d, err := n.AttrType("T"); err != nil {
		return nil, err
	} else if d == lockstep.Bool || d == lockstep.String {
		return nil, op.NotSupported("T", d)
	}
	a, err := readAlignment(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, from, to, err := resized(in, 2)
		if err != nil {
			return nil, err
		}
		if from.height >= 1<<24 || from.width >= 1<<24 {
			return nil, fmt.Errorf("%s, want a height and a width below 2^24", t[0])
		}
		if _, err := value.AllowSized(to.shape(), value.SizeOf(t[0].DType())); err != nil {
			return nil, err
		}
		rows, cols := a.scalers(from, to)
		row := from.width * from.channels
		return w.One(value.Sample(t[0], [][]int{
			value.Positions(0, from.batch, from.height*row),
			rows.nearest(row, a.corners),
			cols.nearest(from.channels, a.corners),
			value.Positions(0, from.channels, 1),
		}, nil))
	}, nil
}

// nearest are the places of the nearest elements, which are some step apart.
func (s scaler) nearest(step int, corners bool) []int {
	out := make([]int, s.out)
	for i := range out {
		at := float32(i)
		if s.halves {
			at += 0.5 // the pixel whose part it lies in
		}
		at *= s.scale
		if corners {
			at = float32(math.Round(float64(at)))
		}
		out[i] = max(0, min(int(math.Floor(float64(at))), s.in-1)) * step
	}
	return out
}

// block reads the attributes of an operation that moves squares of pixels into
// channels, or back.
func block(n *savedmodel.Node) (int, error) {
	if f := op.StringOr(n, "data_format", "NHWC"); f != "NHWC" {
		return 0, op.NotSupported("data_format", f)
	}
	size := n.AttrInt("block_size")
	if size < 2 || size > 1<<15 {
		return 0, op.NotSupported("block_size", size)
	}
	return int(size), nil
}

func buildDepthToSpace(n *savedmodel.Node) (op.Exec, error) {
	size, err := block(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, from, err := imageOf(in)
		if err != nil {
			return nil, err
		}
		if from.channels%(size*size) != 0 {
			return nil, fmt.Errorf("%s, want channels that are a multiple of %d", t, size*size)
		}
		each := from.channels / size / size
		return w.One(value.Sample(t, [][]int{
			value.Positions(0, from.batch, from.height*from.width*from.channels),
			blocks(from.height, from.width*from.channels, size, size*each),
			blocks(from.width, from.channels, size, each),
			value.Positions(0, each, 1),
		}, nil))
	}, nil
}

func buildSpaceToDepth(n *savedmodel.Node) (op.Exec, error) {
	size, err := block(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, from, err := imageOf(in)
		if err != nil {
			return nil, err
		}
		if from.height%size != 0 || from.width%size != 0 {
			return nil, fmt.Errorf("%s, want a height and a width that are multiples of %d", t, size)
		}
		row := from.width * from.channels
		var inner []int
		for i := range size {
			inner = append(inner, value.Positions(i*row, size*from.channels, 1)...)
		}
		return w.One(value.Sample(t, [][]int{
			value.Positions(0, from.batch, from.height*row),
			value.Positions(0, from.height/size, size*row),
			value.Positions(0, from.width/size, size*from.channels),
			inner,
		}, nil))
	}, nil
}

// blocks are the positions of n blocks, each of some elements.
func blocks(n, step, size, inner int) []int {
	out := make([]int, 0, n*size)
	for i := range n {
		out = append(out, value.Positions(i*step, size, inner)...)
	}
	return out
}

func imageOf(in []value.Value) (*lockstep.Tensor, sizes, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, sizes{}, err
	}
	s, err := sizesOf(t[0])
	if err != nil {
		return nil, s, err
	}
	for _, d := range t[0].Shape() {
		if d > value.MaxElements {
			return nil, s, fmt.Errorf("%s, want no axis above %d", t[0], value.MaxElements)
		}
	}
	return t[0], s, nil
}
