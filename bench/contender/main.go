// Command contender is a program that loads a model into the native engine,
// answers, and is timed: it contains no more than such a service would. Its
// arguments are those with which lockstep bench calls a native contender:
//
//	contender bench-contender MODEL --engine seq2seq|runner|run [flags]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/contender"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "contender: %v\n", err)
		os.Exit(3)
	}
}

func run(args []string) error {
	if len(args) < 2 || args[0] != "bench-contender" {
		return errors.New("want bench-contender MODEL and flags, as lockstep bench calls it")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	engine := flags.String("engine", "", "what is to be timed")
	signature := flags.String("signature", "", "the signature to run")
	tags := flags.String("tags", "serve", "the tags of the graph to open, with commas between")
	file := flags.String("inputs", "", "an .npz with the signature's inputs by name")
	seed := flags.Uint64("seed", 1, "the seed of made inputs")
	flags.Int("threads", 0, "TensorFlow's, which is not here")
	var sizes random.Sizes
	flags.IntVar(&sizes.Batch, "batch", 3, "the batch size of made inputs")
	flags.IntVar(&sizes.Steps, "steps", 10, "the time steps of made inputs")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	open, known := contender.Engines[*engine]
	if !known {
		return fmt.Errorf("--engine %q: want one of %q", *engine, slices.Sorted(maps.Keys(contender.Engines)))
	}
	inputs := func(sig lockstep.Signature) (map[string]*lockstep.Tensor, error) {
		if *file == "" {
			return random.Inputs(sig, *seed, sizes)
		}
		tensors, err := npz.ReadFile(*file)
		return lockstep.ByName(tensors), err
	}
	c, err := open(context.Background(), args[1], inputs, native.WithTags(strings.Split(*tags, ",")...), native.WithSignature(*signature))
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Serve(os.Stdin, os.Stdout)
}
