package main

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

// modelFlags choose the graph and the signature of a SavedModel.
type modelFlags struct {
	signature string
	tags      []string
	threads   int
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.signature, "signature", "", "the signature to run (default serving_default, else the only one)")
	cmd.Flags().StringSliceVar(&f.tags, "tags", nil, "the tags of the graph to open, with commas between (default serve, else the only graph's)")
}

func (f *modelFlags) addThreads(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.threads, "threads", 0, "TensorFlow's threads (default one a core)")
}

func (f *modelFlags) check() error {
	if f.threads < 0 {
		return usagef("--threads %d: want 1 or more, or 0 for one a core", f.threads)
	}
	return nil
}

func (f *modelFlags) native() []native.Option {
	return []native.Option{native.WithTags(f.tags...), native.WithSignature(f.signature)}
}

func (f *modelFlags) tensorflow() worker.Options {
	return worker.Options{Tags: f.tags, Signature: f.signature, Threads: f.threads}
}
