package streaming

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Whether a program treats the rows of a batch alone, so that a part of them can be
// run without the others. It is shown as causality is, by following where the axis of
// the batch is; no state passes from one row to another.

// batches are the batches that a program is tried at.
var batches = []int{3, 2, 1}

// independence is what is known of a program's rows, for inputs whose other axes
// are the same.
type independence struct {
	outputs []rowsIn // by Program.Out
	bytes   int64    // that one more row takes, besides inputs
}

// rowsIn is where the rows are in an output: an axis, with some blocks before it and
// elements after it; the axis is -1 if it is the same in every batch.
type rowsIn struct{ axis, before, after int }

// independent shows that no row of an output depends on another row. The inputs have
// the batch as their first axis.
func independent(ctx context.Context, p *engine.Program, like []*lockstep.Tensor) (*independence, error) {
	if p.Stateful() {
		return nil, errors.New("the model keeps states from call to call")
	}
	step := map[string]*lockstep.Tensor{}
	fed := map[int]int{}
	for i, in := range p.In {
		step[in.Name] = like[i]
		if in.Slot >= 0 {
			fed[in.Slot] = 0
		}
	}
	c := causality{program: p, rows: true}
	for i, n := range batches {
		made, err := probeAt(ctx, p, nil, step, 0, n)
		if err != nil {
			return nil, fmt.Errorf("with %d rows: %w", n, err)
		}
		if i == 0 {
			c.long = *made
		} else {
			c.others = append(c.others, *made)
		}
	}
	if err := c.follow(fed); err != nil {
		return nil, err
	}
	known := &independence{bytes: (c.long.plan.Bytes - c.others[len(c.others)-1].plan.Bytes) / int64(batches[0]-1)}
	for _, out := range p.Out {
		l := c.of[out.Slot]
		if l.Kind == op.Timeless {
			if err := c.same(out.Slot); err != nil {
				return nil, err
			}
			known.outputs = append(known.outputs, rowsIn{axis: -1})
			continue
		}
		axis, whole, ok := l.Axis(c.shape(out.Slot), batches[0])
		if !ok || !whole {
			return nil, fmt.Errorf("output %q has its rows within another axis", out.Name)
		}
		known.outputs = append(known.outputs, rowsIn{axis, l.Before, l.After})
	}
	return known, nil
}

// fill is for a step that does not read the inputs' elements: a tensor that is shaped by
// the batch has rows if all its elements are one number.
func (c *causality) fill(s *engine.Step) {
	if !s.Spec.Uniform || s.N != 1 || c.long.slots[s.Out].Tensor == nil {
		return
	}
	if s.Spec.Measures != op.Elements { // as many as its input has
		if l := c.of[s.In[0]]; l.Kind == op.BySteps {
			c.of[s.Out], c.extents[s.Out] = l, extent{}
		}
		return
	}
	if c.extents[s.Out].constant() || c.shapes(s.In[0]) != nil {
		return
	}
	for _, slot := range s.In[1:] {
		if c.same(slot) != nil {
			return
		}
	}
	shape := c.shape(s.Out)
	for axis, d := range shape {
		if d != c.long.steps {
			continue
		}
		c.of[s.Out] = op.TimeAt(shape, axis)
		if c.check(s.Out) == nil {
			c.extents[s.Out] = extent{}
			return
		}
		c.of[s.Out] = op.Timing{}
	}
}

// loopOfRows is for a loop over something else than the rows.
func (c *causality) loopOfRows(s *engine.Step, r *recurrent.Recurrence) error {
	if r != nil {
		return c.recurrenceOfRows(s, r)
	}
	if l := c.program.Slices[s.Node]; l != nil {
		return c.slicesOfRows(s, l)
	}
	return errors.New("a loop that is no known layer may combine rows")
}

// takesSame makes sure that a loop takes the same steps in every batch.
func (c *causality) takesSame(s *engine.Step, bounds []recurrent.Bound) error {
	for _, b := range bounds {
		if b.Variable < 0 {
			continue
		}
		if err := c.same(s.In[b.Variable]); err != nil {
			return fmt.Errorf("its number of steps: %w", err)
		}
	}
	return nil
}

// rowsAt makes sure that a loop variable has the rows at an axis, of a list's elements
// the one before.
func (c *causality) rowsAt(s *engine.Step, variable, axis int) error {
	slot := s.In[variable]
	at, whole, ok := c.of[slot].Axis(c.shape(slot), c.long.steps)
	if c.of[slot].Kind != op.BySteps || !ok || !whole || at != axis {
		return fmt.Errorf("loop variable %d has its rows elsewhere", variable)
	}
	return nil
}

// recurrenceOfRows is for a loop of native cells.
func (c *causality) recurrenceOfRows(s *engine.Step, r *recurrent.Recurrence) error {
	if err := c.takesSame(s, r.Bounds); err != nil {
		return err
	}
	at := map[int]int{r.Steps: 1} // the axis of the rows, by variable
	for _, l := range r.Cells {
		for _, i := range l.States {
			at[i] = 0
		}
	}
	if m := r.Mask; m != nil {
		at[m.Steps] = 1
		for _, i := range []int{m.Previous, m.Zeros, m.Carried} {
			if i >= 0 {
				at[i] = 0
			}
		}
	}
	for i, slot := range s.In {
		axis, has := at[i]
		switch {
		case !has && c.of[slot].Kind != op.Timeless:
			return fmt.Errorf("loop variable %d has rows", i)
		case has:
			if err := c.rowsAt(s, i, axis); err != nil {
				return err
			}
		}
	}
	c.through(s, r.Counters)
	if r.Outputs < 0 {
		return nil
	}
	for _, p := range append(c.others, c.long) {
		if out := p.slots[s.Out+r.Outputs].List; out == nil || out.Rows == nil {
			return errors.New("it was interpreted")
		}
	}
	c.leaves(s, r.Outputs, op.TimeAt(c.shape(s.Out+r.Outputs), 1))
	return nil
}

// slicesOfRows is for a loop that splits a tensor along another axis.
func (c *causality) slicesOfRows(s *engine.Step, l *recurrent.Slices) error {
	if err := c.takesSame(s, l.Bounds); err != nil {
		return err
	}
	for _, i := range []int{l.Begins, l.Ends} {
		if err := c.same(s.In[i]); err != nil {
			return err
		}
	}
	for _, p := range append(c.others, c.long) {
		in := make([]value.Value, len(s.In))
		for i, slot := range s.In {
			in[i] = p.slots[slot]
		}
		if _, ok := engine.RowsInOrder(l, in); !ok {
			return errors.New("it was interpreted")
		}
	}
	of := c.of[s.In[l.Source]]
	if axis, whole, ok := of.Axis(c.shape(s.In[l.Source]), c.long.steps); of.Kind != op.BySteps || !ok || !whole || axis == 0 {
		return op.ErrMixes
	}
	c.through(s, l.Counters)
	c.leaves(s, l.Outputs, of)
	return nil
}
