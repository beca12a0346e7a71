package sparse

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// FuzzSparse gives the operations positions, shapes, rows and segments that are any:
// nothing may panic, nor take memory that a few numbers have no right to.
func FuzzSparse(f *testing.F) {
	value.MaxElements = 1 << 20
	f.Add(int64(0), int64(1), int64(2), int64(3), int64(4), int64(5), int64(-1))
	f.Add(int64(0), int64(-1), int64(1<<40), int64(3), int64(1<<62), int64(-1<<63), int64(0))
	f.Add(int64(1<<32), int64(1<<32), int64(1), int64(2), int64(3), int64(4), int64(1<<63-1))
	f.Fuzz(func(t *testing.T, a, b, c, d, m, n, k int64) {
		list := func(v ...int64) *lockstep.Tensor {
			x, err := lockstep.New(v, len(v))
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		scalar := func(v int64) *lockstep.Tensor {
			x, _ := lockstep.New([]int64{v})
			return x
		}
		at, _ := lockstep.New([]int64{a, b, c, d}, 2, 2)
		matrix, _ := lockstep.New([]int64{1, 2, 3, 4, 5, 6}, 2, 3)
		x, shape := list(7, 8), list(m, n)
		for _, c := range []struct {
			op, attrs string
			in        []*lockstep.Tensor
		}{
			{"SparseTensorDenseMatMul", "", []*lockstep.Tensor{at, x, shape, matrix}},
			{"SparseTensorDenseMatMul", `"adjoint_a":["bool",true],"adjoint_b":["bool",true]`, []*lockstep.Tensor{at, x, shape, matrix}},
			{"SparseReorder", "", []*lockstep.Tensor{at, x, shape}},
			{"SparseReshape", "", []*lockstep.Tensor{at, shape, list(k, a)}},
			{"SparseReshape", "", []*lockstep.Tensor{at, list(2, 3), list(k, -1, b)}},
			{"SparseConcat", `"concat_dim":["int",1],"N":["int",2]`, []*lockstep.Tensor{at, at, x, x, shape, list(m, k)}},
			{"SparseFillEmptyRows", "", []*lockstep.Tensor{at, x, shape, scalar(k)}},
			{"SparseAdd", `"Treal":["type","int64"]`, []*lockstep.Tensor{at, x, shape, at, x, shape, scalar(k)}},
			{"SparseSparseMaximum", "", []*lockstep.Tensor{at, x, shape, at, x, list(n, m)}},
			{"SparseTensorDenseAdd", "", []*lockstep.Tensor{at, x, shape, matrix}},
			{"SparseDenseCwiseMul", "", []*lockstep.Tensor{at, x, shape, matrix}},
			{"SegmentSum", "", []*lockstep.Tensor{matrix, list(a, k)}},
			{"SparseSegmentSum", "", []*lockstep.Tensor{matrix, list(a, b), list(c, k)}},
		} {
			attrs := `"T":["type","int64"]`
			if c.attrs != "" {
				attrs += "," + c.attrs
			}
			node, err := graphtest.Node(t, c.op, attrs, c.in)
			if err != nil {
				t.Fatal(err)
			}
			run, err := Ops[c.op].Build(node)
			if err != nil {
				t.Fatalf("%s: %v", c.op, err)
			}
			in := make([]value.Value, len(c.in))
			for i, x := range c.in {
				in[i] = value.Value{Tensor: x}
			}
			var keep any
			out, err := run(&op.Call{Out: make([]value.Value, 4), Keep: &keep}, in)
			if err == nil && (len(out) == 0 || out[0].Tensor == nil) {
				t.Errorf("%s: neither a result nor an error", c.op)
			}
		}
	})
}
