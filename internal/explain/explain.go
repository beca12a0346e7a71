// Package explain describes a recurrent model in figures and words: what each
// gate does over a series, how long a spike in the input is remembered, in a
// single cell and through the whole model, and how a decoder on its own outputs
// diverges from teacher forcing.
//
// It only evaluates what an engine computes; whether two engines agree is for
// package compare.
//
// Problem.Run makes an Explanation; Sections describe it in words and tables,
// and JSON writes it for programs.
package explain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/forecast"
	"github.com/lockstep-go/lockstep/internal/inside"
	"github.com/lockstep-go/lockstep/native"
)

// The bounds that shares are counted by.
const (
	// Above OpenAbove a gate counts as open, below ClosedBelow as closed:
	// right- and left-saturated in "Visualizing and Understanding Recurrent
	// Networks" (Karpathy, Johnson, Li, 2015).
	OpenAbove, ClosedBelow = 0.9, 0.1
	// Saturated is how near to an end of its range a gate or a candidate counts
	// as saturated: a sigmoid's slope there is less than a twenty-fifth of its
	// steepest.
	Saturated = 0.01
)

// Problem is a model to explain.
type Problem struct {
	// Engine runs the model, which should not have run before.
	Engine lockstep.Tracer
	// Native is the same model in the native engine, whose cells are stepped one
	// by one; nil where the native engine refuses it.
	Native *native.Model
	// Layers describe the recurrent layers, as native.Inspect does.
	Layers []native.Layer
	// Watch shows what is outside of the recurrent layers: attentions and loops.
	// nil shows nothing.
	Watch func(ctx context.Context, inputs map[string]*lockstep.Tensor) (*inside.Result, error)
	// Inputs are the series over which gates are observed.
	Inputs map[string]*lockstep.Tensor
	// Spike is a spike's height in standard deviations of what it is added to,
	// and Follow how many steps a cell is followed after it. 0 stands for
	// DefaultSpike and DefaultFollow.
	Spike  float64
	Follow int
}

// The defaults of a Problem.
const (
	DefaultSpike  = 5.0
	DefaultFollow = 200
)

// maxCurves bounds the differences that are kept for a layer: 256 MiB.
const maxCurves = 1 << 25

// Explanation is the result.
type Explanation struct {
	Engine string
	// Spike and Follow are the Problem's.
	Spike  float64
	Follow int
	Layers []*Layer
	// Attentions are those of the signature's graph.
	Attentions []*Attention
	// Spikes are the inputs to which a spike was added.
	Spikes []*Spike
	// Forecast is nil where NoForecast says why.
	Forecast   *forecast.Result
	NoForecast error
	// NotApplicable says what does not apply, and why.
	NotApplicable []string
}

// Layer is the result for one recurrent layer.
type Layer struct {
	native.Layer
	// Rows and Steps are those of the series that it read.
	Rows, Steps int
	Gates       []Gate
	Memory      []Memory // of c and h, or of h alone
}

// Run makes the explanation. It fails if the engine shows no step of any layer.
func (p Problem) Run(ctx context.Context) (*Explanation, error) {
	e, err := p.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return e, nil
}

func (p Problem) run(ctx context.Context) (*Explanation, error) {
	if p.Spike == 0 {
		p.Spike = DefaultSpike
	}
	if p.Follow == 0 {
		p.Follow = DefaultFollow
	}
	if !(p.Spike > 0) || p.Spike > 1e30 || p.Follow < 1 || p.Follow > 1e6 {
		return nil, fmt.Errorf("a spike of %g standard deviations, followed for %d steps: want a height above 0, and 1 to 1000000 steps", p.Spike, p.Follow)
	}
	for _, l := range p.Layers {
		if p.Follow > maxCurves/(2*l.Units) {
			return nil, fmt.Errorf("layer %q: %d units followed for %d steps are more than the %d values that are kept", l.Name, l.Units, p.Follow, maxCurves)
		}
	}
	trace, err := p.Engine.Trace(ctx, p.Inputs, lockstep.Steps)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Engine: p.Engine.Name(), Spike: p.Spike, Follow: p.Follow}
	for _, name := range trace.Layers {
		l, err := p.layer(ctx, e, trace, name)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", name, err)
		}
		if l != nil {
			e.Layers = append(e.Layers, l)
		}
	}
	p.without(e, trace)
	if err := p.attend(ctx, e); err != nil {
		return nil, err
	}
	if len(e.Layers)+len(e.Attentions) == 0 {
		return nil, fmt.Errorf("%s shows no steps: the model has no recurrent layer that runs as one, and no attention (see lockstep inspect)", e.Engine)
	}
	switch err := forecast.Repeats(ctx, p.Engine, p.Inputs, trace.Outputs); {
	case errors.Is(err, forecast.ErrCarries):
		e.notApplicable("a spike through the whole model: %v; the native engine starts every run from the same states", err)
		e.NoForecast = err
		return e, nil
	case err != nil:
		return nil, err
	}
	if err := p.spikes(ctx, e, trace); err != nil {
		return nil, err
	}
	return e, p.forecast(ctx, e)
}

// without says which layers did not run, those of a branch that was not taken, or ran
// too often to be shown.
func (p Problem) without(e *Explanation, trace *lockstep.Trace) {
	for _, name := range slices.Sorted(maps.Keys(trace.Unshown)) {
		e.notApplicable("layer %s: %s", name, trace.Unshown[name])
	}
	for _, l := range p.Layers {
		if l.Within != "" && trace.Unshown[l.Name] == "" && !slices.ContainsFunc(trace.Layers, func(name string) bool { return lockstep.LayerOf(name) == l.Name }) {
			e.notApplicable("layer %s: it did not run with these inputs, in %s", l.Name, l.Within)
		}
	}
}

// layer returns nil for a layer without steps in the trace, and for the later runs
// of one inside a loop.
func (p Problem) layer(ctx context.Context, e *Explanation, trace *lockstep.Trace, name string) (*Layer, error) {
	of, iterations, isRun := lockstep.CutRun(name)
	if isRun && slices.ContainsFunc(iterations, func(i int) bool { return i > 0 }) {
		return nil, nil // the first run shows what the layer does
	}
	at := slices.IndexFunc(p.Layers, func(l native.Layer) bool { return l.Name == of })
	h := trace.Layer(name).Step("h")
	if h == nil || at < 0 || h.Rank() != 3 {
		e.notApplicable("layer %s: its loop is run operation by operation, and shows neither gates nor states", name)
		return nil, nil
	}
	l := &Layer{Layer: p.Layers[at], Rows: h.Shape()[0], Steps: h.Shape()[1]}
	seen, err := seenSteps(trace, name, l.Rows, l.Steps)
	if err != nil {
		return nil, err
	}
	l.Name = name
	if err := l.watch(e, trace, seen); err != nil {
		return nil, err
	}
	return l, p.remember(ctx, e, l, trace.Layer(name).X(), seen)
}

// seenSteps says for each row and step whether the layer has it: a mask may
// leave steps out.
func seenSteps(trace *lockstep.Trace, layer string, rows, steps int) ([]bool, error) {
	out := make([]bool, rows*steps)
	mask := trace.Layer(layer).Mask()
	if mask == nil {
		for i := range out {
			out[i] = true
		}
		return out, nil
	}
	m, err := lockstep.Data[bool](mask)
	if err == nil && len(m) != len(out) {
		err = fmt.Errorf("its mask is %s, want %d rows of %d steps", mask, rows, steps)
	}
	return m, err
}

// forecast decodes on own outputs, if the model has an input for them.
func (p Problem) forecast(ctx context.Context, e *Explanation) error {
	var roles forecast.Roles
	var err error
	if p.Native != nil {
		roles, err = forecast.Find(ctx, p.Native, p.Inputs)
	} else {
		var all []forecast.Roles
		if all, err = forecast.Candidates(p.Engine.Signature()); err == nil {
			roles, err = forecast.Only(all)
		}
	}
	if err == nil {
		e.Forecast, err = forecast.Problem{Engine: p.Engine, Roles: roles, Inputs: p.Inputs}.Run(ctx)
	}
	if errors.Is(err, forecast.ErrNone) || errors.Is(err, forecast.ErrSeveral) {
		e.NoForecast = err
		return nil
	}
	return err
}

func (e *Explanation) notApplicable(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(e.NotApplicable, s) {
		e.NotApplicable = append(e.NotApplicable, s)
	}
}
