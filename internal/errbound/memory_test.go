package errbound

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// The values of a deep network, and their bounds, are dropped as they are read for
// the last time.
func TestAnEvaluationHoldsFewValues(t *testing.T) {
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Float32)
	for range 40 {
		x = d.Op("Square", graphtest.Attrs{"T": lockstep.Float32}, x)
	}
	_, g := d.Flatten(map[string]string{"y": x})
	const numbers = 1 << 20
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, make([]float32, numbers), numbers)}
	run := func(memory int64) error {
		e, err := New(g, engine.Options{Memory: memory})
		if err == nil {
			_, err = e.Run(t.Context(), in, nil)
		}
		return err
	}
	const value = 2 * 8 * numbers // with its bound
	if err := run(4 * value); err != nil {
		t.Error(err)
	}
	if run(value) == nil {
		t.Error("two values fit in the memory of one: the budget tests nothing")
	}
}
