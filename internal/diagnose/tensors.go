package diagnose

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// flat returns (batch, steps, n) as (batch·steps, n).
func flat(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	shape := t.Shape()
	return pick(t, nil, shape[0]*shape[1], shape[2])
}

// pick returns rows of (…, width), all of them where rows is nil.
func pick(t *lockstep.Tensor, rows []int, n, width int) (*lockstep.Tensor, error) {
	if t.DType() == lockstep.Float64 {
		return pickOf[float64](t, rows, n, width)
	}
	return pickOf[float32](t, rows, n, width)
}

func pickOf[F float32 | float64](t *lockstep.Tensor, rows []int, n, width int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[F](t)
	if err != nil {
		return nil, err
	}
	if rows == nil {
		return lockstep.New(d, n, width)
	}
	out := make([]F, 0, len(rows)*width)
	for _, r := range rows {
		out = append(out, d[r*width:(r+1)*width]...)
	}
	return lockstep.New(out, len(rows), width)
}

// rowsOf lists the rows that a mask leaves in.
func rowsOf(mask *lockstep.Tensor, n int) ([]int, error) {
	var there []bool
	if mask != nil {
		var err error
		if there, err = lockstep.Data[bool](mask); err != nil {
			return nil, err
		}
		if len(there) != n {
			return nil, fmt.Errorf("its mask is %s, want one for each of %d steps", mask, n)
		}
	}
	out := make([]int, 0, n)
	for i := range n {
		if there == nil || there[i] {
			out = append(out, i)
		}
	}
	return out, nil
}

// read returns x (batch, steps, features) with zeros for the steps that a mask
// leaves out, which are not read.
func read(x, mask *lockstep.Tensor) *lockstep.Tensor {
	if x == nil || mask == nil || x.Rank() != 3 || !slices.Equal(x.Shape()[:2], mask.Shape()) {
		return x
	}
	there, err := lockstep.Data[bool](mask)
	if err != nil || !slices.Contains(there, false) {
		return x
	}
	switch x.DType() {
	case lockstep.Float32:
		return readOf[float32](x, there)
	case lockstep.Float64:
		return readOf[float64](x, there)
	}
	return x
}

func readOf[F float32 | float64](x *lockstep.Tensor, there []bool) *lockstep.Tensor {
	d, err := lockstep.Data[F](x)
	if err != nil {
		return x
	}
	d = slices.Clone(d)
	width := x.Shape()[2]
	for i, in := range there {
		if !in {
			clear(d[i*width : (i+1)*width])
		}
	}
	out, err := lockstep.New(d, slices.Clone(x.Shape())...)
	if err != nil {
		return x
	}
	return out
}
