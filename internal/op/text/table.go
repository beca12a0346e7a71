package text

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Lookup tables. What fills them is run when the model is loaded, and nothing else
// may change them.

var tableOps = op.Table{
	"HashTableV2":        {Control: op.LookupTable},
	"MutableHashTableV2": {Control: op.LookupTable},
	"LookupTableFindV2":  {Build: buildFind, Shape: op.NoInput, Bound: exactFind, Float64: buildFind, Time: timeOfKeys},
	"LookupTableSizeV2":  {Build: op.Plain(tableSize), Shape: op.NoInput},
}

// buildFind looks keys up. A table that the oracle has is of float64 instead of
// float32.
func buildFind(n *savedmodel.Node) (op.Exec, error) {
	if _, err := n.AttrType("Tin"); err != nil {
		return nil, err
	}
	if _, err := n.AttrType("Tout"); err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		table, err := tableOf(in, 3)
		if err != nil {
			return nil, err
		}
		t, err := value.Tensors(in[1:], 2)
		if err != nil {
			return nil, err
		}
		if err := op.WantScalar("the default", t[1]); err != nil {
			return nil, err
		}
		return w.One(table.Find(t[0], t[1]))
	}, nil
}

// tableOf returns the table of the first of n inputs.
func tableOf(in []value.Value, n int) (*value.LookupTable, error) {
	if len(in) != n {
		return nil, op.InputsError(len(in))
	}
	if in[0].Table == nil {
		return nil, fmt.Errorf("input 0 is %s, want a lookup table", in[0])
	}
	return in[0].Table, nil
}

func tableSize(w *op.Call, in []value.Value) ([]value.Value, error) {
	table, err := tableOf(in, 1)
	if err != nil {
		return nil, err
	}
	return w.One(lockstep.New([]int64{int64(table.Size())}))
}

// exactFind: what is looked up is exact if the default is.
func exactFind(x *op.BoundInput) error {
	d := x.In[len(x.In)-1]
	if d.Exact() {
		return nil
	}
	most := 0.0
	for _, e := range op.FloatsOf(d.Bound.Tensor) {
		most = math.Max(most, e)
	}
	out := x.Out[0].Tensor
	bounds := make([]float64, out.Len())
	for i := range bounds {
		bounds[i] = most
	}
	var err error
	x.Out[0].Bound, err = op.BoundOf(bounds, out.Shape())
	return err
}

// timeOfKeys is for results that have an element for each key, in order.
func timeOfKeys(t op.Timed) (op.Timing, error) {
	if t.Inputs() != 3 {
		return op.Timing{}, op.InputsError(t.Inputs())
	}
	for _, i := range []int{0, 2} {
		if err := t.Same(i); err != nil {
			return op.Timing{}, op.InputError(i, err)
		}
	}
	if l := t.Timing(1); l.Kind != op.Timeless {
		return l, nil
	}
	return op.Timing{}, errors.New("only the table depends on time steps")
}
