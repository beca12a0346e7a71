package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Whether a program can be fed one time step at a time. That is so if what it
// computes for a step depends on that step and, through the states of native
// cells alone, on those before it. It is shown by following where the time axis
// is, from the inputs that are fed by steps to the outputs, through operations
// that are known not to mix its steps; of any other it is not known, and the
// program is refused.

// probe is one run of a program on inputs of a number of steps.
type probe struct {
	steps int
	plan  *plan
	slots []Value
}

// causality follows the time axis through a program.
type causality struct {
	program *Program
	long    probe // the run that is followed
	others  []probe
	of      []Timing // by slot
	extents []extent // by slot: see there
	layers  int      // the recurrent layers that read time steps
}

// follow finds the Timing of every slot; fed are the slots of the inputs that
// are fed by steps, and the axis of each that is time.
func (c *causality) follow(fed map[int]int) error {
	c.of = make([]Timing, c.program.body.slots)
	c.extents = make([]extent, c.program.body.slots)
	for slot, axis := range fed {
		c.of[slot] = TimeAt(c.long.slots[slot].Tensor.Shape(), axis)
		if err := c.check(slot); err != nil {
			return err
		}
	}
	// What has no say in any output, such as the copy of the first step that
	// Keras leaves in a graph, is in no plan.
	for _, p := range c.others {
		if !slices.EqualFunc(p.plan.steps, c.long.plan.steps, func(a, b planned) bool { return a.step == b.step }) {
			return fmt.Errorf("what it does for %d steps is not what it does for %d", p.steps, c.long.steps)
		}
	}
	runs := map[*step]bool{}
	for _, p := range c.long.plan.steps {
		runs[p.step] = true
	}
	for i := range c.program.body.steps {
		s := &c.program.body.steps[i]
		if !c.program.computed[i] || c.still(s) {
			c.measure(s)
			continue
		}
		err := c.step(s)
		switch {
		case err == nil:
		case runs[s]:
			return err
		case errors.Is(err, ErrPicks): // nothing but its shape is read, as of a cell that Keras leaves beside its loop
			c.set(s, Timing{Kind: SoFar})
		default:
			c.set(s, Timing{})
			for slot := s.out; slot < s.out+s.n; slot++ {
				c.extents[slot] = extent{varies: true}
			}
		}
	}
	for _, out := range c.program.outputs[:c.program.wanted] {
		switch l := c.of[out.slot]; l.Kind {
		case Timeless:
			if err := c.same(out.slot); err != nil {
				return fmt.Errorf("output %q: %w", out.name, err)
			}
		case BySteps:
			if _, whole, ok := l.Axis(c.shape(out.slot), c.long.steps); !ok || !whole {
				return fmt.Errorf("output %q has its time steps within another axis", out.name)
			}
		}
	}
	return nil
}

// step finds the Timing of a step's results.
func (c *causality) step(s *step) error {
	err := c.rule(s)
	for slot := s.out; slot < s.out+s.n && err == nil; slot++ {
		err = c.check(slot)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoRule):
		return fmt.Errorf("node %q: a %s may mix time steps", s.node.Name, s.node.Op)
	}
	return fmt.Errorf("node %q (%s): %w", s.node.Name, s.node.Op, err)
}

// errNoRule is why nothing is known of an operation.
var errNoRule = errors.New("no rule")

func (c *causality) rule(s *step) error {
	switch {
	case s.spec.Control == Loop:
		return c.loop(s)
	case s.spec.Time == nil:
		return errNoRule
	}
	l, err := s.spec.Time(timedStep{c, s})
	if err == nil {
		c.set(s, l)
	}
	return err
}

// timedStep is a step as a TimeRule sees it.
type timedStep struct {
	c *causality
	s *step
}

func (t timedStep) Node() *savedmodel.Node        { return t.s.node }
func (t timedStep) Steps() int                    { return t.c.long.steps }
func (t timedStep) Inputs() int                   { return len(t.s.in) }
func (t timedStep) Timing(i int) Timing           { return t.c.of[t.s.in[i]] }
func (t timedStep) Shape(i int) []int             { return t.c.shape(t.s.in[i]) }
func (t timedStep) Tensor(i int) *lockstep.Tensor { return t.c.long.slots[t.s.in[i]].Tensor }
func (t timedStep) Result() []int                 { return t.c.shape(t.s.out) }
func (t timedStep) Same(i int) error              { return t.c.same(t.s.in[i]) }
func (t timedStep) FitsSteps(i int) error         { return t.c.shapes(t.s.in[i]) }

// still tells whether nothing that a step reads depends on the fed inputs.
func (c *causality) still(s *step) bool {
	return !slices.ContainsFunc(s.in, func(slot int) bool { return c.of[slot].Kind != Timeless })
}

// check makes sure that a value has in every probe the shape that its Timing
// says: the same but for one axis, which is the one with time.
func (c *causality) check(slot int) error {
	l := c.of[slot]
	if l.Kind == Timeless {
		return nil
	}
	want := c.shape(slot)
	time := -1
	if l.Kind == BySteps {
		if l.Before*l.After == 0 {
			return errors.New("it has no elements")
		}
		var ok bool
		if time, _, ok = l.Axis(want, c.long.steps); !ok {
			return ErrMixes
		}
	}
	for _, p := range c.others {
		have := shapeIn(p, slot)
		if len(have) != len(want) {
			return fmt.Errorf("its shape is %s for %d steps and %s for %d", lockstep.FormatShape(have), p.steps, lockstep.FormatShape(want), c.long.steps)
		}
		for i, d := range have {
			if i == time && d*c.long.steps == want[i]*p.steps || i != time && d == want[i] {
				continue
			}
			return fmt.Errorf("its shape is %s for %d steps and %s for %d", lockstep.FormatShape(have), p.steps, lockstep.FormatShape(want), c.long.steps)
		}
	}
	return nil
}

// same makes sure that a value which does not depend on the fed inputs does not
// depend on their length either.
func (c *causality) same(slot int) error {
	if c.of[slot].Kind != Timeless {
		return ErrDepends
	}
	if !c.extents[slot].constant() {
		return ErrCounts
	}
	want := c.long.slots[slot]
	for _, p := range c.others {
		have := p.slots[slot]
		if want.Tensor == nil || have.Tensor == nil {
			if want.handle == 0 || want.handle != have.handle {
				return errors.New("it reads something that is no tensor")
			}
			continue
		}
		if !want.Tensor.BitEqual(have.Tensor) {
			return ErrCounts
		}
	}
	return nil
}

func (c *causality) shape(slot int) []int { return shapeIn(c.long, slot) }

// shapeIn is the shape of a tensor, or of the tensor whose rows a list is.
func shapeIn(p probe, slot int) []int {
	switch v := p.slots[slot]; {
	case v.Tensor != nil:
		return v.Tensor.Shape()
	case v.List != nil && v.List.rows != nil:
		return v.List.rows.Shape()
	}
	return nil
}

// set gives every result of a step the same Timing.
func (c *causality) set(s *step, l Timing) {
	for slot := s.out; slot < s.out+s.n; slot++ {
		c.of[slot] = l
	}
}
