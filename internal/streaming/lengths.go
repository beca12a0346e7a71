package streaming

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Values computed from the number of steps. A program is tried with a few
// numbers of steps, for which such a value may happen to be the same, as T mod
// 2 is for odd ones: so it is followed from the shapes that it is read from.

// length says how an element of a tensor depends on the number of steps: not at
// all, in some way, or that it is a multiple of it.
type length int

const (
	constant length = 0
	varying  length = -1
)

// extent says that for a tensor that does not depend on the fed inputs. The
// zero extent is that of one that does not depend on the number of steps
// either.
type extent struct {
	varies   bool     // any element, or the shape
	elements []length // the elements, if not all are constant
}

func (e extent) constant() bool { return !e.varies && e.elements == nil }

// measure finds the extents of the results of a step that does not depend on
// the elements of the fed inputs.
func (c *causality) measure(s *engine.Step) {
	for i := range s.N {
		c.extents[s.Out+i] = c.extentOf(s, i)
	}
}

func (c *causality) extentOf(s *engine.Step, result int) extent {
	if s.Spec.Measures != op.Elements {
		if result >= len(s.In) {
			return extent{varies: true}
		}
		return c.ofShape(s.Spec.Measures, s.In[result])
	}
	if !slices.ContainsFunc(s.In, func(slot int) bool { return !c.extents[slot].constant() }) {
		return extent{}
	}
	if s.Spec.Factors != nil {
		if of, ok := c.multiple(s); ok {
			return extent{elements: []length{of}}
		}
		return extent{varies: true}
	}
	if s.Spec.Moves != nil {
		if out, ok := c.movedExtent(s, s.Spec.Moves(len(s.In)), result); ok {
			return out
		}
	}
	return extent{varies: true}
}

// ofShape is the extent of an operation's reading of a slot's shape.
func (c *causality) ofShape(what op.Measure, slot int) extent {
	axes, ok := c.axes(slot)
	if !ok {
		return extent{varies: true}
	}
	time := slices.IndexFunc(axes, func(l length) bool { return l != constant })
	switch {
	case time < 0 || what == op.RankOf:
		return extent{}
	case what == op.AxesOf:
		return extent{elements: axes}
	case what == op.SizeOf:
		l := c.of[slot]
		return extent{elements: []length{length(l.Before * l.After)}}
	}
	return extent{varies: true}
}

// axes returns how a slot's axes depend on the number of steps.
func (c *causality) axes(slot int) ([]length, bool) {
	t := c.long.slots[slot].Tensor
	if t == nil || c.extents[slot].varies {
		return nil, false
	}
	out := make([]length, t.Rank())
	if l := c.of[slot]; l.Kind == op.BySteps {
		axis, _, ok := l.Axis(t.Shape(), c.long.steps)
		if !ok {
			return nil, false
		}
		out[axis] = length(t.Shape()[axis] / c.long.steps)
	}
	return out, true
}

// multiple is for a product of constants and a multiple of the number of steps:
// another multiple.
func (c *causality) multiple(s *engine.Step) (length, bool) {
	if t := c.long.slots[s.Out].Tensor; t == nil || t.Len() != 1 {
		return 0, false
	}
	factors := s.Spec.Factors(len(s.In))
	for i, slot := range s.In {
		if !slices.Contains(factors, i) && !c.extents[slot].constant() {
			return 0, false
		}
	}
	multiples, of := 0, 1
	for _, i := range factors {
		slot := s.In[i]
		t := c.long.slots[slot].Tensor
		if t == nil || c.extents[slot].varies {
			return 0, false
		}
		values, err := value.Ints(t)
		if err != nil {
			return 0, false
		}
		for i, v := range values {
			l := constant
			if e := c.extents[slot].elements; e != nil {
				l = e[i]
			}
			switch {
			case l == varying:
				return 0, false
			case l != constant:
				multiples++
				v = int(l)
			}
			of *= v
		}
	}
	return length(of), multiples == 1 && of >= 1
}

// movedExtent moves the lengths as the step moves the elements.
func (c *causality) movedExtent(s *engine.Step, from []int, result int) (extent, bool) {
	in := make([]value.Value, len(s.In))
	for i, slot := range s.In {
		e, t := c.extents[slot], c.long.slots[slot].Tensor
		if !slices.Contains(from, i) {
			if !e.constant() {
				return extent{}, false
			}
			in[i] = c.long.slots[slot]
			continue
		}
		if e.varies || t == nil || t.DType() != lockstep.Int32 && t.DType() != lockstep.Int64 {
			return extent{}, false
		}
		marks, err := lockstep.Zeros(t.DType(), t.Shape()...)
		if err != nil {
			return extent{}, false
		}
		for j, l := range e.elements {
			mark(marks, j, l)
		}
		in[i] = value.Value{Tensor: marks}
	}
	var keep any
	w := engine.Work{Running: &engine.Running{}, Call: op.Call{Out: make([]value.Value, s.N), Keep: &keep}}
	if err := s.Run(&w, in); err != nil || w.Out[result].Tensor == nil {
		return extent{}, false
	}
	marks, err := value.Ints(w.Out[result].Tensor)
	if err != nil {
		return extent{}, false
	}
	out := make([]length, len(marks))
	for i, m := range marks {
		out[i] = length(m)
	}
	if !slices.ContainsFunc(out, func(l length) bool { return l != constant }) {
		out = nil
	}
	return extent{elements: out}, true
}

func mark(t *lockstep.Tensor, at int, l length) {
	if d, err := lockstep.Data[int32](t); err == nil {
		d[at] = int32(l)
	}
	if d, err := lockstep.Data[int64](t); err == nil {
		d[at] = int64(l)
	}
}

// shapes makes sure that a shape which the elements of steps are put into fits
// any number of them: one axis is a multiple of it, or open, and no other
// depends on it.
func (c *causality) shapes(slot int) error {
	e, t := c.extents[slot], c.long.slots[slot].Tensor
	if c.of[slot].Kind != op.Timeless || t == nil {
		return op.ErrDepends
	}
	shape, err := value.Ints(t)
	if err != nil {
		return err
	}
	multiples, open := 0, 0
	for i, d := range shape {
		switch {
		case e.varies || e.elements != nil && e.elements[i] == varying:
			return fmt.Errorf("a shape that depends on the number of steps, and not as a multiple of it")
		case e.elements != nil && e.elements[i] != constant:
			multiples++
		case d < 0:
			open++
		}
	}
	if multiples > 1 || multiples == 0 && open == 0 {
		return fmt.Errorf("a shape of %d axes that are multiples of the number of steps, want 1", multiples)
	}
	return nil
}
