package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Stream runs a program one time step at a time: the states of its cells go on
// from step to step. It belongs to one goroutine.
type Stream struct {
	program *Program
	frame   *frame
	fed     []string
	broken  bool
	out     answers
	given   []*lockstep.Tensor // a step's inputs, in the program's order
	// Axis is the axis of the fed inputs that is time.
	Axis int
}

// probes are the lengths that a program is tried at: of the longest, the time
// axis is followed.
var probes = []int{7, 5, 1}

// New shows that a program can be fed one time step at a time, and makes
// what runs it. fixed are inputs that belong to the whole sequence; every other
// is fed, in tensors of one step of the given shapes, which have a time axis of
// length 1.
func New(ctx context.Context, p *Program, fixed map[string]*lockstep.Tensor, step map[string]*lockstep.Tensor, axis int) (*Stream, error) {
	if p.stateful {
		return nil, errors.New("engine: the model keeps its states by itself: a Runner's calls go on from each other")
	}
	fixed, err := copies(fixed) // the caller may go on to write to them
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	c := causality{program: p}
	for i, n := range probes {
		made, err := probeAt(ctx, p, fixed, step, axis, n)
		if err != nil {
			return nil, fmt.Errorf("engine: with %d steps: %w", n, err)
		}
		if i == 0 {
			c.long = *made
		} else {
			c.others = append(c.others, *made)
		}
	}
	fed := map[int]int{}
	s := &Stream{program: p, out: answersAt(p.outputs[:p.wanted]), Axis: axis}
	for _, in := range p.inputs {
		if step[in.name] != nil {
			s.fed = append(s.fed, in.name)
			if in.slot >= 0 {
				fed[in.slot] = axis
			}
		}
	}
	if err := c.follow(fed); err != nil {
		return nil, fmt.Errorf("engine: it cannot be fed one time step at a time: %w", err)
	}
	if axis == 0 && c.layers == 0 {
		return nil, errors.New("engine: no recurrent layer reads time steps along axis 0")
	}
	s.frame = newFrame(c.oneStep(), p.memory)
	return s, nil
}

// probeAt runs the program on n steps.
func probeAt(ctx context.Context, p *Program, fixed, step map[string]*lockstep.Tensor, axis, n int) (*probe, error) {
	var inputs []*lockstep.Tensor
	for _, in := range p.inputs {
		if t := fixed[in.name]; t != nil {
			inputs = append(inputs, t)
			continue
		}
		one := step[in.name]
		if one == nil || one.Rank() <= axis {
			return nil, fmt.Errorf("the input %q is %s, want a time axis", in.name, one)
		}
		shape := slices.Clone(one.Shape())
		shape[axis] = n
		t, err := lockstep.Zeros(one.DType(), shape...)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, t)
	}
	pl, slots, err := p.plan(&running{ctx: ctx, variables: p.initial}, inputs)
	return &probe{n, pl, slots}, err
}

// oneStep is the plan for one step, without what does not depend on it: that
// was computed already.
func (c *causality) oneStep() *plan {
	one := c.others[len(c.others)-1]
	out := &plan{inputs: one.plan.inputs, fixed: slices.Clone(one.plan.fixed), bytes: one.plan.bytes, kept: one.plan.kept, own: one.plan.own}
	for _, s := range one.plan.steps {
		if !c.still(s.step) {
			out.steps = append(out.steps, s)
			continue
		}
		copy(out.fixed[s.out:s.out+s.n], one.slots[s.out:s.out+s.n])
	}
	for _, in := range c.program.inputs {
		if in.slot >= 0 && c.of[in.slot].Kind == Timeless {
			out.fixed[in.slot] = one.slots[in.slot]
		}
	}
	return out
}

// Step computes the outputs for one more step. They are the Stream's own: the
// next call writes over them.
func (s *Stream) Step(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if s.broken {
		return nil, errors.New("engine: a step failed: the stream must begin anew")
	}
	given, err := s.inOrder(inputs)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if err := s.frame.load(s.program, given); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	s.frame.run = running{ctx: ctx, variables: s.program.initial, goesOn: true}
	s.broken = true // until it is known not to be
	holds, err := s.frame.call()
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if !holds {
		return nil, errors.New("engine: a step computes tensors of other shapes than the ones before it")
	}
	out, err := s.out.in(s.frame.slots)
	if err != nil {
		return nil, err
	}
	s.broken = false
	return out, nil
}

// inOrder returns inputs in the program's order, if they are those that are fed, in
// the shapes that the stream was made for.
func (s *Stream) inOrder(inputs map[string]*lockstep.Tensor) ([]*lockstep.Tensor, error) {
	for name := range inputs {
		if !slices.Contains(s.fed, name) {
			return nil, fmt.Errorf("%q is no input that is fed by steps; those are %q", name, s.fed)
		}
	}
	s.given = s.given[:0]
	for i, port := range s.program.inputs {
		if !slices.Contains(s.fed, port.name) {
			s.given = append(s.given, nil)
			continue
		}
		t, want := inputs[port.name], s.frame.plan.inputs[i]
		if t == nil || t.DType() != want.dtype || !slices.Equal(t.Shape(), want.shape) {
			return nil, fmt.Errorf("the input %q is %s, want %s %s", port.name, t, want.dtype, lockstep.FormatShape(want.shape))
		}
		s.given = append(s.given, t)
	}
	return s.given, nil
}

// Reset begins a new sequence.
func (s *Stream) Reset() {
	s.frame = newFrame(s.frame.plan, s.frame.limit)
	s.broken = false
}
