//go:build tensorflow

package tfbridge

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// tolerance is numpy's rule with both set to it: |a−b| ≤ tolerance + tolerance·|b|.
// Keras ran the same kernels in the same library, so what is between the two
// is how a graph was optimised.
const tolerance = 1e-5

func openDir(t testing.TB, dir string, options ...Option) *Model {
	t.Helper()
	m, err := Open(dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func openFixture(t testing.TB, name string, options ...Option) *Model {
	t.Helper()
	return openDir(t, fixture.Dir(t, name), options...)
}

// difference returns the largest |a−b| as a part of what tolerance allows.
func difference(a, b *lockstep.Tensor) (float64, error) {
	if a == nil || b == nil || a.DType() != b.DType() || !slices.Equal(a.Shape(), b.Shape()) {
		return 0, fmt.Errorf("%s, want %s", a, b)
	}
	x, err := a.Float64s()
	if err != nil {
		return 0, err
	}
	y, err := b.Float64s()
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for i := range x {
		d := math.Abs(x[i]-y[i]) / (tolerance + tolerance*math.Abs(y[i]))
		if !(d <= 1) { // NaN as well
			return d, fmt.Errorf("element %d is %v, want %v", i, x[i], y[i])
		}
		worst = max(worst, d)
	}
	return worst, nil
}

// What libtensorflow answers for each fixture is what Keras answered, and so
// are the states of both layers, which only states_out's signature offers.
func TestFixturesAnswerAsKerasDid(t *testing.T) {
	for _, name := range append(fixture.Names(t), "reports/seed_keras313") {
		if name == "not_callable" {
			continue // TestOpenRefuses opens it
		}
		t.Run(name, func(t *testing.T) {
			recipe := fixture.ReadRecipe(t, name)
			broken := recipe.ExportsWrong
			models := map[string]*Model{}
			for _, c := range fixture.Cases(t, name) {
				signature := recipe.SignatureOf(c)
				m := models[signature]
				if m == nil {
					m = openFixture(t, name, WithSignature(signature))
					models[signature] = m
				}
				inputs, want := fixture.Tensors(t, name, "inputs"+c+".npz"), fixture.Tensors(t, name, "expected"+c+".npz")
				trace, err := m.Trace(context.Background(), inputs, lockstep.Steps)
				if err != nil {
					// A broken export may also fail outright.
					if !broken {
						t.Errorf("case %q: %v", c, err)
					}
					continue
				}
				if trace.Engine != "tensorflow" {
					t.Errorf("engine %q", trace.Engine)
				}
				checkSteps(t, trace)
				got := maps.Clone(trace.Outputs)
				maps.Copy(got, trace.States)
				if broken {
					if _, err := difference(got["output_0"], want["output_0"]); err == nil {
						t.Errorf("case %q: the broken export answers as Keras did", c)
					}
					continue
				}
				if !strings.HasPrefix(name, "not_") && !recipe.OfZoo() {
					if diff := fmt.Sprint(trace.Layers); diff != "[encoder decoder]" {
						t.Errorf("layers %s, want [encoder decoder]", diff)
					}
					if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
						t.Errorf("case %q: tensors %v, want %v", c, g, w)
					}
				}
				margin, compared := 0.0, 0
				for key, w := range want {
					g := got[key]
					if g == nil { // not the seq2seq: its layers keep Keras's names
						layer, state, _ := strings.Cut(key, "/")
						g = got[layer+"_lstm/"+state]
					}
					d, err := difference(g, w)
					if err != nil {
						t.Errorf("case %q: %s: %v", c, key, err)
					}
					margin, compared = max(margin, d), compared+1
				}
				if compared == 0 {
					t.Errorf("case %q: nothing was compared", c)
				}
				t.Logf("case %q: %d tensors within %.3g of the tolerance %g", c, compared, margin, tolerance)

				run, err := m.Run(context.Background(), inputs)
				if err != nil || len(run) != len(trace.Outputs) {
					t.Fatalf("case %q: Run returns %v, %v", c, run, err)
				}
				for key, r := range run {
					if _, err := difference(r, trace.Outputs[key]); err != nil {
						t.Errorf("case %q: Run and Trace disagree on %s: %v", c, key, err)
					}
				}
			}
		})
	}
}

func TestTraceOfOutputsAlone(t *testing.T) {
	m := openFixture(t, "seed_units1_keras3")
	trace, err := m.Trace(context.Background(), fixture.Tensors(t, "seed_units1_keras3", "inputs.npz"), lockstep.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	if trace.Layers != nil || trace.States != nil || len(trace.Outputs) != 1 {
		t.Errorf("layers %v, states %v, outputs %v, want outputs alone", trace.Layers, trace.States, trace.Outputs)
	}
}

// The weights are Keras's get_weights(), bit for bit, and in its order in the
// sequence-to-sequence model.
func TestWeightsAreKeras(t *testing.T) {
	ordered := 0
	for _, name := range fixture.Names(t) {
		if name == "not_callable" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := openFixture(t, name)
			got, err := m.Weights()
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case !exists(fixture.Path(name, "weights.npz")):
				if len(got) == 0 {
					t.Error("no weights")
				}
			case len(got) > 0 && got[0].Name == "encoder/kernel":
				checkWeights(t, got, fixture.Ordered(t, name, "weights.npz"))
				ordered++
			default:
				checkSameWeights(t, got, fixture.Ordered(t, name, "weights.npz"))
			}
			again, err := m.Weights()
			if err != nil {
				t.Fatal(err)
			}
			checkWeights(t, again, got)
		})
	}
	if ordered < 10 {
		t.Errorf("the weights of %d sequence-to-sequence models were checked, want 10 or more", ordered)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func checkWeights(t *testing.T, got lockstep.Weights, want []lockstep.NamedTensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d weights, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Name != w.Name && w.Name != strconv.Itoa(i) { // the zoo's are in order
			t.Errorf("weight %d is %s, want %s", i, got[i].Name, w.Name)
		}
		if !got[i].Tensor.BitEqual(w.Tensor) {
			t.Errorf("%s is %s and differs from Keras's %s", w.Name, got[i].Tensor, w.Tensor)
		}
	}
}

// checkSameWeights wants the same weights in any order, by any names.
func checkSameWeights(t *testing.T, got lockstep.Weights, want []lockstep.NamedTensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d weights, want %d", len(got), len(want))
	}
	rest := slices.Clone(got)
	for _, w := range want {
		at := slices.IndexFunc(rest, func(g lockstep.NamedTensor) bool { return g.Tensor.BitEqual(w.Tensor) })
		if at < 0 {
			t.Errorf("no weight is Keras's number %s, %s", w.Name, w.Tensor)
			continue
		}
		rest = slices.Delete(rest, at, at+1)
	}
}

func TestSignatures(t *testing.T) {
	for _, c := range []struct {
		fixture string
		options []Option
		want    string
	}{
		{"seed_keras3", nil, "serving_default(decoder_input float32 (?, ?, 1), encoder_input float32 (?, 10, 1)) output_0 float32 (?, ?, 1)"},
		{"seed_keras3", []Option{WithSignature("serve")}, "serve(decoder_input float32 (?, ?, 1), encoder_input float32 (?, 10, 1)) output_0 float32 (?, ?, 1)"},
		{"seed_keras3", []Option{WithTags()}, "serving_default(decoder_input float32 (?, ?, 1), encoder_input float32 (?, 10, 1)) output_0 float32 (?, ?, 1)"},
		{"seed_tfkeras", []Option{WithTags("serve"), WithThreads(1)}, "serving_default(decoder_input float32 (?, ?, 1), encoder_input float32 (?, 10, 1)) output float32 (?, ?, 1)"},
		{"states_out_tfkeras", nil, "serving_default(decoder_input float32 (?, ?, 2), encoder_input float32 (?, 10, 3)) encoder_lstm float32 (?, 5), encoder_lstm_1 float32 (?, 5), output float32 (?, ?, 2)"},
	} {
		m := openFixture(t, c.fixture, c.options...)
		list := func(specs []lockstep.TensorSpec) string {
			var s []string
			for _, spec := range specs {
				s = append(s, spec.String())
			}
			return strings.Join(s, ", ")
		}
		sig := m.Signature()
		if got := sig.Name + "(" + list(sig.Inputs) + ") " + list(sig.Outputs); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.fixture, got, c.want)
		}
		out, err := m.Run(context.Background(), fixture.Tensors(t, c.fixture, "inputs.npz"))
		if err != nil {
			t.Errorf("%s, %s: %v", c.fixture, sig.Name, err)
		}
		if len(out) != len(sig.Outputs) {
			t.Errorf("%s, %s: %d outputs, want %d", c.fixture, sig.Name, len(out), len(sig.Outputs))
		}
	}
}

func TestVersionAndBuilt(t *testing.T) {
	if !Built() || Available() != nil || !strings.HasPrefix(Version(), "2.") {
		t.Errorf("Built() = %v, Available() = %v, Version() = %q", Built(), Available(), Version())
	}
}
