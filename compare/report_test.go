package compare

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestReportVerdict(t *testing.T) {
	one, two := fixture.Vector[float32](t, 1), fixture.Vector[float32](t, 2)
	good := compared("good", "r", "c", set{"x": one, "y": one}, set{"x": one, "y": one}, Options{}, DefaultRule())
	bad := compared("bad", "r", "c", set{"x": one, "y": one, "z": one}, set{"x": one, "y": two, "z": two}, Options{}, DefaultRule())
	nothing := compared("nothing", "r", "c", nil, nil, Options{}, DefaultRule())
	empty := compared("empty", "r", "c", set{"x": fixture.Vector[float32](t)}, set{"x": fixture.Vector[float32](t)}, Options{}, DefaultRule())
	weights := good
	weights.Title = weightsTitle
	for _, c := range []struct {
		name        string
		comparisons []Comparison
		want        Verdict
		title, at   string
	}{
		{"none", nil, Diverged, "", ""},
		{"good", []Comparison{good}, InStep, "", ""},
		{"good twice", []Comparison{good, good}, InStep, "", ""},
		{"one bad of two", []Comparison{good, bad}, Diverged, "bad", "y"},
		{"bad first", []Comparison{bad, good}, Diverged, "bad", "y"},
		{"nothing compared", []Comparison{good, nothing}, Diverged, "nothing", ""},
		{"empty", []Comparison{empty}, Diverged, "", ""},
		{"empty beside good", []Comparison{good, empty}, InStep, "", ""},
		{"good weights and nothing else", []Comparison{weights, empty}, Diverged, "", ""},
	} {
		r := Report{Comparisons: c.comparisons}
		if got := r.Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		comparison, first := r.FirstDivergence()
		title, at := "", ""
		if comparison != nil {
			title = comparison.Title
		}
		if first != nil {
			at = first.Name
		}
		if title != c.title || at != c.at {
			t.Errorf("%s: first divergence in %q at %q, want %q, %q", c.name, title, at, c.title, c.at)
		}
	}
	if bad.Diverged() != 2 || bad.Elements() != 3 || bad.Outside() != 2 || bad.Margin() <= 1 || good.Margin() != 0 || !math.IsInf(nothing.Margin(), 1) {
		t.Errorf("bad: %d diverged, %d elements, %d outside, margin %v", bad.Diverged(), bad.Elements(), bad.Outside(), bad.Margin())
	}
	if (Result{}).Verdict != Diverged || (&Report{}).Verdict() != Diverged || (&Comparison{Results: make([]Result, 1)}).Verdict() != Diverged {
		t.Error("something that was never judged is in step")
	}
}

func TestComparisonSmallest(t *testing.T) {
	f := func(x float32) set { return set{"f": fixture.Vector(t, x)} }
	with := func(s set, name string, v ...int32) set { s[name] = fixture.Vector(t, v...); return s }
	for _, c := range []struct {
		name      string
		ref, cand set
		ok        bool
	}{
		{"floats", f(1), f(2), true},
		{"equal ints beside", with(f(1), "n", 1), with(f(2), "n", 1), true},
		{"other ints beside", with(f(1), "n", 1), with(f(2), "n", 2), false},
		{"ints alone", with(set{}, "n", 1), with(set{}, "n", 1), false},
		{"missing", with(f(1), "n", 1), f(1), false},
		{"NaN", f(float32(nan)), f(float32(nan)), false},
		{"nothing", nil, nil, false},
	} {
		comparison := compared("", "r", "c", c.ref, c.cand, Options{}, DefaultRule())
		if s, ok := comparison.Smallest(); ok != c.ok || ok && s.AtolAlone != 1 {
			t.Errorf("%s: %+v, %v", c.name, s, ok)
		}
	}
	// Tensors with different rules are brought to one that all can share.
	ref := set{"a": fixture.Vector(t, 1.0), "b": fixture.Vector(t, 1.0)}
	cand := set{"a": fixture.Vector(t, 1.5), "b": fixture.Vector(t, 1.25)}
	rules := func(name string) Rule {
		return Rule{Tolerance: FixedTolerance{Atol: 1, Rtol: float64(len(name)) * float64(name[0])}}
	}
	c := Comparison{Results: Judge(Measure(ref, cand, Options{}), rules)}
	s, ok := c.Smallest()
	if !ok || s.Given != (FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}) {
		t.Errorf("mixed rules: %+v, %v", s, ok)
	}
	if again := Judge(Measure(ref, cand, Options{}), Uniform(Rule{Tolerance: FixedTolerance{Atol: s.Atol, Rtol: s.Given.Rtol}})); again[0].Verdict != InStep || again[1].Verdict != InStep {
		t.Errorf("mixed rules: %+v does not pass", s)
	}
}

func TestRuleString(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{}, "equality"},
		{DefaultRule(), "atol 1e-05, rtol 0.0001"},
		{Rule{ULP: 4}, "4 ulp"},
		{Rule{ULP: 4, Tolerance: FixedTolerance{Atol: 1}}, "atol 1, rtol 0, or 4 ulp"},
		{Rule{Bits: true, ULP: 4, Tolerance: FixedTolerance{}}, "bit for bit"},
		{Rule{Tolerance: bound{}}, "bounds of the test"},
	} {
		if got := c.rule.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
