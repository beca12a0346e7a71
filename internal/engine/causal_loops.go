package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// loop is a loop over time that runs by native cells, which carry their states
// to the next step.
func (c *causality) loop(s *step) error {
	if r := c.program.recurrences[s.node]; r != nil {
		return c.recurrence(s, r)
	}
	return errors.New("a loop that is no known layer may mix time steps")
}

// counts makes sure that a loop takes as many steps as there are.
func (c *causality) counts(s *step, bounds []recurrent.Bound) error {
	for _, b := range bounds {
		if b.Variable < 0 {
			return fmt.Errorf("it takes %d steps at most", b.Const)
		}
		if e := c.extents[s.in[b.Variable]].elements; len(e) != 1 || e[0] != 1 {
			return errors.New("how many steps it takes is not how many there are")
		}
	}
	for _, p := range append(c.others, c.long) {
		in := make([]Value, len(s.in))
		for i, slot := range s.in {
			in[i] = p.slots[slot]
		}
		if n, ok := countOf(bounds, in); !ok || n != p.steps {
			return fmt.Errorf("it takes %d steps of %d", n, p.steps)
		}
	}
	return nil
}

// list tells whether a loop variable is a list with one element for each step.
func (c *causality) list(s *step, variable int) bool {
	l := c.of[s.in[variable]]
	list := c.long.slots[s.in[variable]].List
	return list != nil && list.rows != nil && l.Kind == BySteps && l.Before == 1 && list.length() == c.long.steps
}

// through gives the loop's variables the timings that they have before it, and
// to those that count its steps none that anything may read.
func (c *causality) through(s *step, counters []int) {
	for i, slot := range s.in {
		c.of[s.out+i], c.extents[s.out+i] = c.of[slot], c.extents[slot]
	}
	for _, i := range counters {
		c.extents[s.out+i] = extent{varies: true}
	}
}

// leaves sets the Timing of a variable that the loop changes.
func (c *causality) leaves(s *step, variable int, l Timing) {
	c.of[s.out+variable], c.extents[s.out+variable] = l, extent{}
}

// recurrence is a loop of native cells: its outputs have a part for each step,
// and its states are of all steps so far.
func (c *causality) recurrence(s *step, r *recurrent.Recurrence) error {
	if err := c.counts(s, r.Bounds); err != nil {
		return err
	}
	fed := map[int]bool{r.Steps: true}
	if r.Mask != nil {
		fed[r.Mask.Steps] = true
	}
	for i, slot := range s.in {
		switch {
		case fed[i] && !c.list(s, i):
			return errors.New("it does not read the time steps in their order")
		case !fed[i] && c.of[slot].Kind != Timeless:
			return errors.New("it begins with a value of the steps themselves")
		}
	}
	var begins []int
	for _, l := range r.Cells {
		begins = append(begins, l.States...)
	}
	if r.Mask != nil && r.Mask.Previous >= 0 {
		begins = append(begins, r.Mask.Previous)
	}
	if r.Mask != nil && r.Mask.Zeros >= 0 {
		begins = append(begins, r.Mask.Zeros)
	}
	for _, i := range begins {
		if err := c.same(s.in[i]); err != nil {
			return fmt.Errorf("what it begins with: %w", err)
		}
	}
	c.layers++
	c.through(s, r.Counters)
	for _, l := range r.Cells {
		for _, i := range l.States {
			c.leaves(s, i, Timing{Kind: SoFar})
		}
	}
	if r.Mask != nil && r.Mask.Carried >= 0 {
		c.leaves(s, r.Mask.Carried, Timing{Kind: SoFar})
	}
	if r.Outputs < 0 {
		return nil
	}
	out := c.long.slots[s.out+r.Outputs].List
	if out == nil || out.rows == nil {
		return errors.New("it was interpreted")
	}
	if r.LastOnly {
		c.leaves(s, r.Outputs, Timing{Kind: SoFar})
	} else {
		c.leaves(s, r.Outputs, TimeAt(out.rows.Shape(), 0))
	}
	return nil
}
