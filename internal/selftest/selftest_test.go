package selftest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/internal/selftest"
	"github.com/lockstep-go/lockstep/native"
)

func load(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A tolerance that allows anything catches nothing that keeps the outputs'
// shapes, a tight one nearly all, and the derived one more than the default.
func TestCounts(t *testing.T) {
	ctx := context.Background()
	m := load(t, "seed_keras3")
	in := fixture.Tensors(t, "seed_keras3", "inputs_short.npz")
	caught := map[string]int{}
	for name, settings := range map[string]compare.Settings{
		"anything": {{Atol: new(1e9)}},
		"default":  {compare.DefaultSetting()},
		"tight":    {{ULP: new(uint64(0))}},
		"derived":  nil,
	} {
		r, err := selftest.Run(ctx, m, in, selftest.Options{Settings: settings, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		caught[name] = r.Count(selftest.Caught)
		if n := r.Count(selftest.Caught) + r.Count(selftest.Missed) + r.Count(selftest.Nothing); n != len(r.Planted) || n < 60 {
			t.Errorf("%s: %d faults in all, %d planted", name, n, len(r.Planted))
		}
		for _, p := range r.Planted {
			if p.Outcome == selftest.Missed && p.Margin > 1 || p.Outcome == selftest.Caught && p.Margin <= 1 {
				t.Errorf("%s: %s was %s with a margin of %v", name, p.Fault, p.Outcome, p.Margin)
			}
		}
	}
	if caught["anything"] != 0 || caught["tight"] < caught["default"] || caught["derived"] <= caught["default"] {
		t.Errorf("caught %v", caught)
	}
}

// What covers counts is counted here once more, from the gates themselves.
func TestCover(t *testing.T) {
	m := load(t, "gru_masked_keras3")
	trace, err := m.Trace(context.Background(), fixture.Tensors(t, "gru_masked_keras3", "inputs.npz"), lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	c := selftest.Cover(trace)
	if len(c.Gates) != 3 || c.Gates[0].Gate != "z" || c.All != 9*c.Gates[0].Units {
		t.Fatalf("%+v", c)
	}
	driven := 0
	for _, g := range c.Gates {
		s := trace.Steps[g.Layer+"/sum_"+g.Gate]
		d, err := s.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		there, err := lockstep.Data[bool](trace.Layer(g.Layer).Mask())
		if err != nil {
			t.Fatal(err)
		}
		var low, linear, high int
		for u := range g.Units {
			var l, m, h bool
			for i := u; i < len(d); i += g.Units {
				if there[i/g.Units] {
					l, m, h = l || d[i] <= -2, m || d[i] >= -1 && d[i] <= 1, h || d[i] >= 2
				}
			}
			for to, is := range map[*int]bool{&low: l, &linear: m, &high: h} {
				if is {
					*to++
				}
			}
		}
		if got := g.Driven; got[selftest.Low] != low || got[selftest.Linear] != linear || got[selftest.High] != high {
			t.Errorf("%s: %v, want %d, %d and %d", g.Gate, got, low, linear, high)
		}
		driven += low + linear + high
	}
	if driven != c.Driven {
		t.Errorf("%d driven, want %d", c.Driven, driven)
	}
}

// Inputs that are made cover more than random ones, but where an embedding has no
// more to offer; the same seed makes the same.
func TestInputs(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"seed_keras3", "gru_masked_keras3", "embedding_mask_zero_keras3", "cells_mixed_keras3", "lstm_masked_states_tfkeras"} {
		m := load(t, name)
		o := selftest.InputOptions{Seed: 3, Steps: 12, Rows: 40}
		made, err := selftest.Inputs(ctx, m, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		random, err := random.Inputs(m.Signature(), 3, random.Sizes{Batch: 3, Steps: 12})
		if err != nil {
			t.Fatal(err)
		}
		trace, err := m.Trace(ctx, random, lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		if before := selftest.Cover(trace); made.Coverage.Driven < before.Driven || made.Coverage.Driven == before.Driven && name != "embedding_mask_zero_keras3" {
			t.Errorf("%s: %d of %d driven, and random inputs drive %d", name, made.Coverage.Driven, made.Coverage.All, before.Driven)
		}
		again, err := selftest.Inputs(ctx, m, o)
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range made.Inputs {
			if !x.BitEqual(again.Inputs[k]) {
				t.Errorf("%s: %s differs the second time", name, k)
			}
			if n := x.Shape()[0]; n != len(made.Rows) || n > o.Rows {
				t.Errorf("%s: %s has %d rows, named %d, want at most %d", name, k, n, len(made.Rows), o.Rows)
			}
		}
		if !slices.Contains(made.Rows, "spike, then decay") || !slices.Contains(made.Rows, "masked in the middle") {
			t.Errorf("%s: the rows are %q", name, made.Rows)
		}
		if err := m.Signature().CheckInputs(made.Inputs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
