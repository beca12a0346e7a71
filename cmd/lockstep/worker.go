package main

import (
	"os"

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
