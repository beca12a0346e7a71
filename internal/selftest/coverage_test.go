package selftest

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// The gates of a layer inside a loop are counted once, however often it runs: a unit
// is driven where any run drives it.
func TestCoverageOfALayerInALoop(t *testing.T) {
	const name, layer = "nested_map_gru_keras3", "map_over/inner"
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	trace, err := m.Trace(t.Context(), fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	c := Cover(trace)
	if len(c.Gates) != 6 || c.All != 3*3*(4+3) {
		t.Fatalf("%d gates, %d pairs: %+v", len(c.Gates), c.All, c.Gates)
	}
	for _, g := range c.Gates[:3] {
		want := map[int]bool{} // the units that some run drives low
		for _, run := range trace.Layers[:4] {
			sums := trace.Layer(run).Step("sum_" + g.Gate)
			d, err := sums.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range d {
				if v <= -2 {
					want[i%g.Units] = true
				}
			}
		}
		if g.Layer != layer || g.Units != 4 || g.Driven[Low] != len(want) {
			t.Errorf("%+v, want %d units of %s driven low", g, len(want), layer)
		}
	}
}
