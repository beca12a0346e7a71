package ragged

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// counting is what is counted: numbers, the row of each, and how many rows there
// are, -1 for a list instead of a matrix.
type counting struct {
	numbers, row []int
	rows         int
}

// reader reads it from inputs, and the inputs of the number of bins and of the
// weights.
type reader func(t []*lockstep.Tensor) (c counting, size, weights *lockstep.Tensor, err error)

func raggedRows(t []*lockstep.Tensor) (c counting, size, weights *lockstep.Tensor, err error) {
	if len(t) != 4 {
		return c, nil, nil, op.InputsError(len(t))
	}
	ends, err := readSplits(t[0], t[1].Len())
	if err != nil {
		return c, nil, nil, err
	}
	c.rows = len(ends) - 1
	for row := range c.rows {
		for range ends[row+1] - ends[row] {
			c.row = append(c.row, row)
		}
	}
	c.numbers, err = value.Ints(t[1])
	return c, t[2], t[3], err
}

func sparseRows(t []*lockstep.Tensor) (c counting, size, weights *lockstep.Tensor, err error) {
	if len(t) != 5 {
		return c, nil, nil, op.InputsError(len(t))
	}
	if c.numbers, err = value.Ints(t[1]); err != nil {
		return c, nil, nil, err
	}
	shape, err := op.Vector(t[2])
	if err != nil {
		return c, nil, nil, fmt.Errorf("the shape: %w", err)
	}
	c.row = make([]int, len(c.numbers))
	if c.rows = -1; len(shape) == 1 {
		return c, t[3], t[4], nil
	}
	if len(shape) != 2 || shape[0] < 0 || t[0].Rank() != 2 || t[0].Shape()[1] != 2 || t[0].Shape()[0] != len(c.numbers) {
		return c, nil, nil, fmt.Errorf("places %s of %d numbers in the shape %v, want a list or a matrix", t[0], len(c.numbers), shape)
	}
	places, err := value.Ints(t[0])
	if err != nil {
		return c, nil, nil, fmt.Errorf("the places: %w", err)
	}
	for i := range c.row {
		if c.row[i] = places[2*i]; c.row[i] < 0 || c.row[i] >= shape[0] {
			return c, nil, nil, fmt.Errorf("row %d of %d", c.row[i], shape[0])
		}
	}
	c.rows = shape[0]
	return c, t[3], t[4], nil
}

// buildBincount counts the numbers below a size, or adds up their weights.
func buildBincount(read reader) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		binary := n.AttrBool("binary_output")
		d, err := n.AttrType("T")
		if err != nil {
			return nil, err
		}
		switch d {
		case lockstep.Float32:
			return bincount[float32](read, binary), nil
		case lockstep.Float64:
			return bincount[float64](read, binary), nil
		case lockstep.Int32:
			return bincount[int32](read, binary), nil
		case lockstep.Int64:
			return bincount[int64](read, binary), nil
		}
		return nil, op.NotSupported("T", d)
	}
}

func bincount[E float32 | float64 | int32 | int64](read reader, binary bool) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, -1)
		if err != nil {
			return nil, err
		}
		c, bins, weights, err := read(t)
		if err != nil {
			return nil, err
		}
		size, err := op.Scalar(bins)
		if err != nil {
			return nil, fmt.Errorf("the number of bins: %w", err)
		}
		if size < 0 {
			return nil, fmt.Errorf("%d bins", size)
		}
		of, err := lockstep.Data[E](weights)
		if err != nil {
			return nil, fmt.Errorf("the weights: %w", err)
		}
		if len(of) > 0 && len(of) != len(c.numbers) {
			return nil, fmt.Errorf("%d weights of %d numbers", len(of), len(c.numbers))
		}
		shape := []int{size}
		if c.rows >= 0 {
			shape = []int{c.rows, size}
		}
		n, err := value.Allow(shape)
		if err != nil {
			return nil, err
		}
		out := make([]E, n)
		for i, v := range c.numbers {
			switch at := c.row[i]*size + v; {
			case v < 0:
				return nil, errors.New("a negative number has no bin")
			case v >= size:
			case binary:
				out[at] = 1
			case len(of) > 0:
				out[at] += of[i]
			default:
				out[at]++
			}
		}
		return w.One(lockstep.New(out, shape...))
	}
}
