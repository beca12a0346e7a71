// Package forecast runs a model's decoder on its own outputs: each step's output
// is the next step's input, as it is where the model is used. In training the
// decoder was fed the truth (teacher forcing), and the package says how the two
// diverge over the steps.
//
// It decides which input an output is fed to, feeds it, and measures the
// result. Engines run the model; callers make pictures and files.
//
// Find finds the input and the output of a native model, Problem.Run decodes, and
// Window cuts a model's inputs out of a series.
package forecast

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// ErrNone is wrapped by the reason why no input of a model can be fed its
// output.
var ErrNone = errors.New("the model cannot be fed its own output")

// ErrSeveral is wrapped by an error that asks for a choice of roles.
var ErrSeveral = errors.New("several inputs can be fed an output, and one must be chosen")

// Roles are the input that a model is fed by steps, (batch, steps, features), and
// the output, of the same type and shape, that is fed back to it.
type Roles struct{ Input, Output string }

// maxValues bounds the outputs of a forecast, batch × steps × features.
const maxValues = 1 << 26

// Problem is a forecast to make.
type Problem struct {
	// Engine runs the model: a native.Model step by step, from states to states;
	// any other engine again for each step, on all inputs so far, if Repeats
	// says that this is possible. It should not have run before.
	Engine lockstep.Engine
	Roles
	// Inputs are the signature's. Of the one that is fed by steps, the first
	// Given steps are fed before the outputs, and teacher forcing is fed all of
	// them.
	Inputs map[string]*lockstep.Tensor
	// Given is 1 or more. 0 means 1, or for a model without other inputs half
	// the steps of its input.
	Given int
	// Horizon is the number of forecast outputs: that of the last given step,
	// and those of the steps that are fed own outputs. 0 means as many as the
	// input has steps for.
	Horizon int
	// Target is the outputs' true values, (batch, steps, features), for fewer
	// or more steps; nil if unknown.
	Target *lockstep.Tensor
}

// Result is a decoder's run on its own outputs, and on the given inputs. The
// tensors are (batch, steps, features) in the model's floats.
type Result struct {
	Engine string
	Roles
	Given int
	// Own are the outputs where it is fed its own: step t is fed the output of
	// step t-1, from the step Given on.
	Own *lockstep.Tensor
	// Forced are the outputs where it is fed only the inputs, for at most as
	// many steps as there are inputs.
	Forced *lockstep.Tensor
	// Fed are the inputs, and Target the true values, for at most as many steps
	// as Own has; Target may be nil.
	Fed, Target *lockstep.Tensor
	// Recomputed says that every step ran the whole model again.
	Recomputed bool
}

// Run makes the forecast.
func (p Problem) Run(ctx context.Context) (*Result, error) {
	r, err := p.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("forecast: %w", err)
	}
	return r, nil
}

func (p Problem) run(ctx context.Context) (*Result, error) {
	sig := p.Engine.Signature()
	if _, ok := sig.Input(p.Input); !ok {
		return nil, fmt.Errorf("the signature has no input %q to feed", p.Input)
	}
	if _, ok := sig.Output(p.Output); !ok {
		return nil, fmt.Errorf("the signature has no output %q to feed back", p.Output)
	}
	if err := sig.CheckInputs(p.Inputs); err != nil {
		return nil, err
	}
	given, err := valuesOf(p.Inputs[p.Input])
	if err != nil {
		return nil, fmt.Errorf("input %q: %w", p.Input, err)
	}
	if p.Given == 0 {
		if p.Given = 1; len(sig.Inputs) == 1 {
			p.Given = max(1, given.steps/2)
		}
	}
	switch {
	case given.batch < 1 || given.steps < 1 || given.features < 1:
		return nil, fmt.Errorf("input %q has the shape %s, want a row, a step and a feature at least", p.Input, lockstep.FormatShape(p.Inputs[p.Input].Shape()))
	case p.Given < 1 || p.Given > given.steps:
		return nil, fmt.Errorf("%d steps are to be fed before its own outputs, want 1 to %d, which the input %q has", p.Given, given.steps, p.Input)
	case p.Horizon < 0:
		return nil, fmt.Errorf("a horizon of %d, want 1 or more", p.Horizon)
	}
	steps := given.steps
	if p.Horizon > 0 {
		steps = p.Given - 1 + p.Horizon
	}
	if most := maxValues / given.batch / given.features; steps > most || p.Horizon > most {
		return nil, fmt.Errorf("%d outputs of %d rows and %d features are more than the %d values that a forecast holds", p.Horizon, given.batch, given.features, maxValues)
	}
	r := &Result{Engine: p.Engine.Name(), Roles: p.Roles, Given: p.Given}
	forced, err := p.forced(ctx, given)
	if err != nil {
		return nil, err
	}
	own, err := p.own(ctx, r, given, steps)
	if err != nil {
		return nil, err
	}
	tensors := []struct {
		of   *series
		dest **lockstep.Tensor
	}{{own, &r.Own}, {forced.cut(steps), &r.Forced}, {given.cut(steps), &r.Fed}}
	if p.Target != nil {
		target, err := valuesOf(p.Target)
		if err != nil {
			return nil, &lockstep.TensorError{Err: fmt.Errorf("the target: %w", err)}
		}
		if target.batch != own.batch || target.features != own.features {
			return nil, &lockstep.TensorError{Err: fmt.Errorf("the target is %s, and the outputs have %d rows and %d features", p.Target, own.batch, own.features)}
		}
		tensors = append(tensors, struct {
			of   *series
			dest **lockstep.Tensor
		}{target.cut(steps), &r.Target})
	}
	for _, t := range tensors {
		if *t.dest, err = t.of.tensor(given.dtype); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// forced runs the model once on the given inputs.
func (p Problem) forced(ctx context.Context, given *series) (*series, error) {
	out, err := p.Engine.Run(ctx, p.Inputs)
	if err != nil {
		return nil, err
	}
	y, err := valuesOf(out[p.Output])
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", p.Output, err)
	}
	if y.dtype != given.dtype || y.batch != given.batch || y.steps != given.steps || y.features != given.features {
		return nil, fmt.Errorf("%w: output %q is %s where the input %q is %s; they must be alike to be fed back", ErrNone, p.Output, out[p.Output], p.Input, p.Inputs[p.Input])
	}
	if err := Repeats(ctx, p.Engine, p.Inputs, out); err != nil {
		return nil, err
	}
	return y, nil
}

// own runs the decoder on its own outputs.
func (p Problem) own(ctx context.Context, r *Result, given *series, steps int) (*series, error) {
	d, err := p.decoder(ctx, given)
	if err != nil {
		return nil, err
	}
	_, r.Recomputed = d.(*recomputing)
	out := &series{dtype: given.dtype, batch: given.batch, steps: steps, features: given.features}
	out.values = make([]float64, out.batch*out.steps*out.features)
	for t := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := given.step(min(t, given.steps-1))
		if t >= p.Given {
			x = out.step(t - 1)
		}
		y, err := d.step(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", t, err)
		}
		out.put(t, y)
	}
	return out, nil
}
