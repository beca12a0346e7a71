package forecast

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/native"
)

// decoder runs one step of a model: x and the result are (batch, features).
type decoder interface {
	step(ctx context.Context, x []float64) ([]float64, error)
}

// decoder returns one that is before the first step.
func (p Problem) decoder(ctx context.Context, given *series) (decoder, error) {
	m, ok := p.Engine.(*native.Model)
	if !ok {
		return newRecomputing(p, given)
	}
	return open(ctx, m, p.Roles, p.Inputs, given)
}

// open opens a native model to be fed by steps.
func open(ctx context.Context, m *native.Model, r Roles, inputs map[string]*lockstep.Tensor, given *series) (decoder, error) {
	encoder, fed, err := m.Seq2SeqInputs()
	if err == nil && fed == r.Input && given.dtype == lockstep.Float32 {
		q, err := m.Seq2Seq()
		if err != nil {
			return nil, err
		}
		return newEncoded(q, inputs[encoder], given.batch)
	}
	fixed := maps.Clone(inputs)
	delete(fixed, r.Input)
	s, err := m.NewStream(ctx, given.batch, fixed)
	if err != nil {
		return nil, fmt.Errorf("%w step by step: %w", ErrNone, err)
	}
	if s.TimeAxis() != 1 {
		return nil, fmt.Errorf("%w: its steps are along axis %d of its inputs (time_major), want axis 1", ErrNone, s.TimeAxis())
	}
	return &streamed{s, r, given}, nil
}

// encoded is the decoder of the eight-tensor model, with states that continue
// from step to step.
type encoded struct {
	run     *native.Seq2SeqRunner[float32]
	x, y    []float32
	outputs []float64
}

func newEncoded(q *native.Seq2Seq[float32], input *lockstep.Tensor, batch int) (decoder, error) {
	if q.OutputFeatures != q.DecoderFeatures {
		return nil, fmt.Errorf("%w: an output has %d features and the decoder's input %d", ErrNone, q.OutputFeatures, q.DecoderFeatures)
	}
	x, err := lockstep.Data[float32](input)
	if err != nil {
		return nil, err
	}
	// The states, gates, inputs and outputs of a row.
	if err := memory.Fits(batch, 4*(10*q.Units+q.EncoderFeatures+3*q.DecoderFeatures)); err != nil {
		return nil, fmt.Errorf("forecast: a batch of %d: %w", batch, err)
	}
	r := q.NewRunner(batch)
	if err := r.Encode(x, batch); err != nil {
		return nil, err
	}
	n := batch * q.OutputFeatures
	return &encoded{r, make([]float32, n), make([]float32, n), make([]float64, n)}, nil
}

func (d *encoded) step(_ context.Context, x []float64) ([]float64, error) {
	for i, v := range x {
		d.x[i] = float32(v)
	}
	if err := d.run.Step(d.y, d.x); err != nil {
		return nil, err
	}
	for i, v := range d.y {
		d.outputs[i] = float64(v)
	}
	return d.outputs, nil
}

// streamed is any model that is shown to be causal, with states that continue.
type streamed struct {
	stream *native.Stream
	roles  Roles
	like   *series
}

func (d *streamed) step(ctx context.Context, x []float64) ([]float64, error) {
	in, err := tensorOf(d.like.dtype, x, d.like.batch, 1, d.like.features)
	if err != nil {
		return nil, err
	}
	out, err := d.stream.Step(ctx, map[string]*lockstep.Tensor{d.roles.Input: in})
	if err != nil {
		return nil, err
	}
	return lastOf(out[d.roles.Output], d.roles.Output, d.like, 1)
}

// recomputing runs the whole model for each step on the inputs so far, and
// returns the last step of the output.
type recomputing struct {
	engine lockstep.Engine
	roles  Roles
	inputs map[string]*lockstep.Tensor
	like   *series
	fed    [][]float64 // a step each
}

func newRecomputing(p Problem, given *series) (decoder, error) {
	spec, _ := p.Engine.Signature().Input(p.Input)
	if !spec.UnknownRank && spec.Shape[1] >= 0 {
		return nil, fmt.Errorf("%w in %s: the input %s has %d steps, no more and no fewer", ErrNone, p.Engine.Name(), spec, spec.Shape[1])
	}
	return &recomputing{engine: p.Engine, roles: p.Roles, inputs: maps.Clone(p.Inputs), like: given}, nil
}

func (d *recomputing) step(ctx context.Context, x []float64) ([]float64, error) {
	d.fed = append(d.fed, x)
	all := &series{batch: d.like.batch, steps: len(d.fed), features: d.like.features}
	all.values = make([]float64, all.batch*all.steps*all.features)
	for t, x := range d.fed {
		all.put(t, x)
	}
	in, err := all.tensor(d.like.dtype)
	if err != nil {
		return nil, err
	}
	d.inputs[d.roles.Input] = in
	out, err := d.engine.Run(ctx, d.inputs)
	if err != nil {
		return nil, err
	}
	return lastOf(out[d.roles.Output], d.roles.Output, d.like, len(d.fed))
}

// ErrCarries is wrapped by the reason why an engine cannot be run again.
var ErrCarries = errors.New("it carries states from run to run (stateful=True), and cannot be run again")

// Repeats tells whether an engine that has just returned outputs for inputs, in
// its first run, returns them again, to 1e-5 of the largest. If not, the error
// wraps ErrCarries. A native.Model begins every run again.
func Repeats(ctx context.Context, e lockstep.Engine, inputs, outputs map[string]*lockstep.Tensor) error {
	if _, ok := e.(*native.Model); ok {
		return nil
	}
	again, err := e.Run(ctx, inputs)
	if err != nil {
		return err
	}
	for name, t := range outputs {
		if !t.DType().IsFloat() {
			continue
		}
		x, err := t.Float64s()
		if err != nil {
			return err
		}
		u := again[name]
		if u == nil || u.DType() != t.DType() || u.Len() != t.Len() {
			return fmt.Errorf("%s: output %q is %s, and then %s", e.Name(), name, t, u)
		}
		y, err := u.Float64s()
		if err != nil {
			return err
		}
		largest, largestChange := 0.0, 0.0
		for i, v := range x {
			if math.IsNaN(v) && math.IsNaN(y[i]) || v == y[i] {
				continue
			}
			largest, largestChange = math.Max(largest, math.Abs(v)), math.Max(largestChange, math.Abs(v-y[i]))
		}
		if !(largestChange <= 1e-5*largest) {
			return fmt.Errorf("%s: %w: with the same inputs the output %q differed by %.3g", e.Name(), ErrCarries, name, largestChange)
		}
	}
	return nil
}

// lastOf returns the last step of an output, which must have that many.
func lastOf(t *lockstep.Tensor, name string, like *series, steps int) ([]float64, error) {
	y, err := valuesOf(t)
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", name, err)
	}
	if y.dtype != like.dtype || y.batch != like.batch || y.steps != steps || y.features != like.features {
		return nil, fmt.Errorf("%w: output %q is %s after %d steps, want (%d, %d, %d), as the input that it is fed to", ErrNone, name, t, steps, like.batch, steps, like.features)
	}
	return y.step(steps - 1), nil
}
