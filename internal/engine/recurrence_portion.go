package engine

import (
	"context"

	"github.com/lockstep-go/lockstep/internal/kernel"
)

// portion is some rows of a recognised loop, which one goroutine computes
// through all steps, in its own memory. A row's result does not depend on the
// other rows.
type portion[F kernel.Float] struct {
	loop       *CellLoop[F]
	memory     *recurrentMemory[F]
	from, to   int // rows
	wholeBatch bool

	h, c    [][]F // by cell: the rows' states
	oldH    []F   // of one cell, for masked rows
	oldC    []F
	prev    []F
	z       []F // the first cell's gates for some steps, or another's for one
	scratch []F

	// Of one call.
	ctx     context.Context
	records []*recording[F]  // by cell, nil if nothing is recorded
	given   []givenStates[F] // by cell, nil if none are
	err     error
}

// projected bounds the elements of the gates that are computed in advance, so
// that they stay in the cache however long the sequence is.
const projected = 1 << 16

func newPortion[F kernel.Float](r *CellLoop[F], m *recurrentMemory[F], from, to int, wholeBatch, masked bool) *portion[F] {
	s := &portion[F]{loop: r, memory: m, from: from, to: to, wholeBatch: wholeBatch}
	n := to - from
	most, scratch, gates := 0, 0, 0
	for i, l := range r.Cells {
		s.h, s.c = append(s.h, m.h[i][from*l.Units:to*l.Units]), append(s.c, nil)
		if m.c[i] != nil {
			s.c[i] = m.c[i][from*l.Units : to*l.Units]
		}
		most = max(most, l.Units)
		scratch = max(scratch, r.cells[i].Scratch(n))
		gates = max(gates, r.cells[i].Width()*n)
	}
	s.z = make([]F, max(gates, s.ahead(m.steps)*r.cells[0].Width()*n))
	s.scratch = make([]F, scratch)
	if masked {
		s.oldH, s.oldC = make([]F, n*most), make([]F, n*most)
		last := r.cells[len(r.cells)-1].Units()
		s.prev = m.prev[from*last : to*last]
	}
	return s
}

// ahead is how many steps of a call are projected at once: none if projecting
// with each step is as fast, as it is where more cells follow, whose gates use
// the same memory, and where other rows lie between one step and the next.
func (s *portion[F]) ahead(steps int) int {
	cells, n := s.loop.cells, s.to-s.from
	if len(cells) > 1 || !s.wholeBatch || !cells[0].Ahead(n) {
		return 0
	}
	return min(steps, max(1, projected/max(1, cells[0].Width()*n)))
}

// run takes all steps.
func (s *portion[F]) run() {
	cells, call := s.loop.cells, &s.memory.now
	first, n := cells[0], s.to-s.from
	columns := first.Width() * n
	ahead := s.ahead(call.Steps)
	if s.given != nil {
		ahead = 0
	}
	row := call.Batch * s.loop.Features // of a step
	if call.Batch == 1 && len(cells) == 1 && ahead == 0 && call.Mask == nil && s.records == nil && s.given == nil {
		s.runRow(first)
		return
	}
	for t := 0; t < call.Steps; t++ {
		x, z := call.X[t*row+s.from*s.loop.Features:t*row+s.to*s.loop.Features], s.z
		if s.err = s.ctx.Err(); s.err != nil {
			return
		}
		if ahead > 0 {
			if t%ahead == 0 {
				k := min(ahead, call.Steps-t)
				first.Project(s.z, call.X[t*row:(t+k)*row], k*n)
			}
			x, z = nil, s.z[t%ahead*columns:]
		}
		var mask []bool
		if call.Mask != nil {
			mask = call.Mask[t*call.Batch+s.from : t*call.Batch+s.to]
		}
		for i, cell := range cells {
			if s.given != nil {
				s.take(i, t)
				continue
			}
			if i > 0 {
				x = s.h[i-1]
			}
			s.step(cell, i, x, z, mask)
		}
		for i, rec := range s.records {
			x := call.X[t*row+s.from*s.loop.Features : t*row+s.to*s.loop.Features]
			if i > 0 {
				x = s.h[i-1]
			}
			rec.add(t, s.from, n, x, s.h[i], s.c[i])
		}
		s.write(t, mask)
	}
}

// runRow takes all steps of the one row that there is, some at a time, so that
// little is between them but the cell.
func (s *portion[F]) runRow(cell kernel.Cell[F]) {
	// Some milliseconds between checks for cancellation.
	together := max(1, min(64, 1<<24/max(1, s.loop.work)))
	call := &s.memory.now
	f, u, steps := s.loop.Features, cell.Units(), call.Steps
	for t := 0; t < steps; t += together {
		if s.err = s.ctx.Err(); s.err != nil {
			return
		}
		n := min(together, steps-t)
		var out []F
		if !s.loop.LastOnly {
			out = s.memory.out[t*u : (t+n)*u]
		}
		kernel.Steps(cell, s.h[0], s.c[0], call.X[t*f:(t+n)*f], out, s.z, s.scratch, n)
	}
	if s.loop.LastOnly && steps > 0 {
		copy(s.memory.out, s.h[0])
	}
}

// step takes one step of one cell, whose inputs x are nil if they are projected;
// masked rows keep their states.
func (s *portion[F]) step(cell kernel.Cell[F], i int, x, z []F, mask []bool) {
	h, c := s.h[i], s.c[i]
	if mask != nil {
		copy(s.oldH, h)
		copy(s.oldC, c)
	}
	if x == nil {
		cell.Step(h, c, z, s.scratch, s.to-s.from)
	} else {
		cell.Next(h, c, x, z, s.scratch, s.to-s.from)
	}
	if mask == nil {
		return
	}
	u := cell.Units()
	for row, kept := range mask {
		if !kept {
			copy(h[row*u:(row+1)*u], s.oldH[row*u:])
			if c != nil {
				copy(c[row*u:(row+1)*u], s.oldC[row*u:])
			}
		}
	}
}

// write writes the output of a step: the last cell's h, or where a row is
// masked the previous output, or zeros.
func (s *portion[F]) write(t int, mask []bool) {
	m, r := s.memory, s.loop
	if r.LastOnly {
		t = 0
	}
	u := r.cells[len(r.cells)-1].Units()
	out := m.out[(t*m.batch+s.from)*u : (t*m.batch+s.to)*u]
	h := s.h[len(s.h)-1]
	if mask == nil {
		copy(out, h)
		return
	}
	for row, kept := range mask {
		to := out[row*u : (row+1)*u]
		switch {
		case kept:
			copy(to, h[row*u:])
		case r.Mask.Previous >= 0:
			copy(to, s.prev[row*u:])
		default:
			clear(to)
		}
	}
	copy(s.prev, out)
}
