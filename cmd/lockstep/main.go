// Command lockstep runs one Keras recurrent model in TensorFlow and in a
// native Go engine, and says whether they agree.
//
// Standard output carries the answer alone; errors and progress go to standard
// error. The exit code is 0 for in step, 1 for a divergence, 2 for wrong usage
// and 3 where there was nothing to judge because something could not be run, or
// where the answer could not be written.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/parity"
)

// The exit codes. A divergence is a finding and comes before everything else:
// with several models, one that diverged decides over one that did not run.
const (
	exitInStep   = int(parity.InStep)
	exitDiverged = int(parity.Diverged)
	exitUsage    = int(parity.WrongUsage)
	exitNotRun   = int(parity.NotRun)
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if os.Getenv("GOGC") == "" {
		// What a check holds are tensors, which the collector does not look through:
		// their memory is dearer than its time.
		debug.SetGCPercent(50)
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	out := &answer{w: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := exitUsage // for cobra's errors: an unknown command or flag
	var ended exit
	switch {
	case err == nil:
		code = exitInStep
	case errors.As(err, &ended):
		code, err = ended.code, ended.err
	}
	if err != nil {
		complain(stderr, err)
	}
	if out.err != nil {
		if !errors.Is(err, out.err) {
			complain(stderr, fmt.Errorf("the answer could not be written: %w", out.err))
		}
		return exitNotRun
	}
	return code
}

// answer is standard output. It remembers a failed write, which commands that
// print do not check.
type answer struct {
	w   io.Writer
	err error // the first
}

func (a *answer) Write(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.w.Write(p)
	a.err = err
	return n, err
}

func complain(w io.Writer, err error) {
	// Joined errors are printed a line each; TensorFlow's messages go on after
	// a tab.
	message := strings.ReplaceAll(err.Error(), "\n\t", " ")
	fmt.Fprintf(w, "lockstep: %s\n", strings.ReplaceAll(message, "\n", "\nlockstep: "))
}

// exit is the end of a command: a code and a message.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// lost tells whether something of the answer could not be written.
func lost(cmd *cobra.Command) bool {
	a, ok := cmd.OutOrStdout().(*answer)
	return ok && a.err != nil
}

// ended is the end of a command that has a verdict, by its exit code. An error
// beside it, such as a report that could not be written, is printed, and
// decides the code where the verdict is no failure: a job that looks for
// divergences finds them, and one that reads the report does not read an old
// one by mistake.
func ended(code int, err error) error {
	switch wrong := (exit{}); {
	case err == nil && code == exitInStep:
		return nil
	case code != exitInStep:
	case errors.As(err, &wrong):
		code = wrong.code
	default:
		code = exitNotRun
	}
	return exit{code, err}
}

// usagef is an error of the command line itself.
func usagef(format string, args ...any) error {
	return exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// action makes an error of a command's work an exit with code 3, unless it has
// its own.
func action(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := do(cmd, args)
		if err == nil || errors.As(err, new(exit)) {
			return err
		}
		return exit{code: codeOf(err), err: err}
	}
}

// codeOf is the code that an error of a command's work ends it with: tensors and
// settings that do not fit the model are wrong usage.
func codeOf(err error) int {
	var ended exit
	switch {
	case errors.As(err, &ended):
		return ended.code
	case parity.KindOf(nil, err) == parity.WrongUsage:
		return exitUsage
	}
	return exitNotRun
}

// wantArgs requires least to most arguments, or at least that many if most is
// negative.
func wantArgs(what string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return usagef("%s accepts %s, got %d arguments: see lockstep help %s", cmd.Name(), what, len(args), cmd.Name())
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "run one Keras recurrent model in TensorFlow and in Go, and say whether they agree",
		Long: `lockstep runs one Keras recurrent model in TensorFlow and in a native Go engine,
and says whether they agree, and if not, where they first diverge.

Exit codes: 0 in step, 1 diverged, 2 wrong usage, 3 could not run.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no command given: see lockstep help")
			}
			return usagef("no command %q: see lockstep help", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	addMemory(root)
	root.AddCommand(newCheck(), newInspect(), newConvert(), newRun(), newDiff(), newTrace(), newForecast(), newBatch(), newExplain(), newGolden(), newBench(), newDoctor(), newVersion(), newSelftest(), newWorker(), newContender())
	plainNumbers(root)
	return root
}
