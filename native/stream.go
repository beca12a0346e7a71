package native

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/streaming"
)

// Stream feeds a Model one time step at a time. The states of its recurrent
// layers continue from step to step, so that the outputs are those of Run for
// the whole sequence so far: of an output with a time axis, the part of the
// newest step; of any other, such as a layer's that returns its last step
// alone, all of it. It belongs to one goroutine.
type Stream struct {
	model  *Model
	stream *streaming.Stream
	axis   int
}

// NewStream makes a Stream for sequences of the given batch. Inputs in fixed
// belong to the whole sequence, such as what an encoder reads before a decoder
// is fed, and are copied; every other input is fed by steps and must have a time
// axis, axis 1 (or axis 0, for layers with time_major=True), of any length in
// the signature.
//
// It fails if the model cannot be shown to be causal: if an operation may let a
// step depend on a later one, as a Bidirectional layer does, or anything on how
// many steps there are, as an embedding of positions does, or if an operation is
// not known to NewStream. The error names the node.
func (m *Model) NewStream(ctx context.Context, batch int, fixed map[string]*lockstep.Tensor) (*Stream, error) {
	if batch < 1 {
		return nil, fmt.Errorf("native: a stream of a batch of %d, want 1 or more", batch)
	}
	if err := m.loaded(); err != nil {
		return nil, err
	}
	if m.source.Edited() {
		return nil, errEdited
	}
	for name, t := range fixed {
		spec, ok := m.signature.Input(name)
		if !ok {
			return nil, fmt.Errorf("native: signature %q has no input %q", m.signature.Name, name)
		}
		if err := spec.Check(t); err != nil {
			return nil, fmt.Errorf("native: %w", err)
		}
	}
	var first error
	for _, axis := range []int{1, 0} { // batch-major, then time-major
		step, err := m.oneStep(batch, axis, fixed)
		if err == nil && axis == 1 {
			all := maps.Clone(step)
			maps.Copy(all, fixed)
			if err := m.sameBatch(all); err != nil {
				return nil, err
			}
		}
		if err == nil {
			var s *streaming.Stream
			if s, err = streaming.New(ctx, m.program, fixed, step, axis); err == nil {
				return &Stream{m, s, axis}, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("native: signature %q: %w", m.signature.Name, first)
}

// oneStep returns tensors of one step for the inputs that are fed.
func (m *Model) oneStep(batch, axis int, fixed map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for _, spec := range m.signature.Inputs {
		if fixed[spec.Name] != nil {
			continue
		}
		if spec.UnknownRank || len(spec.Shape) < 2 {
			return nil, fmt.Errorf("the input %s has no time axis: give it in fixed", spec)
		}
		shape := slices.Clone(spec.Shape)
		// An axis fixed to one step is a sequence only where there are features
		// too.
		if shape[axis] >= 0 && (shape[axis] != 1 || len(shape) == 2) {
			return nil, fmt.Errorf("the input %s has %d steps, no more and no fewer, so that it cannot be fed one at a time", spec, shape[axis])
		}
		shape[axis] = 1
		if other := 1 - axis; shape[other] < 0 {
			shape[other] = batch
		} else if shape[other] != batch {
			return nil, fmt.Errorf("the input %s is for a batch of %d, not of %d", spec, shape[other], batch)
		}
		for i := 2; i < len(shape); i++ {
			if shape[i] < 0 {
				return nil, fmt.Errorf("the input %s leaves axis %d open, so that a step has no known size", spec, i)
			}
		}
		t, err := lockstep.Zeros(spec.DType, shape...)
		if err != nil {
			return nil, err
		}
		out[spec.Name] = t
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("every input is in fixed, and none is left to be fed by steps")
	}
	return out, nil
}

// Step feeds one step, inputs of length 1 along their time axis, and returns
// the outputs. They are the Stream's own: the next call overwrites them. Only
// the first calls allocate.
func (s *Stream) Step(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if s.stream == nil {
		return nil, errors.New("native: a Stream is made by NewStream")
	}
	out, err := s.stream.Step(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return out, nil
}

// TimeAxis returns the time axis of the inputs: 1, or 0 for layers with
// time_major=True.
func (s *Stream) TimeAxis() int { return s.axis }

// Reset begins a new sequence: the layers' states are those before the first
// step.
func (s *Stream) Reset() {
	if s.stream != nil {
		s.stream.Reset()
	}
}
