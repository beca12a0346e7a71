package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

func newBench() *cobra.Command {
	var model modelFlags
	var in inputFlags
	var rounds int
	var slice time.Duration
	cmd := &cobra.Command{
		Use:   "bench MODEL",
		Short: "time both engines, interleaved in one process, with ratios and allocations",
		Long: `bench times one call of the model in each engine. The engines take turns, a slice
of time each, for as many rounds as asked for; shown are the least of the
rounds' medians, its ratio to TensorFlow's, and Go's allocations a call.
A program without TensorFlow times the native engine alone.`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if rounds < 1 || slice <= 0 {
				return usagef("--rounds %d and --slice %v: want 1 or more, and some time", rounds, slice)
			}
			if err := in.check(cmd); err != nil {
				return err
			}
			if err := model.check(); err != nil {
				return err
			}
			return bench(cmd, args[0], model, in, rounds, slice)
		}),
	}
	model.add(cmd)
	model.addThreads(cmd)
	in.add(cmd)
	cmd.Flags().IntVar(&rounds, "rounds", 5, "how often each engine has its turn")
	cmd.Flags().DurationVar(&slice, "slice", 500*time.Millisecond, "how long a turn is")
	return cmd
}

// contender is one way to run the model.
type contender struct {
	name    string
	call    func() error
	medians []time.Duration // of each round
	allocs  float64         // a call, in the last round
}

func bench(cmd *cobra.Command, dir string, model modelFlags, in inputFlags, rounds int, slice time.Duration) error {
	ctx := cmd.Context()
	n, err := native.Load(dir, model.native()...)
	if err != nil {
		return err
	}
	inputs, made, err := in.inputsFor(n.Signature())
	if err != nil {
		return err
	}
	contenders := []*contender{
		{name: "native", call: runs(ctx, n, inputs)},
		{name: "native, Runner", call: reuses(ctx, n, inputs)},
	}
	if tfbridge.Built() {
		// In this process: a child's pipe would be timed with it.
		if _, set := os.LookupEnv("TF_CPP_MIN_LOG_LEVEL"); !set {
			os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2") // errors and worse
		}
		tf, err := tfbridge.Open(dir, tfbridge.WithTags(model.tags...), tfbridge.WithSignature(model.signature), tfbridge.WithThreads(model.threads))
		if err != nil {
			return err
		}
		defer tf.Close()
		contenders = append([]*contender{{name: "tensorflow", call: runs(ctx, tf, inputs)}}, contenders...)
	}
	for round := range rounds {
		for _, c := range contenders {
			progress(cmd, "round %d of %d: %s", round+1, rounds, c.name)
			if err := c.turn(ctx, slice); err != nil {
				return err
			}
		}
	}
	progress(cmd, "")
	fmt.Fprintf(cmd.OutOrStdout(), "%s; %s; %d rounds of %v each; %s/%s, GOMAXPROCS %d\n\n", dir, made, rounds, slice, runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	return tabulate(cmd.OutOrStdout(), contenders)
}

func runs(ctx context.Context, e lockstep.Engine, inputs map[string]*lockstep.Tensor) func() error {
	return func() error {
		_, err := e.Run(ctx, inputs)
		return err
	}
}

// reuses runs the model in memory that is made once.
func reuses(ctx context.Context, m *native.Model, inputs map[string]*lockstep.Tensor) func() error {
	r := m.NewRunner()
	return func() error {
		_, err := r.Run(ctx, inputs)
		return err
	}
}

// turn calls the contender for a slice of time, after a few calls that do not
// count.
func (c *contender) turn(ctx context.Context, slice time.Duration) error {
	for range 3 {
		if err := c.call(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	took := make([]time.Duration, 0, 1<<16)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for begin := time.Now(); time.Since(begin) < slice && len(took) < cap(took); {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := c.call(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		took = append(took, time.Since(start))
	}
	runtime.ReadMemStats(&after)
	c.allocs = float64(after.Mallocs-before.Mallocs) / float64(len(took))
	slices.Sort(took)
	c.medians = append(c.medians, took[len(took)/2])
	return nil
}

func tabulate(out io.Writer, contenders []*contender) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "engine\ta call\trounds from..to\tratio\tallocations\t")
	reference := slices.Min(contenders[0].medians)
	for _, c := range contenders {
		least, most := slices.Min(c.medians), slices.Max(c.medians)
		fmt.Fprintf(w, "%s\t%v\t%v..%v\t%.2fx\t%.1f\t\n", c.name, round(least), round(least), round(most), float64(reference)/float64(least), c.allocs)
	}
	return w.Flush()
}

func round(d time.Duration) time.Duration {
	if d < 100*time.Microsecond {
		return d.Round(10 * time.Nanosecond)
	}
	return d.Round(time.Microsecond)
}
