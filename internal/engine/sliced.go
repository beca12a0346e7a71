package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// sliceMemory is what a loop of slices keeps between calls.
type sliceMemory struct {
	list     value.List
	counters Counters
}

// sliced builds a loop that splits a tensor into slices. Where the slices of a
// call are all its rows in order, the tensor already is the list; any other
// call is interpreted.
func sliced(s *recurrent.Slices, interpreted Operation) Operation {
	return func(w *Work, in []value.Value) error {
		rows, ok := RowsInOrder(s, in)
		if !ok {
			return interpreted(w, in)
		}
		memory, ok := (*w.Keep).(*sliceMemory)
		if !ok {
			memory = &sliceMemory{}
			*w.Keep = memory
		}
		copy(w.Out, in)
		l := in[s.Outputs].List
		memory.list = listOfRows(rows, l)
		w.Out[s.Outputs] = value.Value{List: &memory.list}
		return memory.counters.Count(s.Counters, in, w.Out, rows.Shape()[0])
	}
}

// RowsInOrder returns the tensor that a call splits, if the slices are all its
// rows in order.
func RowsInOrder(s *recurrent.Slices, in []value.Value) (*lockstep.Tensor, bool) {
	x, l := in[s.Source].Tensor, in[s.Outputs].List
	if x == nil || l == nil || x.Rank() == 0 || x.DType() != l.DType || l.Known && !value.Fits(x.Shape()[1:], l.Shape) {
		return nil, false
	}
	n := x.Shape()[0]
	if count, ok := StepsOf(s.Bounds, in); !ok || count != n || l.Length() != n {
		return nil, false
	}
	return x, counting(in[s.Begins].Tensor, n, 0) && counting(in[s.Ends].Tensor, n, 1)
}

// counting tells whether a tensor (n, 1) counts from a number on.
func counting(t *lockstep.Tensor, n, from int) bool {
	if t == nil || t.Rank() != 2 || t.Shape()[0] != n || t.Shape()[1] != 1 {
		return false
	}
	if d, err := lockstep.Data[int32](t); err == nil {
		for i, v := range d {
			if int(v) != from+i {
				return false
			}
		}
		return true
	}
	d, err := lockstep.Data[int64](t)
	for i, v := range d {
		if int(v) != from+i {
			return false
		}
	}
	return err == nil
}

// listOfRows is a list of a tensor's rows, of the kind of another.
func listOfRows(rows *lockstep.Tensor, like *value.List) value.List {
	return value.List{Rows: rows, DType: rows.DType(), Shape: like.Shape, Known: like.Known, Below: like.Below}
}

// RowsList is listOfRows in memory of its own.
func RowsList(rows *lockstep.Tensor, like *value.List) value.Value {
	l := listOfRows(rows, like)
	return value.Value{List: &l}
}
