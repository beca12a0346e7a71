// Command lockstep-batch runs a model on many series by Apache Beam: lockstep
// batch starts it. Its runner is Prism, in this process, unless --runner names another.
//
// The exit code is 0 when every row has its prediction, 1 when rows failed or the
// sample of --verify diverged, 2 for wrong usage, and 3 when the job could not be finished.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"

	"github.com/lockstep-go/lockstep/beam/internal/batch"
	"github.com/lockstep-go/lockstep/compare/golden"
)

const (
	exitDone = iota
	exitFailed
	exitUsage
	exitNotRun
)

func main() {
	for _, arg := range os.Args[1:] {
		// Beam's containers start this program as a worker, with flags of theirs.
		if name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); name == "worker" && arg != name && value != "false" {
			flag.Parse()
			beam.Init()
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitUsage // for cobra's errors
	var ended *exit
	if errors.As(err, &ended) {
		code, err = ended.code, ended.err
	}
	if err != nil {
		fmt.Fprintf(stderr, "lockstep batch: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nlockstep batch: "))
	}
	return code
}

// exit is the end of the command: a code and a message.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }

// codeOf is the exit code of an error of a job.
func codeOf(err error) int {
	var drift *golden.Error
	switch {
	case errors.As(err, new(*batch.UsageError)):
		return exitUsage
	case errors.As(err, &drift):
		return exitFailed
	}
	return exitNotRun
}
