package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rows"
)

// recurrence builds a loop that was recognised as cells. Where a call's tensors
// are not what the cells take, such as a list of outputs that is shorter than
// the steps, the loop is interpreted, so that the answer, or the refusal, is
// still the graph's.
func (c *compiler) recurrence(r *recurrent.Recurrence, interpreted operation) (operation, error) {
	native, err := c.cells(r, interpreted)
	if native == nil && err == nil {
		delete(c.recurrences, r.Loop)
		return interpreted, nil
	}
	return native, err
}

// cells returns nil where the weights are none that the native cells take.
func (c *compiler) cells(r *recurrent.Recurrence, interpreted operation) (operation, error) {
	if slices.ContainsFunc(r.Cells, c.assigns) {
		return nil, nil
	}
	dtype := lockstep.Invalid
	for i, l := range r.Cells {
		t, err := c.options.Weight(l.Kernel)
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

// cellLoop runs a recognised loop on the native cells.
type cellLoop[F kernel.Float] struct {
	*recurrent.Recurrence
	cells    []kernel.Cell[F]
	features int
	workers  int // how many goroutines a call's rows may be shared out to
	work     int // that of one step of one row
}

func newRecurrence[F kernel.Float](c *compiler, r *recurrent.Recurrence, interpreted operation) (operation, error) {
	run := &cellLoop[F]{Recurrence: r, features: r.Cells[0].Features, workers: c.options.Workers}
	twist, twisted := c.options.Twists[r.Loop]
	for _, l := range r.Cells {
		cell, err := newCell[F](c, l)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		run.cells = append(run.cells, cell)
		c.cellOf[l] = cell
		run.work += rows.Work(gates[l.Kind]*l.Units, l.Features+l.Units)
	}
	return func(w *work, in []Value) error {
		memory, ok := (*w.Keep).(*recurrentMemory[F])
		if !ok {
			memory = &recurrentMemory[F]{}
			*w.Keep = memory
		}
		call := &memory.now
		ok = run.call(in, call)
		if !ok && w.goesOn {
			return errors.New("its tensors are not what the layer's cells take, so that its states cannot go on")
		}
		if !ok {
			return interpreted(w, in)
		}
		if twisted {
			run.twist(call, twist)
		}
		err := memory.fit(run, w.mem)
		if err == nil {
			err = run.run(w, memory)
		}
		if err == nil {
			err = memory.results(run, in, w.Out)
		}
		clear(call.states)
		*call = recurrentCall[F]{states: call.states} // its tensors are not kept
		return err
	}, nil
}

// gates are how many sums each unit of a cell has.
var gates = map[recurrent.Kind]int{recurrent.LSTM: 4, recurrent.GRU: 3, recurrent.SimpleRNN: 1}

// recurrentCall is what one call of a loop runs on.
type recurrentCall[F kernel.Float] struct {
	steps, batch int
	x            []F    // (steps, batch, features)
	mask         []bool // (steps, batch), nil without
	states       [][]F  // (batch, units) each, before the first step
	previous     []F    // (batch, units of the last cell): the output that masked steps repeat
	outputs      *List  // nil without
}

// call reads a call's tensors, the states into the memory that the last had for
// them; it is false if they are not what cells take.
func (r *cellLoop[F]) call(in []Value, call *recurrentCall[F]) (ok bool) {
	*call = recurrentCall[F]{states: call.states[:0]}
	x := in[r.Steps].List
	if x == nil || x.rows == nil || x.rows.Rank() != 3 || x.rows.Shape()[2] != r.features {
		return false
	}
	var err error
	if call.x, err = lockstep.Data[F](x.rows); err != nil {
		return false
	}
	call.batch = x.rows.Shape()[1]
	if call.steps, ok = countOf(r.Bounds, in); !ok || call.steps < 1 || call.steps > x.rows.Shape()[0] {
		return false
	}
	for _, l := range r.Cells {
		for _, at := range l.States {
			state, ok := stateOf[F](in[at], call.batch, l.Units)
			if !ok {
				return false
			}
			call.states = append(call.states, state)
		}
	}
	last := r.Cells[len(r.Cells)-1].Units
	if r.Mask != nil {
		if call.mask, ok = maskOf(in[r.Mask.Steps].List, r.Mask.Rank, call.steps, call.batch); !ok {
			return false
		}
		if r.Mask.Zeros >= 0 {
			if _, ok = stateOf[F](in[r.Mask.Zeros], call.batch, last); !ok {
				return false
			}
		}
		if r.Mask.Previous >= 0 {
			if call.previous, ok = stateOf[F](in[r.Mask.Previous], call.batch, last); !ok {
				return false
			}
		}
	}
	if r.Outputs >= 0 {
		call.outputs = in[r.Outputs].List
		want := call.steps
		if r.LastOnly {
			want = 1
		}
		if call.outputs == nil || call.outputs.length() != want || !call.outputs.takesMatrix(call.batch, last) {
			return false
		}
	}
	return true
}

func stateOf[F kernel.Float](v Value, rows, columns int) ([]F, bool) {
	if v.Tensor == nil || v.Tensor.Rank() != 2 || v.Tensor.Shape()[0] != rows || v.Tensor.Shape()[1] != columns {
		return nil, false
	}
	d, err := lockstep.Data[F](v.Tensor)
	return d, err == nil
}

// maskOf reads the masks of the steps, each (batch) or (batch, 1) by its rank.
func maskOf(l *List, rank, steps, batch int) ([]bool, bool) {
	if l == nil || l.rows == nil || l.rows.Rank() != 1+rank {
		return nil, false
	}
	shape := l.rows.Shape()
	if shape[0] < steps || shape[1] != batch || rank == 2 && shape[2] != 1 {
		return nil, false
	}
	d, err := lockstep.Data[bool](l.rows)
	return d, err == nil
}
