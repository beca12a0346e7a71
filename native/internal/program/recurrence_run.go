package program

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/internal/kernel"
)

// recurrentMemory is what a recognised loop keeps between calls on tensors of
// the same shapes.
type recurrentMemory[F kernel.Float] struct {
	steps, batch int
	ran          bool // the states are those that a call left

	before   [][]F // the states before the first step
	states   []*lockstep.Tensor
	h, c     [][]F // by cell: the elements of its states; c is nil where there is no second one
	oldH     []F   // of one cell, for masked rows
	oldC     []F
	z        []F // the first cell's gates for some steps, or another's for one
	scratch  []F
	outputs  *lockstep.Tensor // (steps or 1, batch, units)
	out      []F
	previous *lockstep.Tensor
	prev     []F
	counters counters
	list     List
}

// projected bounds the elements of the gates that are made in advance, so that
// they stay near the processor however long the sequence is.
const projected = 1 << 16

// fit makes the memory for a call, if it is not there.
func (m *recurrentMemory[F]) fit(r *recurrent[F], call recurrentCall[F]) error {
	if m.states != nil && m.steps == call.steps && m.batch == call.batch {
		return nil
	}
	*m = recurrentMemory[F]{steps: call.steps, batch: call.batch, before: m.before}
	most, scratch, gates := 0, 0, 0
	for i, l := range r.Cells {
		m.h, m.c = append(m.h, nil), append(m.c, nil)
		for j := range l.States {
			t, d, err := newMatrix[F](call.batch, l.Units)
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
		most = max(most, l.Units)
		scratch = max(scratch, r.cells[i].Scratch(call.batch))
		gates = max(gates, r.cells[i].Width()*call.batch)
	}
	m.z = make([]F, max(gates, r.ahead(call)*r.cells[0].Width()*call.batch))
	m.scratch = make([]F, scratch)
	last := r.Cells[len(r.Cells)-1].Units
	if call.mask != nil {
		m.oldH, m.oldC = make([]F, call.batch*most), make([]F, call.batch*most)
		var err error
		if m.previous, m.prev, err = newMatrix[F](call.batch, last); err != nil {
			return err
		}
	}
	rows := call.steps
	if r.LastOnly {
		rows = 1
	}
	m.out = make([]F, rows*call.batch*last)
	var err error
	if m.outputs, err = lockstep.New(m.out, rows, call.batch, last); err != nil {
		return err
	}
	return nil
}

func newMatrix[F kernel.Float](rows, columns int) (*lockstep.Tensor, []F, error) {
	d := make([]F, rows*columns)
	t, err := lockstep.New(d, rows, columns)
	return t, d, err
}

// run takes all steps.
func (r *recurrent[F]) run(w *work, call recurrentCall[F], m *recurrentMemory[F]) error {
	if !w.goesOn || !m.ran {
		at := 0
		for i := range r.Cells {
			at += copy2(m.h[i], m.c[i], call.states[at:])
		}
		copy(m.prev, call.previous)
	}
	m.ran = true
	var records []*recording[F]
	if w.record != nil {
		var err error
		if records, err = r.records(w, call, m); err != nil {
			return err
		}
	}
	first := r.cells[0]
	columns := first.Width() * call.batch
	ahead := r.ahead(call)
	row := call.batch * r.features
	for t := 0; t < call.steps; t++ {
		x, z := call.x[t*row:(t+1)*row], m.z
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if ahead > 0 {
			if t%ahead == 0 {
				n := min(ahead, call.steps-t)
				first.Project(m.z, call.x[t*row:(t+n)*row], n*call.batch)
			}
			x, z = nil, m.z[t%ahead*columns:]
		}
		var mask []bool
		if call.mask != nil {
			mask = call.mask[t*call.batch : (t+1)*call.batch]
		}
		for i, cell := range r.cells {
			if i > 0 {
				x = m.h[i-1]
			}
			m.step(cell, i, x, z, mask)
		}
		for i, rec := range records {
			x := call.x[t*row : (t+1)*row]
			if i > 0 {
				x = m.h[i-1]
			}
			rec.add(t, x, m.h[i], m.c[i])
		}
		m.write(r, t, mask)
	}
	if w.record != nil && r.Outputs >= 0 {
		return r.recordOutputs(w, m)
	}
	return nil
}

// ahead is how many steps of a call are projected at once: none if the next
// step's inputs are as well taken with it, as they are where more cells follow,
// whose gates take the same memory.
func (r *recurrent[F]) ahead(call recurrentCall[F]) int {
	if len(r.cells) > 1 || !r.cells[0].Ahead(call.batch) {
		return 0
	}
	columns := r.cells[0].Width() * call.batch
	return min(call.steps, max(1, projected/max(1, columns)))
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

// step takes one step of one cell, whose inputs x are nil if they are projected;
// masked rows keep their states.
func (m *recurrentMemory[F]) step(cell kernel.Cell[F], i int, x, z []F, mask []bool) {
	h, c := m.h[i], m.c[i]
	if mask != nil {
		copy(m.oldH, h)
		copy(m.oldC, c)
	}
	if x == nil {
		cell.Step(h, c, z, m.scratch, m.batch)
	} else {
		cell.Next(h, c, x, z, m.scratch, m.batch)
	}
	if mask == nil {
		return
	}
	u := cell.Units()
	for row, kept := range mask {
		if !kept {
			copy(h[row*u:(row+1)*u], m.oldH[row*u:])
			if c != nil {
				copy(c[row*u:(row+1)*u], m.oldC[row*u:])
			}
		}
	}
}

// write writes the output of a step: the last cell's h, or where a row is
// masked the previous output, or zeros.
func (m *recurrentMemory[F]) write(r *recurrent[F], t int, mask []bool) {
	h := m.h[len(m.h)-1]
	n := len(h)
	at := t
	if r.LastOnly {
		at = 0
	}
	out := m.out[at*n : (at+1)*n]
	if mask == nil {
		copy(out, h)
		return
	}
	u := r.cells[len(r.cells)-1].Units()
	for row, kept := range mask {
		to := out[row*u : (row+1)*u]
		switch {
		case kept:
			copy(to, h[row*u:])
		case r.Mask.Previous >= 0:
			copy(to, m.prev[row*u:])
		default:
			clear(to)
		}
	}
	copy(m.prev, out)
}

// results sets what the loop's variables are after it.
func (m *recurrentMemory[F]) results(r *recurrent[F], call recurrentCall[F], in, out []Value) error {
	copy(out, in)
	if err := m.counters.count(r.Counters, in, out, call.steps); err != nil {
		return err
	}
	k := 0
	for _, l := range r.Cells {
		for _, at := range l.States {
			out[at] = Value{Tensor: m.states[k]}
			k++
		}
	}
	if r.Mask != nil && r.Mask.Carried >= 0 {
		out[r.Mask.Carried] = Value{Tensor: m.previous}
	}
	if call.outputs != nil {
		m.list = List{rows: m.outputs, DType: call.outputs.DType, Shape: call.outputs.Shape, Known: call.outputs.Known, Below: call.outputs.Below}
		out[r.Outputs] = Value{List: &m.list}
	}
	return nil
}
