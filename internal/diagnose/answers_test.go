package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// answersWith are the outputs alone of a model with faults, and its diagnosis.
func answersWith(t *testing.T, name string, faults ...fault.Fault) (Answers, *Result) {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	a := Answers{Model: m, Inputs: fixture.Tensors(t, name, "inputs.npz")}
	bad := m
	for _, f := range faults {
		if bad, err = bad.Edit(f.Plant); err != nil {
			t.Fatal(err)
		}
	}
	if a.Values, err = bad.Run(t.Context(), a.Inputs); err != nil {
		t.Fatal(err)
	}
	return a, diagnosed(t, a)
}

func diagnosed(t *testing.T, a Answers) *Result {
	t.Helper()
	found, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What Keras predicts needs no explanation, nor does what the engine computes.
func TestSoundAnswers(t *testing.T) {
	for _, name := range []string{"seed_units1_keras3", "gru_masked_tfkeras", "bidirectional_last_keras3", "embedding_mask_zero_keras3"} {
		a, found := answersWith(t, name)
		if !found.Agree || len(found.Causes) > 0 || found.Tried > 0 {
			t.Errorf("%s: the engine's own answers: %+v", name, found)
		}
		a.Values = fixture.Tensors(t, name, "expected.npz")
		if found = diagnosed(t, a); !found.Agree {
			t.Errorf("%s: Keras's answers: %+v", name, found)
		}
		r := &compare.Report{}
		if found.ReportAnswers(r, "keras"); r.Answers != nil || len(r.Notes) > 0 {
			t.Errorf("%s: the report says %q", name, r.Notes)
		}
	}
}

// A fault that changes the answers is named, in a report's words and fields; two
// that make the same answers are both named, and neither as certain.
func TestAnswersOfOneFault(t *testing.T) {
	missing := fault.Fault{Kind: fault.BiasRowMissing, Layer: "gru", Index: 1}
	_, found := answersWith(t, "gru_states_keras3", missing)
	if len(found.Causes) != 1 || !slices.Equal(found.Causes[0].Faults, []fault.Fault{missing}) || found.Causes[0].Margin > 1 || found.Causes[0].Before < 100 || found.Tried < 40 || found.Pairs != 0 {
		t.Fatalf("%+v", found)
	}
	r := &compare.Report{}
	found.ReportAnswers(r, "keras")
	d := r.Answers
	if d == nil || d.Party != "keras" || d.Tried != found.Tried || len(d.Causes) != 1 || d.Causes[0].Kind != "bias row missing" || d.Causes[0].In != "answers" || !slices.Equal(d.Causes[0].Layers, []string{"gru"}) || d.Causes[0].Over != "the answers" || !d.Causes[0].Vanishes {
		t.Errorf("%+v", d)
	}
	if len(r.Why) != 1 || !slices.Equal(r.Why, r.Notes) || !strings.HasPrefix(r.Why[0], "diagnosis: from answers alone: the values of keras are what the model computes with this fault: half of the bias missing: the row for h in layer gru; the largest |difference|/bound falls from ") ||
		!strings.HasSuffix(r.Why[0], fmt.Sprintf(" (tried: %d known faults)", found.Tried)) {
		t.Errorf("%q", r.Why)
	}

	_, found = answersWith(t, "gru_states_keras3", fault.Fault{Kind: fault.HalfWeights})
	layer := fault.Fault{Kind: fault.HalfWeights, Layer: "gru"}
	if len(found.Causes) != 2 || !slices.ContainsFunc(found.Causes, func(c Cause) bool { return c.Faults[0] == layer }) {
		t.Fatalf("%+v", found)
	}
	if words := found.AnswersWords("keras"); !strings.Contains(words, "any one of 2 faults, which they cannot tell apart") || !strings.Contains(words, "weights rounded to float16; weights rounded to float16 in layer gru;") && !strings.Contains(words, "weights rounded to float16 in layer gru; weights rounded to float16;") {
		t.Error(words)
	}
}

// The same fault in both directions is one cause, and two faults are a pair, which
// is looked for where no fault alone explains the answers.
func TestAnswersOfTwoFaults(t *testing.T) {
	const name = "bidirectional_last_keras3"
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	forward, backward := m.Layers()[0].Name, m.Layers()[1].Name
	order := func(layer string) fault.Fault { return fault.Fault{Kind: fault.GateOrder, Layer: layer, Order: "igfo"} }
	_, found := answersWith(t, name, order(forward), order(backward))
	if len(found.Causes) == 0 || len(found.Causes[0].Faults) != 2 || found.Pairs != 0 || !strings.HasSuffix(found.Causes[0].String(), " in layers "+forward+", "+backward) {
		t.Fatalf("%+v", found)
	}
	pair := []fault.Fault{order(forward), {Kind: fault.RecurrentBlocksTransposed, Layer: backward}}
	_, found = answersWith(t, name, pair...)
	if len(found.Causes) == 0 || !slices.Equal(found.Causes[0].Faults, pair) || found.Pairs == 0 || found.Pairs > found.AllPairs {
		t.Fatalf("%+v", found)
	}
	if words := found.AnswersWords("keras"); !strings.Contains(words, "with these two faults: gates") || !strings.Contains(words, "igfo") && !strings.Contains(words, "i,g,f,o") || !strings.Contains(words, " pairs of them)") || !strings.Contains(words, ", and recurrent kernel transposed gate by gate in layer "+backward) {
		t.Error(words)
	}
}

// A fault that shows in the last row alone, and in none of the first that faults are
// tried on, is found.
func TestAnswersOfTheLastRow(t *testing.T) {
	const name = "gru_masked_keras3"
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	a := Answers{Model: m, Inputs: map[string]*lockstep.Tensor{}}
	for _, in := range m.Signature().Inputs {
		const batch, steps = 9, 6
		features := in.Shape[2]
		d := make([]float32, batch*steps*features)
		for i := range d {
			if row, step := i/(steps*features), i/features%steps; row < batch-1 || step < 4 {
				d[i] = float32(math.Sin(float64(3*i + 1)))
			}
		}
		a.Inputs[in.Name] = fixture.NewTensor(t, d, batch, steps, features)
	}
	f := fault.Fault{Kind: fault.MaskIgnored, Layer: m.Layers()[0].Name}
	bad, err := m.Edit(f.Plant)
	if err != nil {
		t.Fatal(err)
	}
	if a.Values, err = bad.Run(t.Context(), a.Inputs); err != nil {
		t.Fatal(err)
	}
	s, err := a.begin(t.Context())
	if err != nil || s.few == nil {
		t.Fatalf("no rows are tried first: %v", err)
	}
	if found := diagnosed(t, a); len(found.Causes) == 0 || !slices.ContainsFunc(found.Causes, func(c Cause) bool { return slices.Equal(c.Faults, []fault.Fault{f}) }) {
		t.Errorf("%+v", found)
	}
}

// Where there is no time left, what was not tried is counted, and said.
func TestAnswersWithoutTime(t *testing.T) {
	a, found := answersWith(t, "simplernn_last_tfkeras", fault.Fault{Kind: fault.BiasTwice, Layer: "simple_rnn"})
	s, err := a.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.deadline = time.Now().Add(-time.Second)
	all := suppositions(a.Model.Source())
	causes, tried, untried, err := s.try(t.Context(), all)
	if err != nil || len(causes) > 0 || tried != 0 || untried != len(all) {
		t.Errorf("%v, %d tried, %d not, %v", causes, tried, untried, err)
	}
	found.Untried = untried
	r := &compare.Report{}
	found.ReportAnswers(r, "keras")
	if want := fmt.Sprintf("diagnosis: from answers alone: %d more known faults were not tried, since a run of this model takes long", untried); r.Notes[len(r.Notes)-1] != want || r.Answers.Untried != untried {
		t.Errorf("%q, want %q", r.Notes, want)
	}
}

// Answers that no known fault makes are said to be none's, whatever is wrong with
// them: a number that is off, one that is not finite, another shape.
func TestAnswersOfNoKnownFault(t *testing.T) {
	a, _ := answersWith(t, "simplernn_last_tfkeras")
	for name, sound := range a.Values {
		d, err := lockstep.Data[float32](sound)
		if err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func(d []float32) []int{
			"off":          func(d []float32) []int { d[len(d)-1] += 0.01; return sound.Shape() },
			"a little off": func(d []float32) []int { d[len(d)-1] += 2e-4; return sound.Shape() }, // as far as float16 weights may be
			"not finite":   func(d []float32) []int { d[0] = float32(math.NaN()); return sound.Shape() },
			"flat":         func(d []float32) []int { return []int{len(d)} },
		} {
			changed := slices.Clone(d)
			shape := change(changed)
			a.Values = map[string]*lockstep.Tensor{name: fixture.NewTensor(t, changed, shape...)}
			found := diagnosed(t, a)
			if found.Agree || len(found.Causes) > 0 || found.Tried < 10 {
				t.Errorf("%s: %+v", what, found)
			}
			if words := found.AnswersWords("a golden"); !strings.Contains(words, "none of ") || !strings.HasSuffix(words, "explains the values of a golden") {
				t.Errorf("%s: %s", what, words)
			}
		}
	}
	a.Values = map[string]*lockstep.Tensor{"nothing": a.Values["nothing"]}
	if _, err := a.Run(t.Context()); err == nil {
		t.Error("answers of an output that the model does not have are diagnosed")
	}
}
