package golden_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// inexact is an engine some of whose values are off.
type inexact struct {
	*native.Model
	by map[string]float32 // of outputs, states and steps
}

func (s inexact) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := s.Model.Trace(ctx, in, d)
	if err != nil {
		return nil, err
	}
	return fixture.Shift(trace, s.by)
}

func judgements(r *golden.Result) map[string]string {
	out := map[string]string{}
	for i := range r.Report.Comparisons {
		c := &r.Report.Comparisons[i]
		for _, j := range c.Results {
			out[c.Title+": "+j.Name] = fmt.Sprint(j.Verdict, j.Causes, j.Rule, j.Rule.AllowNonFinite, j.Margin, j.Outside)
		}
	}
	return out
}

// A setting leaves the recorded rule, or the derived one, as it is for every
// tensor that it does not name, and the steps.
func TestSettingsLeaveTheRecordedRule(t *testing.T) {
	dir := unpack(t, "keras3")
	inputs := fixtureInputs(t, dir)
	rng := rand.New(rand.NewPCG(4, 17))
	kept, changed := 0, 0
	for trial := range 60 {
		recording := golden.Recording{Model: "m", Inputs: inputs, Trace: trial%2 == 0}
		recording.Rule = []*compare.Setting{
			nil, {AllowNonFinite: new(true)}, {Atol: new(1e-12), Rtol: new(0.0)}, {ULP: new(uint64(0))}, {Atol: new(1e-4), ULP: new(uint64(2)), AllowNonFinite: new(true)},
		}[trial%5]
		g, err := golden.Record(t.Context(), load(t, dir), recording)
		if err != nil {
			t.Fatal(err)
		}
		g.Expected = maps.Clone(g.Outputs)
		names := slices.Sorted(maps.Keys(g.Outputs))
		names = append(names, slices.Sorted(maps.Keys(g.States))...)
		off := inexact{load(t, dir), map[string]float32{}}
		for _, name := range append(names, slices.Sorted(maps.Keys(g.Steps))...) {
			if rng.IntN(3) == 0 {
				off.by[name] = []float32{1e-8, 5e-5, 1e-3, 1}[rng.IntN(4)]
			}
		}
		was, err := g.Verify(t.Context(), off, golden.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var settings compare.Settings
		named := map[string]bool{}
		for range 1 + rng.IntN(3) {
			s := compare.Setting{Tensors: append([]string{"*/state_h", "encoder/*"}, names...)[rng.IntN(len(names)+2)]}
			switch rng.IntN(4) {
			case 0:
				s.Atol = new(1e9)
			case 1:
				s.Rtol = new(0.0)
			case 2:
				s.ULP = new(uint64(1))
			case 3:
				s.AllowNonFinite = new(true)
			}
			settings = append(settings, s)
			for _, name := range names {
				if ok, _ := path.Match(s.Tensors, name); ok {
					named[name] = true
				}
			}
		}
		is, err := g.Verify(t.Context(), off, golden.Options{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		before, after := judgements(was), judgements(is)
		for of, judged := range before {
			title, name, _ := strings.Cut(of, ": ")
			answer := title == "outputs and states" || title == "expected values"
			if answer && named[name] {
				if after[of] != judged {
					changed++
				}
			} else if kept++; after[of] != judged {
				t.Errorf("%#v over %#v, which does not name it, makes %s\n%s, and it was\n%s", settings, recording.Rule, of, after[of], judged)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%#v: %d tensors are judged, and without it %d", settings, len(after), len(before))
		}
	}
	if kept < 500 || changed < 50 {
		t.Errorf("%d tensors were judged otherwise, %d were not named: the test is too weak", changed, kept)
	}
}

// Answers 5e-5 off diverge from a golden that was recorded with atol 1e-12, rtol
// 0, whatever is allowed elsewhere; and what one setting does not give, it does
// not take from nowhere.
func TestSettingsOverTheRecordedRule(t *testing.T) {
	dir := unpack(t, "keras3")
	inputs := fixtureInputs(t, dir)
	rule := compare.Setting{Atol: new(1e-12), Rtol: new(0.0)}
	for _, c := range []struct {
		rule     *compare.Setting
		settings compare.Settings
		off      float32
		want     golden.Change
		judged   string // the output's rule
	}{
		{&rule, nil, 5e-5, golden.AnswersChanged, "atol 1e-12, rtol 0"},
		{&rule, compare.Settings{{AllowNonFinite: new(true)}}, 5e-5, golden.AnswersChanged, "atol 1e-12, rtol 0"},
		{&rule, compare.Settings{{Tensors: "encoder/*", Atol: new(1.0)}}, 5e-5, golden.AnswersChanged, "atol 1e-12, rtol 0"},
		{&rule, compare.Settings{{Rtol: new(0.0)}}, 5e-5, golden.AnswersChanged, "atol 1e-12, rtol 0"},
		{&rule, compare.Settings{{Atol: new(1e-13)}}, 5e-5, golden.AnswersChanged, "atol 1e-13, rtol 0"},
		{&rule, compare.Settings{{Atol: new(1e-3)}}, 5e-5, golden.Same, "atol 0.001, rtol 0"},
		{nil, compare.Settings{{Atol: new(1e-12)}}, 5e-5, golden.AnswersChanged, "atol 1e-12, rtol 0"},
		{&compare.Setting{ULP: new(uint64(0))}, nil, 1e-6, golden.AnswersChanged, "equality"},
		{&compare.Setting{AllowNonFinite: new(true)}, nil, 1, golden.AnswersChanged, ""},
		{nil, compare.Settings{{ULP: new(uint64(0))}}, 0, golden.Same, "equality"},
	} {
		g, err := golden.Record(t.Context(), load(t, dir), golden.Recording{Model: "m", Files: os.DirFS(dir), Inputs: inputs, Rule: c.rule})
		if err != nil {
			t.Fatal(err)
		}
		output := slices.Sorted(maps.Keys(g.Outputs))[0]
		off := inexact{load(t, dir), map[string]float32{output: c.off}}
		r, err := g.Verify(t.Context(), off, golden.Options{Settings: c.settings})
		if err != nil {
			t.Fatal(err)
		}
		first := r.Report.Comparisons[0].Results[0]
		if r.Change != c.want || first.Name != output || c.judged != "" && first.Rule.String() != c.judged {
			t.Errorf("recorded by %#v, verified by %#v: %s, %s judged by %s, want %s, by %s", c.rule, c.settings, r.Change, first.Name, first.Rule, c.want, c.judged)
		}
	}
	g := record(t, dir, inputs)
	var unmatched *compare.SettingError
	if _, err := g.Verify(t.Context(), load(t, dir), golden.Options{Settings: compare.Settings{{Tensors: "encodr/*", Atol: new(1.0)}}}); !errors.As(err, &unmatched) || !strings.Contains(err.Error(), `the nearest is "encoder/state_`) {
		t.Error(err)
	}
	if _, err := golden.Record(t.Context(), load(t, dir), golden.Recording{Inputs: inputs, Rule: &compare.Setting{}}); !errors.As(err, &unmatched) {
		t.Errorf("a rule without any part: %v", err)
	}
}

// Values that are not finite are allowed in the steps too, by the golden's own
// rule or by a setting for all tensors, and by no other.
func TestAllowNonFiniteInSteps(t *testing.T) {
	dir := unpack(t, "keras3")
	inputs := fixtureInputs(t, dir)
	for _, x := range inputs {
		values, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		values[0] = float32(math.NaN())
	}
	m := load(t, dir)
	if _, err := golden.Record(t.Context(), m, golden.Recording{Inputs: inputs, Trace: true}); err == nil {
		t.Error("NaNs were recorded")
	}
	g, err := golden.Record(t.Context(), m, golden.Recording{Inputs: inputs, Trace: true, Rule: &compare.Setting{AllowNonFinite: new(true)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings compare.Settings
		want     compare.Verdict
	}{
		{nil, compare.InStep},
		{compare.Settings{{AllowNonFinite: new(false)}}, compare.Diverged},
		{compare.Settings{{AllowNonFinite: new(false)}, {Tensors: "*", AllowNonFinite: new(true)}, {Tensors: "*/*", AllowNonFinite: new(true)}}, compare.Diverged},
	} {
		r, err := g.Verify(t.Context(), m, golden.Options{Settings: c.settings})
		if err != nil {
			t.Fatal(err)
		}
		steps := r.Report.Comparisons[0]
		if got := steps.Verdict(); steps.Title != "single steps" || got != c.want {
			t.Errorf("%#v: %s are %s, want %s", c.settings, steps.Title, got, c.want)
		}
	}
}
