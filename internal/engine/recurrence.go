package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rows"
	"github.com/lockstep-go/lockstep/internal/value"
)

// recurrence builds a loop that was recognised as cells. Where a call's tensors
// do not fit the cells, such as a list of outputs that is shorter than the
// steps, the loop is interpreted, so that the result, or the error, is still
// the graph's.
func (c *Compiler) recurrence(r *recurrent.Recurrence, interpreted Operation) (Operation, error) {
	native, err := c.cells(r, interpreted)
	if native == nil && err == nil {
		delete(c.Recurrences, r.Loop)
		return interpreted, nil
	}
	return native, err
}

// cells returns nil where the weights do not fit native cells.
func (c *Compiler) cells(r *recurrent.Recurrence, interpreted Operation) (Operation, error) {
	if slices.ContainsFunc(r.Cells, c.Assigns) {
		return nil, nil
	}
	dtype := lockstep.Invalid
	for i, l := range r.Cells {
		t, err := c.Options.Weight(l.Kernel)
		if err != nil {
			return nil, err
		}
		if i > 0 && t.DType() != dtype {
			return nil, nil
		}
		dtype = t.DType()
	}
	switch dtype {
	case lockstep.Float32:
		return newRecurrence[float32](c, r, interpreted)
	case lockstep.Float64:
		return newRecurrence[float64](c, r, interpreted)
	}
	return nil, nil
}

// CellLoop runs a recognised loop on the native cells.
type CellLoop[F kernel.Float] struct {
	*recurrent.Recurrence
	cells    []kernel.Cell[F]
	Features int
	workers  int // how many goroutines a call's rows may be shared out to
	work     int // that of one step of one row
}

func newRecurrence[F kernel.Float](c *Compiler, r *recurrent.Recurrence, interpreted Operation) (Operation, error) {
	run := &CellLoop[F]{Recurrence: r, Features: r.Cells[0].Features, workers: c.Options.Workers}
	change := c.Options.Edits[r.Loop]
	for _, l := range r.Cells {
		cell, err := newCell[F](c, l)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		run.cells = append(run.cells, cell)
		c.cellOf[l] = cell
		run.work += rows.Work(gates[l.Kind]*l.Units, l.Features+l.Units)
	}
	return func(w *Work, in []value.Value) error {
		memory, ok := (*w.Keep).(*recurrentMemory[F])
		if !ok {
			memory = &recurrentMemory[F]{}
			*w.Keep = memory
		}
		call := &memory.now
		ok = run.Call(in, call)
		if !ok && w.Continues {
			return errors.New("its tensors do not fit the layer's cells, so that its states cannot be carried on")
		}
		if !ok {
			return interpreted(w, in)
		}
		if change != nil {
			edit(change, call)
		}
		err := memory.fit(run, w)
		if err == nil {
			err = run.run(w, memory)
		}
		if err == nil {
			err = memory.results(run, in, w.Out)
		}
		clear(call.States)
		*call = CellCall[F]{States: call.States} // its tensors are not kept
		return err
	}, nil
}

// gates are how many sums each unit of a cell has.
var gates = map[recurrent.Kind]int{recurrent.LSTM: 4, recurrent.GRU: 3, recurrent.SimpleRNN: 1}

// CellCall is the tensors of one call of a loop.
type CellCall[F kernel.Float] struct {
	Steps, Batch int
	X            []F         // (steps, batch, features)
	Mask         []bool      // (steps, batch), nil without
	States       [][]F       // (batch, units) each, before the first step
	Previous     []F         // (batch, units of the last cell): the output that masked steps repeat
	Outputs      *value.List // nil without
}

// Call reads a call's tensors, the states into the memory of the last call; it
// is false if they do not fit the cells.
func (r *CellLoop[F]) Call(in []value.Value, call *CellCall[F]) (ok bool) {
	*call = CellCall[F]{States: call.States[:0]}
	x := in[r.Steps].List
	if x == nil || x.Rows == nil || x.Rows.Rank() != 3 || x.Rows.Shape()[2] != r.Features {
		return false
	}
	var err error
	if call.X, err = lockstep.Data[F](x.Rows); err != nil {
		return false
	}
	call.Batch = x.Rows.Shape()[1]
	if call.Steps, ok = StepsOf(r.Bounds, in); !ok || call.Steps < 1 || call.Steps > x.Rows.Shape()[0] {
		return false
	}
	for _, l := range r.Cells {
		for _, at := range l.States {
			state, ok := stateOf[F](in[at], call.Batch, l.Units)
			if !ok {
				return false
			}
			call.States = append(call.States, state)
		}
	}
	last := r.Cells[len(r.Cells)-1].Units
	if r.Mask != nil {
		if call.Mask, ok = maskOf(in[r.Mask.Steps].List, r.Mask.Rank, call.Steps, call.Batch); !ok {
			return false
		}
		if r.Mask.Zeros >= 0 {
			if _, ok = stateOf[F](in[r.Mask.Zeros], call.Batch, last); !ok {
				return false
			}
		}
		if r.Mask.Previous >= 0 {
			if call.Previous, ok = stateOf[F](in[r.Mask.Previous], call.Batch, last); !ok {
				return false
			}
		}
	}
	if r.Outputs >= 0 {
		call.Outputs = in[r.Outputs].List
		want := call.Steps
		if r.LastOnly {
			want = 1
		}
		if call.Outputs == nil || call.Outputs.Length() != want || !call.Outputs.TakesMatrix(call.Batch, last) {
			return false
		}
	}
	return true
}

func stateOf[F kernel.Float](v value.Value, rows, columns int) ([]F, bool) {
	if v.Tensor == nil || v.Tensor.Rank() != 2 || v.Tensor.Shape()[0] != rows || v.Tensor.Shape()[1] != columns {
		return nil, false
	}
	d, err := lockstep.Data[F](v.Tensor)
	return d, err == nil
}

// maskOf reads the masks of the steps, each (batch) or (batch, 1) by its rank.
func maskOf(l *value.List, rank, steps, batch int) ([]bool, bool) {
	if l == nil || l.Rows == nil || l.Rows.Rank() != 1+rank {
		return nil, false
	}
	shape := l.Rows.Shape()
	if shape[0] < steps || shape[1] != batch || rank == 2 && shape[2] != 1 {
		return nil, false
	}
	d, err := lockstep.Data[bool](l.Rows)
	return d, err == nil
}
