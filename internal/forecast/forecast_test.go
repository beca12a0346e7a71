package forecast

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

func load(t testing.TB, name string) *native.Model {
	t.Helper()
	m, err := native.Load(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func find(t testing.TB, m *native.Model, inputs map[string]*lockstep.Tensor) Roles {
	t.Helper()
	r, err := Find(context.Background(), m, inputs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func randomInputs(t testing.TB, sig lockstep.Signature, batch, steps int) map[string]*lockstep.Tensor {
	t.Helper()
	in, err := random.Inputs(sig, 1, random.Sizes{Batch: batch, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func floats(t testing.TB, x *lockstep.Tensor) []float64 {
	t.Helper()
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// furthest is the largest difference of a's and b's values, as far as both go
// along their steps.
func furthest(t testing.TB, a, b *lockstep.Tensor) float64 {
	t.Helper()
	x, y := must(a), must(b)
	if x.batch != y.batch || x.features != y.features || x.steps == 0 || y.steps == 0 {
		t.Fatalf("%s beside %s", a, b)
	}
	worst := 0.0
	for s := range min(x.steps, y.steps) {
		_, d := differenceAt(x, y, s)
		worst = math.Max(worst, d)
	}
	return worst
}

// engineOnly hides that an engine is a native model.
type engineOnly struct{ lockstep.Engine }

// What Keras itself predicts when it is fed its own outputs: forecast.npz, which
// models/seq2seq.py makes by predict over all outputs so far, again for each step.
func TestOwnOutputsAreKerass(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras", "seed_units1_keras3", "seed_units1_tfkeras", "reports/seed_keras313"} {
		m, inputs := load(t, name), fixture.Tensors(t, name, "inputs_short.npz")
		want := fixture.Tensors(t, name, "forecast.npz")["outputs"]
		expected := fixture.Tensors(t, name, "expected_short.npz")
		roles := find(t, m, inputs)
		for _, e := range []lockstep.Engine{m, engineOnly{m}} {
			r, err := Problem{Engine: e, Roles: roles, Inputs: inputs, Horizon: want.Shape()[1]}.Run(context.Background())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, native := e.(*native.Model); r.Recomputed == native {
				t.Errorf("%s: again is %v", name, r.Recomputed)
			}
			if r.Own.Shape()[1] != want.Shape()[1] || r.Forced.Shape()[1] != 4 || r.Fed.Shape()[1] != 4 {
				t.Errorf("%s: own %s, forced %s, fed %s", name, r.Own, r.Forced, r.Fed)
			}
			if d := furthest(t, r.Own, want); d > 2e-5 {
				t.Errorf("%s: %g from what Keras predicts, want 2e-5 at most", name, d)
			}
			if d := furthest(t, r.Forced, expected[roles.Output]); d > 2e-5 {
				t.Errorf("%s: teacher forcing is %g from what Keras predicts, want 2e-5 at most", name, d)
			}
		}
	}
}

// Through states and again for each step come to the same, in models of every
// structure that can be fed by steps, and so do the steps before the first own
// input and teacher forcing.
func TestThroughStatesEqualsRecomputing(t *testing.T) {
	names := []string{"seed_keras3", "misleading_keras3", "misleading_tfkeras", "states_out_tfkeras"}
	for _, name := range append(names, made(t, "guide_seq2seq_bidirectional_keras3", "guide_seq2seq_characters_tfkeras", "guide_weather_residual_keras3", "cells_two_lstm_sequences_tfkeras", "simplernn_states_keras3")...) {
		m := load(t, name)
		inputs := randomInputs(t, m.Signature(), 3, 8)
		roles := find(t, m, inputs)
		p := Problem{Engine: m, Roles: roles, Inputs: inputs, Horizon: 12, Given: 3}
		states, err := p.Run(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.Engine = engineOnly{m}
		again, err := p.Run(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := furthest(t, states.Own, again.Own); d > 1e-5 {
			t.Errorf("%s: they differ by %g", name, d)
		}
		steps := states.Differences()
		for i, s := range steps[:3] {
			if s.Max > 1e-5 {
				t.Errorf("%s: step %d, before any own input, is %g from teacher forcing", name, i, s.Max)
			}
		}
		if steps[4].Max < 1e-4 || !math.IsNaN(steps[8].Max) || len(steps) != 14 {
			t.Errorf("%s: %d steps, own input at step 3 takes step 4 to %g from teacher forcing, and step 8 to %g", name, len(steps), steps[4].Max, steps[8].Max)
		}
	}
}

func made(t testing.TB, names ...string) []string {
	t.Helper()
	for _, n := range fixture.MadeNames(t) {
		if n == names[0] {
			return names
		}
	}
	t.Log("the made models are missing: some structures are not tested")
	return nil
}

// A model that has no decoder says why.
func TestRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"seed_keras3":                    "",
		"not_gru":                        "no output is float32 or float64 (batch, steps, features)",
		"fixed_steps_keras3":             "as many features and steps",
		"not_lstm_classifier":            "no output is float32 or float64 (batch, steps, features)",
		"guide_attention_seq2seq_keras3": "no output has as many features and steps as an input",
		"embedding_mask_zero_keras3":     "ids of tokens",
		"guide_series_conv_lstm_keras3":  "may mix time steps",
	} {
		m := load(t, name)
		_, err := Find(context.Background(), m, randomInputs(t, m.Signature(), 2, 5))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "" && (!errors.Is(err, ErrNone) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	m := load(t, "seed_units1_keras3")
	inputs := randomInputs(t, m.Signature(), 2, 5)
	good := Problem{Engine: m, Roles: find(t, m, inputs), Inputs: inputs}
	other, err := lockstep.New(make([]float32, 10), 1, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(p *Problem){
		"no input":              func(p *Problem) { p.Input = "x" },
		"no output":             func(p *Problem) { p.Output = "x" },
		"want 1 to 5":           func(p *Problem) { p.Given = 6 },
		"a horizon of -1":       func(p *Problem) { p.Horizon = -1 },
		"more than the":         func(p *Problem) { p.Horizon = 1 << 62 },
		"the target is":         func(p *Problem) { p.Target = other },
		"no input encoder_inpu": func(p *Problem) { p.Inputs = map[string]*lockstep.Tensor{"decoder_input": inputs["decoder_input"]} },
		"10 steps, no more": func(p *Problem) {
			p.Engine, p.Input = engineOnly{m}, "encoder_input"
			p.Inputs = randomInputs(t, m.Signature(), 2, 10)
		},
	} {
		p := good
		change(&p)
		if _, err := p.Run(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := good.Run(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that has ended", err)
	}
}

// carrying is an engine whose runs go on from the states that the last one left,
// as TensorFlow runs a stateful model.
type carrying struct {
	lockstep.Engine
	run *native.Runner
}

func (c carrying) Run(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out, err := c.run.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	kept := map[string]*lockstep.Tensor{} // the Runner's own are written over
	for name, t := range out {
		if kept[name], err = lockstep.New(slices.Clone(must32(t)), t.Shape()...); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func must32(t *lockstep.Tensor) []float32 {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		panic(err)
	}
	return d
}

// An engine that carries states from run to run cannot be run again for each step.
func TestRefusesToRecomputeWhatCarriesStates(t *testing.T) {
	for _, name := range made(t, "lstm_stateful_tfkeras", "gru_stateful_keras3") {
		m := load(t, name)
		inputs := randomInputs(t, m.Signature(), 2, 5)
		e := carrying{m, m.NewRunner()}
		out, err := e.Run(context.Background(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		if err := Repeats(context.Background(), e, inputs, out); !errors.Is(err, ErrCarries) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	m := load(t, "seed_keras3")
	inputs := randomInputs(t, m.Signature(), 2, 5)
	e := carrying{m, m.NewRunner()}
	out, err := e.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := Repeats(context.Background(), e, inputs, out); err != nil {
		t.Errorf("a model that is not stateful: %v", err)
	}
	for _, y := range out {
		must32(y)[0] += 1
	}
	if err := Repeats(context.Background(), e, inputs, out); !errors.Is(err, ErrCarries) {
		t.Errorf("error %v of an output that differed", err)
	}
}

// The figures of a step, by hand: errors 3 and 4 have the root mean square
// √12.5.
func TestDifferences(t *testing.T) {
	tensor := func(steps int, v ...float32) *lockstep.Tensor {
		x, err := lockstep.New(v, 2, steps, 1)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	r := &Result{Given: 1, Own: tensor(3, 1, 4, 9, 1, 6, 9), Forced: tensor(2, 1, 1, 1, 2), Target: tensor(1, 1, 2)}
	s := r.Differences()
	if len(s) != 3 || s[0].RMS != 0 || math.Abs(s[1].RMS-math.Sqrt(12.5)) > 1e-12 || s[1].Max != 4 || !math.IsNaN(s[2].RMS) {
		t.Errorf("own and forced: %+v", s)
	}
	if math.Abs(s[0].OwnError-math.Sqrt(0.5)) > 1e-12 || s[0].ForcedError != s[0].OwnError || !math.IsNaN(s[1].OwnError) {
		t.Errorf("errors to the target: %+v", s)
	}
	if spread := math.Sqrt(3.0 / 16); math.Abs(r.Spread()-spread) > 1e-12 || r.FirstDifference(0.1) != 1 || r.FirstDifference(100) != -1 {
		t.Errorf("spread %g, first differences at %d and %d", r.Spread(), r.FirstDifference(0.1), r.FirstDifference(100))
	}
	if v := Overall(s, func(s Step) float64 { return s.RMS }); math.Abs(v-2.5) > 1e-12 {
		t.Errorf("overall %g, want 2.5", v)
	}
	nan := &Result{Own: tensor(1, 1, float32(math.NaN())), Forced: tensor(1, 1, 1)}
	if s := nan.Differences()[0]; !math.IsNaN(s.Max) || !math.IsNaN(s.RMS) {
		t.Errorf("a NaN is %+v", s)
	}
	if n := len(r.Tensors()); n != 4 {
		t.Errorf("%d tensors", n)
	}
}

func TestWords(t *testing.T) {
	m, inputs := load(t, "seed_keras3"), fixture.Tensors(t, "seed_keras3", "inputs.npz")
	r, err := Problem{Engine: m, Roles: find(t, m, inputs), Inputs: inputs, Target: inputs["decoder_input"]}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(r.Words(), "\n")
	for _, want := range []string{
		`"decoder_input" is fed the output "output_0" for 10 steps (8 rows, 1 feature), from states to states; its first step is given.`,
		"differ by more than a tenth of it from step 1 on.", "over steps 0 to 9, and with teacher forcing ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the words lack %q:\n%s", want, text)
		}
	}
	tensor := func(v ...float32) *lockstep.Tensor {
		x, err := lockstep.New(v, 1, len(v), 1)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	diverged := &Result{Given: 1, Fed: tensor(1, 2, 4, 8), Forced: tensor(2, 4, 8, 16), Own: tensor(2, 4, float32(math.Inf(1)), 16)}
	text = strings.Join(diverged.Words(), "\n")
	if strings.Contains(text, "repeats") || !strings.Contains(text, "it is not finite from step 2 on") {
		t.Errorf("the words are\n%s", text)
	}
	repeated := &Result{Given: 1, Fed: tensor(1, 2, 4, 8), Forced: tensor(1, 2, 4, 8), Own: tensor(1, 1, 1, 1)}
	if text := strings.Join(repeated.Words(), "\n"); !strings.Contains(text, "the decoder repeats what it is fed") {
		t.Errorf("the words are\n%s", text)
	}
	same, next := diverged.Copies()
	if math.Abs(same-math.Sqrt(21.0/3)) > 1e-12 || next != 0 {
		t.Errorf("%g from the same step's input, and %g from the next one's", same, next)
	}
	if text := strings.Join((&Result{Given: 1, Fed: tensor(1), Forced: tensor(1), Own: tensor(1, 2)}).Words(), "\n"); !strings.Contains(text, "no teacher forcing to compare") {
		t.Errorf("the words are\n%s", text)
	}
}

// Steps that stand along another axis are no steps of this package.
func TestRefusesTimeMajor(t *testing.T) {
	for _, name := range made(t, "simplernn_time_major_tfkeras") {
		m := load(t, name)
		for _, batch := range []int{1, 2} {
			if _, err := Find(context.Background(), m, randomInputs(t, m.Signature(), batch, 5)); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "time_major") {
				t.Errorf("%s, %d rows: error %v", name, batch, err)
			}
		}
	}
}
