package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/native"
)

// files are the SavedModel that model.export wrote, and the golden that
// lockstep golden record made from it.
//
//go:embed model model.golden
var files embed.FS

// window is how many steps of the past the encoder reads.
const window = 10

// forecaster continues a series. One belongs to one request at a time.
type forecaster interface {
	// forecast fills dst with the values after past, which has window numbers.
	forecast(ctx context.Context, past, dst []float32) error
}

// model is the embedded one; it serves any number of goroutines.
type model struct{ seq2seq *native.Seq2Seq[float32] }

// loadModel reads the model and refuses one that does not reproduce its golden.
func loadModel() (*model, error) {
	dir, err := fs.Sub(files, "model")
	if err != nil {
		return nil, err
	}
	m, err := native.LoadFS(dir, native.WithVerify(golden.VerifierFS(files, "model.golden")))
	if err != nil {
		return nil, err
	}
	q, err := m.Seq2Seq()
	if err != nil {
		return nil, err
	}
	if q.EncoderFeatures != 1 || q.DecoderFeatures != 1 || q.OutputFeatures != 1 {
		return nil, fmt.Errorf("the model has %d, %d and %d features, want 1", q.EncoderFeatures, q.DecoderFeatures, q.OutputFeatures)
	}
	return &model{q}, nil
}

func (m *model) newRunner() (forecaster, error) { return &runner{m.seq2seq.NewRunner(1)}, nil }

// runner reuses its own memory: a forecast allocates nothing.
type runner struct{ *native.Seq2SeqRunner[float32] }

// forecast begins with the last number of the past and feeds each output back
// as the next input.
func (r *runner) forecast(_ context.Context, past, dst []float32) error {
	if err := r.Encode(past, 1); err != nil {
		return err
	}
	return r.Forecast(dst, past[len(past)-1:], len(dst))
}
