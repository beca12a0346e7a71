package streaming

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// loop is a loop over time that runs by native cells, which carry their states
// to the next step.
func (c *causality) loop(s *engine.Step) error {
	r := c.program.Recurrences[s.Node]
	switch {
	case c.rows:
		return c.loopOfRows(s, r)
	case r != nil:
		return c.recurrence(s, r)
	}
	return errors.New("a loop that is no known layer may mix time steps")
}

// counts makes sure that a loop runs exactly the given steps.
func (c *causality) counts(s *engine.Step, bounds []recurrent.Bound) error {
	for _, b := range bounds {
		if b.Variable < 0 {
			return fmt.Errorf("it takes %d steps at most", b.Const)
		}
		if e := c.extents[s.In[b.Variable]].elements; len(e) != 1 || e[0] != 1 {
			return errors.New("its number of steps is not that of the inputs")
		}
	}
	for _, p := range append(c.others, c.long) {
		in := make([]value.Value, len(s.In))
		for i, slot := range s.In {
			in[i] = p.slots[slot]
		}
		if n, ok := engine.StepsOf(bounds, in); !ok || n != p.steps {
			return fmt.Errorf("it takes %d steps of %d", n, p.steps)
		}
	}
	return nil
}

// list tells whether a loop variable is a list with one element for each step.
func (c *causality) list(s *engine.Step, variable int) bool {
	l := c.of[s.In[variable]]
	list := c.long.slots[s.In[variable]].List
	return list != nil && list.Rows != nil && l.Kind == op.BySteps && l.Before == 1 && list.Length() == c.long.steps
}

// through gives the loop's variables their timings before it, and makes those
// that count its steps unreadable.
func (c *causality) through(s *engine.Step, counters []int) {
	for i, slot := range s.In {
		c.of[s.Out+i], c.extents[s.Out+i] = c.of[slot], c.extents[slot]
	}
	for _, i := range counters {
		c.extents[s.Out+i] = extent{varies: true}
	}
}

// leaves sets the Timing of a variable that the loop changes.
func (c *causality) leaves(s *engine.Step, variable int, l op.Timing) {
	c.of[s.Out+variable], c.extents[s.Out+variable] = l, extent{}
}

// recurrence is for a loop of native cells: its outputs have a part for each
// step, and its states depend on all steps so far.
func (c *causality) recurrence(s *engine.Step, r *recurrent.Recurrence) error {
	if err := c.counts(s, r.Bounds); err != nil {
		return err
	}
	fed := map[int]bool{r.Steps: true}
	if r.Mask != nil {
		fed[r.Mask.Steps] = true
	}
	for i, slot := range s.In {
		switch {
		case fed[i] && !c.list(s, i):
			return errors.New("it does not read the time steps in their order")
		case !fed[i] && c.of[slot].Kind != op.Timeless:
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
		if err := c.same(s.In[i]); err != nil {
			return fmt.Errorf("what it begins with: %w", err)
		}
	}
	c.layers++
	c.through(s, r.Counters)
	for _, l := range r.Cells {
		for _, i := range l.States {
			c.leaves(s, i, op.Timing{Kind: op.SoFar})
		}
	}
	if r.Mask != nil && r.Mask.Carried >= 0 {
		c.leaves(s, r.Mask.Carried, op.Timing{Kind: op.SoFar})
	}
	if r.Outputs < 0 {
		return nil
	}
	out := c.long.slots[s.Out+r.Outputs].List
	if out == nil || out.Rows == nil {
		return errors.New("it was interpreted")
	}
	if r.LastOnly {
		c.leaves(s, r.Outputs, op.Timing{Kind: op.SoFar})
	} else {
		c.leaves(s, r.Outputs, op.TimeAt(out.Rows.Shape(), 0))
	}
	return nil
}
