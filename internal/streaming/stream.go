// Package streaming shows which programs can be fed one time step at a time
// ([New]), or some rows of a batch at a time ([Batches]), and runs them that way.
package streaming

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
)

// Stream runs a program one time step at a time: the states of its cells
// continue from step to step. It belongs to one goroutine.
type Stream struct {
	program *engine.Program
	frame   *engine.Frame
	fed     []string
	broken  bool
	out     engine.Answers
	given   []*lockstep.Tensor // a step's inputs, in the program's order
	// Axis is the axis of the fed inputs that is time.
	Axis int
}

// probes are the lengths that a program is tried at; the time axis is followed
// in the longest.
var probes = []int{7, 5, 1}

// New shows that a program can be fed one time step at a time, and makes its
// Stream. fixed are inputs that belong to the whole sequence; every other is
// fed, in tensors of one step of the given shapes, which have a time axis of
// length 1.
func New(ctx context.Context, p *engine.Program, fixed map[string]*lockstep.Tensor, step map[string]*lockstep.Tensor, axis int) (*Stream, error) {
	if p.Stateful() {
		return nil, errors.New("the model keeps its states itself: a Runner's calls continue from each other")
	}
	fixed, err := engine.Copies(fixed) // the caller may go on to write to them
	if err != nil {
		return nil, err
	}
	c := causality{program: p}
	for i, n := range probes {
		made, err := probeAt(ctx, p, fixed, step, axis, n)
		if err != nil {
			return nil, fmt.Errorf("with %d steps: %w", n, err)
		}
		if i == 0 {
			c.long = *made
		} else {
			c.others = append(c.others, *made)
		}
	}
	fed := map[int]int{}
	s := &Stream{program: p, out: engine.AnswersAt(p.Out[:p.Wanted]), Axis: axis}
	for _, in := range p.In {
		if step[in.Name] != nil {
			s.fed = append(s.fed, in.Name)
			if in.Slot >= 0 {
				fed[in.Slot] = axis
			}
		}
	}
	if err := c.follow(fed); err != nil {
		return nil, fmt.Errorf("it cannot be fed one time step at a time: %w", err)
	}
	if axis == 0 && c.layers == 0 {
		return nil, errors.New("no recurrent layer reads time steps along axis 0")
	}
	s.frame = engine.NewFrame(c.oneStep(), p.Memory)
	return s, nil
}

// probeAt runs the program on n steps.
func probeAt(ctx context.Context, p *engine.Program, fixed, step map[string]*lockstep.Tensor, axis, n int) (*probe, error) {
	var inputs []*lockstep.Tensor
	for _, in := range p.In {
		if t := fixed[in.Name]; t != nil {
			inputs = append(inputs, t)
			continue
		}
		one := step[in.Name]
		if one == nil || one.Rank() <= axis {
			return nil, fmt.Errorf("the input %q is %s, want a time axis", in.Name, one)
		}
		shape := slices.Clone(one.Shape())
		shape[axis] = n
		t, err := lockstep.Zeros(one.DType(), shape...)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, t)
	}
	pl, slots, err := p.Plan(&engine.Running{Ctx: ctx, Variables: p.Initial}, inputs)
	return &probe{n, pl, slots}, err
}

// oneStep is the plan for one step, without what does not depend on the step:
// that is already computed.
func (c *causality) oneStep() *engine.Plan {
	one := c.others[len(c.others)-1]
	out := &engine.Plan{Inputs: one.plan.Inputs, Fixed: slices.Clone(one.plan.Fixed), Bytes: one.plan.Bytes, Kept: one.plan.Kept, Own: one.plan.Own}
	for _, s := range one.plan.Steps {
		if !c.still(s.Step) {
			out.Steps = append(out.Steps, s)
			continue
		}
		copy(out.Fixed[s.Out:s.Out+s.N], one.slots[s.Out:s.Out+s.N])
	}
	for _, in := range c.program.In {
		if in.Slot >= 0 && c.of[in.Slot].Kind == op.Timeless {
			out.Fixed[in.Slot] = one.slots[in.Slot]
		}
	}
	return out
}

// Step computes the outputs for one more step. They are the Stream's own: the
// next call overwrites them.
func (s *Stream) Step(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if s.broken {
		return nil, errors.New("a step failed: the stream must begin again")
	}
	given, err := s.inOrder(inputs)
	if err != nil {
		return nil, err
	}
	if err := s.frame.Load(s.program, given); err != nil {
		return nil, err
	}
	s.frame.Run = engine.Running{Ctx: ctx, Variables: s.program.Initial, Continues: true}
	s.broken = true // until the step has succeeded
	holds, err := s.frame.Call()
	if err != nil {
		return nil, err
	}
	if !holds {
		return nil, errors.New("a step computes tensors of other shapes than the steps before it")
	}
	out, err := s.out.Of(s.frame.Slots)
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
	for i, port := range s.program.In {
		if !slices.Contains(s.fed, port.Name) {
			s.given = append(s.given, nil)
			continue
		}
		t, want := inputs[port.Name], s.frame.Plan.Inputs[i]
		if t == nil || t.DType() != want.DType || !slices.Equal(t.Shape(), want.Shape) {
			return nil, fmt.Errorf("the input %q is %s, want %s %s", port.Name, t, want.DType, lockstep.FormatShape(want.Shape))
		}
		s.given = append(s.given, t)
	}
	return s.given, nil
}

// Reset begins a new sequence.
func (s *Stream) Reset() {
	s.frame = engine.NewFrame(s.frame.Plan, s.frame.Limit)
	s.broken = false
}
