package streaming

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Whether a program can be fed one time step at a time. That is so if what it
// computes for a step depends on that step and, through the states of native
// cells alone, on those before it. It is shown by following where the time axis
// is, from the inputs that are fed by steps to the outputs, through operations
// that are known not to mix its steps; with any other operation the program is
// refused.

// probe is one run of a program on inputs of a number of steps.
type probe struct {
	steps int
	plan  *engine.Plan
	slots []value.Value
}

// causality follows the time axis through a program.
type causality struct {
	program *engine.Program
	long    probe // the run that is followed
	others  []probe
	of      []op.Timing // by slot
	extents []extent    // by slot: see there
	layers  int         // the recurrent layers that read time steps
	// rows says that the axis that is followed is a batch's, and no part may depend
	// on those before it either: see Rows.
	rows bool
}

// follow finds the Timing of every slot; fed are the slots of the inputs that
// are fed by steps, and the axis of each that is time.
func (c *causality) follow(fed map[int]int) error {
	c.of = make([]op.Timing, c.program.Body.Slots)
	c.extents = make([]extent, c.program.Body.Slots)
	for slot, axis := range fed {
		c.of[slot] = op.TimeAt(c.long.slots[slot].Tensor.Shape(), axis)
		if err := c.check(slot); err != nil {
			return err
		}
	}
	// Operations that no output depends on, such as the copy of the first step
	// that Keras leaves in a graph, are in no plan.
	for _, p := range c.others {
		if !slices.EqualFunc(p.plan.Steps, c.long.plan.Steps, func(a, b engine.PlanStep) bool { return a.Step == b.Step }) {
			return fmt.Errorf("it computes something else for %d steps than for %d", p.steps, c.long.steps)
		}
	}
	runs := map[*engine.Step]bool{}
	for _, p := range c.long.plan.Steps {
		runs[p.Step] = true
	}
	for i := range c.program.Body.Steps {
		s := &c.program.Body.Steps[i]
		if s.Spec.Measures != op.Elements || c.still(s) {
			c.measure(s)
			if c.rows {
				c.fill(s)
			}
			continue
		}
		err := c.step(s)
		switch {
		case err == nil:
		case runs[s]:
			return err
		case errors.Is(err, op.ErrPicks): // only its shape is read, as for a cell that Keras leaves beside its loop
			c.set(s, op.Timing{Kind: op.SoFar})
		default:
			c.set(s, op.Timing{})
			for slot := s.Out; slot < s.Out+s.N; slot++ {
				c.extents[slot] = extent{varies: true}
			}
		}
	}
	for _, out := range c.program.Out[:c.program.Wanted] {
		switch l := c.of[out.Slot]; l.Kind {
		case op.Timeless:
			if err := c.same(out.Slot); err != nil {
				return fmt.Errorf("output %q: %w", out.Name, err)
			}
		case op.BySteps:
			if _, whole, ok := l.Axis(c.shape(out.Slot), c.long.steps); !ok || !whole {
				return fmt.Errorf("output %q has its time steps within another axis", out.Name)
			}
		}
	}
	return nil
}

// step finds the Timing of a step's results.
func (c *causality) step(s *engine.Step) error {
	err := c.rule(s)
	for slot := s.Out; slot < s.Out+s.N && err == nil; slot++ {
		if err = c.check(slot); err != nil && c.rows && slot > s.Out {
			c.of[slot], c.extents[slot], err = op.Timing{}, extent{varies: true}, nil // no output may depend on it
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoRule):
		return fmt.Errorf("node %q: a %s may mix time steps", s.Node.Name, s.Node.Op)
	}
	return fmt.Errorf("node %q (%s): %w", s.Node.Name, s.Node.Op, err)
}

// errNoRule is the error for an operation without a rule.
var errNoRule = errors.New("no rule")

func (c *causality) rule(s *engine.Step) error {
	rule := s.Spec.Time
	switch {
	case s.Spec.Control == op.Loop:
		return c.loop(s)
	case c.rows && s.Spec.Rows != nil:
		rule = s.Spec.Rows
	}
	if rule == nil {
		return errNoRule
	}
	l, err := rule(timedStep{c, s})
	if err == nil {
		c.set(s, l)
	}
	return err
}

// timedStep is a step as a TimeRule sees it.
type timedStep struct {
	c *causality
	s *engine.Step
}

func (t timedStep) Node() *savedmodel.Node        { return t.s.Node }
func (t timedStep) Steps() int                    { return t.c.long.steps }
func (t timedStep) Inputs() int                   { return len(t.s.In) }
func (t timedStep) Timing(i int) op.Timing        { return t.c.of[t.s.In[i]] }
func (t timedStep) Shape(i int) []int             { return t.c.shape(t.s.In[i]) }
func (t timedStep) Tensor(i int) *lockstep.Tensor { return t.c.long.slots[t.s.In[i]].Tensor }
func (t timedStep) Result() []int                 { return t.c.shape(t.s.Out) }
func (t timedStep) Same(i int) error              { return t.c.same(t.s.In[i]) }
func (t timedStep) FitsSteps(i int) error         { return t.c.shapes(t.s.In[i]) }

// still tells whether none of a step's inputs depends on the fed inputs.
func (c *causality) still(s *engine.Step) bool {
	return !slices.ContainsFunc(s.In, func(slot int) bool { return c.of[slot].Kind != op.Timeless })
}

// check makes sure that a value has the shape of its Timing in every probe: the
// same except for the time axis.
func (c *causality) check(slot int) error {
	l := c.of[slot]
	switch {
	case l.Kind == op.Timeless:
		return nil
	case l.Kind == op.SoFar && c.rows:
		return op.ErrMixes
	}
	want := c.shape(slot)
	time := -1
	if l.Kind == op.BySteps {
		if l.Before*l.After == 0 {
			return errors.New("it has no elements")
		}
		var ok bool
		if time, _, ok = l.Axis(want, c.long.steps); !ok {
			return op.ErrMixes
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
	if c.of[slot].Kind != op.Timeless {
		return op.ErrDepends
	}
	if !c.extents[slot].constant() {
		return op.ErrCounts
	}
	want := c.long.slots[slot]
	for _, p := range c.others {
		have := p.slots[slot]
		if want.Tensor == nil || have.Tensor == nil {
			if (want.Handle == 0 || want.Handle != have.Handle) && (want.Table == nil || want.Table != have.Table) {
				return errors.New("it reads something that is no tensor")
			}
			continue
		}
		if !want.Tensor.BitEqual(have.Tensor) {
			return op.ErrCounts
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
	case v.List != nil && v.List.Rows != nil:
		return v.List.Rows.Shape()
	}
	return nil
}

// set gives every result of a step the same Timing.
func (c *causality) set(s *engine.Step, l op.Timing) {
	for slot := s.Out; slot < s.Out+s.N; slot++ {
		c.of[slot] = l
	}
}
