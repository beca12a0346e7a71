package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// inputFlags say where inputs come from: a file, or a seed.
type inputFlags struct {
	inputs string
	seed   uint64
	sizes  compare.Sizes
}

func (f *inputFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.inputs, "inputs", "", "an .npz with the signature's inputs by name (default: made from --seed)")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "the seed of made inputs")
	cmd.Flags().IntVar(&f.sizes.Batch, "batch", 3, "the batch size of made inputs")
	cmd.Flags().IntVar(&f.sizes.Steps, "steps", 10, "the time steps of made inputs, where the signature leaves them open")
}

func (f *inputFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("inputs") && f.inputs == "" {
		return usagef("--inputs wants a file's name")
	}
	if f.sizes.Batch < 1 || f.sizes.Steps < 1 {
		return usagef("--batch %d and --steps %d: want 1 or more", f.sizes.Batch, f.sizes.Steps)
	}
	for _, name := range []string{"seed", "batch", "steps"} {
		if f.inputs != "" && cmd.Flags().Changed(name) {
			return usagef("--%s is for made inputs and goes not with --inputs", name)
		}
	}
	return nil
}

// inputsFor returns the inputs and a sentence that says what they are.
func (f *inputFlags) inputsFor(sig lockstep.Signature) (inputs map[string]*lockstep.Tensor, made string, err error) {
	if f.inputs == "" {
		inputs, err = compare.RandomInputs(sig, f.seed, f.sizes)
		return inputs, fmt.Sprintf("inputs: random, --seed %d --batch %d --steps %d", f.seed, f.sizes.Batch, f.sizes.Steps), err
	}
	inputs, err = readTensors(f.inputs)
	return inputs, "inputs: " + f.inputs, err
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

// only returns the inputs alone.
func (f *inputFlags) only(sig lockstep.Signature) (map[string]*lockstep.Tensor, error) {
	inputs, _, err := f.inputsFor(sig)
	return inputs, err
}
