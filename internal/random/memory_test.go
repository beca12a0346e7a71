package random

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// Inputs that are too large are refused before any is made, also where each alone
// would do and where their number does not fit an integer.
func TestInputsAreBounded(t *testing.T) {
	spec := func(name string, shape ...int) lockstep.TensorSpec {
		return lockstep.TensorSpec{Name: name, DType: lockstep.Float32, Shape: shape}
	}
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{spec("a", -1, 4), spec("b", -1, -1, 4)}}
	for _, sizes := range []Sizes{
		{Batch: 2_000_000_000, Steps: 10}, {Batch: 3, Steps: 2_000_000_000_000}, {Batch: math.MaxInt, Steps: 1}, {Batch: math.MaxInt, Steps: math.MaxInt}, {Batch: math.MaxInt / 64, Steps: 3},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Inputs(sig, 1, sizes)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, lockstep.ErrMemory) {
			t.Errorf("%+v: %v", sizes, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%+v: %d bytes were allocated", sizes, n)
		}
	}
	if _, err := Inputs(sig, 1, Sizes{Batch: 3, Steps: 10}); err != nil {
		t.Error(err)
	}
}
