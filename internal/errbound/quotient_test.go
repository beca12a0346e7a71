package errbound

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

// TensorFlow's optimizer makes a division by a constant a product with the rounded
// reciprocal, which is off by more than the quotient's own rounding, and by far more
// where the format has no such small number.
func TestQuotientsByReciprocals(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for dtype, round := range map[lockstep.DType]func(float64) float64{
		lockstep.Float32:  func(v float64) float64 { return float64(float32(v)) },
		lockstep.Float16:  func(v float64) float64 { return float64(lockstep.RoundFloat16(float32(v)).Float32()) },
		lockstep.BFloat16: func(v float64) float64 { return float64(lockstep.RoundBFloat16(float32(v)).Float32()) },
	} {
		reach := 0.0
		for _, divisor := range []float64{3, 5.3, 6, 7, 49, -1.9, 20_011, 61_000, 1e-3, 1 + 7*random.Float64()} {
			divisor = round(divisor)
			x := make([]float64, 500)
			for i := range x {
				x[i] = round(random.NormFloat64() * math.Pow(10, float64(random.IntN(5)-1)))
			}
			d := graphtest.Draw(t)
			y := d.Op("RealDiv", graphtest.Attrs{"T": dtype}, d.Input("x", dtype), d.Constant(narrowed(t, dtype, []float64{divisor})))
			_, g := d.Flatten(map[string]string{"y": y})
			e, err := New(g, engine.Options{Variable: d.Value})
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Run(t.Context(), map[string]*lockstep.Tensor{"x": narrowed(t, dtype, x, len(x))}, nil)
			if err != nil {
				t.Fatal(err)
			}
			exact, bound := op.FloatsOf(r.Exact["y"]), op.FloatsOf(r.Bound["y"])
			for i := range x {
				got := round(x[i] * round(1/divisor))
				if got == exact[i] || math.IsInf(got, 0) {
					continue // where it overflows, there is no bound
				}
				used := math.Abs(got-exact[i]) / bound[i]
				if !(used <= 1) {
					t.Errorf("%s: %v by %v: the product with the reciprocal is %v, the quotient %v, its bound %v", dtype, x[i], divisor, got, exact[i], bound[i])
				}
				reach = max(reach, used)
			}
		}
		t.Logf("%s: the products reach %.2f of the bounds", dtype, reach)
		if reach < 0.4 {
			t.Errorf("%s: the products reach %.2f of the bounds, want at least 0.4", dtype, reach)
		}
	}
}
