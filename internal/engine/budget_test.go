package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
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

// A network's values are dropped as they are read for the last time where no call
// writes over them again: tracing a deep one, and running its operations one by one,
// holds a few of them.
func TestATraceHoldsFewValues(t *testing.T) {
	const depth = 40
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Float32)
	for range depth {
		x = d.Op("Neg", graphtest.Attrs{"T": lockstep.Float32}, x)
	}
	_, g := d.Flatten(map[string]string{"y": x})
	const bytes = 4 << 20
	p, err := Compile(g, Options{Memory: 6 * bytes})
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, make([]float32, bytes/4), bytes/4)}
	if _, _, _, err := p.Record(t.Context(), in); err != nil {
		t.Error(err)
	}
	o, err := p.Operations(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.All) != depth {
		t.Fatalf("%d operations, want %d", len(o.All), depth)
	}
	for range o.All {
		own, err := o.Next()
		if err == nil {
			err = o.Take(own)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	held := 0
	for _, v := range o.slots {
		if v.Tensor != nil {
			held++
		}
	}
	if held > 2 {
		t.Errorf("%d values are held at the end", held)
	}
	if _, _, err := p.Run(t.Context(), in, false); err == nil {
		t.Error("a call that keeps all values for the next one fits in the budget: the budget tests nothing")
	}
}
