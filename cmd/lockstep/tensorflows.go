package main

import (
	"context"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/parity"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

// tensorflows opens models in a TensorFlow process, which it starts for the
// first model, and again after a crash.
type tensorflows struct{ process *worker.Process }

func (t *tensorflows) open(ctx context.Context, dir string, model modelFlags) (*worker.Model, error) {
	return t.openWith(ctx, dir, model.tensorflow())
}

// reference is a model in TensorFlow, as a check opens it.
func (t *tensorflows) reference(dir string, model modelFlags) parity.Reference {
	opener := func(o worker.Options) parity.Opener {
		return func(ctx context.Context) (lockstep.Tracer, func() error, error) {
			m, err := t.openWith(ctx, dir, o)
			if err != nil {
				return nil, nil, err
			}
			return m, m.Close, nil
		}
	}
	plain := model.tensorflow()
	plain.Unoptimized = true
	return parity.Reference{Name: "tensorflow", Open: opener(model.tensorflow()), Unoptimized: opener(plain), Trial: &engineTrial{dir: dir, flags: model}}
}

func (t *tensorflows) openWith(ctx context.Context, dir string, o worker.Options) (*worker.Model, error) {
	if err := t.start(); err != nil {
		return nil, err
	}
	return t.process.Open(ctx, dir, o)
}

// works tells whether libtensorflow is there.
func (t *tensorflows) works() error {
	if err := t.start(); err != nil {
		return err
	}
	_, err := t.process.Version()
	return err
}

func (t *tensorflows) start() error {
	if t.process != nil && !t.process.Alive() {
		t.process.Close()
		t.process = nil
	}
	if t.process == nil {
		p, err := startTensorFlow()
		if err != nil {
			return err
		}
		t.process = p
	}
	return nil
}

func (t *tensorflows) close() {
	if t.process != nil {
		t.process.Close()
	}
}
