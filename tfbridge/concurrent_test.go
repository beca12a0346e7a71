//go:build tensorflow

package tfbridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Goroutines share a model from its first moment on, when what is inside is
// looked for; run with -race as well.
func TestGoroutinesShareAModel(t *testing.T) {
	for _, name := range []string{"states_out_keras3", "seed_units1_tfkeras"} {
		t.Run(name, func(t *testing.T) {
			m := openFixture(t, name)
			inputs, want := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
			weights := fixture.Ordered(t, name, "weights.npz")
			output := m.Signature().Outputs[0].Name
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for range 5 {
						if err := useOnce(m, i, inputs, want, weights, output); err != nil {
							t.Errorf("goroutine %d: %v", i, err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// useOnce makes one call, which one depends on i, and checks its answer.
func useOnce(m *Model, i int, inputs, want map[string]*lockstep.Tensor, weights []lockstep.NamedTensor, output string) error {
	switch i % 3 {
	case 0:
		out, err := m.Run(context.Background(), inputs)
		if err != nil {
			return err
		}
		_, err = difference(out[output], want[output])
		return err
	case 1:
		trace, err := m.Trace(context.Background(), inputs, lockstep.States)
		if err != nil {
			return err
		}
		_, err = difference(trace.States["decoder/state_h"], want["decoder/state_h"])
		return err
	}
	got, err := m.Weights()
	if err != nil {
		return err
	}
	for k, w := range weights {
		if !got[k].Tensor.BitEqual(w.Tensor) {
			return fmt.Errorf("%s differs", w.Name)
		}
	}
	return nil
}

// Whatever is running when the model is closed ends well, and what comes later
// is refused.
func TestCloseWhileOthersRun(t *testing.T) {
	const name = "seed_units1_keras3"
	dir := fixture.Dir(t, name)
	inputs, want := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
	weights := fixture.Ordered(t, name, "weights.npz")
	for range 5 {
		m := openDir(t, dir)
		var wg, begun sync.WaitGroup
		begun.Add(6)
		for i := range 6 {
			wg.Go(func() {
				for n := 0; ; n++ {
					err := useOnce(m, i, inputs, want, weights, "output_0")
					if n == 0 {
						begun.Done()
					}
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Errorf("goroutine %d: %v", i, err)
						return
					}
				}
			})
		}
		begun.Wait()
		var closers [2]error
		var closing sync.WaitGroup
		for i := range closers {
			closing.Go(func() { closers[i] = m.Close() })
		}
		closing.Wait()
		wg.Wait()
		if (closers[0] == nil) == (closers[1] == nil) {
			t.Errorf("two Closes at once: %v and %v, want one ErrClosed", closers[0], closers[1])
		}
	}
}

func TestSeveralModelsAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for _, name := range []string{"states_out_keras3", "no_bias_keras3", "fixed_steps_keras3"} {
		dir := fixture.Dir(t, name)
		inputs, want := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
		wg.Go(func() {
			for range 3 {
				m, err := Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				trace, err := m.Trace(context.Background(), inputs, lockstep.States)
				if err != nil {
					t.Error(err)
				} else if _, err := difference(trace.States["encoder/state_c"], want["encoder/state_c"]); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				m.Close()
			}
		})
	}
	wg.Wait()
}
