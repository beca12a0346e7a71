package compare

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// What a layer made is what its loop left: its outputs, but for rows without a
// step, which keep the state before it; and the states that it ended with.
func TestLayersOf(t *testing.T) {
	floats := func(d []float32, shape ...int) *lockstep.Tensor {
		x, err := lockstep.New(d, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	has, err := lockstep.New([]bool{true, false, true, false, true, true}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	h := floats([]float32{1, 2, 3, 4, 5, 6}, 2, 3, 1)
	made := floats([]float32{10, 20, 30, 40, 50, 60}, 2, 3, 1)
	last := floats([]float32{-1, -2}, 2, 1)
	for _, c := range []struct {
		what string
		with map[string]*lockstep.Tensor
		last *lockstep.Tensor
		want []float64
	}{
		{"h alone", nil, nil, []float64{1, 2, 3, 4, 5, 6}},
		{"outputs", map[string]*lockstep.Tensor{"output": made}, nil, []float64{10, 20, 30, 40, 50, 60}},
		{"outputs and a mask", map[string]*lockstep.Tensor{"output": made, "mask": has}, nil, []float64{10, 10, 30, 4, 50, 60}},
		{"outputs of the last step alone", map[string]*lockstep.Tensor{"output": last}, nil, []float64{1, 2, 3, 4, 5, 6}},
		{"last states", nil, last, []float64{1, 2, -1, 4, 5, -2}},
		{"outputs and last states", map[string]*lockstep.Tensor{"output": made}, last, []float64{10, 20, -1, 40, 50, -2}},
	} {
		trace := &lockstep.Trace{Layers: []string{"theirs"}, Steps: map[string]*lockstep.Tensor{"theirs/h": h}, States: map[string]*lockstep.Tensor{}}
		for q, x := range c.with {
			trace.Steps["theirs/"+q] = x
		}
		if c.last != nil {
			trace.States["theirs/state_h"] = c.last
		}
		got, err := layersOf(trace, map[string]string{"theirs": "ours"})
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		d, err := got["ours/h"].Float64s()
		if err != nil || !slices.Equal(d, c.want) || len(got) != 1 {
			t.Errorf("%s: %v, %v, want ours/h with %v", c.what, got, d, c.want)
		}
	}
	if x, _ := h.Float64s(); !slices.Equal(x, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("the engine's own steps are now %v", x)
	}
}
