package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/internal/bench"
)

// benchFlags say what is timed, against what, and for how long.
type benchFlags struct {
	model    modelFlags
	in       inputFlags
	expected string
	peers    []string // NAME=COMMAND
	engines  []string // that are timed; all if there are none
	cases    string
	program  string // of the native contenders; "" for this one
	formats  []string
	sinks    []sink
	options  bench.Options
}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench MODEL[,batch=N][,steps=N]...",
		Short: "time both engines, and others, taking turns, with ratios, start-up and memory",
		Long: `bench times one call of each model in each engine. Every engine runs in
its own process, and so does each set of native kernels that the processor has;
native is the set in use. Answers are compared first, those of the
sequence-to-sequence model with float64's; then the engines take turns, a slice of
time each. The rounds are spread over --starts of each engine, since memory placement
makes one process faster than the next. Of a start the lowest median of its rounds
counts; of the starts the middle one is shown, with its ratio to the first engine's,
the shortest time from a process's start to its first answer, and its resident memory
at that point. A program without TensorFlow leaves TensorFlow out.

A peer is an external program that computes the sequence-to-sequence model:
COMMAND gets the name of a file with weights and inputs, and speaks the protocol of
go doc ` + "github.com/lockstep-go/lockstep/internal/bench" + ` says.`,
		Example: `  lockstep bench my_model,batch=1 my_model,batch=32 --format text --format benchstat=bench.txt`,
		Args:    wantArgs("one or more models' directories", 1, -1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			works, err := f.check(cmd, args)
			if err != nil {
				return err
			}
			return runBench(cmd, &f, works)
		}),
	}
	f.model.add(cmd)
	f.model.addThreads(cmd)
	f.in.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.expected, "expected", "", "an .npz with what Keras predicted for --inputs: every engine must agree with it")
	flags.IntVar(&f.options.Rounds, "rounds", 5, "how often each engine has its turn; 0 compares answers and times nothing")
	flags.DurationVar(&f.options.Slice, "slice", 200*time.Millisecond, "how long a turn is")
	flags.IntVar(&f.options.Starts, "starts", 1, "how often each engine is started, an odd number best; each start has its share of the rounds")
	flags.StringArrayVar(&f.peers, "peer", nil, "another engine, as NAME=COMMAND; may be repeated")
	flags.StringSliceVar(&f.engines, "engines", nil, "the engines to time, by their names in the table, such as native,tensorflow (default all)")
	flags.StringVar(&f.program, "native-program", "", "another program for the native engine, such as bench/contender, which is smaller (default this one)")
	flags.StringVar(&f.cases, "cases", "", "the folder for the files that peers are given (default one that is removed)")
	flags.StringArrayVar(&f.formats, "format", nil, formatHelp("markdown", "benchstat"))
	return cmd
}

// benchWork is what one argument asks for.
type benchWork struct {
	dir string
	in  inputFlags
}

// check reads the command line before any work is done.
func (f *benchFlags) check(cmd *cobra.Command, args []string) ([]benchWork, error) {
	if f.options.Rounds < 0 || f.options.Slice <= 0 || f.options.Starts < 1 {
		return nil, usagef("--rounds %d, --slice %v and --starts %d: want 0 or more, some time, and 1 or more", f.options.Rounds, f.options.Slice, f.options.Starts)
	}
	if err := f.in.check(cmd); err != nil {
		return nil, err
	}
	if err := f.model.check(); err != nil {
		return nil, err
	}
	if f.expected != "" && f.in.inputs == "" {
		return nil, usagef("--expected needs --inputs, for which it was predicted")
	}
	for _, p := range f.peers {
		if !peer.MatchString(p) {
			return nil, usagef("--peer %q: want NAME=COMMAND, with a name of letters, digits, - and _", p)
		}
	}
	works := make([]benchWork, len(args))
	for i, arg := range args {
		w, err := parseWork(arg, f.in)
		if err != nil {
			return nil, err
		}
		if f.in.inputs != "" && (len(args) > 1 || w.in.sizes != f.in.sizes) {
			return nil, usagef("--inputs go with one model, and without its batch= and steps=")
		}
		works[i] = w
	}
	var err error
	f.sinks, err = sinksOf(f.formats, "text", "markdown", "benchstat")
	return works, err
}

var (
	peer = regexp.MustCompile(`^[A-Za-z0-9_-]+=.`)
	size = regexp.MustCompile(`^(.+),(batch|steps)=([^,]*)$`)
)

// parseWork reads MODEL[,batch=N][,steps=N]; what it leaves out is as the flags
// say.
func parseWork(arg string, in inputFlags) (benchWork, error) {
	w := benchWork{dir: arg, in: in}
	for {
		m := size.FindStringSubmatch(w.dir)
		if m == nil {
			return w, nil
		}
		n, err := strconv.Atoi(m[3])
		if err != nil || n < 1 {
			return w, usagef("%s: %s=%s: want 1 or more", arg, m[2], m[3])
		}
		if w.dir = m[1]; m[2] == "batch" {
			w.in.sizes.Batch, w.in.fixedBatch = n, true
		} else {
			w.in.sizes.Steps, w.in.fixedSteps = n, true
		}
	}
}

// runBench races the contenders of one work after another, and writes the
// times.
func runBench(cmd *cobra.Command, f *benchFlags, works []benchWork) (err error) {
	cases, remove, err := casesFolder(f.cases)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	var done []bench.Workload
	var failed error // of single models: the others are timed all the same
	for i, work := range works {
		r, err := f.race(cmd, work, cases, fmt.Sprintf("[%d/%d] ", i+1, len(works)))
		if cause := context.Cause(cmd.Context()); err != nil && cause != nil {
			return cause
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", work.dir, err))
			continue
		}
		done = append(done, r)
	}
	if len(done) == 0 {
		return failed
	}
	machine, configuration := bench.Machine(time.Now())
	about := append([]string{machine, f.how()}, versions(done[0].Results)...)
	return errors.Join(failed, writeTo(cmd, f.sinks, func(w io.Writer, format string, _ bool) error {
		switch format {
		case "markdown":
			return bench.Markdown(w, about, done)
		case "benchstat":
			return bench.Benchmarks(w, configuration, done)
		}
		return bench.Text(w, about, done)
	}))
}

// race times the engines on one model.
func (f *benchFlags) race(cmd *cobra.Command, work benchWork, cases, which string) (bench.Workload, error) {
	r, err := f.prepare(cmd.Context(), work, cases)
	if err != nil {
		return bench.Workload{}, err
	}
	o := f.options
	o.Check = r.check
	o.Progress = func(format string, args ...any) { progress(cmd, "%s%s", which, fmt.Sprintf(format, args...)) }
	r.Results, err = bench.Race(cmd.Context(), r.contenders, o)
	progress(cmd, "")
	return r.Workload, err
}

// how says how the numbers were measured.
func (f *benchFlags) how() string {
	threads := "one a processor"
	if f.model.threads > 0 {
		threads = strconv.Itoa(f.model.threads)
	}
	return fmt.Sprintf("engines take turns; a call in the middle one of %d starts, of each the least of the medians of its rounds; rounds: %d of %v; TensorFlow's threads: %s", f.options.Starts, f.options.Rounds, f.options.Slice, threads)
}

// versions lists the engines' versions, once for neighbours that report the
// same.
func versions(results []*bench.Result) []string {
	var out []string
	last := ""
	for _, r := range results {
		v := strings.Join(r.Versions, ", ")
		switch {
		case v == "":
		case v == last:
			out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], ": "+v) + ", " + r.Name + ": " + v
		default:
			out = append(out, r.Name+": "+v)
		}
		last = v
	}
	return out
}
