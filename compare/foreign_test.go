package compare

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// boundsOracle knows some bounds, and why it knows no others.
type boundsOracle struct {
	bound, typical set
	exact          set
	unknown        map[string]error
	coarsest       lockstep.DType
	err            error
}

func (o boundsOracle) Coarsest() lockstep.DType { return o.coarsest }

func (boundsOracle) Step(string, map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	return nil, nil, errors.New("no step")
}

func (o boundsOracle) Run(context.Context, map[string]*lockstep.Tensor, map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return nil, o.bound, o.unknown, o.err
}

func (o boundsOracle) Typical(context.Context, map[string]*lockstep.Tensor, int64) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return o.exact, o.typical, nil, o.err
}

func (boundsOracle) Operator(context.Context, map[string]*lockstep.Tensor) (lockstep.OperatorOracle, error) {
	return nil, errors.New("no operations")
}

// Values that two engines computed may be apart by both engines' bounds, at most by
// what the fallback allows, and by that where there is no bound.
func TestOracleRules(t *testing.T) {
	numbers := fixture.Vector(t, float32(1), 100)
	values := set{"y": numbers, "often": numbers, "alone": numbers, "wide": numbers, "none": numbers, "unknown": numbers, "short": numbers, "n": fixture.Vector(t, int32(1)), "nil": nil}
	oracle := boundsOracle{
		bound: set{
			"y": fixture.Vector(t, 1e-6, 3e-6), "often": fixture.Vector(t, 1.0, 3e-6), "wide": fixture.Vector(t, 1e-6, 5.0), "short": fixture.Vector(t, 1e-6),
			"unknown": fixture.Vector(t, 1e-6, 1e-6), "n": fixture.Vector(t, 1.0),
		},
		typical: set{"often": fixture.Vector(t, 5e-7, 1e-2), "alone": fixture.Vector(t, 0, 2e-2), "short": fixture.Vector(t, 1e-7)},
		unknown: map[string]error{"unknown": errors.New("no rule")},
	}
	otherwise := Rule{Tolerance: FixedTolerance{Atol: 7, Rtol: 0}, AllowNonFinite: true}
	rules, err := OracleRules(context.Background(), oracle, nil, values, Uniform(otherwise))
	if err != nil {
		t.Fatal(err)
	}
	fallback := [2]float64{1e-5*100 + 1e-4*1, 1e-5*100 + 1e-4*100} // atol times the largest magnitude, and rtol
	for name, want := range map[string][2]float64{
		"y":       {2e-6, 6e-6},        // one engine's bound each
		"often":   {5e-7, 6e-6},        // at most both engines' bounds at worst
		"alone":   {4 * 0x1p-23, 2e-2}, // at least some units, and not at most the fallback
		"wide":    {2e-6, fallback[1]},
		"none":    fallback,
		"unknown": fallback,
		"short":   fallback,
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

// Answers are judged by the typical bounds alone, against exact values of another
// type; and whatever the bounds are, what agrees is no farther than
// LargestDifference.
func TestJudgeAnswers(t *testing.T) {
	values := set{"y": fixture.Vector(t, float32(1), 100), "n": fixture.Vector(t, int32(3))}
	for _, c := range []struct {
		exact   []float64
		typical float64
		n       int32
		margin  float64
	}{
		{[]float64{1, 100}, 1e-3, 3, 0}, {[]float64{1, 100.0005}, 1e-3, 3, 0.5}, {[]float64{1, 100.002}, 1e-3, 3, 2}, {[]float64{1, 100}, 1e-3, 4, 2},
		{[]float64{1, 100.5}, 50, 3, 46}, // no bound that tells: the fallback
	} {
		oracle := boundsOracle{exact: set{"y": fixture.Vector(t, c.exact...), "n": fixture.Vector(t, c.n)}, typical: set{"y": fixture.Vector(t, c.typical, c.typical)}}
		results, err := JudgeAnswers(t.Context(), oracle, nil, values)
		if err != nil {
			t.Fatal(err)
		}
		margin := 0.0
		for i := range results {
			if results[i].Margin > 1 != (results[i].Verdict == Diverged) {
				t.Errorf("%v: %s", c, results[i].Verdict)
			}
			margin = max(margin, min(results[i].Margin, 46))
		}
		if c.n != 3 {
			margin = min(margin, 2)
		}
		if margin < c.margin*0.9 || margin > c.margin*1.1 {
			t.Errorf("%v: a margin of %v", c, margin)
		}
	}
	if _, err := JudgeAnswers(t.Context(), boundsOracle{exact: set{"y": values["y"]}}, nil, values); err == nil {
		t.Error("an answer without an exact value is judged")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		scale := math.Exp(20*rng.Float64() - 10)
		d := []float32{float32(scale * rng.NormFloat64()), float32(scale * rng.NormFloat64()), float32(scale * rng.NormFloat64())}
		value := fixture.Vector(t, d...)
		wide := math.Exp(20*rng.Float64()-10) * scale
		rules, err := answerRules(limits{}, limits{bound: set{"y": fixture.Vector(t, wide, wide/100, 0)}}, set{"y": value}, Uniform(DefaultRule()), fallbackOf(nil, set{"y": value}))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range d {
			if b, most := rules("y").Tolerance.Bound(i, float64(v)), LargestDifference(boundsOracle{}, value).Bound(i, float64(v)); b > most {
				t.Errorf("%v with a bound of %g: %g is allowed, more than %g", d, wide, b, most)
			}
		}
	}
}
