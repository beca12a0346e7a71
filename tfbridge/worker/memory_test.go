package worker

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// Inputs that there is no memory to send are refused before the child is asked, and
// that reason travels from the child as well.
func TestInputsAreBounded(t *testing.T) {
	was := memory.Budget()
	defer memory.Set(was)
	memory.Set(10_000)
	x, err := lockstep.Zeros(lockstep.Float32, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit(map[string]*lockstep.Tensor{"x": x, "none": nil}); err != nil {
		t.Error(err)
	}
	_, err = (&Model{}).Trace(t.Context(), map[string]*lockstep.Tensor{"x": x, "y": x}, lockstep.Outputs)
	if !errors.Is(err, lockstep.ErrMemory) || !strings.HasPrefix(err.Error(), "worker: the inputs") {
		t.Errorf("two: %v", err)
	}
	if err := failure(err).error(); !errors.Is(err, lockstep.ErrMemory) {
		t.Errorf("sent over: %v", err)
	}
}
