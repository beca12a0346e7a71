package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rows"
	"github.com/lockstep-go/lockstep/internal/value"
)

// recurrentMemory is what a recognised loop keeps between calls on tensors of
// the same shapes.
type recurrentMemory[F kernel.Float] struct {
	steps, batch int
	ran          bool // the states are those that a call left

	now      CellCall[F] // while it runs
	states   []*lockstep.Tensor
	h, c     [][]F            // by cell: the elements of its states; c is nil without a second state
	outputs  *lockstep.Tensor // (steps or 1, batch, units)
	out      []F
	previous *lockstep.Tensor // the last output, for masks
	prev     []F
	portions []*portion[F]
	team     *rows.Team
	counters Counters
	list     value.List
}

// fit allocates the memory for a call, if necessary.
func (m *recurrentMemory[F]) fit(r *CellLoop[F], w *Work) error {
	call := &m.now
	if m.states != nil && m.steps == call.Steps && m.batch == call.Batch {
		return nil
	}
	if err := r.room(w.mem, call); err != nil {
		return err
	}
	*m = recurrentMemory[F]{steps: call.Steps, batch: call.Batch, now: m.now}
	for i, l := range r.Cells {
		m.h, m.c = append(m.h, nil), append(m.c, nil)
		for j := range l.States {
			t, d, err := newMatrix[F](call.Batch, l.Units)
			if err != nil {
				return err
			}
			m.states = append(m.states, t)
			if j == 0 {
				m.h[i] = d
			} else {
				m.c[i] = d
			}
		}
	}
	last := r.Cells[len(r.Cells)-1].Units
	if call.Mask != nil {
		var err error
		if m.previous, m.prev, err = newMatrix[F](call.Batch, last); err != nil {
			return err
		}
	}
	steps := call.Steps
	if r.LastOnly {
		steps = 1
	}
	m.out = make([]F, steps*call.Batch*last)
	var err error
	if m.outputs, err = lockstep.New(m.out, steps, call.Batch, last); err != nil {
		return err
	}
	workers := r.workers
	if w.Alone {
		workers = 1
	}
	n := rows.Shares(workers, call.Batch, call.Steps*call.Batch*r.work)
	var work []func()
	for i := range n {
		from, to := rows.Of(call.Batch, i, n)
		s := newPortion(r, m, from, to, n == 1, call.Mask != nil)
		m.portions = append(m.portions, s)
		work = append(work, s.run)
	}
	m.team = rows.NewTeam(work...)
	return nil
}

// room asks for the memory of a call: the states, the outputs and, for each row, what
// a step of the largest cell needs.
func (r *CellLoop[F]) room(m *Meter, call *CellCall[F]) error {
	states, most := 0, 0
	for i, l := range r.Cells {
		states += len(l.States) * l.Units
		cell := r.cells[i]
		most = max(most, cell.Width()+cell.Scratch(1)+2*l.Units)
	}
	outputs := r.cells[len(r.cells)-1].Units()
	if !r.LastOnly {
		outputs *= call.Steps
	}
	// 64 bits suffice: the tensors of the call are in memory, and a row is not
	// much longer.
	size := int64(value.SizeFor[F]())
	results, own := size*int64(call.Batch)*int64(states+outputs), size*(int64(call.Batch)*int64(most)+projected)
	if err := m.room(results, own); err != nil {
		return fmt.Errorf("%d steps of a batch of %d: %w", call.Steps, call.Batch, err)
	}
	return nil
}

func newMatrix[F kernel.Float](rows, columns int) (*lockstep.Tensor, []F, error) {
	d := make([]F, rows*columns)
	t, err := lockstep.New(d, rows, columns)
	return t, d, err
}

// run takes all steps.
func (r *CellLoop[F]) run(w *Work, m *recurrentMemory[F]) error {
	call := &m.now
	if !w.Continues || !m.ran {
		at := 0
		for i := range r.Cells {
			at += copy2(m.h[i], m.c[i], call.States[at:])
		}
		copy(m.prev, call.Previous)
	}
	m.ran = true
	var records []*recording[F]
	var err error
	recorded := w.record != nil && len(w.record[r.Cells[0]]) <= recurrent.MaxRuns
	if recorded {
		if records, err = r.records(w, call, m); err != nil {
			return err
		}
	}
	var given []givenStates[F]
	if w.given != nil {
		if given, err = r.given(w, call); err != nil {
			return err
		}
	}
	for _, s := range m.portions {
		s.ctx, s.records, s.given = w.Ctx, records, given
	}
	m.team.Run(len(m.portions))
	for _, s := range m.portions {
		if err == nil {
			err = s.err
		}
		s.ctx, s.records, s.given, s.err = nil, nil, nil, nil
	}
	if err == nil && recorded && r.Outputs >= 0 {
		err = r.recordOutputs(w, m)
	}
	return err
}

// copy2 copies a cell's initial states and returns how many there are.
func copy2[F kernel.Float](h, c []F, from [][]F) int {
	copy(h, from[0])
	if c == nil {
		return 1
	}
	copy(c, from[1])
	return 2
}

// results sets what the loop's variables are after it.
func (m *recurrentMemory[F]) results(r *CellLoop[F], in, out []value.Value) error {
	call := &m.now
	copy(out, in)
	if err := m.counters.Count(r.Counters, in, out, call.Steps); err != nil {
		return err
	}
	k := 0
	for _, l := range r.Cells {
		for _, at := range l.States {
			out[at] = value.Value{Tensor: m.states[k]}
			k++
		}
	}
	if r.Mask != nil && r.Mask.Carried >= 0 {
		out[r.Mask.Carried] = value.Value{Tensor: m.previous}
	}
	if call.Outputs != nil {
		m.list = listOfRows(m.outputs, call.Outputs)
		out[r.Outputs] = value.Value{List: &m.list}
	}
	return nil
}
