package engine

import (
	"fmt"
)

var bandpartOps = Table{
	"MatrixBandPart": {Build: plain(bandPart), Moves: InputsAt(0)},
}

// bandPart keeps the diagonals of matrices that are not too far below or
// above the main one, and makes zeros of the others; a negative number sets no
// bound. Causal masks are made so.
func bandPart(w *Call, in []Value) ([]Value, error) {
	t, err := tensors(in, 3)
	if err != nil {
		return nil, err
	}
	x, rank := t[0], t[0].Rank()
	if rank < 2 {
		return nil, fmt.Errorf("%s, want matrices", x)
	}
	rows, cols := x.Shape()[rank-2], x.Shape()[rank-1]
	var bounds [2]int
	for i, most := range []int{rows, cols} {
		if bounds[i], err = scalar(t[i+1]); err != nil {
			return nil, fmt.Errorf("a number of diagonals: %w", err)
		}
		if bounds[i] > most {
			return nil, fmt.Errorf("%d diagonals of %s, want at most %d", bounds[i], x, most)
		}
		if bounds[i] < 0 {
			bounds[i] = most
		}
	}
	out, err := zeros(x.DType(), x.Shape())
	if err != nil || x.Len() == 0 {
		return w.one(out, err)
	}
	kept := make([]int, 0, x.Len())
	for from := 0; from < x.Len(); from += cols {
		row := from / cols % rows
		for c := max(row-bounds[0], 0); c < min(row+bounds[1]+1, cols); c++ {
			kept = append(kept, from+c)
		}
	}
	band, err := pick(x, kept, 1, []int{len(kept)})
	if err != nil {
		return nil, err
	}
	return w.one(out, put(out, kept, 1, band))
}
