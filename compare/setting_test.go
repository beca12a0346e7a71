package compare

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Absent, zero and default are three things, and a setting changes what it gives
// and no more.
func TestSettingsOver(t *testing.T) {
	derived := Uniform(Rule{Tolerance: BoundTolerance{Of: "a bound"}})
	fixed := Uniform(DefaultRule())
	ulp := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		what     string
		base     Rules
		settings Settings
		want     string
		allow    bool
	}{
		{"nothing", derived, nil, "a bound", false},
		{"another tensor", derived, Settings{{Tensors: "y", Atol: new(1.0), AllowNonFinite: new(true)}}, "a bound", false},
		{"allow_nonfinite alone", derived, Settings{{AllowNonFinite: new(true)}}, "a bound", true},
		{"allow_nonfinite, taken back", derived, Settings{{AllowNonFinite: new(true)}, {Tensors: "x", AllowNonFinite: new(false)}}, "a bound", false},
		{"atol alone", derived, Settings{{Atol: new(0.5)}}, "atol 0.5, rtol 0", false},
		{"rtol alone", derived, Settings{{Rtol: new(0.5)}}, "atol 0, rtol 0.5", false},
		{"atol over nobody's default", fixed, Settings{{Atol: new(0.5)}}, "atol 0.5, rtol 0", false},
		{"atol over the default", fixed, Settings{DefaultSetting(), {Atol: new(0.5)}}, "atol 0.5, rtol 0.0001", false},
		{"rtol over a recorded rule", derived, Settings{{Atol: new(1e-12), Rtol: new(0.0)}, {Tensors: "x", Rtol: new(0.25)}}, "atol 1e-12, rtol 0.25", false},
		{"zero", derived, Settings{{Atol: new(0.0)}}, "atol 0, rtol 0", false},
		{"ulp alone", fixed, Settings{DefaultSetting(), {ULP: ulp(4)}}, "4 ulp", false},
		{"ulp 0", derived, Settings{{ULP: ulp(0)}}, "equality", false},
		{"either", derived, Settings{{Atol: new(0.5), ULP: ulp(4)}}, "atol 0.5, rtol 0, or 4 ulp", false},
		{"atol after ulp", derived, Settings{{ULP: ulp(4)}, {Atol: new(0.5)}}, "atol 0.5, rtol 0", false},
		{"ulp between", derived, Settings{{Rtol: new(0.5)}, {ULP: ulp(4)}, {Atol: new(0.5)}}, "atol 0.5, rtol 0", false},
		{"a pattern", derived, Settings{{Tensors: "?", ULP: ulp(3)}}, "3 ulp", false},
		{"bits", Uniform(Rule{Bits: true}), Settings{{ULP: ulp(3)}}, "3 ulp", false},
	} {
		rule := c.settings.Over(c.base)("x")
		if rule.String() != c.want || rule.AllowNonFinite != c.allow {
			t.Errorf("%s: %s, allow %v, want %s, allow %v", c.what, rule, rule.AllowNonFinite, c.want, c.allow)
		}
	}
}

// A setting that does nothing is an error that says what could have been meant.
func TestSettingsMatch(t *testing.T) {
	names := []string{"output_0", "encoder/state_h", "encoder/state_c", "a[0]"}
	atol := new(1.0)
	for _, c := range []struct {
		setting Setting
		want    string // of the error, "" for none
	}{
		{Setting{Atol: atol}, ""},
		{Setting{Tensors: "encoder/*", Atol: atol}, ""},
		{Setting{Tensors: "*/state_?", AllowNonFinite: new(false)}, ""},
		{Setting{Tensors: "a[0]", Atol: atol}, ""}, // a name, though a pattern of another one
		{Setting{Tensors: "output_1", Atol: atol}, `the setting for "output_1": it matches no tensor: there are "output_0", "encoder/state_h", "encoder/state_c", "a[0]"; the nearest is "output_0"`},
		{Setting{Tensors: "encodr/*", Atol: atol}, `the nearest is "encoder/state_h"`},
		{Setting{Tensors: "*state_c", Atol: atol}, `the nearest is "encoder/state_c", and * matches no /`},
		{Setting{Tensors: "*", Atol: atol}, ""},
		{Setting{Tensors: "[", Atol: atol}, "no pattern"},
		{Setting{}, "the setting for all tensors: it has no rule"},
		{Setting{Tensors: "output_0"}, "it has no rule"},
		{Setting{Atol: new(-1.0)}, "atol is -1"},
		{Setting{Rtol: new(inf)}, "rtol is +Inf"},
		{Setting{Atol: new(nan)}, "atol is NaN"},
	} {
		err := Settings{{Atol: atol}, c.setting}.Match(names)
		var setting *SettingError
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &setting) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%#v: %v, want %q", Settings{c.setting}, err, c.want)
		}
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("output_%d", i)
	}
	err := Settings{{Tensors: "outputs_77", Atol: atol}}.Match(many)
	if err == nil || !strings.Contains(err.Error(), "and 80 more") || !strings.Contains(err.Error(), `nearest is "output_77"`) {
		t.Error(err)
	}
	if err := (Settings{{Tensors: strings.Repeat("*x", 5000), Atol: atol}}).Match(many); err == nil {
		t.Error("a long pattern matches")
	}
}

// Adding a setting never changes how a tensor is judged that it does not name:
// over random tensors, base rules (derived, fixed and chosen before) and
// settings. A tensor that it names is judged by it.
func TestSettingsChangeNoOther(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 4))
	named, other, verdicts := 0, 0, map[Verdict]int{}
	for range 3000 {
		names := []string{"y", "z", "encoder/state_h", "encoder/state_c", "decoder/state_h"}
		references, candidates, rules := set{}, set{}, map[string]Rule{}
		for _, name := range names {
			references[name], candidates[name] = differingPair(t, rng)
			rules[name] = randomRule(rng, references[name].Len())
		}
		before := randomSettings(rng, names, rng.IntN(3))
		added := append(append(Settings{}, before...), randomSettings(rng, names, 1)...)
		base := before.Over(func(name string) Rule { return rules[name] })
		d := Measure(references, candidates, Options{})
		was, is := Judge(d, base), Judge(d, added.Over(func(name string) Rule { return rules[name] }))
		last := added[len(added)-1]
		for i, r := range is {
			verdicts[r.Verdict]++
			if matches(last.Tensors, r.Name) {
				named++
				chosen := slices.ContainsFunc(before, func(s Setting) bool {
					return matches(s.Tensors, r.Name) && (s.Atol != nil || s.Rtol != nil || s.ULP != nil)
				})
				if want := ruleAfter(last, was[i].Rule, chosen); !sameRule(r.Rule, want) {
					t.Errorf("%#v over %#v: %s is judged by %s, allow %v; want %s, allow %v", added, before, r.Name, r.Rule, r.Rule.AllowNonFinite, want, want.AllowNonFinite)
				}
				continue
			}
			other++
			if r.Verdict != was[i].Verdict || r.Margin != was[i].Margin || r.Outside != was[i].Outside || !sameRule(r.Rule, was[i].Rule) {
				t.Errorf("%#v over %#v does not name %s, and it was %s by %s, and is %s by %s", added, before, r.Name, was[i].Verdict, was[i].Rule, r.Verdict, r.Rule)
			}
		}
	}
	if named < 2000 || other < 2000 || verdicts[InStep] < 2000 || verdicts[Diverged] < 2000 {
		t.Errorf("%d named, %d not, %v: too few of some", named, other, verdicts)
	}
}

func sameRule(a, b Rule) bool {
	return a.String() == b.String() && a.ULP == b.ULP && a.AllowNonFinite == b.AllowNonFinite
}

// matches tells which of the test's patterns match which of its names.
func matches(pattern, name string) bool {
	switch pattern {
	case "":
		return true
	case "encoder/*":
		return strings.HasPrefix(name, "encoder/")
	case "*/state_h":
		return strings.HasSuffix(name, "/state_h")
	case "?":
		return len(name) == 1
	}
	return pattern == name
}

// ruleAfter is the rule that a setting makes of the one before it; chosen tells
// whether that was the wish of another setting.
func ruleAfter(s Setting, was Rule, chosen bool) Rule {
	want := was
	if s.AllowNonFinite != nil {
		want.AllowNonFinite = *s.AllowNonFinite
	}
	if s.Atol == nil && s.Rtol == nil && s.ULP == nil {
		return want
	}
	want.ULP, want.Tolerance = 0, nil
	if s.ULP != nil {
		want.ULP = *s.ULP
	}
	if s.Atol == nil && s.Rtol == nil {
		return want
	}
	var fixed FixedTolerance
	if chosen {
		fixed, _ = was.Tolerance.(FixedTolerance)
	}
	if s.Atol != nil {
		fixed.Atol = *s.Atol
	}
	if s.Rtol != nil {
		fixed.Rtol = *s.Rtol
	}
	want.Tolerance = fixed
	return want
}

// differingPair makes two tensors of one shape, some of them with NaNs or
// infinities, that are equal or differ by little or much.
func differingPair(t *testing.T, rng *rand.Rand) (reference, candidate *lockstep.Tensor) {
	t.Helper()
	n := 1 + rng.IntN(6)
	a, b := make([]float32, n), make([]float32, n)
	size := []float64{0, 1e-7, 1e-5, 1e-3, 1}[rng.IntN(5)]
	for i := range a {
		a[i] = float32(rng.NormFloat64())
		b[i] = a[i] + float32(size*rng.NormFloat64())
	}
	if rng.IntN(4) == 0 {
		i := rng.IntN(n)
		a[i] = []float32{float32(nan), float32(inf), -float32(inf)}[rng.IntN(3)]
		if b[i] = a[i]; rng.IntN(4) == 0 {
			b[i] = 1
		}
	}
	return fixture.NewTensor(t, a, n), fixture.NewTensor(t, b, n)
}

// randomRule is a derived or a fixed rule, as those that hold without settings.
func randomRule(rng *rand.Rand, elements int) Rule {
	r := Rule{AllowNonFinite: rng.IntN(4) == 0}
	switch rng.IntN(4) {
	case 0:
		r.Tolerance = FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}
	case 1:
		r.ULP = uint64(rng.IntN(3))
	default:
		each := make([]float64, elements)
		for i := range each {
			each[i] = []float64{0, 1e-7, 1e-4, 1, inf}[rng.IntN(5)]
		}
		r.Tolerance = BoundTolerance{Each: each, Of: "a bound"}
	}
	return r
}

// randomSettings makes n settings for some of the names, or for all.
func randomSettings(rng *rand.Rand, names []string, n int) Settings {
	patterns := append([]string{"", "encoder/*", "*/state_h", "?"}, names...)
	numbers := []float64{0, 1e-12, 1e-6, 1e-3, 1}
	var out Settings
	for len(out) < n {
		s := Setting{Tensors: patterns[rng.IntN(len(patterns))]}
		if rng.IntN(3) == 0 {
			s.Atol = new(numbers[rng.IntN(len(numbers))])
		}
		if rng.IntN(3) == 0 {
			s.Rtol = new(numbers[rng.IntN(len(numbers))])
		}
		if rng.IntN(3) == 0 {
			s.ULP = new(uint64(rng.IntN(4)))
		}
		if rng.IntN(3) == 0 {
			s.AllowNonFinite = new(rng.IntN(2) == 0)
		}
		if out = append(out, s); out.Valid() != nil { // it says nothing
			out = out[:len(out)-1]
		}
	}
	return out
}
