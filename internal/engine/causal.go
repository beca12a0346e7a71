package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Whether a program can be fed one time step at a time. That is so if what it
// computes for a step depends on that step and, through the states of native
// cells alone, on those before it. It is shown by following where the time axis
// is, from the inputs that are fed by steps to the outputs, through operations
// that are known not to mix its steps; of any other it is not known, and the
// program is refused.

// timing says how a value depends on the inputs that are fed by steps.
type timing struct {
	kind timingKind
	// Where the time axis is in a tensor's elements, in whatever axes they
	// stand: before blocks of T times after elements.
	before, after int
}

type timingKind int

const (
	timeless timingKind = iota // not at all
	bySteps                    // a part for each step, from that step and those before it
	soFar                      // one value, from all steps so far
)

// axis returns the axis of a shape that time lies within; whole says that the
// axis is nothing else. In tensors that check let pass there is one at most.
func (l timing) axis(shape []int, steps int) (axis int, whole, ok bool) {
	for i, d := range shape {
		before, after := product(shape[:i]), product(shape[i+1:])
		if d%steps == 0 && l.before%before == 0 && l.after%after == 0 && l.before/before*steps*(l.after/after) == d {
			return i, d == steps, true
		}
	}
	return 0, false, false
}

// at is the timing of a tensor with time at one of its axes.
func at(shape []int, axis int) timing {
	return timing{bySteps, product(shape[:axis]), product(shape[axis+1:])}
}

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
	of      []timing // by slot
	extents []extent // by slot: see there
	layers  int      // the recurrent layers that read time steps
}

// follow finds the timing of every slot; fed are the slots of the inputs that
// are fed by steps, and the axis of each that is time.
func (c *causality) follow(fed map[int]int) error {
	c.of = make([]timing, c.program.body.slots)
	c.extents = make([]extent, c.program.body.slots)
	for slot, axis := range fed {
		c.of[slot] = at(c.long.slots[slot].Tensor.Shape(), axis)
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
		case c.picks(s): // nothing but its shape is read, as of a cell that Keras leaves beside its loop
			c.set(s, timing{kind: soFar})
		default:
			c.set(s, timing{})
			for slot := s.out; slot < s.out+s.n; slot++ {
				c.extents[slot] = extent{varies: true}
			}
		}
	}
	for _, out := range c.program.outputs[:c.program.wanted] {
		switch l := c.of[out.slot]; l.kind {
		case timeless:
			if err := c.same(out.slot); err != nil {
				return fmt.Errorf("output %q: %w", out.name, err)
			}
		case bySteps:
			if _, whole, ok := l.axis(c.shape(out.slot), c.long.steps); !ok || !whole {
				return fmt.Errorf("output %q has its time steps within another axis", out.name)
			}
		}
	}
	return nil
}

// step finds the timing of a step's results.
func (c *causality) step(s *step) error {
	rule, ok := causal[s.node.Op]
	if !ok {
		return fmt.Errorf("node %q: a %s may mix time steps", s.node.Name, s.node.Op)
	}
	err := rule(c, s)
	for slot := s.out; slot < s.out+s.n && err == nil; slot++ {
		err = c.check(slot)
	}
	if err != nil {
		return fmt.Errorf("node %q (%s): %w", s.node.Name, s.node.Op, err)
	}
	return nil
}

// still tells whether nothing that a step reads depends on the fed inputs.
func (c *causality) still(s *step) bool {
	return !slices.ContainsFunc(s.in, func(slot int) bool { return c.of[slot].kind != timeless })
}

// check makes sure that a value has in every probe the shape that its timing
// says: the same but for one axis, which is the one with time.
func (c *causality) check(slot int) error {
	l := c.of[slot]
	if l.kind == timeless {
		return nil
	}
	want := c.shape(slot)
	time := -1
	if l.kind == bySteps {
		if l.before*l.after == 0 {
			return errors.New("it has no elements")
		}
		var ok bool
		if time, _, ok = l.axis(want, c.long.steps); !ok {
			return errMixes
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
	if c.of[slot].kind != timeless {
		return errDepends
	}
	if !c.extents[slot].constant() {
		return errCounts
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
			return errCounts
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

// set gives every result of a step the same timing.
func (c *causality) set(s *step, l timing) {
	for slot := s.out; slot < s.out+s.n; slot++ {
		c.of[slot] = l
	}
}

// rest makes sure that all inputs but those that are named are the same
// whatever the number of steps.
func (c *causality) rest(s *step, but ...int) error {
	for i, slot := range s.in {
		if !slices.Contains(but, i) {
			if err := c.same(slot); err != nil {
				return fmt.Errorf("input %d: %w", i, err)
			}
		}
	}
	return nil
}

// first returns the timing and shape of a step's one input that depends on the
// fed ones, if that is input i and not a list.
func (c *causality) first(s *step, i int) (timing, []int, error) {
	if i >= len(s.in) {
		return timing{}, nil, fmt.Errorf("%d inputs", len(s.in))
	}
	if err := c.rest(s, i); err != nil {
		return timing{}, nil, err
	}
	shape := c.shape(s.in[i])
	if c.long.slots[s.in[i]].Tensor == nil {
		return timing{}, nil, errors.New("it reads no tensor")
	}
	return c.of[s.in[i]], shape, nil
}

var (
	errMixes   = errors.New("it mixes time steps")
	errDepends = errors.New("what is done depends on the values of steps")
	errCounts  = errors.New("it reads a value that depends on the number of steps")
)
