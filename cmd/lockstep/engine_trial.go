package main

import (
	"context"
	"errors"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

// engineTrial runs a model in a separate TensorFlow process, to see which
// inputs it accepts: a run may leave states behind, and one that fails may end
// the process.
type engineTrial struct {
	dir     string
	flags   modelFlags
	process *worker.Process
	model   *worker.Model
}

// Run runs the model, in a process that is started if there is none.
func (e *engineTrial) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if e.process != nil && !e.process.Alive() {
		e.Close()
	}
	if e.process == nil {
		var err error
		if e.process, err = startTensorFlow(); err != nil {
			return nil, err
		}
		if e.model, err = e.process.Open(ctx, e.dir, e.flags.tensorflow()); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e.model.Run(ctx, inputs)
}

// Close ends what Run started.
func (e *engineTrial) Close() error {
	if e.process == nil {
		return nil
	}
	p := e.process
	e.process, e.model = nil, nil
	return p.Close()
}
