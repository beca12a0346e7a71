package explain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Spike is the effect of a spike in one of the model's inputs, compared with
// the same run without it.
type Spike struct {
	Input string
	// At is the step of the spike, of Steps.
	At, Steps int
	// Alone is a spike at one step; Decaying goes on after it, at each step
	// Decay times as high.
	Alone, Decaying []Effect
}

// Decay is the share of a slowly decaying spike that is left after a step.
const Decay = 0.9

// Effect is the difference in a layer's state, or in an output.
type Effect struct {
	Layer, State string // "" for an output
	Output       string
	// Difference is by root mean square over rows and units, step by step: those
	// of the layer's loop. An output that has no steps has one here.
	Difference Response
	// Share is the largest difference as a share of the root mean square of the
	// same step without the spike. Begins is the same for the state before the
	// layer's first step. It is +Inf where that is zero.
	Share, Begins float64
}

// maxSpikes bounds the inputs to which a spike is added, in turn.
const maxSpikes = 8

// spikes adds a spike to each input that can have one.
func (p Problem) spikes(ctx context.Context, e *Explanation, base *lockstep.Trace) error {
	for _, spec := range p.Engine.Signature().Inputs {
		t := p.Inputs[spec.Name]
		switch {
		case t.DType() != lockstep.Float32 && t.DType() != lockstep.Float64:
			e.notApplicable("input %s is %s, and a spike is added to float32 or float64", spec.Name, t.DType())
			continue
		case t.Rank() != 3 || t.Shape()[1] < 2:
			e.notApplicable("input %s is %s, and a spike wants (batch, steps, features) of two steps or more", spec.Name, t)
			continue
		case len(e.Spikes) == maxSpikes:
			e.notApplicable("input %s: a spike was added to %d inputs before it, and more are left out", spec.Name, maxSpikes)
			continue
		}
		steps := t.Shape()[1]
		s := &Spike{Input: spec.Name, At: steps / 4, Steps: steps}
		var refused *refusedError
		switch err := p.spike(ctx, e, base, s); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused): // such as for an index of a table
			e.notApplicable("input %s: the model does not take it with a spike: %v", spec.Name, refused.err)
			continue
		case err != nil:
			return fmt.Errorf("with a spike in input %q: %w", spec.Name, err)
		}
		e.Spikes = append(e.Spikes, s)
	}
	return nil
}

// refusedError is the engine's error about inputs with a spike.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// spike runs the model with a spike in one input.
func (p Problem) spike(ctx context.Context, e *Explanation, base *lockstep.Trace, s *Spike) error {
	for _, run := range []struct {
		decay float64
		dest  *[]Effect
	}{{0, &s.Alone}, {Decay, &s.Decaying}} {
		x, err := p.spiked(p.Inputs[s.Input], s.At, run.decay)
		if err != nil {
			return err
		}
		inputs := maps.Clone(p.Inputs)
		inputs[s.Input] = x
		trace, err := states(ctx, p.Engine, inputs)
		if err != nil {
			return &refusedError{err}
		}
		if *run.dest, err = e.effects(base, trace); err != nil {
			return err
		}
	}
	return nil
}

// spiked adds a spike to every row and feature, and its decay.
func (p Problem) spiked(t *lockstep.Tensor, at int, decay float64) (*lockstep.Tensor, error) {
	rows, steps, features := t.Shape()[0], t.Shape()[1], t.Shape()[2]
	all := make([]bool, rows*steps)
	for i := range all {
		all[i] = true
	}
	_, spread, err := moments(t, all, features)
	if err != nil {
		return nil, err
	}
	values, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	for r := range rows {
		height := p.Spike
		for s := at; s < steps && height > 0; s++ {
			for f := range features {
				unit := spread[f]
				if unit == 0 {
					unit = 1
				}
				values[(r*steps+s)*features+f] += height * unit
			}
			height *= decay
		}
	}
	return floats(t.DType() == lockstep.Float64, values, t.Shape()...)
}

// states traces a run, without the gates where the engine can leave them out.
func states(ctx context.Context, e lockstep.Tracer, inputs map[string]*lockstep.Tensor) (*lockstep.Trace, error) {
	if quick, ok := e.(interface {
		TraceStates(context.Context, map[string]*lockstep.Tensor) (*lockstep.Trace, error)
	}); ok {
		return quick.TraceStates(ctx, inputs)
	}
	return e.Trace(ctx, inputs, lockstep.Steps)
}

// effects compares two traces.
func (e *Explanation) effects(base, with *lockstep.Trace) ([]Effect, error) {
	var out []Effect
	for _, l := range e.Layers {
		for _, state := range []string{"c", "h"} {
			a, b := base.Layer(l.Name).Step(state), with.Layer(l.Name).Step(state)
			if a == nil || b == nil {
				continue
			}
			f := Effect{Layer: l.Name, State: state}
			if err := f.compare(a, b, l.Steps); err != nil {
				return nil, fmt.Errorf("%s/%s: %w", l.Name, state, err)
			}
			if a, b = base.Layer(l.Name).Initial(state), with.Layer(l.Name).Initial(state); a != nil && b != nil {
				var first Effect
				if err := first.compare(a, b, 1); err != nil {
					return nil, fmt.Errorf("%s/initial_%s: %w", l.Name, state, err)
				}
				f.Begins = first.Share
			}
			out = append(out, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(base.Outputs)) {
		a, b := base.Outputs[name], with.Outputs[name]
		if b == nil || a.DType() != lockstep.Float32 && a.DType() != lockstep.Float64 || a.Len() == 0 {
			continue
		}
		steps := 1
		if a.Rank() == 3 {
			steps = a.Shape()[1]
		}
		f := Effect{Output: name}
		if err := f.compare(a, b, steps); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// compare takes the difference of tensors (rows, steps, units), without and with
// the spike.
func (f *Effect) compare(without, with *lockstep.Tensor, steps int) error {
	if !slices.Equal(without.Shape(), with.Shape()) {
		return fmt.Errorf("%s without the spike, %s with it", without, with)
	}
	x, err := without.Float64s()
	if err != nil {
		return err
	}
	y, err := with.Float64s()
	if err != nil {
		return err
	}
	rows := without.Shape()[0]
	n := max(1, rows*steps)
	width := len(x) / n
	difference, size := make([]float64, steps), make([]float64, steps)
	largest := 0.0
	for i := range x {
		s := i / max(1, width) % steps
		difference[s] += (y[i] - x[i]) * (y[i] - x[i]) / float64(rows*width)
		size[s] += x[i] * x[i] / float64(rows*width)
	}
	for s := range steps {
		difference[s], size[s] = math.Sqrt(difference[s]), math.Sqrt(size[s])
		largest = math.Max(largest, size[s])
	}
	f.Difference = respond(difference, faint*largest)
	if f.Difference.Peak > 0 {
		f.Share = f.Difference.Peak / size[f.Difference.At]
	}
	return nil
}
