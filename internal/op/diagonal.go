package op

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations between matrices and their diagonals. Diagonals are packed in
// rows, the highest first: (…, diagonals, places), or (…, places) of one. A
// shorter one is aligned to the left or the right of its row
// (tensorflow/core/kernels/linalg/matrix_diag_op.cc).
var diagonalOps = Table{
	"MatrixDiagPartV3": {Build: buildDiagonal(diagonalPart), Moves: InputsAt(0, 2)},
	"MatrixDiagV3":     {Build: buildDiagonal(diagonalMatrix), Moves: InputsAt(0, 4)},
	"MatrixSetDiagV3":  {Build: buildDiagonal(setDiagonal), Moves: InputsAt(0, 1)},
	"MatrixBandPart":   {Build: Plain(bandPart), Moves: InputsAt(0)},
	"Diag":             {Build: Plain(tensorDiagonal), Moves: InputsAt(0), Shape: NoInput},
}

// tensorDiagonal puts a tensor's elements on the diagonal of a tensor of zeros
// with twice its axes.
func tensorDiagonal(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 { // TensorFlow's kernel requires an axis
		return nil, fmt.Errorf("%s, want an axis at least", t[0])
	}
	out, err := value.Zeros(t[0].DType(), slices.Concat(t[0].Shape(), t[0].Shape()))
	if err != nil {
		return nil, err
	}
	n := t[0].Len()
	return w.One(out, value.Put(out, value.Positions(0, n, n+1), 1, t[0]))
}

// alignment tells which diagonals are right-aligned in their rows.
type alignment struct{ above, below bool }

var alignments = map[string]alignment{
	"LEFT_LEFT": {}, "LEFT_RIGHT": {below: true}, "RIGHT_LEFT": {above: true}, "RIGHT_RIGHT": {true, true},
}

func buildDiagonal(run func(t []*lockstep.Tensor, a alignment) (*lockstep.Tensor, error)) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		name := StringOr(n, "align", "RIGHT_LEFT")
		a, ok := alignments[name]
		if !ok {
			return nil, NotSupported("align", name)
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			t, err := value.Tensors(in, -1)
			if err != nil {
				return nil, err
			}
			return w.One(run(t, a))
		}, nil
	}
}

// diagonals are some of the diagonals of matrices of one shape, from low to
// high, of which 0 is the main one and 1 the one above it.
type diagonals struct {
	rows, cols, low, high int
	width                 int // places for each: what the longest needs
}

// readDiagonals reads which diagonals are meant: one, or from one to another.
func readDiagonals(k *lockstep.Tensor) (low, high int, err error) {
	v, err := value.Ints(k)
	if err != nil {
		return 0, 0, fmt.Errorf("the diagonals: %w", err)
	}
	if k.Rank() > 1 || len(v) < 1 || len(v) > 2 || v[0] > v[len(v)-1] {
		return 0, 0, fmt.Errorf("the diagonals %v of %s, want one, or the first and the last", v, k)
	}
	return v[0], v[len(v)-1], nil
}

func diagonalsOf(rows, cols, low, high int) (*diagonals, error) {
	for _, d := range []int{low, high} {
		if d != 0 && (d <= -rows || d >= cols) {
			return nil, fmt.Errorf("diagonal %d of a matrix of %d by %d", d, rows, cols)
		}
	}
	d := &diagonals{rows, cols, low, high, 0}
	d.width = min(rows+min(high, 0), cols-max(low, 0))
	return d, nil
}

// packed is the shape of the packed diagonals of matrices of a shape.
func (d *diagonals) packed(outer []int) []int {
	if d.low == d.high {
		return append(slices.Clone(outer), d.width)
	}
	return append(slices.Clone(outer), d.high-d.low+1, d.width)
}

// places lists, for n matrices, the place of each element of a diagonal in the
// matrices and in packed form.
func (d *diagonals) places(n int, a alignment) (matrix, packed []int) {
	count := d.high - d.low + 1
	for m := range n {
		for k := d.high; k >= d.low; k-- {
			row, col := max(-k, 0), max(k, 0)
			length := min(d.rows-row, d.cols-col)
			at := (m*count + d.high - k) * d.width
			if k >= 0 && a.above || k < 0 && a.below {
				at += d.width - length
			}
			for i := range length {
				matrix = append(matrix, (m*d.rows+row+i)*d.cols+col+i)
				packed = append(packed, at+i)
			}
		}
	}
	return matrix, packed
}

// copyPlaces copies elements from some places to others.
func copyPlaces(dst *lockstep.Tensor, to []int, src *lockstep.Tensor, from []int) error {
	x, err := value.Pick(src, from, 1, []int{len(from)})
	if err != nil {
		return err
	}
	return value.Put(dst, to, 1, x)
}

// matricesOf returns the matrices' batch shape, and their number.
func matricesOf(t *lockstep.Tensor) (outer []int, n int, err error) {
	if t.Rank() < 2 {
		return nil, 0, fmt.Errorf("%s, want matrices", t)
	}
	if _, err := value.AllowView(t.Shape()); err != nil {
		return nil, 0, err
	}
	outer = t.Shape()[:t.Rank()-2]
	return outer, value.Product(outer), nil
}

// diagonalPart takes the diagonals out of matrices.
func diagonalPart(t []*lockstep.Tensor, a alignment) (*lockstep.Tensor, error) {
	if len(t) != 3 {
		return nil, fmt.Errorf("%d inputs, want 3", len(t))
	}
	outer, n, err := matricesOf(t[0])
	if err != nil {
		return nil, err
	}
	low, high, err := readDiagonals(t[1])
	if err != nil {
		return nil, err
	}
	d, err := diagonalsOf(t[0].Shape()[len(outer)], t[0].Shape()[len(outer)+1], low, high)
	if err != nil {
		return nil, err
	}
	if err := wantOldScalar("the padding", t[2]); err != nil {
		return nil, err
	}
	out, err := value.Repeat(t[2], d.packed(outer))
	if err != nil || out.Len() == 0 {
		return out, err
	}
	matrix, packed := d.places(n, a)
	return out, copyPlaces(out, packed, t[0], matrix)
}

// setDiagonal puts diagonals into matrices.
func setDiagonal(t []*lockstep.Tensor, a alignment) (*lockstep.Tensor, error) {
	if len(t) != 3 {
		return nil, fmt.Errorf("%d inputs, want 3", len(t))
	}
	outer, n, err := matricesOf(t[0])
	if err != nil {
		return nil, err
	}
	low, high, err := readDiagonals(t[2])
	if err != nil {
		return nil, err
	}
	d, err := diagonalsOf(t[0].Shape()[len(outer)], t[0].Shape()[len(outer)+1], low, high)
	if err != nil {
		return nil, err
	}
	if want := d.packed(outer); !slices.Equal(t[1].Shape(), want) {
		return nil, fmt.Errorf("the diagonals are %s, want the shape %s", t[1], lockstep.FormatShape(want))
	}
	out, err := value.CloneTensor(t[0])
	if err != nil || out.Len() == 0 {
		return out, err
	}
	matrix, packed := d.places(n, a)
	return out, copyPlaces(out, matrix, t[1], packed)
}

// diagonalMatrix makes matrices with only these diagonals; a size of -1 is the
// smallest that fits them.
func diagonalMatrix(t []*lockstep.Tensor, a alignment) (*lockstep.Tensor, error) {
	if len(t) != 5 {
		return nil, fmt.Errorf("%d inputs, want 5", len(t))
	}
	low, high, err := readDiagonals(t[1])
	if err != nil {
		return nil, err
	}
	rows, err := value.ScalarInt(t[2])
	if err != nil {
		return nil, fmt.Errorf("the number of rows: %w", err)
	}
	cols, err := value.ScalarInt(t[3])
	if err != nil {
		return nil, fmt.Errorf("the number of columns: %w", err)
	}
	if err := wantOldScalar("the padding", t[4]); err != nil {
		return nil, err
	}
	inner := 1
	if low != high {
		inner = 2
	}
	if t[0].Rank() < inner {
		return nil, fmt.Errorf("the diagonals are %s, want a rank of at least %d", t[0], inner)
	}
	outer, width := t[0].Shape()[:t[0].Rank()-inner], t[0].Shape()[t[0].Rank()-1]
	if rows, cols, err = matrixSize(rows, cols, low, high, width); err != nil {
		return nil, err
	}
	shape := append(slices.Clone(outer), rows, cols)
	if _, err := value.Allow(shape); err != nil {
		return nil, err
	}
	d, err := diagonalsOf(rows, cols, low, high)
	if err != nil {
		return nil, err
	}
	if want := d.packed(outer); !slices.Equal(t[0].Shape(), want) {
		return nil, fmt.Errorf("the diagonals are %s, want the shape %s", t[0], lockstep.FormatShape(want))
	}
	out, err := value.Repeat(t[4], shape)
	if err != nil || out.Len() == 0 {
		return out, err
	}
	matrix, packed := d.places(value.Product(outer), a)
	return out, copyPlaces(out, matrix, t[0], packed)
}

// matrixSize completes the size of a matrix whose longest diagonal is width.
func matrixSize(rows, cols, low, high, width int) (int, int, error) {
	for _, v := range []int{rows, cols, low, high, width} {
		if v > value.MaxElements || v < -value.MaxElements {
			return 0, 0, fmt.Errorf("a matrix of %d by %d with diagonals %d to %d of %d", rows, cols, low, high, width)
		}
	}
	leastRows, leastCols := width-min(high, 0), width+max(low, 0)
	switch {
	case rows == -1 && cols == -1:
		rows = max(leastRows, leastCols)
		cols = rows
	case rows == -1:
		rows = leastRows
	case cols == -1:
		cols = leastCols
	}
	if rows < leastRows || cols < leastCols || rows != leastRows && cols != leastCols {
		return 0, 0, fmt.Errorf("a matrix of %d by %d for diagonals %d to %d of %d, want one side of %d by %d and none below", rows, cols, low, high, width, leastRows, leastCols)
	}
	return rows, cols, nil
}

// bandPart keeps the diagonals of matrices that are not too far below or
// above the main one, and makes zeros of the others; a negative number sets no
// bound. Causal masks are made this way.
func bandPart(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 3)
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
		if bounds[i], err = Scalar(t[i+1]); err != nil {
			return nil, fmt.Errorf("a number of diagonals: %w", err)
		}
		if bounds[i] > most {
			return nil, fmt.Errorf("%d diagonals of %s, want at most %d", bounds[i], x, most)
		}
		if bounds[i] < 0 {
			bounds[i] = most
		}
	}
	out, err := value.Zeros(x.DType(), x.Shape())
	if err != nil || x.Len() == 0 {
		return w.One(out, err)
	}
	kept := make([]int, 0, x.Len())
	for from := 0; from < x.Len(); from += cols {
		row := from / cols % rows
		for c := max(row-bounds[0], 0); c < min(row+bounds[1]+1, cols); c++ {
			kept = append(kept, from+c)
		}
	}
	band, err := value.Pick(x, kept, 1, []int{len(kept)})
	if err != nil {
		return nil, err
	}
	return w.One(out, value.Put(out, kept, 1, band))
}
