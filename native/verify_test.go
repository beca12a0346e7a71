package native

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Load calls every function that it is to verify the model by, in turn, with a
// model that runs, and returns none that fails one.
func TestWithVerify(t *testing.T) {
	const name = "seed_keras3"
	refused := errors.New("not this one")
	var calls []string
	runs := func(e lockstep.Engine) error {
		calls = append(calls, "runs")
		_, err := e.Run(t.Context(), fixture.Tensors(t, name, "inputs.npz"))
		return err
	}
	refuses := func(lockstep.Engine) error {
		calls = append(calls, "refuses")
		return refused
	}
	for _, c := range []struct {
		verify []func(lockstep.Engine) error
		calls  string
		want   error
	}{
		{[]func(lockstep.Engine) error{runs, runs}, "runs runs", nil},
		{[]func(lockstep.Engine) error{runs, refuses, runs}, "runs refuses", refused},
	} {
		calls = nil
		var options []Option
		for _, v := range c.verify {
			options = append(options, WithVerify(v))
		}
		m, err := LoadFS(fixture.FS(t, name), options...)
		if !errors.Is(err, c.want) || (m == nil) != (c.want != nil) || strings.Join(calls, " ") != c.calls {
			t.Errorf("%q: %v, %v, want %q and %v", calls, m, err, c.calls, c.want)
		}
	}
}
