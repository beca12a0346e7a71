// Command lockstep runs one Keras recurrent model in TensorFlow and in a
// native Go engine, and says whether they agree.
//
// Standard output carries the answer alone; errors and progress go to standard
// error. The exit code is 0 for in step, 1 for a divergence, 2 for wrong usage
// and 3 where there was nothing to judge because something could not be run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes. A divergence is a finding and comes before everything else:
// with several models, one that diverged decides over one that did not run.
const (
	exitInStep   = 0
	exitDiverged = 1
	exitUsage    = 2
	exitNotRun   = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var ended exit
	switch {
	case err == nil:
		return exitInStep
	case errors.As(err, &ended):
		if ended.err != nil {
			complain(stderr, ended.err)
		}
		return ended.code
	default: // cobra's own: an unknown command or flag
		complain(stderr, err)
		return exitUsage
	}
}

func complain(w io.Writer, err error) {
	// What is joined stands on lines of its own, each of which names itself;
	// TensorFlow's messages go on after a tab.
	message := strings.ReplaceAll(err.Error(), "\n\t", " ")
	fmt.Fprintf(w, "lockstep: %s\n", strings.ReplaceAll(message, "\n", "\nlockstep: "))
}

// exit is the end of a command: a code, and what to say about it.
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

// usagef is an error of the command line itself.
func usagef(format string, args ...any) error {
	return exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// action makes an error of a command's work an exit with code 3, unless it
// says another.
func action(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := do(cmd, args)
		if err == nil || errors.As(err, new(exit)) {
			return err
		}
		return exit{code: exitNotRun, err: err}
	}
}

// wantArgs wants least to most arguments, or least and more if most is negative.
func wantArgs(what string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return usagef("%s wants %s, got %d arguments: see lockstep help %s", cmd.Name(), what, len(args), cmd.Name())
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "run one Keras recurrent model in TensorFlow and in Go, and say whether they agree",
		Long: `lockstep runs one Keras recurrent model in TensorFlow and in a native Go engine,
and says whether they agree, and if not, where they first part.

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
	root.AddCommand(newCheck(), newInspect(), newRun(), newDiff(), newTrace(), newForecast(), newExplain(), newGolden(), newBench(), newDoctor(), newSelftest(), newWorker(), newContender())
	return root
}
