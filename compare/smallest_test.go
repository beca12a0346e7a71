package compare

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/format"
)

// What is printed as the smallest tolerance passes, and what is next below
// does not: for every float type, over its whole range.
func TestSmallestIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, dtype := range floatTypes {
		for trial := range 600 {
			ref, cand := randomPair(r, dtype, 1+trial%5)
			given := FixedTolerance{Atol: math.Ldexp(r.Float64(), -r.IntN(60)), Rtol: math.Ldexp(r.Float64(), -r.IntN(40))}
			switch trial % 6 {
			case 0:
				given.Atol = 0
			case 1:
				given.Rtol = 0
			}
			rule := Rule{Tolerance: given}
			s := judgeOne(ref, cand, rule).Smallest
			if s == nil || s.Given != given {
				t.Fatalf("%s: smallest %+v of %s", dtype, s, given)
			}
			check := func(what string, x float64, rule func(x float64) Rule) {
				t.Helper()
				if math.IsInf(x, 1) {
					if passes(ref, cand, rule(math.MaxFloat64)) {
						t.Fatalf("%s, %s: no %s is said to do, but the largest does", dtype, given, what)
					}
					return
				}
				if !passes(ref, cand, rule(x)) {
					t.Fatalf("%s, %s: smallest %s %v does not pass", dtype, given, what, x)
				}
				for digits := 1; digits < 5; digits++ {
					if printed := parse(t, format.RoundUp(x, digits)); !passes(ref, cand, rule(printed)) {
						t.Fatalf("%s, %s: smallest %s %v does not pass as printed, %v", dtype, given, what, x, printed)
					}
				}
				if exactly := parse(t, format.Exact(x)); exactly != x {
					t.Fatalf("%v is printed %s", x, format.Exact(x))
				}
				if x > 0 && passes(ref, cand, rule(math.Nextafter(x, 0))) {
					t.Fatalf("%s, %s: less than the smallest %s %v passes", dtype, given, what, x)
				}
			}
			check("atol", s.Atol, func(x float64) Rule { return Rule{Tolerance: FixedTolerance{Atol: x, Rtol: given.Rtol}} })
			check("rtol", s.Rtol, func(x float64) Rule { return Rule{Tolerance: FixedTolerance{Atol: given.Atol, Rtol: x}} })
			check("atol alone", s.AtolAlone, func(x float64) Rule { return Rule{Tolerance: FixedTolerance{Atol: x}} })
			if !passes(ref, cand, Rule{ULP: s.ULP}) {
				t.Fatalf("%s: %d ulp do not pass", dtype, s.ULP)
			}
			if s.ULP > 0 && passes(ref, cand, Rule{ULP: s.ULP - 1}) {
				t.Fatalf("%s: less than %d ulp pass", dtype, s.ULP)
			}
		}
	}
}

func parse(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSmallestWhereNoneWould(t *testing.T) {
	given := FixedTolerance{Atol: 1e-5, Rtol: 1e-4}
	for _, c := range []struct {
		name      string
		ref, cand *lockstep.Tensor
		allow     bool
		ok        bool
		rtolInf   bool
	}{
		{"reference 0", fixture.Vector[float32](t, 0), fixture.Vector[float32](t, 1), false, true, true},
		{"NaN apart", fixture.Vector[float32](t, 0), fixture.Vector(t, float32(nan)), false, false, false},
		{"NaN apart, allowed", fixture.Vector[float32](t, 0), fixture.Vector(t, float32(nan)), true, false, false},
		{"NaN agrees", fixture.Vector(t, nan, 1), fixture.Vector(t, nan, 1), false, false, false},
		{"NaN agrees, allowed", fixture.Vector(t, nan, 1), fixture.Vector(t, nan, 1), true, true, false},
		{"Inf agrees, allowed", fixture.Vector(t, inf, 1), fixture.Vector(t, inf, 1), true, true, false},
		{"type", fixture.Vector[float32](t, 0), fixture.Vector[float64](t, 0), false, false, false},
		{"ints", fixture.Vector[int32](t, 0), fixture.Vector[int32](t, 0), false, false, false},
		{"empty", fixture.Vector[float32](t), fixture.Vector[float32](t), false, false, false},
		{"missing", fixture.Vector[float32](t), nil, false, false, false},
	} {
		d := measureOne(c.ref, c.cand)
		s, ok := d.smallestPassing(given, c.allow)
		if ok != c.ok || math.IsInf(s.Rtol, 1) != c.rtolInf {
			t.Errorf("%s: %+v, %v", c.name, s, ok)
		}
	}
	// A difference beyond float64 is outside every Fixed, but not every ULP.
	d := measureOne(fixture.Vector(t, math.MaxFloat64), fixture.Vector(t, -math.MaxFloat64))
	if s, ok := d.smallestPassing(given, false); !ok || !math.IsInf(s.Atol, 1) || !math.IsInf(s.Rtol, 1) || !math.IsInf(s.AtolAlone, 1) || s.ULP != 2*0x7fefffffffffffff {
		t.Errorf("end to end: %+v, %v", s, ok)
	}
}

// Where the rule knows neither atol nor rtol, the default stands in.
func TestSmallestGiven(t *testing.T) {
	x := fixture.Vector[float32](t, 1)
	for _, c := range []struct {
		rule Rule
		want FixedTolerance
	}{
		{Rule{Tolerance: FixedTolerance{Atol: 1, Rtol: 2}}, FixedTolerance{Atol: 1, Rtol: 2}},
		{Rule{ULP: 3}, FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Bits: true}, FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Tolerance: bound{1}}, FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Tolerance: FixedTolerance{Atol: nan}}, FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}},
	} {
		if got := judgeOne(x, x, c.rule).Smallest; got == nil || got.Given != c.want {
			t.Errorf("%s: %+v, want %v", c.rule, got, c.want)
		}
	}
}
