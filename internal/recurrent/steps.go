package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// recurrence proves that a loop runs cells over steps, or returns nil and says
// why it does not.
func (l *loop) recurrence(ts *tensors) (*Recurrence, string) {
	r := &Recurrence{Loop: l.node, Outputs: -1, Counters: l.counters()}
	ts.err = nil
	s := &step{evaluator: newEvaluator(l, ts), next: map[int]*expr{}, state: map[*expr]int{}}
	m := &masks{l: l, made: map[int]choice{}}
	var written savedmodel.Ref
	place := -1
	var states []int
	for i, ret := range l.body.Rets {
		if l.invariant[i] || l.counts[i] {
			continue
		}
		item, at, isList := l.written(i)
		switch c, isChoice := l.choose(ret); {
		case isList && r.Outputs < 0:
			r.Outputs, r.LastOnly, written, place = i, at < 0, item, at
		case isList:
			return nil, "its steps write to two lists"
		case isChoice:
			if !m.add(c) {
				return nil, "its states are masked by two masks"
			}
			m.made[i] = c
			states = append(states, i)
		default:
			states = append(states, i)
		}
	}
	if r.Outputs >= 0 {
		var why string
		if written, why = m.output(written, states); why != "" {
			return nil, why
		}
	}
	if r.Mask = m.mask; r.Mask != nil && r.Mask.Carried >= 0 {
		states = slices.DeleteFunc(states, func(i int) bool { return i == r.Mask.Carried })
	}
	for _, i := range states {
		next := l.body.Rets[i]
		if c, masked := m.made[i]; masked {
			if old, isArg := l.arg(c.no); !isArg || old != i {
				return nil, fmt.Sprintf("a masked state becomes %s, want what it was", c.no.Through())
			}
			next = c.yes
		} else if r.Mask != nil {
			return nil, fmt.Sprintf("loop variable %d is not masked, and others are", i)
		}
		s.next[i] = s.of(next)
		s.state[s.next[i]] = i
	}
	cells, why := s.cells(states)
	if why == "" {
		why = r.stack(s, cells)
	}
	if why == "" && r.Outputs >= 0 && s.of(written) != cells[len(cells)-1].output {
		why = "what is written to the list of outputs is not the last cell's h"
	}
	if why == "" {
		why = r.checkMask(m)
	}
	if why == "" && r.Mask != nil && r.Mask.Steps == r.Steps {
		why = "its masks are its steps"
	}
	if why == "" {
		why = r.finish(l)
	}
	if why == "" && place >= 0 && place != r.Counter {
		why = "the outputs are written to other places than the steps are read from"
	}
	if why != "" && ts.err != nil {
		why += ": " + ts.err.Error()
	}
	return r, why
}

// cells finds the cells that update the states. Each state must belong to one
// cell.
func (s *step) cells(states []int) ([]*cell, string) {
	reason := "it carries no state from step to step"
	var cells []*cell
	made := map[int]bool{}
	for _, h := range states {
		if made[h] {
			continue
		}
		for _, find := range []func(h int) (*cell, string){s.lstm, s.gru, s.simpleRNN} {
			c, why := find(h)
			if why != "" {
				reason = why
			}
			if c == nil {
				continue
			}
			for _, i := range c.layer.States {
				if made[i] {
					return nil, fmt.Sprintf("loop variable %d is the state of two cells", i)
				}
				made[i] = true
			}
			cells = append(cells, c)
			break
		}
	}
	for _, i := range states {
		if !made[i] {
			if len(cells) > 0 || reason == "it carries no state from step to step" {
				reason = fmt.Sprintf("loop variable %d becomes what no known cell computes: %s", i, s.next[i].describe())
			}
			return nil, reason
		}
	}
	if len(cells) == 0 {
		return nil, reason
	}
	return cells, ""
}

// stack puts the cells in the order in which a step runs them: the first reads
// the step's input, each other the h of the one before it.
func (r *Recurrence) stack(s *step, cells []*cell) string {
	byInput := map[*expr]*cell{}
	next := cells[0]
	for _, c := range cells {
		if byInput[c.input] = c; c.input.op == opItem {
			next = c
		}
	}
	for i := range cells {
		if next == nil || i == 0 && next.input.op != opItem || len(byInput) != len(cells) {
			return "its gates' sums have a product with something that is neither the step's input nor the h of another cell"
		}
		cells[i], next = next, byInput[next.output]
	}
	r.Steps = cells[0].input.index
	for i, c := range cells {
		if c.layer.Input = s.tensorOf(c.input); c.layer.Input.Node == nil {
			return "no tensor is the input of its cell"
		}
		if i > 0 && c.layer.Features != cells[i-1].layer.Units {
			return fmt.Sprintf("a cell of %d features reads %d units", c.layer.Features, cells[i-1].layer.Units)
		}
		r.Cells = append(r.Cells, c.layer)
	}
	return ""
}

// checkMask tells whether the masks are broadcast to the right number of
// columns.
func (r *Recurrence) checkMask(m *masks) string {
	const no = "a mask is spread over %d columns of %d"
	for _, l := range r.Cells {
		for _, i := range l.States {
			if c := m.made[i]; !c.fits(l.Units) {
				return fmt.Sprintf(no, c.columns, l.Units)
			}
		}
	}
	if units := r.Cells[len(r.Cells)-1].Units; !m.out.fits(units) {
		return fmt.Sprintf(no, m.out.columns, units)
	}
	return ""
}

// finish reads the bounds and sets each layer's position in the loop.
func (r *Recurrence) finish(l *loop) string {
	var err error
	if r.Bounds, err = l.bounds(r.Steps); err != nil {
		return err.Error()
	}
	r.Counter = l.pickedBy[r.Steps]
	for _, c := range r.Cells {
		c.Loop, c.Place, c.Steps = l.node, l.place, l.node.Inputs[r.Steps].Through()
		for _, i := range c.States {
			c.InitialState = append(c.InitialState, l.node.Inputs[i].Through())
			c.FinalState = append(c.FinalState, l.out(i))
			c.Next = append(c.Next, l.body.Rets[i])
		}
		for _, b := range r.Bounds {
			c.Bounds = append(c.Bounds, b.ref)
		}
	}
	if last := r.Cells[len(r.Cells)-1]; r.Outputs >= 0 {
		last.Outputs, last.LastOnly = l.out(r.Outputs), r.LastOnly
	}
	return ""
}
