//go:build tensorflow

package main

import (
	"context"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/comparetest"
	"github.com/lockstep-go/lockstep/tfbridge"
)

func init() {
	engines["tensorflow"] = func(t testing.TB) func() (forecaster, error) {
		m, err := tfbridge.Open("model")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return func() (forecaster, error) { return &session{m}, nil }
	}
}

// session is the same service's runner on libtensorflow. The graph takes no
// states, so the decoder reads its outputs so far again at each step.
type session struct{ *tfbridge.Model }

func (s *session) forecast(ctx context.Context, past, dst []float32) error {
	encoder, err := lockstep.New(past, 1, window, 1)
	if err != nil {
		return err
	}
	fed := append(make([]float32, 0, len(dst)+1), past[window-1])
	for k := range dst {
		decoder, err := lockstep.New(fed, 1, len(fed), 1)
		if err != nil {
			return err
		}
		out, err := s.Run(ctx, map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder})
		if err != nil {
			return err
		}
		y, err := lockstep.Data[float32](out["output_0"])
		if err != nil {
			return err
		}
		dst[k] = y[k]
		fed = append(fed, y[k])
	}
	return nil
}

// libtensorflow reproduces the golden too.
func TestModelInTensorFlow(t *testing.T) {
	m, err := tfbridge.Open("model")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	comparetest.Golden(t, m, "model.golden")
}
