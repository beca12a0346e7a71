package diagnose

import (
	"cmp"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
)

// states are the errors of a layer's units in l.few, as shares of their bounds:
// one number for each state, row and unit.
type states struct {
	*search
	l      *layer
	side   Side
	cell   cellOf
	oracle *source.Oracle
	units  []int
	rows   []int // of l.few, for each number
	have   []float64
	bound  []float64
}

// fit is a weight that is being fitted to states: its value, and the sum of
// squares of what is left.
type fit struct {
	factor
	unit  int
	w     *WeightFault
	delta float64
	left  float64
}

// tops is how many weights of a gate are fitted exactly, the best by linear
// regression, and turns how often each fit is refined.
const tops, turns = 2, 16

// maxReset bounds the units of a GRU whose reset gates are all tried.
const maxReset = 128

// weightOfStates finds the one weight from the states alone, which are off in one
// unit: to first order by δ·v times the state's derivative by the gate's sum,
// from the oracle. The best few are then fitted in exact arithmetic by damped
// Gauss-Newton steps. The reset gate of a GRU that resets before the product is
// in the states of all units.
func (s *search) weightOfStates(l *layer, side Side, c cellOf) (*WeightFault, error) {
	oracle, err := s.model(side).Source().Oracle()
	if err != nil {
		return nil, err
	}
	st := &states{search: s, l: l, side: side, cell: c, oracle: oracle}
	var fits []fit
	if unit := l.offUnit(side); unit >= 0 {
		st.read([]int{unit})
		for _, letter := range c.letters {
			more, err := st.linear(string(letter), unit)
			if err != nil {
				return nil, err
			}
			fits = append(fits, more...)
		}
	}
	if c.gru && !c.resetAfter && l.units <= maxReset && len(fits) == 0 {
		var all []int
		for u := range l.units {
			all = append(all, u)
		}
		st.read(all)
		for u := range l.units {
			more, err := st.linear("r", u)
			if err != nil {
				return nil, err
			}
			fits = append(fits, more...)
		}
		slices.SortStableFunc(fits, func(a, b fit) int { return cmp.Compare(a.left, b.left) })
		fits = fits[:min(len(fits), 2*tops)]
	}
	var best *fit
	for i := range fits {
		if err := st.better(&fits[i]); err != nil {
			return nil, err
		}
		if best == nil || fits[i].left < best.left {
			best = &fits[i]
		}
	}
	if best == nil {
		return nil, nil
	}
	return best.w, nil
}

// read sets the side's results for some units.
func (s *states) read(units []int) {
	s.units, s.rows, s.have, s.bound = units, nil, nil, nil
	l := s.l
	for _, q := range l.quantities[s.side] {
		made, e := l.values[s.side][q], l.meant[s.side]
		for k, row := range l.few {
			for _, u := range units {
				at := row*l.units + u
				s.rows = append(s.rows, k)
				s.have = append(s.have, made[at])
				s.bound = append(s.bound, e.bound[q][at]+l.rounding*math.Abs(e.value[q][at]))
			}
		}
	}
}

// suppose computes the same in exact arithmetic with a value of a weight.
func (s *states) suppose(w *WeightFault) ([]float64, error) {
	faulty, err := s.oracle.Edit(w.fault().Plant)
	if err != nil {
		return nil, err
	}
	from := map[string]*lockstep.Tensor{}
	for q, t := range s.l.from {
		if from[q], err = pick(t, s.l.few, len(s.l.few), t.Shape()[1]); err != nil {
			return nil, err
		}
	}
	e, err := stepOf(faulty, s.l.named(s.side), from)
	if err != nil {
		return nil, err
	}
	var out []float64
	for _, q := range s.l.quantities[s.side] {
		for k := range s.l.few {
			for _, u := range s.units {
				out = append(out, e.value[q][k*s.l.units+u])
			}
		}
	}
	return out, nil
}

// linear fits each weight of a gate and unit to first order, and returns the best
// few.
func (s *states) linear(gate string, unit int) ([]fit, error) {
	const step = 0x1p-12
	w, err := s.weightOf(s.l, s.side, s.cell, factor{gate: gate, tensor: "bias"}, unit)
	if err != nil {
		return nil, err
	}
	w.set(s.l, w.Original)
	sound, err := s.suppose(w)
	if err != nil {
		return nil, err
	}
	w.set(s.l, w.Original+step)
	moved, err := s.suppose(w)
	if err != nil {
		return nil, err
	}
	var out []fit
	for _, f := range s.l.factors(s.cell, gate, unit, s.l.meant[s.side].value["r"]) {
		var gg, rg, rr float64
		for i, k := range s.rows {
			g := (moved[i] - sound[i]) / (w.Changed - w.Original) * f.v(s.l.few[k]) / s.bound[i]
			r := (s.have[i] - sound[i]) / s.bound[i]
			gg, rg, rr = gg+g*g, rg+r*g, rr+r*r
		}
		if gg > 0 {
			out = append(out, fit{factor: f, unit: unit, delta: rg / gg, left: rr - rg*rg/gg})
		}
	}
	slices.SortStableFunc(out, func(a, b fit) int { return cmp.Compare(a.left, b.left) })
	return out[:min(tops, len(out))], nil
}

// better refines a weight's fitted value.
func (s *states) better(f *fit) error {
	var err error
	if f.w, err = s.weightOf(s.l, s.side, s.cell, f.factor, f.unit); err != nil {
		return err
	}
	is, delta := f.w.Original, f.delta
	f.left = math.Inf(1)
	for range turns {
		f.w.set(s.l, is+delta)
		now, err := s.suppose(f.w)
		if err != nil {
			return err
		}
		rr := 0.0
		for i := range now {
			r := (s.have[i] - now[i]) / s.bound[i]
			rr += r * r
		}
		if !(rr < f.left) { // too far: go half the way
			if delta /= 2; math.Abs(delta) < 1e-9*(math.Abs(is)+1e-3) {
				break
			}
			continue
		}
		at := f.w.Changed
		step := max(math.Abs(at), 0.01) * 0x1p-12
		f.w.set(s.l, at+step)
		step = f.w.Changed - at
		moved, err := s.suppose(f.w)
		if err != nil {
			return err
		}
		var gg, rg float64
		for i := range now {
			g := (moved[i] - now[i]) / step / s.bound[i]
			gg, rg = gg+g*g, rg+g*(s.have[i]-now[i])/s.bound[i]
		}
		f.left, is, delta = rr, at, 0
		if gg > 0 {
			delta = rg / gg
		}
	}
	f.w.set(s.l, is)
	return nil
}

// offUnit returns the unit whose states are off, -1 unless it is one.
func (l *layer) offUnit(side Side) int {
	off := make([]float64, l.units)
	for _, q := range l.quantities[side] {
		made, e := l.values[side][q], l.meant[side]
		for _, row := range l.rows {
			for u := range l.units {
				at := row*l.units + u
				off[u] = max(off[u], l.marginOf(made[at], e.value[q][at], e.bound[q][at]))
			}
		}
	}
	unit := 0
	for u := range off {
		if off[u] > off[unit] {
			unit = u
		}
	}
	for u := range off {
		if u != unit && off[u] > 1 {
			return -1
		}
	}
	return unit
}
