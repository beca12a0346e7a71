package rounding

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// A constant of an activation is one of the model's floats: 0.2 is another
// number in float32 than in float64.
func TestConstantsAreOfTheModelsFloats(t *testing.T) {
	for unit, want := range map[Unit]float64{Float32: float64(float32(0.2))*1.25 + 0.5, Float64: 0.2*1.25 + 0.5} {
		l := &recurrent.Layer{Kind: recurrent.SimpleRNN, Features: 1, Units: 1, Activation: recurrent.HardSigmoid2, Gates: make([]recurrent.Gate, 1)}
		c, err := NewCell(l, unit, []float64{1}, []float64{0}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Step(Exact([]float64{1.25}), Exact([]float64{0}), Values{}, 1).H.V[0]; math.Abs(got-want) > 1e-15 {
			t.Errorf("unit %g: %v, want %v", float64(unit), got, want)
		}
	}
}
