package native

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What a trace shows of a layer's outputs is h of each step, where no mask leaves
// any out, and of a layer that returns the last step alone h of that.
func TestTraceShowsOutputs(t *testing.T) {
	shown := 0
	for _, name := range []string{"seed_keras3", "seed_tfkeras", "no_bias_keras3", "states_out_tfkeras", "bidirectional_last_keras3"} {
		m, err := LoadFS(fixture.FS(t, name))
		if err != nil {
			t.Fatal(err)
		}
		trace, err := m.Trace(t.Context(), fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range trace.Layers {
			l := trace.Layer(layer)
			h, output := l.Step("h"), l.Output()
			if l.Mask() != nil || h == nil {
				continue
			}
			if output == nil {
				t.Errorf("%s: the trace does not show the outputs of %s", name, layer)
				continue
			}
			shown++
			steps, have := h.Shape()[1], output.Shape()[1]
			if have != steps && have != 1 {
				t.Errorf("%s, %s: %s of %s", name, layer, output, h)
				continue
			}
			a, _ := lockstep.Data[float32](h)
			b, _ := lockstep.Data[float32](output)
			units := h.Shape()[2]
			for row := range h.Shape()[0] {
				last := a[(row+1)*steps*units-have*units : (row+1)*steps*units]
				for i, v := range b[row*have*units : (row+1)*have*units] {
					if v != last[i] {
						t.Fatalf("%s, %s: output %d of row %d is %v, want h, %v", name, layer, i, row, v, last[i])
					}
				}
			}
		}
	}
	if shown < 8 {
		t.Errorf("the outputs of only %d layers are shown", shown)
	}
}
