package sparse

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var products = op.Table{
	"SparseTensorDenseMatMul": {Build: buildProduct, Shape: op.InputsAt(2), Bound: productBound(0, 1, 3, ofAll(1, 0))},
}

// buildProduct multiplies a sparse matrix by a dense one.
func buildProduct(n *savedmodel.Node) (op.Exec, error) {
	turnA, turnB := n.AttrBool("adjoint_a"), n.AttrBool("adjoint_b")
	return byType(product[float32](turnA, turnB), product[float64](turnA, turnB), product[int32](turnA, turnB), product[int64](turnA, turnB))(n)
}

func product[E number](turnA, turnB bool) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		s, x, dense, y, err := sparseAndDense[E](in)
		if err != nil {
			return nil, err
		}
		if len(s.shape) != 2 || dense.Rank() != 2 {
			return nil, fmt.Errorf("a sparse tensor of the shape %v and %s, want two matrices", s.shape, dense)
		}
		rows, inner := s.shape[0], s.shape[1]
		if turnA {
			rows, inner = inner, rows
		}
		depth, cols, next, step := dense.Shape()[0], dense.Shape()[1], dense.Shape()[1], 1
		if turnB {
			depth, cols, next, step = cols, depth, 1, cols
		}
		if inner != depth {
			return nil, fmt.Errorf("a sparse matrix of the shape %v and %s, want as many columns as rows", s.shape, dense)
		}
		size, err := value.AllowSized([]int{rows, cols}, value.SizeFor[E]())
		if err != nil {
			return nil, err
		}
		if err := op.Affordable(s.n, cols); err != nil {
			return nil, err
		}
		out := make([]E, size)
		for i, v := range x {
			row, k := s.position(i)[0], s.position(i)[1]
			if turnA {
				row, k = k, row
			}
			for c := range cols {
				out[row*cols+c] += v * y[k*next+c*step]
			}
		}
		return w.One(lockstep.New(out, rows, cols))
	}
}
