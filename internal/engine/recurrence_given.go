package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
)

// givenStates are the states of a cell at each step, (batch, steps, units): h, and
// of an LSTM c.
type givenStates[F kernel.Float] [2][]F

// given reads the states that are given for the cells of a call, by their names in
// lockstep.Trace.Steps; nil if none are.
func (r *CellLoop[F]) given(w *Work, call *CellCall[F]) ([]givenStates[F], error) {
	var out []givenStates[F]
	for _, l := range r.Cells {
		var of givenStates[F]
		for j := range l.States {
			name := lockstep.StepName(lockstep.RunName(l.Name, w.at), "hc"[j:j+1])
			t := w.given[name]
			if t == nil {
				return nil, nil
			}
			if want := []int{call.Batch, call.Steps, l.Units}; !slices.Equal(t.Shape(), want) {
				return nil, fmt.Errorf("%q is given as %s, want the shape %s", name, t, lockstep.FormatShape(want))
			}
			d, err := t.Float64s()
			if err != nil {
				return nil, err
			}
			for _, v := range d {
				of[j] = append(of[j], F(v))
			}
		}
		out = append(out, of)
	}
	return out, nil
}

// take sets the states of a cell after a step to those given.
func (s *portion[F]) take(i, t int) {
	steps, u := s.memory.now.Steps, s.loop.cells[i].Units()
	for j, to := range [][]F{s.h[i], s.c[i]} {
		if to == nil {
			continue
		}
		for row := s.from; row < s.to; row++ {
			copy(to[(row-s.from)*u:], s.given[i][j][(row*steps+t)*u:][:u])
		}
	}
}
