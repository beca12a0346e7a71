package ragged

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// FuzzRows gives the operations rows whose ends, numbers and shapes are any: nothing may
// panic, nor take memory that a few numbers have no right to.
func FuzzRows(f *testing.F) {
	value.MaxElements = 1 << 20
	f.Add(int64(0), int64(2), int64(3), int64(3), int64(-1), int64(5))
	f.Add(int64(0), int64(-1), int64(1<<40), int64(3), int64(1<<62), int64(-1<<63))
	f.Fuzz(func(t *testing.T, a, b, c, d, m, n int64) {
		vector := func(v ...int64) *lockstep.Tensor {
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
		ends, numbers, values := vector(a, b, c, d), vector(m, n, a), vector(7, 8, 9)
		none := vector()
		places, _ := lockstep.New([]int64{a, b, c, d, m, n}, 3, 2)
		const types = `"T":["type","int64"],"Tsplits":["type","int64"]`
		for _, c := range []struct {
			op, attrs string
			in        []*lockstep.Tensor
		}{
			{"RaggedTensorToTensor", `"row_partition_types":["list(string)",["ROW_SPLITS"]]`, []*lockstep.Tensor{vector(m, n), values, scalar(0), ends}},
			{"RaggedTensorToTensor", `"row_partition_types":["list(string)",["FIRST_DIM_SIZE","VALUE_ROWIDS"]]`, []*lockstep.Tensor{vector(-1, n), values, scalar(0), scalar(m), numbers}},
			{"RaggedTensorToTensor", `"row_partition_types":["list(string)",["ROW_SPLITS","ROW_SPLITS"]]`, []*lockstep.Tensor{scalar(-1), values, scalar(0), vector(0, m, 2), ends}},
			{"RaggedTensorToSparse", "", []*lockstep.Tensor{vector(0, m, 3), ends, values}},
			{"RaggedGather", `"OUTPUT_RAGGED_RANK":["int",1]`, []*lockstep.Tensor{ends, values, numbers}},
			{"RaggedRange", types, []*lockstep.Tensor{scalar(a), numbers, scalar(b)}},
			{"RaggedBincount", types, []*lockstep.Tensor{ends, numbers, scalar(n), none}},
			{"SparseBincount", types, []*lockstep.Tensor{places, numbers, vector(m, n), scalar(d), none}},
			{"SparseToDense", "", []*lockstep.Tensor{places, vector(m, n), values, scalar(0)}},
		} {
			node, err := graphtest.Node(t, c.op, c.attrs, c.in)
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
			out, err := run(&op.Call{Out: make([]value.Value, 3), Keep: &keep}, in)
			if err == nil && (len(out) == 0 || out[0].Tensor == nil) {
				t.Errorf("%s: neither a result nor an error", c.op)
			}
		}
	})
}
