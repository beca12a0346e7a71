package explain

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

func load(t testing.TB, dir string) *native.Model {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func explained(t testing.TB, m *native.Model, inputs map[string]*lockstep.Tensor) *Explanation {
	t.Helper()
	e, err := Problem{Engine: m, Native: m, Layers: m.Layers(), Inputs: inputs}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func randomInputs(t testing.TB, m *native.Model, batch, steps int) map[string]*lockstep.Tensor {
	t.Helper()
	in, err := random.Inputs(m.Signature(), 1, random.Sizes{Batch: batch, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func near(a, b, rtol, atol float64) bool {
	return a == b || math.Abs(a-b) <= atol+rtol*math.Abs(b)
}

// Gates, half-lives and the way of a spike are what Keras's own cells in float64
// give: testdata/expected.py makes the figures. A share may differ by one element
// that is at a bound.
func TestFiguresAreKerass(t *testing.T) {
	for _, name := range []string{"seed_keras3", "gru_states_keras3"} {
		tensors, err := npz.ReadFile("testdata/" + name + ".npz")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]float64{}
		for _, nt := range tensors {
			if want[nt.Name], err = nt.Tensor.Float64s(); err != nil {
				t.Fatal(err)
			}
		}
		e := explained(t, load(t, fixture.Dir(t, name)), fixture.Tensors(t, name, "inputs.npz"))
		checked := 0
		for _, l := range e.Layers {
			one := 1/float64(l.Rows*l.Steps) + 1e-9
			for _, g := range l.Gates {
				w := want[l.Name+"/"+g.Name]
				if len(w) != 4*l.Units {
					t.Fatalf("%s: %s/%s has %d figures", name, l.Name, g.Name, len(w))
				}
				flipped := 0
				for u, s := range g.Units {
					for k, v := range []float64{s.Mean, s.Open, s.Closed, s.Saturated} {
						checked++
						switch limit := []float64{1e-5, one, one, one}[k]; {
						case !near(v, w[4*u+k], 0, limit):
							t.Errorf("%s: %s/%s, unit %d, figure %d: %g, and Keras says %g", name, l.Name, g.Name, u, k, v, w[4*u+k])
						case k > 0 && math.Abs(v-w[4*u+k]) > 1e-9:
							flipped++
						}
					}
				}
				if flipped > 2 {
					t.Errorf("%s: %s/%s: %d shares differ by an element", name, l.Name, g.Name, flipped)
				}
			}
			for _, m := range l.Memory {
				w := want[l.Name+"/half_"+m.State]
				if len(w) != l.Units+1 {
					t.Fatalf("%s: %s has %d half-lives of %s", name, l.Name, len(w), m.State)
				}
				for u, r := range append(slices.Clone(m.Units), m.Whole) {
					if math.IsNaN(r.Half) {
						continue // float32 rounds away what float64 sees
					}
					checked++
					if !near(r.Half, w[u], 0.01, 0.01) && !(math.IsInf(w[u], 1) && math.IsInf(r.Half, 1)) {
						t.Errorf("%s: %s/%s, unit %d: half-life %g, and Keras says %g (peak %g of %g)", name, l.Name, m.State, u, r.Half, w[u], r.Peak, m.Whole.Peak)
					}
				}
			}
		}
		for _, s := range e.Spikes {
			for _, f := range s.Alone {
				w := want["spike/"+f.Layer+"/"+f.State]
				if s.Input != "encoder_input" || w == nil {
					continue
				}
				for k, v := range f.Difference.Curve {
					checked++
					if !near(v, w[k], 1e-3, 1e-5) {
						t.Errorf("%s: a spike in %s makes %g of %s/%s at step %d, and Keras says %g", name, s.Input, v, f.Layer, f.State, k, w[k])
					}
				}
			}
		}
		if least := map[string]int{"seed_keras3": 2*4*64*4 + 3*64 + 40, "gru_states_keras3": 3*4*4 + 5}[name]; checked < least {
			t.Errorf("%s: %d figures were compared, want %d at least", name, checked, least)
		}
	}
}

// changed is a copy of a fixture with weights of the caller's.
func changed(t *testing.T, name string, change func(weights map[string][]float32)) *native.Model {
	t.Helper()
	dir := fixture.Dir(t, name)
	ordered := fixture.Ordered(t, name, "weights.npz")
	values := map[string][]float32{}
	var old, made []*lockstep.Tensor
	for _, nt := range ordered {
		d, err := lockstep.Data[float32](nt.Tensor)
		if err != nil {
			t.Fatal(err)
		}
		values[nt.Name] = slices.Clone(d)
		x, err := lockstep.New(values[nt.Name], nt.Tensor.Shape()...)
		if err != nil {
			t.Fatal(err)
		}
		old, made = append(old, nt.Tensor), append(made, x)
	}
	change(values)
	if err := fixture.ReplaceWeights(dir, old, made); err != nil {
		t.Fatal(err)
	}
	return load(t, dir)
}

func logit(p float64) float32 { return float32(math.Log(p / (1 - p))) }

// A cell whose forget gate, or update gate, is exactly f forgets half in
// ln 0.5 / ln f steps.
func TestHalfLifeOfAConstantGate(t *testing.T) {
	for _, f := range []float64{0.3, 0.5, 0.9, 0.97} {
		want := math.Log(0.5) / math.Log(f)
		lstm := changed(t, "seed_units1_keras3", func(w map[string][]float32) {
			clear(w["encoder/recurrent_kernel"])
			copy(w["encoder/kernel"], []float32{0, 0, 0.3, 0})
			copy(w["encoder/bias"], []float32{0, logit(f), 0, 0})
		})
		gru := changed(t, "gru_states_keras3", func(w map[string][]float32) {
			clear(w["1"]) // recurrent_kernel
			clear(w["0"][:])
			clear(w["2"])
			for u := range 4 {
				w["2"][u] = logit(f)
				for x := range 3 {
					w["0"][x*12+8+u] = 0.1 * float32(u+x+1)
				}
			}
		})
		for name, l := range map[string]*Layer{
			"lstm": explained(t, lstm, randomInputs(t, lstm, 3, 10)).Layers[0],
			"gru":  explained(t, gru, randomInputs(t, gru, 3, 10)).Layers[0],
		} {
			gate := l.Gates[slices.IndexFunc(l.Gates, func(g Gate) bool { return g.Name == "f" || g.Name == "z" })]
			if !near(gate.All.Mean, f, 0, 1e-6) || gate.All.Open != share(f > 0.9) || gate.All.Closed != 0 || gate.All.Saturated != 0 {
				t.Errorf("%s, a gate of %g: %+v", name, f, gate.All)
			}
			m := l.Memory[0]
			if !near(m.Whole.Half, want, 1e-3, 0) || !near(Median(m.Units), want, 1e-3, 0) {
				t.Errorf("%s, a gate of %g: half-lives %g and %g, want %g", name, f, m.Whole.Half, Median(m.Units), want)
			}
			if !near(m.Whole.after(10), math.Pow(f, 10), 1e-3, 1e-6) {
				t.Errorf("%s, a gate of %g: %g is left after 10 steps, want %g", name, f, m.Whole.after(10), math.Pow(f, 10))
			}
		}
	}
}

func share(all bool) float64 {
	if all {
		return 1
	}
	return 0
}

// An LSTM whose gates' biases are large stands open or closed, and one that keeps
// everything never forgets.
func TestStandingUnits(t *testing.T) {
	m := changed(t, "seed_units1_keras3", func(w map[string][]float32) {
		clear(w["encoder/recurrent_kernel"])
		clear(w["encoder/kernel"])
		copy(w["encoder/bias"], []float32{-30, 30, 0, 30})
	})
	e := explained(t, m, randomInputs(t, m, 2, 20))
	text := wordsOf(e)
	for _, want := range []string{
		"encoder: input gate is almost always closed in unit 0.", "encoder: forget gate is almost always open in unit 0.", "encoder: output gate is almost always open in unit 0.",
		"its forget gate is open 100% of the time, closed 0%, and 1 on average", "encoder: the spike makes no difference to c.",
		"(LSTM, 1 unit): a spike leaves nothing in c",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the words lack %q:\n%s", want, text)
		}
	}
	open := changed(t, "seed_units1_keras3", func(w map[string][]float32) {
		clear(w["encoder/recurrent_kernel"])
		copy(w["encoder/kernel"], []float32{0, 0, 1, 0})
		copy(w["encoder/bias"], []float32{0, 30, 0, 30})
	})
	if text := wordsOf(explained(t, open, randomInputs(t, open, 2, 20))); !strings.Contains(text, "more than half of what a spike leaves in c is there 200 steps later") {
		t.Errorf("the words are\n%s", text)
	}
}

func wordsOf(e *Explanation) string {
	var b strings.Builder
	for _, s := range e.Sections() {
		b.WriteString(s.Title + "\n" + strings.Join(s.Words, "\n") + "\n")
		if s.Table != nil {
			b.WriteString(strings.Join(s.Table.Head, " | ") + "\n")
			for _, r := range s.Table.Rows {
				b.WriteString(strings.Join(r, " | ") + "\n")
			}
		}
	}
	return b.String()
}
