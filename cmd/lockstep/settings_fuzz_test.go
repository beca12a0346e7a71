package main

import (
	"math"
	"math/rand/v2"
	"path"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Whatever a lockstep.yaml says of tolerances, the numbers in it are those that
// the library of YAML reads, a tensor that it does not name is judged as without
// it, and one that it names by what it says.
func FuzzSettings(f *testing.F) {
	for _, entry := range []string{
		"tolerance: {allow_nonfinite: true}",
		"tensors: [{name: encoder/*, atol: 1}]",
		"tensors: [{name: output_0, atol: 1e-3}]",
		"tolerance: {atol: 1e-12, rtol: 0}",
		"tolerance: {ulp: 0}",
		"tolerance: {atol: 1e-5}\n    tensors: [{name: '*', rtol: 1e-2}, {name: output_?, ulp: 4}]",
		"tensors: [{name: '*/state_h', ulp: 4}, {name: encoder/*, atol: .5, rtol: 0, allow_nonfinite: true}]",
		"tolerance: {atol: }", "tolerance: {ulp: 010}", "tolerance: {atol: 1_000}", "tolerance: {atol: 1e400}", "tolerance: {rtol: .inf}", "tolerance: {allow_nonfinite: yes}", "tolerance: {}",
		"tensors: [{name: output, ulp: 1}]", "tolerance: {atol: +5E-1, ulp: 12}",
	} {
		for seed := range uint64(3) {
			f.Add("models:\n  - model: a\n    "+entry+"\n", seed)
		}
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		c, err := parseConfig(configName, []byte(text))
		if err != nil {
			return
		}
		var other struct{ Models []map[string]any }
		if err := yaml.Unmarshal([]byte(text), &other); err != nil {
			t.Fatalf("%q is read, and the library does not: %v", text, err)
		}
		for i := range c.Models {
			m := &c.Models[i]
			if m.Tolerance != nil {
				sameNumbers(t, m.Tolerance, other.Models[i]["tolerance"])
			}
			for j := range m.Tensors {
				sameNumbers(t, &m.Tensors[j].Tolerance, other.Models[i]["tensors"].([]any)[j])
			}
			judgeBy(t, m, rand.New(rand.NewPCG(seed, 1)))
		}
	})
}

// sameNumbers wants what was read to be what the library reads.
func sameNumbers(t *testing.T, have *configTolerance, other any) {
	t.Helper()
	want := other.(map[string]any)
	number := func(key string) (float64, bool) {
		switch v := want[key].(type) {
		case int:
			return float64(v), true
		case int64:
			return float64(v), true
		case uint64:
			return float64(v), true
		case float64:
			return v, true
		}
		return 0, false
	}
	for key, v := range map[string]*yamlNumber{"atol": have.Atol, "rtol": have.Rtol} {
		if n, ok := number(key); (v != nil) != ok || ok && float64(*v) != n {
			t.Errorf("%s of %v is read as %v", key, want, v)
		}
	}
	if n, ok := number("ulp"); (have.ULP != nil) != ok || ok && float64(*have.ULP) != n {
		t.Errorf("ulp of %v is read as %v", want, have.ULP)
	}
	if b, ok := want["allow_nonfinite"].(bool); (have.AllowNonFinite != nil) != ok || ok && bool(*have.AllowNonFinite) != b {
		t.Errorf("allow_nonfinite of %v is read as %v", want, have.AllowNonFinite)
	}
}

// judgeBy judges tensors with and without what an entry says.
func judgeBy(t *testing.T, m *configModel, rng *rand.Rand) {
	t.Helper()
	names := []string{"output_0", "output_1", "encoder/state_h", "encoder/state_c", "decoder/state_h"}
	references, candidates, rules := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}, map[string]compare.Rule{}
	for _, name := range names {
		a, b := pairOf(rng)
		for to, values := range map[*map[string]*lockstep.Tensor][]float32{&references: a, &candidates: b} {
			x, err := lockstep.New(values, len(values))
			if err != nil {
				t.Fatal(err)
			}
			(*to)[name] = x
		}
		rules[name] = compare.Rule{Tolerance: compare.BoundTolerance{Each: []float64{1e-6, 1e-6, 1e-4, math.Inf(1)}, Of: "bounds"}}
		if rng.IntN(3) == 0 {
			rules[name] = compare.DefaultRule()
		}
	}
	base := func(name string) compare.Rule { return rules[name] }
	measured := compare.Measure(references, candidates, compare.Options{})
	was, is := compare.Judge(measured, base), compare.Judge(measured, m.settings().Over(base))
	for i, r := range is {
		want := was[i].Verdict
		if entries := entriesFor(m, r.Name); len(entries) > 0 {
			want = verdictBy(entries, was[i])
		} else if r.Rule.String() != was[i].Rule.String() {
			t.Errorf("%s is not named, and judged by %s", r.Name, r.Rule)
		}
		if r.Verdict != want {
			t.Errorf("%s is %s by %s, want %s", r.Name, r.Verdict, r.Rule, want)
		}
	}
}

// pairOf makes four numbers and others near or far.
func pairOf(rng *rand.Rand) (a, b []float32) {
	off := []float32{0, 0, 1e-7, 1e-5, 5e-5, 1e-2}[rng.IntN(6)]
	for range 4 {
		x := float32(rng.NormFloat64())
		a, b = append(a, x), append(b, x+off*float32(rng.Float64()))
	}
	if rng.IntN(3) == 0 {
		a[1] = float32(math.Inf(1))
		b[1] = a[1]
	}
	return a, b
}

// entriesFor lists what an entry says of a tensor, what counts first in front.
func entriesFor(m *configModel, name string) []compare.Setting {
	var out []compare.Setting
	for i := range m.Tensors {
		if ok, _ := path.Match(m.Tensors[i].Name, name); ok || m.Tensors[i].Name == name {
			out = append(out, m.Tensors[i].Tolerance.setting(""))
		}
	}
	if m.Tolerance != nil {
		out = append(out, m.Tolerance.setting(""))
	}
	return out
}

// verdictBy judges element by element as the documentation says.
func verdictBy(entries []compare.Setting, was compare.Result) compare.Verdict {
	allow := was.Rule.AllowNonFinite
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].AllowNonFinite != nil {
			allow = *entries[i].AllowNonFinite
		}
	}
	var atol, rtol *float64
	var ulp *uint64
	tolerance := false
	for _, s := range entries {
		if s.Atol == nil && s.Rtol == nil && s.ULP != nil && tolerance {
			break // ulp alone: what stands behind it no longer counts
		}
		if !tolerance {
			ulp = s.ULP
		}
		if atol == nil {
			atol = s.Atol
		}
		if rtol == nil {
			rtol = s.Rtol
		}
		if tolerance = tolerance || s.Atol != nil || s.Rtol != nil || s.ULP != nil; tolerance && atol == nil && rtol == nil {
			break
		}
	}
	reference, _ := lockstep.Data[float32](was.Reference)
	candidate, _ := lockstep.Data[float32](was.Candidate)
	for i, b := range reference {
		a := candidate[i]
		if math.IsInf(float64(b), 0) && !allow {
			return compare.Diverged
		}
		near := a == b
		if tolerance && !math.IsInf(float64(b), 0) {
			near = near || ulp != nil && ulpsBetween(a, b) <= *ulp
			bound := 0.0
			if atol != nil {
				bound = *atol
			}
			if rtol != nil {
				bound += *rtol * math.Abs(float64(b))
			}
			near = near || math.Abs(float64(a)-float64(b)) <= bound
		} else if !near {
			if bounds, ok := was.Rule.Tolerance.(compare.BoundTolerance); ok && math.IsInf(bounds.Each[i], 0) {
				return compare.Diverged
			}
			near = math.Abs(float64(a)-float64(b)) <= was.Rule.Tolerance.Bound(i, float64(b))
		}
		if !near {
			return compare.Diverged
		}
	}
	return compare.InStep
}

// ulpsBetween counts units in the last place.
func ulpsBetween(a, b float32) uint64 {
	order := func(x float32) int64 {
		if bits := math.Float32bits(x); bits>>31 == 1 {
			return -int64(bits &^ (1 << 31))
		} else {
			return int64(bits)
		}
	}
	return uint64(max(order(a)-order(b), order(b)-order(a)))
}
