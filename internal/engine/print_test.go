package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// What a model prints is left out, where an output depends on it and where one only waits
// for it.
func TestPrintingIsLeftOut(t *testing.T) {
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Float32)
	d.Add("text", "StringFormat", graphtest.Attrs{"T": []lockstep.DType{lockstep.Float32}, "template": "{}"}, []string{x})
	d.Add("printed", "PrintV2", nil, []string{"text"})
	d.Add("waits", "Identity", graphtest.Attrs{"T": lockstep.Float32}, []string{x, "^printed"})
	d.Add("passes", "Print", graphtest.Attrs{"T": lockstep.Float32, "U": []lockstep.DType{lockstep.Float32}}, []string{"waits", x})
	_, g := d.Flatten(map[string]string{"y": d.Op("Neg", nil, "passes")})
	p, err := Compile(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": tensorOf(t, []float32{1, -2}, 2)}, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := tensorOf(t, []float32{-1, 2}, 2); !got["y"].BitEqual(want) {
		t.Errorf("%s, want %s", graphtest.ElementsText(got["y"]), graphtest.ElementsText(want))
	}
}
