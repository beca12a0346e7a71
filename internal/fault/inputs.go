package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

// inputChange turns the inputs of a call into those that it computes on.
type inputChange func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)

// then is c followed by next, which may be nil.
func (c inputChange) then(next inputChange) inputChange {
	if next == nil {
		return c
	}
	return func(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		in, err := c(ctx, in)
		if err != nil {
			return nil, err
		}
		return next(ctx, in)
	}
}

// changeOf returns the change that a fault makes to the inputs.
func (f Fault) changeOf(src *source.Source) (inputChange, error) {
	sig := src.Graph.Signature
	for _, name := range []string{f.Input, f.Other} {
		if _, ok := sig.Input(name); name != "" && !ok {
			return nil, fmt.Errorf("the signature has no input %q", name)
		}
	}
	switch f.Kind {
	case InputsSwapped:
		return func(_ context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
			out := maps.Clone(in)
			out[f.Input], out[f.Other] = in[f.Other], in[f.Input]
			return out, sig.CheckInputs(out)
		}, nil
	case InputShifted:
		return func(_ context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
			out := maps.Clone(in)
			for _, s := range sig.Inputs {
				if !isSequence(s) || f.Input != "" && f.Input != s.Name {
					continue
				}
				t, err := shiftSteps(in[s.Name], f.Steps)
				if err != nil {
					return nil, fmt.Errorf("input %q: %w", s.Name, err)
				}
				out[s.Name] = t
			}
			return out, nil
		}, nil
	}
	if f.Kind == InputScaled {
		return func(_ context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
			out := maps.Clone(in)
			var err error
			out[f.Input], err = scaled(in[f.Input], f.Factor, f.Is)
			return out, err
		}, nil
	}
	return ownOutput(src)
}

// scaled is x·factor + summand, in x's floats.
func scaled(x *lockstep.Tensor, factor, summand float64) (*lockstep.Tensor, error) {
	d, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(d))
	for i, v := range d {
		out[i] = v*factor + summand
	}
	return inType(out, x.DType(), slices.Clone(x.Shape()))
}

// shiftSteps shifts (batch, steps, …) by a number of steps, and fills with
// zeros.
func shiftSteps(t *lockstep.Tensor, by int) (*lockstep.Tensor, error) {
	switch t.DType() {
	case lockstep.Float32:
		return shiftStepsOf[float32](t, by)
	case lockstep.Float64:
		return shiftStepsOf[float64](t, by)
	case lockstep.Int32:
		return shiftStepsOf[int32](t, by)
	case lockstep.Int64:
		return shiftStepsOf[int64](t, by)
	case lockstep.Bool:
		return shiftStepsOf[bool](t, by)
	}
	return nil, fmt.Errorf("%s cannot be shifted", t)
}

func shiftStepsOf[E lockstep.Element](t *lockstep.Tensor, by int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(t.Shape())
	out := make([]E, len(d))
	batch, steps := shape[0], shape[1]
	width := 0
	if batch*steps > 0 {
		width = len(d) / (batch * steps)
	}
	for i := range batch {
		for to := range steps {
			if from := to - by; from >= 0 && from < steps {
				copy(out[(i*steps+to)*width:][:width], d[(i*steps+from)*width:])
			}
		}
	}
	return lockstep.New(out, shape...)
}

// ownOutput feeds the decoder its own output of the previous step.
func ownOutput(src *source.Source) (inputChange, error) {
	s := src.Found.Seq2Seq
	if s == nil {
		return nil, src.Found.NoSeq2Seq
	}
	weights, err := src.Weights()
	if err != nil {
		return nil, err
	}
	q, err := native.NewSeq2Seq(weights)
	if err != nil {
		return nil, err
	}
	if q.DecoderFeatures != q.OutputFeatures {
		return nil, fmt.Errorf("an output has %d features and a decoder input %d, so no output can be the next input", q.OutputFeatures, q.DecoderFeatures)
	}
	return func(_ context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		encoder, err := lockstep.Data[float32](in[s.EncoderInput])
		if err != nil {
			return nil, err
		}
		decoder, err := lockstep.Data[float32](in[s.DecoderInput])
		if err != nil {
			return nil, err
		}
		shape := slices.Clone(in[s.DecoderInput].Shape())
		batch, steps, width := shape[0], shape[1], shape[2]
		if len(decoder) == 0 {
			return in, nil
		}
		r := q.NewRunner(batch)
		if err := r.Encode(encoder, batch); err != nil {
			return nil, err
		}
		first := make([]float32, 0, batch*width)
		for i := range batch {
			first = append(first, decoder[i*steps*width:][:width]...)
		}
		made := make([]float32, len(decoder))
		if err := r.Forecast(made, first, steps); err != nil {
			return nil, err
		}
		own := slices.Clone(decoder)
		for i := range batch {
			copy(own[(i*steps+1)*width:(i+1)*steps*width], made[i*steps*width:])
		}
		out := maps.Clone(in)
		out[s.DecoderInput], err = lockstep.New(own, shape...)
		return out, err
	}, nil
}
