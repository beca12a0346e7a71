package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

// inputFlags say where inputs come from: a file, or a seed.
type inputFlags struct {
	inputs string
	seed   uint64
	sizes  random.Sizes
	// The sizes that were asked for, and must be kept.
	fixedBatch, fixedSteps bool
}

func (f *inputFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.inputs, "inputs", "", "an .npz with the signature's inputs by name (default: made from --seed)")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "the seed of made inputs")
	cmd.Flags().IntVar(&f.sizes.Batch, "batch", 3, "the batch size of made inputs, unless the graph fixes another")
	cmd.Flags().IntVar(&f.sizes.Steps, "steps", 10, "the time steps of made inputs, where the signature leaves them open and the graph fixes no others")
}

func (f *inputFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("inputs") && f.inputs == "" {
		return usagef("--inputs needs a file's name")
	}
	if f.sizes.Batch < 1 || f.sizes.Steps < 1 {
		return usagef("--batch %d and --steps %d: want 1 or more", f.sizes.Batch, f.sizes.Steps)
	}
	f.fixedBatch, f.fixedSteps = cmd.Flags().Changed("batch"), cmd.Flags().Changed("steps")
	for _, name := range []string{"seed", "batch", "steps"} {
		if f.inputs != "" && cmd.Flags().Changed(name) {
			return usagef("--%s is for made inputs and cannot be combined with --inputs", name)
		}
	}
	return nil
}

// model is what inputs are made for.
type model struct {
	signature lockstep.Signature
	// trial is nil where the native engine cannot read the model.
	trial *inputs.Trial
	// engine is what runs the inputs, where that is not the native engine.
	engine *engineTrial
}

// modelIn is a model in an engine.
func modelIn(e lockstep.Engine, dir string, f modelFlags) model {
	if m, ok := e.(*native.Model); ok {
		return model{signature: m.Signature(), trial: inputs.NewTrial(m)}
	}
	trial, err := inputs.OpenTrial(dir, source.Options{Tags: f.tags, Signature: f.signature})
	if err != nil {
		trial = nil // only the engine is tried
	}
	return model{e.Signature(), trial, &engineTrial{dir: dir, flags: f}}
}

// inputsFor returns the inputs and a sentence that describes them.
func (f *inputFlags) inputsFor(ctx context.Context, m model) (in map[string]*lockstep.Tensor, made string, err error) {
	if f.inputs != "" {
		in, err = readInputs(f.inputs, m.signature)
		return in, "inputs: " + f.inputs, err
	}
	fitted, err := f.make(ctx, m)
	if err != nil {
		return nil, "", err
	}
	return fitted.Inputs, f.request(m).Sentence(fitted), nil
}

// make makes inputs that the model's graph accepts.
func (f *inputFlags) make(ctx context.Context, m model) (*inputs.InputSet, error) {
	r := f.request(m)
	if m.engine != nil {
		r.Engine = m.engine.Run
		defer m.engine.Close()
	}
	made, err := inputs.Make(ctx, r)
	if wrong := (*inputs.SizeError)(nil); errors.As(err, &wrong) {
		return nil, usagef("%w", err)
	}
	return made, err
}

func (f *inputFlags) request(m model) inputs.Request {
	return inputs.Request{Signature: m.signature, Trial: m.trial, Seed: f.seed, Sizes: f.sizes, FixedBatch: f.fixedBatch, FixedSteps: f.fixedSteps}
}

// readTensors reads the tensors of an .npz by their names, nil if no file is
// named.
func readTensors(path string) (map[string]*lockstep.Tensor, error) {
	if path == "" {
		return nil, nil
	}
	tensors, err := npz.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return lockstep.ByName(tensors), nil
}

// readInputs reads a signature's inputs. Tensors that do not fit it are wrong
// usage.
func readInputs(path string, sig lockstep.Signature) (map[string]*lockstep.Tensor, error) {
	in, err := readTensors(path)
	if err != nil {
		return nil, err
	}
	if err := sig.CheckInputs(in); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

// plain returns the inputs of a file, or those that are made from the signature
// alone.
func (f *inputFlags) plain(sig lockstep.Signature) (map[string]*lockstep.Tensor, error) {
	if f.inputs != "" {
		return readInputs(f.inputs, sig)
	}
	return random.Inputs(sig, f.seed, f.sizes)
}
