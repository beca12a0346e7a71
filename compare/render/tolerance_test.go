package render

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func parse(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
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
			ref[name] = fixture.Vector(t, x...)
			cand[name] = fixture.Nudged(t, ref[name], func(int) int { return r.IntN(1 << r.IntN(14)) })
		}
		ref["n"], cand["n"] = fixture.Vector[int32](t, 1), fixture.Vector[int32](t, 1)
		given := compare.FixedTolerance{Atol: 1e-7 * r.Float64(), Rtol: 1e-6 * r.Float64()}
		whole := func(rule compare.Rule) compare.Verdict {
			c := compared("", "r", "c", ref, cand, compare.Options{}, rule)
			return c.Verdict()
		}
		c := compared("", "r", "c", ref, cand, compare.Options{}, compare.Rule{Tolerance: given})
		m := figureText.FindStringSubmatch(smallestLine(&c))
		if m == nil {
			t.Fatalf("cannot read %q", smallestLine(&c))
		}
		read++
		ulp, _ := strconv.ParseUint(m[6], 10, 64)
		rules := []compare.Rule{
			{Tolerance: compare.FixedTolerance{Atol: parse(t, m[1]), Rtol: parse(t, m[2])}},
			{Tolerance: compare.FixedTolerance{Atol: parse(t, m[5])}},
			{ULP: ulp},
		}
		if m[3] != "" {
			rules = append(rules, compare.Rule{Tolerance: compare.FixedTolerance{Atol: parse(t, m[4]), Rtol: parse(t, m[3])}})
		}
		for _, rule := range rules {
			if whole(rule) != compare.InStep {
				t.Errorf("%q, but %s diverges", smallestLine(&c), rule)
			}
		}
		// Not just any that passes: the whole comparison's is the least.
		s, _ := c.Smallest()
		if s.AtolAlone > 0 && whole(compare.Rule{Tolerance: compare.FixedTolerance{Atol: math.Nextafter(s.AtolAlone, 0)}}) == compare.InStep ||
			s.Atol > 0 && whole(compare.Rule{Tolerance: compare.FixedTolerance{Atol: math.Nextafter(s.Atol, 0), Rtol: given.Rtol}}) == compare.InStep ||
			s.Rtol > 0 && whole(compare.Rule{Tolerance: compare.FixedTolerance{Atol: given.Atol, Rtol: math.Nextafter(s.Rtol, 0)}}) == compare.InStep ||
			s.ULP > 0 && whole(compare.Rule{ULP: s.ULP - 1}) == compare.InStep {
			t.Errorf("less than %+v passes", s)
		}
	}
	if read == 0 {
		t.Error("nothing was read")
	}
}

func TestSmallestText(t *testing.T) {
	given := compare.FixedTolerance{Atol: 1e-5, Rtol: 1e-4}
	for _, c := range []struct {
		s    *compare.Smallest
		want string
	}{
		{nil, "none would"},
		{&compare.Smallest{Given: given}, "none is needed, all numbers are equal"},
		{&compare.Smallest{Given: given, Atol: 0.12345, Rtol: 2, AtolAlone: 3, ULP: 4}, "atol 0.124 with rtol 0.0001; rtol 2 with atol 1e-05; atol 3 with rtol 0; or 4 ulp"},
		{&compare.Smallest{Given: given, Atol: 1, Rtol: inf, AtolAlone: 1, ULP: 4}, "atol 1 with rtol 0.0001; no rtol with atol 1e-05; atol 1 with rtol 0; or 4 ulp"},
		{&compare.Smallest{Given: given, Atol: inf, Rtol: inf, AtolAlone: inf, ULP: math.MaxUint64}, "no atol with rtol 0.0001; no rtol with atol 1e-05; no atol with rtol 0; or 18446744073709551615 ulp"},
		{&compare.Smallest{Given: compare.FixedTolerance{Atol: 1}, Atol: 2, Rtol: 3, AtolAlone: 2, ULP: 1}, "atol 2 with rtol 0; rtol 3 with atol 1; or 1 ulp"},
	} {
		if got := smallestText(c.s); got != c.want {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
}

func TestJudged(t *testing.T) {
	one := set{"a": fixture.Vector(t, 1.0), "b": fixture.Vector(t, 1.0)}
	rules := func(name string) compare.Rule { return compare.Rule{ULP: uint64(name[0])} }
	c := compare.Comparison{Results: compare.Judge(compare.Measure(one, one, compare.Options{}), rules)}
	if got := Judged(&c); got != "judged by 2 rules, each tensor by its own" {
		t.Error(got)
	}
}
