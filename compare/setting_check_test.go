package compare_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// shifted is an engine some of whose values are off.
type shifted struct {
	lockstep.Tracer
	by map[string]float32 // of outputs, states and steps
}

func (s shifted) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := s.Tracer.Trace(ctx, in, d)
	if err != nil {
		return nil, err
	}
	return fixture.Shift(trace, s.by)
}

// How each comparison of a report judged each tensor, by their names.
func judgements(r *compare.Report) map[string]string {
	out := map[string]string{}
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		for _, j := range c.Results {
			out[c.Title+" of "+c.Candidate+": "+j.Name] = fmt.Sprint(j.Verdict, j.Causes, j.Rule, j.Rule.AllowNonFinite, j.Margin, j.Outside)
		}
	}
	return out
}

// A setting leaves the derived verdict as it is for all that it does not name:
// steps, what lies between the layers, weights, other outputs, and what others
// expect.
func TestSettingsLeaveTheDerivedVerdict(t *testing.T) {
	m := load(t, fixture.Dir(t, "states_out_keras3"))
	inputs := fixture.Tensors(t, "states_out_keras3", "inputs.npz")
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	answers := maps.Clone(trace.Outputs)
	maps.Copy(answers, trace.States)
	names := slices.Sorted(maps.Keys(answers))
	rng := rand.New(rand.NewPCG(4, 16))
	changed, kept := 0, 0
	for trial := range 40 {
		off := shifted{m, map[string]float32{}}
		for _, name := range append(slices.Sorted(maps.Keys(trace.Steps)), names...) {
			if rng.IntN(5) == 0 {
				off.by[name] = []float32{1e-8, 1e-6, 1e-3, 1, float32(math.NaN())}[rng.IntN(5)]
			}
		}
		check := compare.Check{Reference: m, Candidate: off, Inputs: inputs, Oracle: oracle, ExpectedBy: "keras", Expected: answers}
		if trial%2 == 0 {
			check.Reference, check.Candidate = off, m
		}
		was, err := check.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := judgements(was.Report)
		named := map[string]bool{}
		for range 1 + rng.IntN(3) {
			s := compare.Setting{Tensors: append([]string{"*/state_h", "encoder/*", "output_?"}, names...)[rng.IntN(len(names)+3)]}
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
			check.Settings = append(check.Settings, s)
			for _, name := range names {
				if ok, _ := path.Match(s.Tensors, name); ok {
					named[name] = true
				}
			}
		}
		is, err := check.Run(t.Context())
		if unmatched := (*compare.SettingError)(nil); errors.As(err, &unmatched) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		after := judgements(is.Report)
		for of, judged := range before {
			name, isAnswer := answerOf(of, names)
			if isAnswer && named[name] {
				if after[of] != judged {
					changed++
				}
				continue
			}
			if kept++; after[of] != judged {
				t.Errorf("%#v, which does not name it, makes %s\n%s, and it was\n%s", check.Settings, of, after[of], judged)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%#v: %d tensors are judged, and without it %d", check.Settings, len(after), len(before))
		}
	}
	if changed < 50 || kept < 500 {
		t.Errorf("%d tensors were judged otherwise, %d were not named: the test is too weak", changed, kept)
	}
}

// answerOf tells whether a judgement is of an output or state, or of what is
// expected of it.
func answerOf(of string, names []string) (string, bool) {
	for _, name := range names {
		if of == "outputs and states of native: "+name || of == "expected values of native: "+name {
			return name, true
		}
	}
	return "", false
}

// One that replaces the tolerance of all judges only answers, by its rule;
// allow_nonfinite alone keeps the steps.
func TestSettingsForAllTensors(t *testing.T) {
	m, inputs := seed(t)
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	off := shifted{m, map[string]float32{"output_0": 0.05}}
	check := compare.Check{Reference: m, Candidate: off, Inputs: inputs, Oracle: oracle}
	for _, c := range []struct {
		settings compare.Settings
		oracle   lockstep.Oracle
		want     compare.Verdict
		steps    bool
		rule     string
	}{
		{nil, oracle, compare.Diverged, true, ""},
		{compare.Settings{{AllowNonFinite: new(true)}}, oracle, compare.Diverged, true, ""},
		{compare.Settings{{Atol: new(0.125)}}, oracle, compare.InStep, false, "atol 0.125, rtol 0"},
		{compare.Settings{{Atol: new(1e-5)}}, oracle, compare.Diverged, false, "atol 1e-05, rtol 0"},
		{compare.Settings{{Atol: new(1e-12), Rtol: new(0.0)}, {AllowNonFinite: new(true)}}, oracle, compare.Diverged, false, "atol 1e-12, rtol 0"},
		{compare.Settings{{Tensors: "output_0", Atol: new(0.125)}}, oracle, compare.InStep, true, "atol 0.125, rtol 0"},
		{compare.Settings{{Tensors: "encoder/*", Atol: new(0.125)}}, oracle, compare.Diverged, true, ""},
		{compare.Settings{{ULP: new(uint64(0))}}, oracle, compare.Diverged, false, "equality"},
		{compare.Settings{{Atol: new(0.125)}}, nil, compare.InStep, false, "atol 0.125, rtol 0.0001"},
	} {
		check.Settings, check.Oracle = c.settings, c.oracle
		checked, err := check.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := checked.Report
		answers := comparison(t, r, "outputs and states")
		steps := slices.ContainsFunc(r.Comparisons, func(k compare.Comparison) bool { return k.Title == "single steps" })
		i := slices.IndexFunc(answers.Results, func(r compare.Result) bool { return r.Name == "output_0" })
		if rule := answers.Results[i].Rule.String(); r.Verdict() != c.want || steps != c.steps || c.rule != "" && rule != c.rule {
			t.Errorf("%#v: %s, steps %v, output_0 by %s, want %s, %v, %s", c.settings, r.Verdict(), steps, rule, c.want, c.steps, c.rule)
		}
	}
	check.Settings, check.Oracle = compare.Settings{{Tensors: "output", Atol: new(1.0)}}, oracle
	if _, err := check.Run(t.Context()); err == nil || err.Error() != `compare: the setting for "output": it matches no tensor: there are "output_0", "encoder/state_h", "encoder/state_c", "decoder/state_h", "decoder/state_c"; the nearest is "output_0"` {
		t.Error(err)
	}
}
