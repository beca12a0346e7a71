package compare

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// What is printed as the smallest tolerance passes, and what is next below
// does not: for every float type, over its whole range.
func TestSmallestIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, dtype := range floatTypes {
		for trial := range 600 {
			ref, cand := randomPair(r, dtype, 1+trial%5)
			given := Fixed{Atol: math.Ldexp(r.Float64(), -r.IntN(60)), Rtol: math.Ldexp(r.Float64(), -r.IntN(40))}
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
					if printed := parse(t, up(x, digits)); !passes(ref, cand, rule(printed)) {
						t.Fatalf("%s, %s: smallest %s %v does not pass as printed, %v", dtype, given, what, x, printed)
					}
				}
				if exactly := parse(t, exact(x)); exactly != x {
					t.Fatalf("%v is printed %s", x, exact(x))
				}
				if x > 0 && passes(ref, cand, rule(math.Nextafter(x, 0))) {
					t.Fatalf("%s, %s: less than the smallest %s %v passes", dtype, given, what, x)
				}
			}
			check("atol", s.Atol, func(x float64) Rule { return Rule{Tolerance: Fixed{Atol: x, Rtol: given.Rtol}} })
			check("rtol", s.Rtol, func(x float64) Rule { return Rule{Tolerance: Fixed{Atol: given.Atol, Rtol: x}} })
			check("atol alone", s.AtolAlone, func(x float64) Rule { return Rule{Tolerance: Fixed{Atol: x}} })
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
	given := Fixed{Atol: 1e-5, Rtol: 1e-4}
	for _, c := range []struct {
		name      string
		ref, cand *lockstep.Tensor
		allow     bool
		ok        bool
		rtolInf   bool
	}{
		{"reference 0", vec[float32](t, 0), vec[float32](t, 1), false, true, true},
		{"NaN apart", vec[float32](t, 0), vec(t, float32(nan)), false, false, false},
		{"NaN apart, allowed", vec[float32](t, 0), vec(t, float32(nan)), true, false, false},
		{"NaN agrees", vec(t, nan, 1), vec(t, nan, 1), false, false, false},
		{"NaN agrees, allowed", vec(t, nan, 1), vec(t, nan, 1), true, true, false},
		{"Inf agrees, allowed", vec(t, inf, 1), vec(t, inf, 1), true, true, false},
		{"type", vec[float32](t, 0), vec[float64](t, 0), false, false, false},
		{"ints", vec[int32](t, 0), vec[int32](t, 0), false, false, false},
		{"empty", vec[float32](t), vec[float32](t), false, false, false},
		{"missing", vec[float32](t), nil, false, false, false},
	} {
		d := measureOne(c.ref, c.cand)
		s, ok := d.SmallestPassing(given, c.allow)
		if ok != c.ok || math.IsInf(s.Rtol, 1) != c.rtolInf {
			t.Errorf("%s: %+v, %v", c.name, s, ok)
		}
	}
	// A difference beyond float64 is outside every Fixed, but not every ULP.
	d := measureOne(vec(t, math.MaxFloat64), vec(t, -math.MaxFloat64))
	if s, ok := d.SmallestPassing(given, false); !ok || !math.IsInf(s.Atol, 1) || !math.IsInf(s.Rtol, 1) || !math.IsInf(s.AtolAlone, 1) || s.ULP != 2*0x7fefffffffffffff {
		t.Errorf("end to end: %+v, %v", s, ok)
	}
}

// Where the rule knows neither atol nor rtol, the default stands in.
func TestSmallestGiven(t *testing.T) {
	x := vec[float32](t, 1)
	for _, c := range []struct {
		rule Rule
		want Fixed
	}{
		{Rule{Tolerance: Fixed{Atol: 1, Rtol: 2}}, Fixed{Atol: 1, Rtol: 2}},
		{Rule{ULP: 3}, Fixed{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Bits: true}, Fixed{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Tolerance: bound{1}}, Fixed{Atol: DefaultAtol, Rtol: DefaultRtol}},
		{Rule{Tolerance: Fixed{Atol: nan}}, Fixed{Atol: DefaultAtol, Rtol: DefaultRtol}},
	} {
		if got := judgeOne(x, x, c.rule).Smallest; got == nil || got.Given != c.want {
			t.Errorf("%s: %+v, want %v", c.rule, got, c.want)
		}
	}
}

var figureText = regexp.MustCompile(`atol (\S+) with rtol (\S+); (?:rtol (\S+) with atol (\S+)|no rtol with atol \S+); atol (\S+) with rtol 0; or (\d+) ulp`)

// The line of the text report, read back, lets the whole comparison pass.
func TestSmallestLinePasses(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	read := 0
	for range 150 {
		ref, cand := set{}, set{}
		for _, name := range []string{"a", "b", "c"} {
			x := make([]float32, 5)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			ref[name] = vec(t, x...)
			cand[name] = nudged(t, ref[name], func(int) int { return r.IntN(1 << r.IntN(14)) })
		}
		ref["n"], cand["n"] = vec[int32](t, 1), vec[int32](t, 1)
		given := Fixed{Atol: 1e-7 * r.Float64(), Rtol: 1e-6 * r.Float64()}
		whole := func(rule Rule) Verdict {
			c := compared("", "r", "c", ref, cand, Options{}, rule)
			return c.Verdict()
		}
		c := compared("", "r", "c", ref, cand, Options{}, Rule{Tolerance: given})
		m := figureText.FindStringSubmatch(smallestLine(&c))
		if m == nil {
			t.Fatalf("cannot read %q", smallestLine(&c))
		}
		read++
		ulp, _ := strconv.ParseUint(m[6], 10, 64)
		rules := []Rule{
			{Tolerance: Fixed{Atol: parse(t, m[1]), Rtol: parse(t, m[2])}},
			{Tolerance: Fixed{Atol: parse(t, m[5])}},
			{ULP: ulp},
		}
		if m[3] != "" {
			rules = append(rules, Rule{Tolerance: Fixed{Atol: parse(t, m[4]), Rtol: parse(t, m[3])}})
		}
		for _, rule := range rules {
			if whole(rule) != InStep {
				t.Errorf("%q, but %s diverges", smallestLine(&c), rule)
			}
		}
		// Not just any that passes: the whole comparison's is the least.
		s, _ := c.Smallest()
		if s.AtolAlone > 0 && whole(Rule{Tolerance: Fixed{Atol: math.Nextafter(s.AtolAlone, 0)}}) == InStep ||
			s.Atol > 0 && whole(Rule{Tolerance: Fixed{Atol: math.Nextafter(s.Atol, 0), Rtol: given.Rtol}}) == InStep ||
			s.Rtol > 0 && whole(Rule{Tolerance: Fixed{Atol: given.Atol, Rtol: math.Nextafter(s.Rtol, 0)}}) == InStep ||
			s.ULP > 0 && whole(Rule{ULP: s.ULP - 1}) == InStep {
			t.Errorf("less than %+v passes", s)
		}
	}
	if read == 0 {
		t.Error("nothing was read")
	}
}

func TestSmallestText(t *testing.T) {
	given := Fixed{Atol: 1e-5, Rtol: 1e-4}
	for _, c := range []struct {
		s    *Smallest
		want string
	}{
		{nil, "none would"},
		{&Smallest{Given: given}, "none is needed, all numbers are equal"},
		{&Smallest{Given: given, Atol: 0.12345, Rtol: 2, AtolAlone: 3, ULP: 4}, "atol 0.124 with rtol 0.0001; rtol 2 with atol 1e-05; atol 3 with rtol 0; or 4 ulp"},
		{&Smallest{Given: given, Atol: 1, Rtol: inf, AtolAlone: 1, ULP: 4}, "atol 1 with rtol 0.0001; no rtol with atol 1e-05; atol 1 with rtol 0; or 4 ulp"},
		{&Smallest{Given: given, Atol: inf, Rtol: inf, AtolAlone: inf, ULP: math.MaxUint64}, "no atol with rtol 0.0001; no rtol with atol 1e-05; no atol with rtol 0; or 18446744073709551615 ulp"},
		{&Smallest{Given: Fixed{Atol: 1}, Atol: 2, Rtol: 3, AtolAlone: 2, ULP: 1}, "atol 2 with rtol 0; rtol 3 with atol 1; or 1 ulp"},
	} {
		if got := smallestText(c.s); got != c.want {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
}
