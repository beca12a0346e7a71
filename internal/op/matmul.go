package op

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var matmulOps = Table{
	"MatMul":        {Types: ofT, Build: buildMatMul, Shape: NoInput, Bound: bilinear(0, termsOfMatMul), Sized: true, Time: timeOfProduct, Own: true},
	"BatchMatMul":   {Types: ofT, Build: buildBatchMatMul, Shape: NoInput, Bound: bilinear(0, termsOfMatMul), Sized: true, Rows: rowsOfMatrices},
	"BatchMatMulV2": {Types: ofT, Build: buildBatchMatMul, Shape: NoInput, Bound: batchBound, Sized: true, Undecided: true, Time: timeOfProduct, Own: true, Rows: rowsOfMatrices},
	"BatchMatMulV3": {Types: []string{"Ta", "Tb", "Tout"}, Build: buildBatchMatMul, Shape: NoInput, Bound: batchBound, Sized: true, Undecided: true, Time: timeOfProduct, Own: true, Rows: rowsOfMatrices},
	"SparseMatMul":  {Build: buildSparseMatMul, Float32By: []string{"Ta", "Tb"}, Shape: NoInput, Bound: bilinear(0, termsOfMatMul), Sized: true, Time: timeOfProduct},
	"Cross":         {Build: ByType(numbers(cross[float32, float64], cross[float64, float64], cross[int32, int32], cross[int64, int64]))},
}

func buildMatMul(n *savedmodel.Node) (Exec, error) {
	return productsOf(n, "T", "transpose_a", "transpose_b", twoMatrices)
}

func twoMatrices(x, y []int) error {
	if len(x) != 2 || len(y) != 2 {
		return fmt.Errorf("inputs of shape %s, want two matrices", shapeList([][]int{x, y}))
	}
	return nil
}

// buildSparseMatMul multiplies matrices of which it is said that they have many zeros.
// TensorFlow leaves the products of zeros out, also those that are NaN: the other matrix
// must be finite.
func buildSparseMatMul(n *savedmodel.Node) (Exec, error) {
	tx, ty := n.AttrBool("transpose_a"), n.AttrBool("transpose_b")
	run := Floats(products(tx, ty, twoMatrices, multiplyFloats[float32]()), products(tx, ty, twoMatrices, multiplyFloats[float64]()))
	if _, err := run.orFloat32(n, "Tb"); err != nil { // of narrower ones the result is float32
		return nil, err
	}
	multiply, err := run.orFloat32(n, "Ta")
	other := 1
	switch {
	case n.AttrBool("a_is_sparse"):
	case n.AttrBool("b_is_sparse"):
		other = 0
	default:
		return multiply, err
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		if hasElement(t[other], func(v float64) bool { return v-v != 0 }) {
			return nil, fmt.Errorf("input %d, %s, has elements that are not finite: their products with zeros are not defined beside a sparse matrix", other, t[other])
		}
		return multiply(w, in)
	}, err
}

func buildBatchMatMul(n *savedmodel.Node) (Exec, error) {
	check := func(x, y []int) error {
		if len(x) < 2 || len(y) < 2 {
			return fmt.Errorf("inputs of shape %s, want matrices", shapeList([][]int{x, y}))
		}
		if n.Op == "BatchMatMul" && (len(x) != len(y) || !slices.Equal(x[:len(x)-2], y[:len(y)-2])) {
			return fmt.Errorf("inputs of shape %s, want the same batches", shapeList([][]int{x, y}))
		}
		return nil
	}
	if n.Op != "BatchMatMulV3" {
		return productsOf(n, "T", "adj_x", "adj_y", check)
	}
	var types [3]lockstep.DType
	for i, attr := range []string{"Ta", "Tb", "Tout"} {
		var err error
		if types[i], err = n.AttrType(attr); err != nil {
			return nil, err
		}
	}
	if isByte(types[0]) && isByte(types[1]) && types[2] == lockstep.Int32 {
		return byteProducts([2]lockstep.DType(types[:2]), n.AttrBool("adj_x"), n.AttrBool("adj_y"), check), nil
	}
	if types[0] == lockstep.Float16 { // for which TensorFlow has no kernel
		return nil, NotSupported("Ta", types[0])
	}
	for i, attr := range []string{"Tb", "Tout"} {
		if types[1+i] != types[0] {
			return nil, NotSupported(attr, fmt.Sprintf("%s, and Ta is %s", types[1+i], types[0]))
		}
	}
	return productsOf(n, "Ta", "adj_x", "adj_y", check)
}

// productsOf builds a product of matrices, in the last two axes; the axes
// before them are broadcast.
func productsOf(n *savedmodel.Node, attr, transposeX, transposeY string, check func(x, y []int) error) (Exec, error) {
	tx, ty := n.AttrBool(transposeX), n.AttrBool(transposeY)
	return With16Bits(Floats(
		products(tx, ty, check, multiplyFloats[float32]()), products(tx, ty, check, multiplyFloats[float64]()))).and(Variants[Exec]{
		lockstep.Int16: products(tx, ty, check, multiply[int16]), lockstep.Int32: products(tx, ty, check, multiply[int32]), lockstep.Int64: products(tx, ty, check, multiply[int64]),
	}).choose(n, attr)
}

func isByte(d lockstep.DType) bool { return d == lockstep.Int8 || d == lockstep.Uint8 }

// byteProducts multiplies matrices of bytes, with sums in int32. They are computed
// in float32 where that holds every sum exactly, and otherwise in float64, which
// does for as many products as an operation may have.
func byteProducts(types [2]lockstep.DType, transposeX, transposeY bool, check func(x, y []int) error) Exec {
	bits := 16 // of a product's magnitude
	for _, d := range types {
		if d == lockstep.Int8 {
			bits--
		}
	}
	f32 := onBytes[float32](products(transposeX, transposeY, check, multiplyFloats[float32]()))
	f64 := onBytes[float64](products(transposeX, transposeY, check, multiplyFloats[float64]()))
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		if err := check(t[0].Shape(), t[1].Shape()); err != nil {
			return nil, err
		}
		if matrixOf(t[0].Shape(), transposeX).cols <= 1<<(24-bits) {
			return f32(w, in)
		}
		return f64(w, in)
	}
}

// byteMemory is the memory of a product of bytes: the operands as floats, and the
// product's own.
type byteMemory[F float] struct {
	as   [2]ResultMemory[F]
	in   [2]value.Value
	out  [1]value.Value
	keep any
	ResultMemory[int32]
}

// asFloats is a matrix of bytes that is the same in every call.
type asFloats struct{ of, as *lockstep.Tensor }

// onBytes runs a product of floats on bytes.
func onBytes[F float](run Exec) Exec {
	var kept [2]atomic.Pointer[asFloats]
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		m := Room[byteMemory[F]](w)
		for i, v := range in {
			fixed := w.Fixed>>i&1 != 0
			if last := kept[i].Load(); fixed && last != nil && last.of == v.Tensor {
				m.in[i].Tensor = last.as
				continue
			}
			memory := &m.as[i]
			if fixed {
				memory = &ResultMemory[F]{}
			}
			as, d, err := memory.Get(v.Tensor.Shape()...)
			if err != nil {
				return nil, err
			}
			if err := readBytes(d, v.Tensor); err != nil {
				return nil, InputError(i, err)
			}
			if m.in[i].Tensor = as; fixed {
				kept[i].Store(&asFloats{v.Tensor, as})
			}
		}
		out, err := run(&Call{Out: m.out[:], Keep: &m.keep, Fixed: w.Fixed}, m.in[:])
		if err != nil {
			return nil, err
		}
		d, err := lockstep.Data[F](out[0].Tensor)
		if err != nil {
			return nil, err
		}
		t, z, err := m.Get(out[0].Tensor.Shape()...)
		if err != nil {
			return nil, err
		}
		for i, v := range d {
			z[i] = int32(int64(v)) // which wraps around
		}
		return w.One(t, nil)
	}
}

// readBytes reads int8 or uint8 as floats.
func readBytes[F float](to []F, t *lockstep.Tensor) error {
	if d, err := lockstep.Data[int8](t); err == nil {
		for i, v := range d {
			to[i] = F(v)
		}
		return nil
	}
	d, err := lockstep.Data[uint8](t)
	for i, v := range d {
		to[i] = F(v)
	}
	return err
}

// matmulMemory is the memory of a product.
type matmulMemory[E number] struct {
	walkMemory
	ResultMemory[E]
	shape  []int
	turned []E
	packed any // a packedTensor
}

// multiplier computes one product of matrices; whole is the tensor that y is all
// of, if it is.
type multiplier[E number] func(w *Call, m *matmulMemory[E], out, x, y []E, xm, ym matrix, whole *lockstep.Tensor)

// products multiplies matrices that are broadcast together.
func products[E number](transposeX, transposeY bool, check func(x, y []int) error, multiply multiplier[E]) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, fmt.Errorf("%d inputs, want 2", len(in))
		}
		s, a, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		t, b, err := Operand[E](in, 1)
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
		m := Room[matmulMemory[E]](w)
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
		product, z, err := m.Get(m.shape...)
		if err != nil || size == 0 {
			return w.One(product, err)
		}
		if len(b) == y.rows*y.cols && len(a)*y.cols == size*x.cols && !x.transposed {
			x.rows *= walk.n // one matrix for the rows of all
			multiply(w, m, z, a, b, x, y, t)
			return w.One(product, nil)
		}
		last := walk.steps[len(walk.steps)-1]
		walk.each(func(o int, at []int) {
			for i := range walk.run() {
				zm := z[(o+i)*x.rows*y.cols:][:x.rows*y.cols]
				xm := a[(at[0]+i*last[0])*x.rows*x.cols:][:x.rows*x.cols]
				ym := b[(at[1]+i*last[1])*y.rows*y.cols:][:y.rows*y.cols]
				multiply(w, m, zm, xm, ym, x, y, nil)
			}
		})
		return w.One(product, nil)
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

// multiply is the multiplier of integers.
func multiply[E number](_ *Call, _ *matmulMemory[E], out, x, y []E, xm, ym matrix, _ *lockstep.Tensor) {
	clear(out)
	for r := range xm.rows {
		row := out[r*ym.cols:][:ym.cols]
		for k := range xm.cols {
			v := x[xm.at(r, k)]
			for c := range row {
				row[c] += v * y[ym.at(k, c)]
			}
		}
	}
}

// multiplyFloats is the multiplier of floats: a row's bits do not depend on how
// many there are.
func multiplyFloats[F float]() multiplier[F] {
	packed := &packing[F]{}
	return func(w *Call, m *matmulMemory[F], out, x, y []F, xm, ym matrix, whole *lockstep.Tensor) {
		if xm.transposed {
			m.turned = slices.Grow(m.turned[:0], len(x))[:len(x)]
			for k := range xm.cols {
				for r, v := range x[k*xm.rows:][:xm.rows] {
					m.turned[r*xm.cols+k] = v
				}
			}
			x = m.turned
		}
		if whole != nil && w.Fixed&2 != 0 {
			packed.of(whole, true, nil, func(a *packedTensor[F]) { a.one().Pack(y, ym.rows, ym.cols, ym.transposed) }).one().Multiply(out, x, xm.rows)
			return
		}
		roomIn[packedTensor[F]](&m.packed).one().Product(out, x, y, xm.rows, ym.rows, ym.cols, ym.transposed)
	}
}

// cross is the vector product along the last axis, of length 3, computed in S.
func cross[E, S number](w *Call, in []value.Value) ([]value.Value, error) {
	t, d, err := Operands[E](in, 2)
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
	return w.One(lockstep.New(out, shape...))
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
	return TimeBesideLast(t)
}
