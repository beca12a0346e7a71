package op

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var matmulOps = Table{
	"MatMul":        {Build: buildMatMul, Shape: NoInput, Bound: bilinear(0, termsOfMatMul), Time: timeOfProduct},
	"BatchMatMul":   {Build: buildBatchMatMul, Shape: NoInput, Bound: bilinear(0, termsOfMatMul)},
	"BatchMatMulV2": {Build: buildBatchMatMul, Shape: NoInput, Bound: bilinear(0, termsOfMatMul), Time: timeOfProduct},
	"BatchMatMulV3": {Build: buildBatchMatMul, Bound: bilinear(0, termsOfMatMul)},
	"Cross":         {Build: byType(numbers(cross[float32, float64], cross[float64, float64], cross[int32, int32], cross[int64, int64]))},
}

func buildMatMul(n *savedmodel.Node) (Exec, error) {
	return productsOf(n, "T", "transpose_a", "transpose_b", func(x, y []int) error {
		if len(x) != 2 || len(y) != 2 {
			return fmt.Errorf("inputs of shape %s, want two matrices", shapeList([][]int{x, y}))
		}
		return nil
	})
}

func buildBatchMatMul(n *savedmodel.Node) (Exec, error) {
	attr := "T"
	if n.Op == "BatchMatMulV3" {
		attr = "Ta"
		for _, other := range []string{"Tb", "Tout"} {
			a, err := n.AttrType(attr)
			if err != nil {
				return nil, err
			}
			b, err := n.AttrType(other)
			if err != nil {
				return nil, err
			}
			if a != b {
				return nil, unsupported(other, fmt.Sprintf("%s, and %s is %s", b, attr, a))
			}
		}
	}
	return productsOf(n, attr, "adj_x", "adj_y", func(x, y []int) error {
		if len(x) < 2 || len(y) < 2 {
			return fmt.Errorf("inputs of shape %s, want matrices", shapeList([][]int{x, y}))
		}
		if n.Op == "BatchMatMul" && (len(x) != len(y) || !slices.Equal(x[:len(x)-2], y[:len(y)-2])) {
			return fmt.Errorf("inputs of shape %s, want the same batches", shapeList([][]int{x, y}))
		}
		return nil
	})
}

// productsOf builds a product of matrices, in the last two axes; the axes
// before them are broadcast.
func productsOf(n *savedmodel.Node, attr, transposeX, transposeY string, check func(x, y []int) error) (Exec, error) {
	tx, ty := n.AttrBool(transposeX), n.AttrBool(transposeY)
	return with16Bits(numbers(
		products(tx, ty, check, multiplyWide(kernel.NewWide())), products(tx, ty, check, multiply[float64, float64]),
		products(tx, ty, check, multiply[int32, int32]), products(tx, ty, check, multiply[int64, int64]))).choose(n, attr)
}

// matmulMemory is the memory of a product.
type matmulMemory[E, S number] struct {
	walkMemory
	resultMemory[E]
	shape []int
	acc   []S
}

// products multiplies and adds numbers of type E in S: see addRow.
func products[E, S number](transposeX, transposeY bool, check func(x, y []int) error, multiply func(out, x, y []E, xm, ym matrix, acc []S)) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, fmt.Errorf("%d inputs, want 2", len(in))
		}
		s, a, err := operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		t, b, err := operand[E](in, 1)
		if err != nil {
			return nil, err
		}
		xs, ys := s.Shape(), t.Shape()
		if err := check(xs, ys); err != nil {
			return nil, err
		}
		x, y := matrixOf(xs, transposeX), matrixOf(ys, transposeY)
		if x.cols != y.rows {
			return nil, fmt.Errorf("%s and %s: %d columns and %d rows, want as many", s, t, x.cols, y.rows)
		}
		m := Room[matmulMemory[E, S]](w)
		walk, err := m.together2(xs[:len(xs)-2], ys[:len(ys)-2])
		if err != nil {
			return nil, err
		}
		m.shape = append(append(m.shape[:0], walk.shape...), x.rows, y.cols)
		size, err := value.Allow(m.shape)
		if err != nil {
			return nil, err
		}
		if err := Affordable(size, x.cols); err != nil {
			return nil, err
		}
		product, z, err := m.get(m.shape...)
		if err != nil || size == 0 {
			return w.one(product, err)
		}
		if len(m.acc) != y.cols {
			m.acc = make([]S, y.cols)
		}
		last := walk.steps[len(walk.steps)-1]
		walk.each(func(o int, at []int) {
			for i := range walk.run() {
				zm := z[(o+i)*x.rows*y.cols:][:x.rows*y.cols]
				xm := a[(at[0]+i*last[0])*x.rows*x.cols:][:x.rows*x.cols]
				ym := b[(at[1]+i*last[1])*y.rows*y.cols:][:y.rows*y.cols]
				multiply(zm, xm, ym, x, y, m.acc)
			}
		})
		return w.one(product, nil)
	}
}

// matrix is the shape of a matrix that may be stored by columns.
type matrix struct {
	rows, cols int
	transposed bool
}

func matrixOf(shape []int, transposed bool) matrix {
	rows, cols := shape[len(shape)-2], shape[len(shape)-1]
	if transposed {
		rows, cols = cols, rows
	}
	return matrix{rows, cols, transposed}
}

// at is the place of an element.
func (m matrix) at(r, c int) int {
	if m.transposed {
		return c*m.rows + r
	}
	return r*m.cols + c
}

// multiply computes a row of the product after the other in acc.
func multiply[E, S number](out, x, y []E, xm, ym matrix, acc []S) {
	for r := range xm.rows {
		clear(acc)
		if ym.transposed {
			for c := range acc {
				s := S(0)
				for k, v := range y[c*ym.rows:][:ym.rows] {
					s += S(S(x[xm.at(r, k)]) * S(v))
				}
				acc[c] = s
			}
		} else {
			for k := range xm.cols {
				addRow(acc, y[k*ym.cols:][:ym.cols], x[xm.at(r, k)])
			}
		}
		row := out[r*ym.cols:][:ym.cols]
		for c, s := range acc {
			row[c] = E(s)
		}
	}
}

// multiplyWide is multiply for float32, by the kernels where rows or columns
// are contiguous.
func multiplyWide(w kernel.Wide) func(out, x, y []float32, xm, ym matrix, acc []float64) {
	return func(out, x, y []float32, xm, ym matrix, acc []float64) {
		if xm.transposed {
			multiply(out, x, y, xm, ym, acc)
			return
		}
		if ym.cols == 1 {
			w.Dots(out, x, y)
			return
		}
		for r := range xm.rows {
			row, from := out[r*ym.cols:][:ym.cols], x[r*xm.cols:][:xm.cols]
			if ym.transposed {
				for c := range row {
					row[c] = float32(w.Dot(from, y[c*ym.rows:][:ym.rows]))
				}
				continue
			}
			clear(acc)
			for k, v := range from {
				w.Add(acc, y[k*ym.cols:][:ym.cols], v)
			}
			for c, s := range acc {
				row[c] = float32(s)
			}
		}
	}
}

// addRow adds v·row to acc. In float64 the product of two float32 is exact,
// and the sum of a few thousand of them rounds, in the end, to the float32
// nearest to the true one: TensorFlow, in float32 and in its own order, is as
// close to that as to any other order. The product of two float64 is rounded
// before it is added.
func addRow[E, S number](acc []S, row []E, v E) {
	row = row[:len(acc)]
	x := S(v)
	for i := range acc {
		acc[i] += S(x * S(row[i]))
	}
}

// cross is the vector product along the last axis, of length 3, computed in S.
func cross[E, S number](w *Call, in []value.Value) ([]value.Value, error) {
	t, d, err := operands[E](in, 2)
	if err != nil {
		return nil, err
	}
	shape := t[0].Shape()
	if len(shape) == 0 || shape[len(shape)-1] != 3 || !slices.Equal(shape, t[1].Shape()) {
		return nil, fmt.Errorf("%s and %s, want the same shape and a last axis of 3", t[0], t[1])
	}
	x, y, out := d[0], d[1], make([]E, len(d[0]))
	for i := 0; i < len(out); i += 3 {
		for k := range 3 {
			a, b := i+(k+1)%3, i+(k+2)%3
			out[i+k] = E(S(S(x[a])*S(y[b])) - S(S(x[b])*S(y[a])))
		}
	}
	return w.one(lockstep.New(out, shape...))
}

// timeOfProduct is for a product of rows for the steps with matrices that do
// not depend on time.
func timeOfProduct(t Timed) (Timing, error) {
	l, shape, err := onlyTimed(t, 0)
	if err != nil {
		return l, err
	}
	if t.Node().AttrBool("transpose_a") || t.Node().AttrBool("adj_x") {
		return l, ErrMixes
	}
	if l.Kind != BySteps {
		return l, nil
	}
	axis, whole, ok := l.Axis(shape, t.Steps())
	if !ok || axis == len(shape)-1 {
		return l, ErrMixes
	}
	out := t.Result()
	if len(t.Shape(1)) == 2 {
		l.After = l.After / shape[len(shape)-1] * out[len(out)-1]
		return l, nil
	}
	if !whole || axis != len(shape)-2 { // one matrix for each batch row
		return l, ErrMixes
	}
	return TimeAt(out, len(out)-2), nil
}

// timeOfBias is for a bias along the last axis.
func timeOfBias(t Timed) (Timing, error) {
	if format := t.Node().AttrString("data_format"); format != "" && format != "NHWC" {
		return Timing{}, ErrMixes
	}
	return timeBesideLast(t)
}
