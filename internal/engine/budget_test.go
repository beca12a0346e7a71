package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Elements that two tensors share are counted once, of whatever type they are.
func TestSharedElementsAreCountedOnce(t *testing.T) {
	for _, d := range lockstep.DTypes() {
		x, err := lockstep.Zeros(d, 3, 4)
		if err != nil {
			t.Fatal(err)
		}
		view, err := value.Reshaped(x, []int{12})
		if err != nil {
			t.Fatal(err)
		}
		other, err := lockstep.Zeros(d, 3, 4)
		if err != nil {
			t.Fatal(err)
		}
		one := tensorBytes(x)
		if got := bytesIn([]value.Value{{Tensor: x}, {Tensor: view}}, map[any]bool{}); got != one {
			t.Errorf("%s and a view of it: %d bytes, want %d", x, got, one)
		}
		if got := bytesIn([]value.Value{{Tensor: x}, {Tensor: other}}, map[any]bool{}); got != 2*one {
			t.Errorf("two tensors %s: %d bytes, want %d", x, got, 2*one)
		}
	}
}
