package compare

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// boundsOracle knows some bounds, and why it knows no others.
type boundsOracle struct {
	bound, typical set
	unknown        map[string]error
	err            error
}

func (boundsOracle) Step(string, map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	return nil, nil, errors.New("no step")
}

func (o boundsOracle) Run(context.Context, map[string]*lockstep.Tensor, map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return nil, o.bound, o.unknown, o.err
}

func (o boundsOracle) Typical(context.Context, map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return nil, o.typical, nil, o.err
}

func (boundsOracle) Operator(context.Context, map[string]*lockstep.Tensor) (lockstep.OperatorOracle, error) {
	return nil, errors.New("no operations")
}

// Values that two engines computed may be apart by both engines' bounds, at most by
// what the fallback allows, and by that where there is no bound.
func TestOracleRules(t *testing.T) {
	numbers := fixture.Vector(t, float32(1), 100)
	values := set{"y": numbers, "often": numbers, "alone": numbers, "wide": numbers, "none": numbers, "unknown": numbers, "coarse": numbers, "short": numbers, "n": fixture.Vector(t, int32(1)), "nil": nil}
	oracle := boundsOracle{
		bound: set{
			"y": fixture.Vector(t, 1e-6, 3e-6), "often": fixture.Vector(t, 1.0, 3e-6), "wide": fixture.Vector(t, 1e-6, 5.0), "short": fixture.Vector(t, 1e-6),
			"unknown": fixture.Vector(t, 1e-6, 1e-6), "n": fixture.Vector(t, 1.0),
		},
		typical: set{"often": fixture.Vector(t, 5e-7, 1e-2), "alone": fixture.Vector(t, 0, 2e-2), "short": fixture.Vector(t, 1e-7)},
		unknown: map[string]error{"unknown": errors.New("no rule"), "coarse": lockstep.CoarseError{DType: lockstep.Float16}},
	}
	otherwise := Rule{Tolerance: FixedTolerance{Atol: 7, Rtol: 0}, AllowNonFinite: true}
	rules, err := OracleRules(context.Background(), oracle, nil, values, Uniform(otherwise))
	if err != nil {
		t.Fatal(err)
	}
	fallback := [2]float64{1e-5*100 + 1e-4*1, 1e-5*100 + 1e-4*100} // atol times the largest magnitude, and rtol
	const half = 8.0 / (1 << 11)                                   // eight roundings of float16
	for name, want := range map[string][2]float64{
		"y":       {2e-6, 6e-6},        // one engine's bound each
		"often":   {5e-7, 6e-6},        // at most both engines' bounds at worst
		"alone":   {4 * 0x1p-23, 2e-2}, // at least some units, and not at most the fallback
		"wide":    {2e-6, fallback[1]},
		"none":    fallback,
		"unknown": fallback,
		"short":   fallback,
		"coarse":  {half*100 + half*1, half*100 + half*100},
		"n":       {7, 7},
		"nil":     {7, 7},
		"other":   {7, 7},
	} {
		r := rules(name)
		for i, v := range []float64{1, 100} {
			if got := r.Tolerance.Bound(i, v); !(got > want[i]*(1-1e-9) && got < want[i]*(1+1e-9)) {
				t.Errorf("%s[%d]: %v is allowed, want %v", name, i, got, want[i])
			}
		}
		if !r.AllowNonFinite {
			t.Errorf("%s: what is not finite is not allowed any more", name)
		}
	}
	if len(oracle.bound) != 6 {
		t.Errorf("the oracle's own bounds have changed: %v", oracle.bound)
	}
	broken := errors.New("it is broken")
	if _, err := OracleRules(context.Background(), boundsOracle{err: broken}, nil, values, Uniform(otherwise)); !errors.Is(err, broken) {
		t.Errorf("an oracle that fails: %v", err)
	}
}
