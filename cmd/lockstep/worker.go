package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/tfbridge"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

// workerCommand is the hidden command with which the program runs TensorFlow in
// a child process, so that a crash there is an error here.
const workerCommand = "tensorflow-worker"

func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    workerCommand,
		Hidden: true,
		Args:   wantArgs("no arguments", 0, 0),
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			return worker.Serve(cmd.InOrStdin(), cmd.OutOrStdout())
		}),
	}
}

// startTensorFlow starts that process. The error says how to fix it where
// this program has no TensorFlow.
func startTensorFlow() (*worker.Process, error) {
	if !tfbridge.Built() {
		return nil, tfbridge.Available()
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return worker.Start(self, workerCommand)
}

// batchProgram is a program of its own: Apache Beam brings 60 modules, which lockstep does without.
const batchProgram = "lockstep-batch"

func newBatch() *cobra.Command {
	return &cobra.Command{
		Use:   "batch MODEL --input GLOB --output DIR",
		Short: "run a model on many series, by Apache Beam",
		Long: `batch runs a model on the rows of many CSV, Parquet and npz files: in this machine's
memory, or on a cluster that runs Apache Beam. It starts the program lockstep-batch,
whose help lists the flags: lockstep batch --help. docs/batch.md shows how to build
it. It is looked for in LOCKSTEP_BATCH, beside lockstep, and in the PATH.`,
		Example:            `  lockstep batch my_model --input 'sales/*.csv' --output forecasts --key store --time day --series sales --forecast --horizon 14`,
		DisableFlagParsing: true,
		RunE:               action(runBatch),
	}
}

func runBatch(cmd *cobra.Command, args []string) error {
	program, err := findBatch()
	if err != nil {
		if len(args) == 0 || len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
			return cmd.Help()
		}
		return err
	}
	child := exec.CommandContext(cmd.Context(), program, args...)
	child.Stdin, child.Stdout, child.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	// With its own standard error the program sees whether that is a terminal.
	if self, err := os.Executable(); err == nil {
		child.Env = append(os.Environ(), "LOCKSTEP_PROGRAM="+self)
	}
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	err = child.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() > 0 {
		return exit{code: ended.ExitCode()} // it has said why
	}
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

// findBatch returns the path of lockstep-batch.
func findBatch() (string, error) {
	if named := os.Getenv("LOCKSTEP_BATCH"); named != "" {
		return named, nil
	}
	name := batchProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no program %s beside lockstep or in the PATH: build it in a checkout with go build -C beam -o ../bin/%s ./cmd/%s, or name one with LOCKSTEP_BATCH", batchProgram, batchProgram, batchProgram)
	}
	return found, nil
}
