package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/internal/contender"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// contenderCommand is the hidden command with which the program runs itself to
// be timed: each engine, and each set of kernels, in its own process.
const contenderCommand = "bench-contender"

func newContender() *cobra.Command {
	var model modelFlags
	var in inputFlags
	var engine string
	cmd := &cobra.Command{
		Use:    contenderCommand + " MODEL",
		Hidden: true,
		Args:   wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if err := in.check(cmd); err != nil {
				return err
			}
			c, err := openEngine(cmd.Context(), engine, args[0], model, in)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Serve(cmd.InOrStdin(), cmd.OutOrStdout())
		}),
	}
	model.add(cmd)
	model.addThreads(cmd)
	in.add(cmd)
	cmd.Flags().StringVar(&engine, "engine", "", "what is to be timed")
	return cmd
}

// openEngine opens a model in one of the ways in which this program runs it.
func openEngine(ctx context.Context, engine, dir string, model modelFlags, in inputFlags) (*contender.Contender, error) {
	if engine == "tensorflow" {
		return openTensorFlow(ctx, dir, model, in)
	}
	open, known := contender.Engines[engine]
	if !known {
		names := append(slices.Sorted(maps.Keys(contender.Engines)), "tensorflow")
		return nil, usagef("--engine %q: want one of %q", engine, names)
	}
	return open(ctx, dir, in.plain, model.native()...)
}

// openTensorFlow runs TensorFlow in this process: a child's pipe would be timed
// with it.
func openTensorFlow(ctx context.Context, dir string, model modelFlags, in inputFlags) (*contender.Contender, error) {
	m, err := tfbridge.Open(dir, tfbridge.WithTags(model.tags...), tfbridge.WithSignature(model.signature), tfbridge.WithThreads(model.threads))
	if err != nil {
		return nil, err
	}
	c, err := contender.OverTensors(ctx, m, m.Signature(), in.plain)
	if err != nil {
		m.Close()
		return nil, err
	}
	c.Versions, c.Close = []string{"libtensorflow " + tfbridge.Version()}, m.Close
	return c, nil
}
