package parity

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/internal/source"
)

// The lengths of made inputs, unless the graph fixes others.
const (
	defaultBatch = 3
	defaultSteps = 10
)

// Inputs makes inputs that the graph of the engine's model accepts, the same
// for the same seed: what Check and Engines do without Options.Inputs.
func Inputs(ctx context.Context, engine lockstep.Engine, o Options) (map[string]*lockstep.Tensor, error) {
	r := o.request(engine.Signature(), trialOf(engine))
	made, err := fitted(ctx, r)
	if err != nil {
		return nil, err
	}
	return made.Inputs, nil
}

// inputs gives the check its inputs, and returns a sentence that describes
// them.
func (c *check) inputs(ctx context.Context) (sentence string, err error) {
	if o := c.options; o.Inputs != nil {
		c.check.Inputs = o.Inputs
		err := c.signature().CheckInputs(o.Inputs)
		if o.InputsFrom == "" {
			return "", err
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", o.InputsFrom, err)
		}
		return "inputs: " + o.InputsFrom, err
	}
	r := c.options.request(c.signature(), c.trial())
	if t := c.reference.Trial; t != nil && c.check.Reference != nil {
		r.Engine = t.Run
		defer t.Close()
	}
	made, err := fitted(ctx, r)
	if err != nil {
		return "", err
	}
	c.check.Inputs = made.Inputs
	return r.Sentence(made), nil
}

// request asks for inputs of the sizes of the options.
func (o *Options) request(sig lockstep.Signature, trial *inputs.Trial) inputs.Request {
	r := inputs.Request{
		Signature: sig, Trial: trial, Seed: o.Seed, Sizes: random.Sizes{Batch: o.Batch, Steps: o.Steps},
		FixedBatch: o.Batch > 0, FixedSteps: o.Steps > 0,
	}
	if !r.FixedBatch {
		r.Sizes.Batch = defaultBatch
	}
	if !r.FixedSteps {
		r.Sizes.Steps = defaultSteps
	}
	return r
}

// fitted makes inputs. Sizes that do not fit are a *UsageError.
func fitted(ctx context.Context, r inputs.Request) (*inputs.InputSet, error) {
	made, err := inputs.Make(ctx, r)
	if errors.As(err, new(*inputs.SizeError)) {
		return nil, &UsageError{err}
	}
	return made, err
}

// trial is the model that inputs are made for, in the native engine: the
// reference's, which that engine has already read unless it runs another. It is
// nil where the native engine cannot read it; then only the reference is tried.
func (c *check) trial() *inputs.Trial {
	switch {
	case c.model.Dir == "":
		if t := trialOf(c.check.Reference); t != nil {
			return t
		}
		return trialOf(c.check.Candidate)
	case c.check.Reference == nil || c.engine != nil && c.model.Candidate == "":
		return inputs.NewTrial(c.engine)
	}
	trial, err := inputs.OpenTrial(c.model.Dir, source.Options{Tags: c.model.Tags, Signature: c.model.Signature})
	if err != nil {
		return nil
	}
	return trial
}

// trialOf is an engine's Trial of the inputs that its graph accepts, nil if it
// has none.
func trialOf(engine lockstep.Engine) *inputs.Trial {
	if m, ok := engine.(inputs.Model); ok {
		return inputs.NewTrial(m)
	}
	return nil
}
