//go:build tensorflow

package tfbridge_test

import (
	"context"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// Each call of a stateful model begins with the states of its files, however
// often it was called, and its weights are those of the files.
func TestStatefulCallsBeginAlike(t *testing.T) {
	const name = "reports/stateful"
	m, err := tfbridge.Open(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	inputs, ctx := fixture.Tensors(t, name, "inputs.npz"), context.Background()
	first, err := m.Trace(ctx, inputs, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := m.Run(ctx, inputs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.Trace(ctx, inputs, lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		for name, x := range first.Outputs {
			if !out[name].BitEqual(x) || !again.Outputs[name].BitEqual(x) {
				t.Errorf("output %s differs from the first call's", name)
			}
		}
		for name, x := range first.Steps {
			if !again.Steps[name].BitEqual(x) {
				t.Errorf("steps %s differ from the first call's", name)
			}
		}
		now, err := m.Weights()
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range weights {
			if !now[i].Tensor.BitEqual(w.Tensor) {
				t.Errorf("weight %s differs from the first", w.Name)
			}
		}
	}
}
