package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// Every model that runs is explained, or says that it has no layer to explain;
// what is said is well formed, and nothing is heard of a spike before it comes.
func TestEveryModel(t *testing.T) {
	explainedModels := 0
	for _, name := range append(fixture.Names(t), made(t)...) {
		m, err := native.Load(fixture.Dir(t, name))
		if err != nil {
			continue
		}
		p := Problem{Engine: m, Native: m, Layers: m.Layers(), Inputs: fixture.Tensors(t, name, "inputs.npz"), Follow: 12}
		e, err := p.Run(context.Background())
		if err != nil {
			if !strings.Contains(err.Error(), "no recurrent layer that runs as one") || len(m.Layers()) > 0 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		explainedModels++
		ran := len(e.Layers)
		for _, why := range e.NotApplicable {
			if strings.Contains(why, "it did not run with these inputs") {
				ran++
			}
		}
		if ran != len(m.Layers()) || (e.Forecast == nil) != (e.NoForecast != nil) {
			t.Errorf("%s: %d of %d layers, forecast %v, and none because of %v", name, len(e.Layers), len(m.Layers()), e.Forecast, e.NoForecast)
		}
		for _, l := range e.Layers {
			states := map[string]int{"LSTM": 2}[l.Kind]
			if len(l.Memory) != max(states, 1) || len(l.Gates) == 0 && len(e.NotApplicable) == 0 {
				t.Errorf("%s: layer %s has memory of %d states, %d gates", name, l.Name, len(l.Memory), len(l.Gates))
			}
			for _, g := range l.Gates {
				for _, s := range append(slices.Clone(g.Units), g.All) {
					if s.Open < 0 || s.Closed < 0 || s.Open+s.Closed > 1+1e-9 || s.Saturated < 0 || s.Saturated > 1+1e-9 || s.Mean < 0 || s.Mean > 1+1e-6 {
						t.Errorf("%s: %s/%s: %+v", name, l.Name, g.Name, s)
					}
				}
			}
		}
		if text := wordsOf(e); strings.Contains(text, "%!") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s: the words are\n%s", name, text)
		}
		var b bytes.Buffer
		if err := e.JSON(&b, name, ""); err != nil || !json.Valid(b.Bytes()) {
			t.Errorf("%s: JSON: %v", name, err)
		}
	}
	if least := map[bool]int{false: 25, true: 300}[len(made(t)) > 0]; explainedModels < least {
		t.Errorf("%d models were explained, want %d at least", explainedModels, least)
	}
}

func made(t *testing.T) []string {
	if testing.Short() {
		return nil
	}
	return fixture.MadeNames(t)
}

// A spike reaches what comes after it and nothing else: in a layer that goes
// backwards that is what it reads later, and a decoder's input reaches no encoder.
func TestASpikeReachesWhatFollows(t *testing.T) {
	m := load(t, fixture.Dir(t, "bidirectional_last_keras3"))
	e := explained(t, m, randomInputs(t, m, 2, 20))
	s := e.Spikes[0]
	if s.At != 5 || s.Steps != 20 {
		t.Fatalf("the spike is at step %d of %d", s.At, s.Steps)
	}
	for _, f := range s.Alone {
		if f.Layer == "" {
			continue
		}
		from := s.At
		if strings.Contains(f.Layer, "backward") {
			from = s.Steps - 1 - s.At
		}
		for k, d := range f.Difference.Curve {
			if (d > 0) != (k >= from) {
				t.Errorf("%s/%s: a difference of %g at step %d, and the spike is at %d", f.Layer, f.State, d, k, from)
			}
		}
	}
	m = load(t, fixture.Dir(t, "seed_keras3"))
	e = explained(t, m, randomInputs(t, m, 2, 20))
	for _, s := range e.Spikes {
		for i, f := range s.Alone {
			if touched := f.Difference.Peak > 0; touched == (s.Input == "decoder_input" && f.Layer == "encoder") {
				t.Errorf("a spike in %s makes %g of %s%s", s.Input, f.Difference.Peak, f.Layer, f.State)
			}
			if begins := f.Begins > 0; begins != (s.Input == "encoder_input" && f.Layer == "decoder") {
				t.Errorf("a spike in %s: %s begins with %g", s.Input, f.Layer, f.Begins)
			}
			if slow := s.Decaying[i].Difference; s.Input == "encoder_input" && f.Layer == "encoder" && f.State == "c" && !(slow.Peak > f.Difference.Peak) {
				t.Errorf("what decays slowly makes %g, and alone %g", slow.Peak, f.Difference.Peak)
			}
		}
	}
}

// Steps that a mask leaves out are no time that a gate is open.
func TestMaskedStepsDoNotCount(t *testing.T) {
	m := load(t, fixture.Dir(t, "gru_masked_keras3"))
	inputs := randomInputs(t, m, 2, 12)
	whole := explained(t, m, inputs).Layers[0]
	x, err := lockstep.Data[float32](inputs["x"])
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := m.Signature().Input("x")
	width := spec.Shape[2]
	padded := make([]float32, 2*40*width)
	for r := range 2 {
		copy(padded[r*40*width:], x[r*12*width:(r+1)*12*width])
	}
	if inputs["x"], err = lockstep.New(padded, 2, 40, width); err != nil {
		t.Fatal(err)
	}
	with := explained(t, m, inputs).Layers[0]
	for i, g := range with.Gates {
		if g.All != whole.Gates[i].All {
			t.Errorf("%s: %+v with steps that are left out, %+v without", g.Name, g.All, whole.Gates[i].All)
		}
	}
	if with.Memory[0].Whole.Half != whole.Memory[0].Whole.Half {
		t.Error("what is left out counts among what the layer reads")
	}
}

// What has no two ends is neither open nor closed, and says so.
func TestSaysWhatDoesNotApply(t *testing.T) {
	for name, want := range map[string][]string{
		"simplernn_last_tfkeras":     {"a SimpleRNN has no gates", "cannot be fed its own output"},
		"embedding_mask_zero_keras3": {"input x is int32", "ids of tokens"},
	} {
		m := load(t, fixture.Dir(t, name))
		text := wordsOf(explained(t, m, randomInputs(t, m, 2, 12)))
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the words lack %q:\n%s", name, w, text)
			}
		}
	}
	l := &Layer{Layer: native.Layer{Name: "l", Kind: "GRU", Units: 1, Activation: "relu", RecurrentActivation: "tanh"}}
	one, err := lockstep.New([]float32{1}, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	e := &Explanation{Layers: []*Layer{l}}
	trace := &lockstep.Trace{Steps: map[string]*lockstep.Tensor{"l/z": one, "l/g": one, "l/h": one, "l/sum_z": one}}
	if err := l.watch(e, trace, []bool{true}); err != nil {
		t.Fatal(err)
	}
	text := wordsOf(e)
	for _, want := range []string{"candidate has the activation relu, whose values have no two ends", "gate z has the activation tanh, from -1 to 1", "No layer has a gate"} {
		if !strings.Contains(text, want) {
			t.Errorf("the words lack %q:\n%s", want, text)
		}
	}
	e = &Explanation{}
	if err := (Problem{}).remember(context.Background(), e, l, one, []bool{true}); err != nil || len(l.Memory) != 0 || len(e.NotApplicable) != 1 {
		t.Errorf("without native cells: error %v, %q", err, e.NotApplicable)
	}
}

func TestErrors(t *testing.T) {
	m := load(t, fixture.Dir(t, "seed_units1_keras3"))
	good := Problem{Engine: m, Native: m, Layers: m.Layers(), Inputs: randomInputs(t, m, 2, 5)}
	nan, err := lockstep.New([]float32{float32(math.NaN()), 1}, 1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Problem){
		"height above 0": func(p *Problem) { p.Spike = -1 },
		"1 to 1000000":   func(p *Problem) { p.Follow = 1 << 40 },
		"no input":       func(p *Problem) { p.Inputs = nil },
		"reads is not finite": func(p *Problem) {
			p.Inputs = map[string]*lockstep.Tensor{"encoder_input": randomInputs(t, m, 1, 5)["encoder_input"], "decoder_input": nan}
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
	bad := good
	bad.Layers = nil
	if _, err := bad.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "no recurrent layer that runs as one") {
		t.Errorf("error %v", err)
	}
}

// The JSON has every unit, and says of what is not finite what it is.
func TestJSON(t *testing.T) {
	m := load(t, fixture.Dir(t, "seed_keras3"))
	e := explained(t, m, fixture.Tensors(t, "seed_keras3", "inputs.npz"))
	var b bytes.Buffer
	if err := e.JSON(&b, "m", "i"); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema        int
		Model, Inputs string
		Layers        []struct {
			Name  string
			Gates []struct {
				Name  string
				All   struct{ Open *float64 }
				Units []struct{ Mean float64 }
			}
			Memory []struct {
				State    string
				HalfLife []any `json:"half_life"`
				Whole    struct{ Curve []float64 }
			}
		}
		Spikes   []struct{ Input string }
		Forecast struct{ RMS []any }
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != 1 || doc.Model != "m" || doc.Inputs != "i" || len(doc.Layers) != 2 || len(doc.Spikes) != 2 || len(doc.Forecast.RMS) != 10 {
		t.Fatalf("%+v", doc)
	}
	l := doc.Layers[0]
	if len(l.Gates) != 4 || len(l.Gates[0].Units) != 64 || l.Gates[0].All.Open == nil || len(l.Memory) != 2 || len(l.Memory[0].Whole.Curve) != DefaultFollow+1 {
		t.Errorf("%+v", l.Gates[0].All)
	}
	for _, g := range l.Gates {
		if (g.All.Open == nil) != (g.Name == "g") {
			t.Errorf("%s: open is %v", g.Name, g.All.Open)
		}
	}
	if h := l.Memory[0].HalfLife; l.Memory[0].State != "c" || len(h) != 64 || h[58] != "Infinity" {
		t.Errorf("half-lives of %s: %v", l.Memory[0].State, h)
	}
}

// An attention of known weights: one query sees one key, the other two alike.
func TestHead(t *testing.T) {
	h := newHead([]float64{1, 0, 0.5, 0.5}, 1, 2, 2)
	if math.Abs(h.Largest-0.75) > 1e-12 || math.Abs(h.Effective-1.5) > 1e-12 || math.Abs(h.Own-0.75) > 1e-12 {
		t.Errorf("%+v", h)
	}
	if h := newHead([]float64{0.25, 0.25, 0.25, 0.25}, 1, 1, 4); math.Abs(h.Effective-4) > 1e-12 || !math.IsNaN(h.Own) {
		t.Errorf("%+v", h)
	}
}
