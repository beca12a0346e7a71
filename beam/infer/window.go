package infer

import (
	"context"
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/forecast"
)

// Span says how windows are cut out of a series.
type Span struct {
	Past    int // how many values a model sees; 0: as many as its signature fixes
	Horizon int // how many follow: of a decoder, and of a forecast
	Stride  int // from one window to the next; 0: Past
	Last    bool
}

// Windowing is how windows become the inputs of a model. It travels to workers as JSON.
type Windowing struct {
	Span
	Features int
	Inputs   []WindowInput // in the signature's order
}

// WindowInput is the part of a window that one input sees.
type WindowInput struct {
	Spec     lockstep.TensorSpec
	From, To int // in the window
	Repeat   int // how often the values are fed
}

// Windowing makes one for series of a number of features. A model of one input sees
// the past. Of one with two, the decoder's input sees the horizon that follows,
// as in training; in a forecast, the last value of the past, and then its own outputs.
func (p *Predictor) Windowing(ctx context.Context, span Span, features int) (Windowing, error) {
	w, err := p.windowing(ctx, span, features)
	if err != nil {
		return Windowing{}, fmt.Errorf("infer: windows: %w", err)
	}
	return w, nil
}

func (p *Predictor) windowing(ctx context.Context, span Span, features int) (Windowing, error) {
	sig := p.model.Signature()
	own := p.config.Forecast != nil
	if len(sig.Inputs) > 2 {
		return Windowing{}, fmt.Errorf("signature %q has %d inputs, and a series makes two at most, one that sees the past and a decoder's: give rows that have every input", sig.Name, len(sig.Inputs))
	}
	fed, err := p.fed(ctx)
	if err != nil {
		return Windowing{}, err
	}
	for _, spec := range sig.Inputs {
		if err := fitsSeries(spec, features); err != nil {
			return Windowing{}, err
		}
		if (spec.Name != fed || len(sig.Inputs) == 1) && spec.Shape[1] >= 0 {
			if span.Past != 0 && span.Past != spec.Shape[1] {
				return Windowing{}, fmt.Errorf("a past of %d values, and the input %s has %d steps", span.Past, spec, spec.Shape[1])
			}
			span.Past = spec.Shape[1]
		}
		if spec.Name == fed && len(sig.Inputs) == 2 && spec.Shape[1] >= 0 && !own {
			if span.Horizon != 0 && span.Horizon != spec.Shape[1] {
				return Windowing{}, fmt.Errorf("a horizon of %d values, and the input %s has %d steps", span.Horizon, spec, spec.Shape[1])
			}
			span.Horizon = spec.Shape[1]
		}
	}
	if span.Stride == 0 {
		span.Stride = span.Past
	}
	switch {
	case span.Past < 1 || span.Stride < 1:
		return Windowing{}, fmt.Errorf("a past of %d values and a stride of %d, want 1 or more", span.Past, span.Stride)
	case len(sig.Inputs) == 2 && span.Horizon < 1:
		return Windowing{}, fmt.Errorf("a horizon of %d values, want 1 or more, which the input %q is fed", span.Horizon, fed)
	case len(sig.Inputs) == 1 && !own && span.Horizon != 0:
		return Windowing{}, fmt.Errorf("a horizon of %d values, and the model has one input, which sees the past: a horizon belongs to a model with a decoder, or to a forecast on its own outputs", span.Horizon)
	}
	w := Windowing{Span: span, Features: features}
	for _, spec := range sig.Inputs {
		in := WindowInput{Spec: spec, From: 0, To: span.Past, Repeat: 1}
		switch {
		case spec.Name != fed || len(sig.Inputs) == 1:
		case own:
			in.From, in.Repeat = span.Past-1, max(1, spec.Shape[1])
		default:
			in.From, in.To = span.Past, span.Past+span.Horizon
		}
		w.Inputs = append(w.Inputs, in)
	}
	return w, nil
}

// fed returns the decoder's input.
func (p *Predictor) fed(ctx context.Context) (string, error) {
	sig := p.model.Signature()
	if p.config.Forecast != nil {
		return p.roles.Input, nil
	}
	if len(sig.Inputs) == 1 {
		return sig.Inputs[0].Name, nil
	}
	if _, decoder, err := p.model.Seq2SeqInputs(); err == nil {
		return decoder, nil
	}
	made, err := p.madeInputs(ctx)
	if err != nil {
		return "", err
	}
	roles, err := forecast.Find(ctx, p.model, made)
	if err != nil {
		return "", fmt.Errorf("which of the two inputs is the decoder's: %w: give rows that have every input", err)
	}
	return roles.Input, nil
}

func fitsSeries(spec lockstep.TensorSpec, features int) error {
	float := spec.DType == lockstep.Float32 || spec.DType == lockstep.Float64
	switch {
	case float && !spec.UnknownRank && len(spec.Shape) == 3 && (spec.Shape[2] == features || spec.Shape[2] < 0):
	case float && !spec.UnknownRank && len(spec.Shape) == 2 && features == 1:
	default:
		return fmt.Errorf("the input %s cannot be cut out of a series of %d features: want float32 or float64 (batch, steps, %d)", spec, features, features)
	}
	return nil
}

// Length returns how many values of a series a window needs.
func (w *Windowing) Length() int {
	n := w.Past
	for _, in := range w.Inputs {
		n = max(n, in.To)
	}
	return n
}

// Specs returns the inputs, for a Builder.
func (w *Windowing) Specs() []lockstep.TensorSpec {
	var out []lockstep.TensorSpec
	for _, in := range w.Inputs {
		spec := in.Spec
		if len(spec.Shape) == 3 && spec.Shape[2] < 0 {
			spec.Shape = []int{spec.Shape[0], spec.Shape[1], w.Features}
		}
		out = append(out, spec)
	}
	return out
}

// Values returns the inputs that a window's values, step by step, make. They share its memory
// where nothing is repeated.
func (w *Windowing) Values(window []float64) []Value {
	out := make([]Value, len(w.Inputs))
	for i, in := range w.Inputs {
		part := window[in.From*w.Features : in.To*w.Features]
		for n := 1; n < in.Repeat; n++ {
			part = append(part[:len(part):len(part)], window[in.From*w.Features:in.To*w.Features]...)
		}
		out[i] = Value{Kind: Floats, Floats: part}
	}
	return out
}

// Series is a series in a pipeline: its values step by step, each with all features.
type Series struct {
	Key    string
	Times  []string // of the steps, in order; none if they have no time
	Values []float64
}

func init() {
	beam.RegisterType(reflect.TypeFor[Series]())
	register.DoFn3x1[Series, func(Block), func(Failure), error](&windowFn{})
}

// Windows cuts the windows out of every Series of a PCollection, in Blocks for
// Infer. A window has the key of its series, and the time of the last value that it sees. A
// series that is too short for one is a Failure.
func Windows(s beam.Scope, w Windowing, series beam.PCollection) (blocks, failures beam.PCollection) {
	s = s.Scope("lockstep.Windows")
	return beam.ParDo2(s, &windowFn{Windowing: w}, series)
}

type windowFn struct {
	Windowing Windowing

	packer packer
}

// Setup refuses a Windowing that its caller changed.
func (f *windowFn) Setup() (err error) {
	f.packer, err = newPacker(f.Windowing.Specs())
	return err
}

func (f *windowFn) ProcessElement(s Series, emit func(Block), fail func(Failure)) error {
	w := &f.Windowing
	if w.Features < 1 || w.Stride < 1 || len(s.Values)%w.Features != 0 || len(s.Times) > 0 && len(s.Times) != len(s.Values)/w.Features {
		fail(Failure{Key: s.Key, Reason: fmt.Sprintf("infer: a series of %d values and %d times, want %d values a step and as many times as steps, or none", len(s.Values), len(s.Times), w.Features)})
		return nil
	}
	steps := len(s.Values) / w.Features
	starts := w.Starts(steps)
	if starts == nil {
		fail(Failure{Key: s.Key, Reason: w.TooShort(steps)})
		return nil
	}
	for _, at := range starts {
		time := ""
		if len(s.Times) > 0 {
			time = s.Times[at+w.Past-1]
		}
		values := w.Values(s.Values[at*w.Features : (at+w.Length())*w.Features])
		if err := f.packer.add(s.Key, time, values, emit, fail); err != nil {
			return err
		}
	}
	return f.packer.flush(emit)
}

// Starts returns where the windows of a series begin; nil if it is too short for one.
func (w *Windowing) Starts(steps int) []int {
	last := steps - w.Length()
	if last < 0 {
		return nil
	}
	if w.Last {
		return []int{last}
	}
	var out []int
	for at := 0; at <= last; at += w.Stride {
		out = append(out, at)
	}
	return out
}

// TooShort is the reason why a series of a number of steps has no window.
func (w *Windowing) TooShort(steps int) string {
	return fmt.Sprintf("the series has %d values, and a window needs %d", steps, w.Length())
}
