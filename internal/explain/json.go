package explain

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/lockstep-go/lockstep/internal/format"
)

// Schema is the version of what JSON writes: it does not change within one.
const Schema = 1

type (
	number64 = format.Number // as a string where it is not finite

	jsonExplanation struct {
		Schema        int             `json:"schema"`
		Model         string          `json:"model"`
		Engine        string          `json:"engine"`
		Inputs        string          `json:"inputs"`
		Spike         number64        `json:"spike"`  // standard deviations
		Follow        int             `json:"follow"` // steps
		Layers        []jsonLayer     `json:"layers"`
		Attentions    []jsonAttention `json:"attentions,omitempty"`
		Spikes        []jsonSpike     `json:"spikes"`
		Forecast      *jsonForecast   `json:"forecast"` // null where there is none
		NotApplicable []string        `json:"not"`      // what does not apply
	}
	jsonAttention struct {
		Name  string     `json:"name"`
		Heads []jsonHead `json:"heads"`
	}
	jsonHead struct { // own_step is null where there are not as many keys as queries
		Queries   int       `json:"queries"`
		Keys      int       `json:"keys"`
		Largest   number64  `json:"largest"`
		Effective number64  `json:"effective_keys"`
		Own       *number64 `json:"own_step"`
	}
	jsonLayer struct {
		Name   string       `json:"name"`
		Kind   string       `json:"kind"`
		Units  int          `json:"units"`
		Rows   int          `json:"rows"`
		Steps  int          `json:"steps"`
		Gates  []jsonGate   `json:"gates"`
		Memory []jsonMemory `json:"memory"`
	}
	jsonGate struct {
		Name  string       `json:"name"`
		All   jsonShares   `json:"all"`
		Units []jsonShares `json:"units"`
	}
	jsonShares struct { // open and closed are null of a candidate
		Mean      number64  `json:"mean"`
		Open      *number64 `json:"open"`
		Closed    *number64 `json:"closed"`
		Saturated number64  `json:"saturated"`
	}
	jsonMemory struct {
		State string       `json:"state"`
		Whole jsonResponse `json:"whole"`
		// HalfLife of each unit: "Infinity" where it was not reached, "NaN" where
		// there was no difference.
		HalfLife []number64 `json:"half_life"`
		Left     []number64 `json:"left"`
	}
	jsonResponse struct {
		Peak     number64   `json:"peak"`
		PeakStep int        `json:"peak_step"`
		HalfLife number64   `json:"half_life"`
		Left     number64   `json:"left"`
		Curve    []number64 `json:"curve"`
	}
	jsonSpike struct {
		Input    string       `json:"input"`
		Step     int          `json:"step"`
		Steps    int          `json:"steps"`
		Alone    []jsonEffect `json:"alone"`
		Decaying []jsonEffect `json:"decaying"`
	}
	jsonEffect struct {
		Layer      string       `json:"layer"` // "" of an output
		State      string       `json:"state"`
		Output     string       `json:"output"`
		Begins     number64     `json:"begins"`
		Share      number64     `json:"share"`
		Difference jsonResponse `json:"difference"`
	}
	jsonForecast struct {
		Input  string     `json:"input"`
		Output string     `json:"output"`
		Given  int        `json:"given"`
		Spread number64   `json:"spread"`
		RMS    []number64 `json:"rms"` // own output less teacher-forced, step by step
		Max    []number64 `json:"max"`
	}
)

// JSON writes an explanation for programs, with the model's and the inputs' names
// as they are shown.
func (e *Explanation) JSON(w io.Writer, model, inputs string) error {
	out := jsonExplanation{
		Schema: Schema, Model: model, Engine: e.Engine, Inputs: inputs, Spike: number64(e.Spike), Follow: e.Follow,
		Layers: []jsonLayer{}, Spikes: []jsonSpike{}, NotApplicable: append([]string{}, e.NotApplicable...),
	}
	for _, l := range e.Layers {
		out.Layers = append(out.Layers, l.json())
	}
	for _, a := range e.Attentions {
		out.Attentions = append(out.Attentions, a.json())
	}
	for _, s := range e.Spikes {
		out.Spikes = append(out.Spikes, jsonSpike{s.Input, s.At, s.Steps, effects(s.Alone), effects(s.Decaying)})
	}
	if e.NoForecast != nil {
		out.NotApplicable = append(out.NotApplicable, e.NoForecast.Error())
	}
	if f := e.Forecast; f != nil {
		j := &jsonForecast{Input: f.Input, Output: f.Output, Given: f.Given, Spread: number64(f.Spread())}
		for _, s := range f.Differences() {
			j.RMS, j.Max = append(j.RMS, number64(s.RMS)), append(j.Max, number64(s.Max))
		}
		out.Forecast = j
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

func (l *Layer) json() jsonLayer {
	out := jsonLayer{Name: l.Name, Kind: l.Kind, Units: l.Units, Rows: l.Rows, Steps: l.Steps, Gates: []jsonGate{}, Memory: []jsonMemory{}}
	for _, g := range l.Gates {
		j := jsonGate{Name: g.Name, All: g.json(g.All)}
		for _, u := range g.Units {
			j.Units = append(j.Units, g.json(u))
		}
		out.Gates = append(out.Gates, j)
	}
	for _, m := range l.Memory {
		j := jsonMemory{State: m.State, Whole: m.Whole.json()}
		for _, u := range m.Units {
			j.HalfLife, j.Left = append(j.HalfLife, number64(u.Half)), append(j.Left, number64(u.Left))
		}
		out.Memory = append(out.Memory, j)
	}
	return out
}

func (a *Attention) json() jsonAttention {
	out := jsonAttention{Name: a.Name}
	for _, h := range a.Heads {
		j := jsonHead{Queries: h.Queries, Keys: h.Keys, Largest: number64(h.Largest), Effective: number64(h.Effective)}
		if h.Queries == h.Keys {
			own := number64(h.Own)
			j.Own = &own
		}
		out.Heads = append(out.Heads, j)
	}
	return out
}

func (g Gate) json(s Shares) jsonShares {
	out := jsonShares{Mean: number64(s.Mean), Saturated: number64(s.Saturated)}
	if g.Between {
		open, closed := number64(s.Open), number64(s.Closed)
		out.Open, out.Closed = &open, &closed
	}
	return out
}

func (r Response) json() jsonResponse {
	out := jsonResponse{Peak: number64(r.Peak), PeakStep: r.At, HalfLife: number64(r.Half), Left: number64(r.Left)}
	for _, d := range r.Curve {
		out.Curve = append(out.Curve, number64(d))
	}
	return out
}

func effects(all []Effect) []jsonEffect {
	out := []jsonEffect{}
	for _, f := range all {
		out = append(out, jsonEffect{f.Layer, f.State, f.Output, number64(f.Begins), number64(f.Share), f.Difference.json()})
	}
	return out
}
