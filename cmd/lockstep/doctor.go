package main

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/tfbridge"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "what is installed, what is missing, and how to fix it",
		Long: `doctor says what this program can do on this machine. It exits with 0 if every
command works, and with 3 if those that need TensorFlow do not.`,
		Args: wantArgs("no arguments", 0, 0),
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			say(out, "ok", "lockstep", "%s, %s, %s/%s, %d cores", thisProgram().Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
			say(out, "ok", "native engine", "inspect, diff and run --engine native work")
			if !tfbridge.Built() {
				say(out, "missing", "TensorFlow", "this program was built without it; check and run --engine tensorflow do not work")
				fix(out, "make build", "in a checkout of lockstep: fetches libtensorflow and makes bin/lockstep with TensorFlow in it")
				return exit{code: exitNotRun}
			}
			version, err := tensorflowVersion()
			if err != nil {
				say(out, "missing", "TensorFlow", "%v", err)
				fix(out, "make tensorflow", "in a checkout of lockstep: fetches libtensorflow into the cache folder")
				fix(out, "export LOCKSTEP_LIBTENSORFLOW=/dir", "if this machine has a libtensorflow already")
				return exit{code: exitNotRun}
			}
			say(out, "ok", "TensorFlow", "%s; check and run --engine tensorflow work", version)
			if dir := os.Getenv("LOCKSTEP_LIBTENSORFLOW"); dir != "" {
				say(out, "ok", "library", "LOCKSTEP_LIBTENSORFLOW=%s", dir)
			}
			return nil
		}),
	}
}

// tensorflowVersion loads libtensorflow in the process that check would use.
func tensorflowVersion() (string, error) {
	process, err := startTensorFlow()
	if err != nil {
		return "", err
	}
	defer process.Close()
	return process.Version()
}

func say(w io.Writer, state, what, format string, args ...any) {
	fmt.Fprintf(w, "%-8s %-14s %s\n", state, what, fmt.Sprintf(format, args...))
}

func fix(w io.Writer, command, does string) {
	fmt.Fprintf(w, "%-8s %s\n%-8s   (%s)\n", "", command, "", does)
}
