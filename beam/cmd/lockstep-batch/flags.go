package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/batch"
)

// flags are the command's own; Beam's are beside them.
type flags struct {
	q             batch.Request
	columns       []string
	forecast      bool
	feed, back    string
	last          bool
	lockstep      string
	log           bool
	allowFailures bool
}

// Beam's flags that help shows.
var shown = []string{"runner", "endpoint", "environment_type", "environment_config", "job_name", "parallelism", "worker_binary"}

func newRoot(stderr io.Writer) *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:   "batch MODEL --input GLOB --output DIR",
		Short: "run a model on many series, by Apache Beam",
		Long: `batch runs a model on the rows of CSV, Parquet and npz files, and writes a file of
predictions for each part of them, a list of the rows that failed, and a manifest.

A row has all inputs of the model, in columns of their names or of those that
--column gives. Or rows are the steps of series (--series): the rows of a --key
lie together in one file, in order of --time, and windows of them are the inputs.
With --forecast, the model is fed its own outputs for --horizon steps.

The same command goes on where a job was stopped. Beam's flags choose the runner;
without any, the job runs in this process.

Exit codes: 0 all rows are predicted, 1 rows failed or the sample diverged,
2 wrong usage, 3 could not be finished.`,
		Example: `  lockstep batch my_model --input 'sales/*.csv' --output forecasts --key store --time day --series sales --forecast --horizon 14
  lockstep batch my_model --input 'rows/*.parquet' --output out --format csv --verify 100`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("batch accepts one model's directory, got %d arguments: see lockstep batch --help", len(args))
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], stderr) },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	f.add(cmd)
	cmd.CompletionOptions.DisableDefaultCmd = true
	return cmd
}

func (f *flags) add(cmd *cobra.Command) {
	set, q := cmd.Flags(), &f.q
	set.SortFlags = false
	set.StringArrayVar(&q.Inputs, "input", nil, "the files to read, a pattern such as 'data/*.parquet'; repeatable")
	set.StringVar(&q.Output, "output", "", "the folder for the predictions")
	set.StringVar(&q.Format, "format", "", "of the predictions: csv, parquet or npz (default that of the input)")
	set.StringVar(&q.Key, "key", "", "the column that names a row's series")
	set.StringVar(&q.Time, "time", "", "the column of a row's time; its order within a key is checked")
	set.StringArrayVar(&f.columns, "column", nil, "INPUT=COLUMN, where a column has another name than the input; repeatable")
	set.StringSliceVar(&q.Series, "series", nil, "the columns that are a series' features, with commas between")
	set.IntVar(&q.Span.Past, "past", 0, "how many values of a series the model sees (default what its signature fixes)")
	set.IntVar(&q.Span.Horizon, "horizon", 0, "how many values follow: those that a decoder is fed, or that are forecast")
	set.IntVar(&q.Span.Stride, "stride", 0, "from the begin of one window to the next (default --past)")
	set.BoolVar(&f.last, "last", false, "the last window of each series alone")
	set.BoolVar(&f.forecast, "forecast", false, "feed the model its own outputs, for --horizon steps")
	set.StringVar(&f.feed, "feed", "", "the input that the output is fed to (default the only one that can be)")
	set.StringVar(&f.back, "feed-output", "", "the output that is fed back (default the only one that can be)")
	set.BoolVar(&q.Model.States, "states", false, "also the final states of recurrent layers")
	set.BoolVar(&q.Model.AllowNonFinite, "allow-nonfinite", false, "accept NaN and infinities, which else make a row fail")
	set.BoolVar(&f.allowFailures, "allow-failed", false, "exit with 0 where rows failed, which are listed all the same")
	set.StringVar(&q.Golden, "golden", "", "a golden that the model must reproduce before the first row is run")
	set.IntVar(&q.Verify.N, "verify", 0, "how many predictions, drawn by --seed, are compared with TensorFlow in the end")
	set.Uint64Var(&q.Verify.Seed, "seed", 1, "what --verify draws by")
	set.StringVar(&f.lockstep, "lockstep", os.Getenv("LOCKSTEP_PROGRAM"), "the program lockstep that --verify runs (default the one that started this, else lockstep)")
	set.StringVar(&q.Model.Signature, "signature", "", "the signature to run (default serving_default, else the only one)")
	set.StringSliceVar(&q.Model.Tags, "tags", nil, "the tags of the graph to open, with commas between (default serve, else the only graph's)")
	set.IntVar(&q.Model.Rows, "rows", 0, "how many rows a call has at most (default 256)")
	set.Int64Var(&q.PartRows, "part-rows", 250_000, "how many rows of a file a part has")
	set.IntVar(&q.Threads, "threads", 0, "how many calls a part runs at a time (default one a core)")
	set.BoolVar(&f.log, "log", false, "print Beam's messages")
	set.AddGoFlagSet(flag.CommandLine)
	flag.CommandLine.VisitAll(func(one *flag.Flag) {
		if !slices.Contains(shown, one.Name) {
			set.Lookup(one.Name).Hidden = true
		}
	})
}

func (f *flags) check(cmd *cobra.Command) error {
	q := &f.q
	given := cmd.Flags().Changed
	switch {
	case len(q.Inputs) == 0 || q.Output == "":
		return fmt.Errorf("--input and --output are needed: see lockstep batch --help")
	case q.PartRows < 1 || q.Threads < 0 || q.Model.Rows < 0 || q.Verify.N < 0:
		return fmt.Errorf("--part-rows %d, --threads %d, --rows %d and --verify %d: want 1 or more", q.PartRows, q.Threads, q.Model.Rows, q.Verify.N)
	case f.forecast && q.Span.Horizon < 1:
		return fmt.Errorf("--forecast needs --horizon, the number of steps")
	case !f.forecast && (f.feed != "" || f.back != ""):
		return fmt.Errorf("--feed and --feed-output belong to --forecast")
	case (f.last || given("past") || given("stride")) && len(q.Series) == 0:
		return fmt.Errorf("--past, --stride and --last cut windows out of series: name their columns with --series")
	case f.last && given("stride"):
		return fmt.Errorf("--last has one window of a series, and --stride is from one to the next")
	case !slices.Contains([]string{"", "csv", "parquet", "npz"}, q.Format):
		return fmt.Errorf("--format %q: want csv, parquet or npz", q.Format)
	}
	for _, text := range f.columns {
		input, column, ok := strings.Cut(text, "=")
		if !ok || input == "" || column == "" {
			return fmt.Errorf("--column %q: want INPUT=COLUMN", text)
		}
		if q.Columns == nil {
			q.Columns = map[string]string{}
		}
		q.Columns[input] = column
	}
	return nil
}

func (f *flags) run(cmd *cobra.Command, model string, stderr io.Writer) error {
	if err := f.check(cmd); err != nil {
		return &exit{exitUsage, err}
	}
	q := &f.q
	q.Model.Model = model
	q.Span.Last = f.last
	if f.forecast {
		q.Model.Forecast = &infer.Forecast{Input: f.feed, Output: f.back, Horizon: q.Span.Horizon}
	}
	if !beam.Initialized() {
		beam.Init()
	}
	var log slog.Handler = slog.DiscardHandler // after Init, which sets one of its own
	if f.log {
		log = slog.NewTextHandler(stderr, nil)
	}
	slog.SetDefault(slog.New(log))
	q.Execute = execute
	q.Verify.Check = func(ctx context.Context, inputs, written string) (bool, error) {
		return f.verify(ctx, stderr, inputs, written)
	}
	if e, ok := stderr.(*os.File); ok && term.IsTerminal(int(e.Fd())) {
		q.Progress = func(done, all int) { fmt.Fprintf(e, "\r%d of %d parts are done", done, all) }
		defer fmt.Fprint(e, "\r\x1b[K")
	}
	result, err := batch.Run(cmd.Context(), *q)
	if err != nil {
		return &exit{codeOf(err), err}
	}
	return f.report(cmd, result)
}

// execute runs a pipeline on the runner that Beam's flag names, on Prism without one.
func execute(ctx context.Context, p *beam.Pipeline) error {
	runner := *runners.Runner
	if runner == "" {
		runner = "prism"
	}
	_, err := beam.Run(ctx, runner, p)
	return err
}

func (f *flags) report(cmd *cobra.Command, r *batch.Result) error {
	before := ""
	if r.Skipped > 0 {
		before = fmt.Sprintf(", of which %d were done before", r.Skipped)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d predictions, %d failed; %d parts%s: %s\n", r.Rows, r.Failed, r.Parts, before, r.Manifest)
	if v := r.Verified; v != nil {
		word := "agree"
		if !v.Agrees {
			word = "do NOT agree"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "verified: %d predictions %s with TensorFlow\n", v.Rows, word)
		if !v.Agrees {
			return &exit{exitFailed, nil}
		}
	}
	if r.Failed > 0 && !f.allowFailures {
		return &exit{exitFailed, fmt.Errorf("%d rows or windows have no prediction: failed-*.csv beside the predictions says why", r.Failed)}
	}
	return nil
}

// verify has lockstep check the sample: the model in both engines on the inputs, and what was written as a third.
func (f *flags) verify(ctx context.Context, stderr io.Writer, inputs, written string) (bool, error) {
	program := f.lockstep
	if program == "" {
		program = "lockstep"
	}
	args := []string{"check", f.q.Model.Model, "--inputs", inputs, "--expected", written}
	if f.q.Model.Signature != "" {
		args = append(args, "--signature", f.q.Model.Signature)
	}
	if len(f.q.Model.Tags) > 0 {
		args = append(args, "--tags", strings.Join(f.q.Model.Tags, ","))
	}
	if f.q.Model.AllowNonFinite {
		args = append(args, "--allow-nonfinite")
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &ended) && ended.ExitCode() == exitFailed:
		_, err = stderr.Write(out)
		return false, err
	}
	return false, fmt.Errorf("--verify: %s check: %w\n%s", program, err, strings.TrimRight(string(out), "\n"))
}
