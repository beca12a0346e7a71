package native

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// planted is what a source has of faults.
type planted struct {
	is      bool
	weights map[*savedmodel.Node]*lockstep.Tensor // in place of the model's
	half    bool                                  // all weights are rounded to float16
	twists  map[*savedmodel.Node]engine.Twist
	feed    feed // nil where inputs are fed as they are
	touched map[*recurrent.Layer]bool
}

// feed makes of the inputs of a call those that are run.
type feed func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)

// rounded rounds a weight that was read, where all are.
func (p *planted) rounded(t *lockstep.Tensor, err error) (*lockstep.Tensor, error) {
	if err != nil || !p.half {
		return t, err
	}
	return halved(t)
}

// WithFault returns a copy of the model that has a fault. It computes all else
// as the model does; Weights still shows what the checkpoint holds. Faults can
// be planted in a copy that has one. Such a copy has no Stream, and no Seq2Seq.
func (m *Model) WithFault(f Fault) (*Model, error) {
	src, err := m.source.plant(f)
	if err != nil {
		return nil, fmt.Errorf("native: %s: %w", f, err)
	}
	out, err := src.model()
	if err != nil {
		return nil, err
	}
	out.files = m.files
	return out, nil
}

// WithFault returns the oracle of the model that has a fault. Of a fault that
// Fault.SequenceLevel tells of its single steps say nothing.
func (o *Oracle) WithFault(f Fault) (*Oracle, error) {
	src, err := o.source.plant(f)
	if err != nil {
		return nil, fmt.Errorf("native: %s: %w", f, err)
	}
	out := &Oracle{source: src, exact: src.exact(), cells: maps.Clone(o.cells)}
	for _, l := range src.found.Layers {
		if !src.fault.touched[l] && !src.fault.half {
			continue
		}
		c, err := out.cell(l)
		if err != nil {
			return nil, fmt.Errorf("native: %s: layer %q: %w", f, l.Name, err)
		}
		delete(out.cells, l.Name)
		if c != nil {
			out.cells[l.Name] = &oracleCell{l, c}
		}
	}
	return out, nil
}

// copied returns a source that faults can be planted in.
func (src *source) copied() *source {
	out := *src
	found := *src.found
	copies := map[*recurrent.Layer]*recurrent.Layer{}
	of := func(list []*recurrent.Layer) []*recurrent.Layer {
		var out []*recurrent.Layer
		for _, l := range list {
			if copies[l] == nil {
				c := *l
				copies[l] = &c
			}
			out = append(out, copies[l])
		}
		return out
	}
	found.Layers = of(found.Layers)
	found.Recurrences = nil
	for _, r := range src.found.Recurrences {
		c := *r
		c.Cells = of(r.Cells)
		if r.Mask != nil {
			mask := *r.Mask
			c.Mask = &mask
		}
		found.Recurrences = append(found.Recurrences, &c)
	}
	out.found = &found
	out.fault.is = true
	out.fault.weights, out.fault.twists = maps.Clone(src.fault.weights), map[*savedmodel.Node]engine.Twist{}
	if out.fault.weights == nil {
		out.fault.weights = map[*savedmodel.Node]*lockstep.Tensor{}
	}
	for loop, t := range src.fault.twists {
		if t.SwapStates != nil {
			t.SwapStates = copies[t.SwapStates]
		}
		if t.ZeroStates != nil {
			t.ZeroStates = copies[t.ZeroStates]
		}
		out.fault.twists[loop] = t
	}
	out.fault.touched = map[*recurrent.Layer]bool{}
	return &out
}

// layer finds a layer and the loop that runs it.
func (src *source) layer(name string) (*recurrent.Layer, *recurrent.Recurrence, error) {
	for _, r := range src.found.Recurrences {
		for _, l := range r.Cells {
			if l.Name == name {
				return l, r, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("there is no recurrent layer %q", name)
}

// plant returns a source with a fault in it.
func (src *source) plant(f Fault) (*source, error) {
	out := src.copied()
	switch f.Kind {
	case InputsSwapped, InputShifted, OwnOutput:
		feed, err := src.feedOf(f)
		if err != nil {
			return nil, err
		}
		out.fault.feed = chained(feed, src.fault.feed)
		return out, nil
	case HalfWeights:
		out.fault.half = true
		for node, t := range out.fault.weights {
			half, err := halved(t)
			if err != nil {
				return nil, err
			}
			out.fault.weights[node] = half
		}
		return out, nil
	}
	l, r, err := out.layer(f.Layer)
	if err != nil {
		return nil, err
	}
	out.fault.touched[l] = true
	twist := out.fault.twists[r.Loop]
	switch f.Kind {
	case StatesSwapped:
		twist.SwapStates = l
	case StatesIgnored:
		twist.ZeroStates = l
	case Backwards:
		twist.Reverse = !twist.Reverse
	case MaskIgnored, MaskZeroInputs, MaskZeroOutputs:
		if r.Mask == nil {
			return nil, fmt.Errorf("the layer has no mask")
		}
		twist.NoMask = twist.NoMask || f.Kind == MaskIgnored
		twist.ZeroInputs = twist.ZeroInputs || f.Kind == MaskZeroInputs
		if f.Kind == MaskZeroOutputs {
			r.Mask.Previous = -1
		}
	default:
		return out, out.plantCell(f, l)
	}
	out.fault.twists[r.Loop] = twist
	return out, nil
}

// plantCell changes a layer's cell or its weights.
func (src *source) plantCell(f Fault, l *recurrent.Layer) error {
	switch f.Kind {
	case ActivationChanged:
		at := &l.Activation
		if f.Role == "recurrent_activation" && l.Kind != recurrent.SimpleRNN {
			at = &l.RecurrentActivation
		} else if f.Role != "activation" {
			return fmt.Errorf("the layer has no %q", f.Role)
		}
		to, ok := recurrent.ActivationNamed(f.To)
		if !ok {
			return fmt.Errorf("there is no activation %q", f.To)
		}
		*at = to
		return nil
	case WeightsSwapped:
		other, _, err := src.layer(f.Other)
		if err != nil {
			return err
		}
		if other.Kind != l.Kind || other.Units != l.Units || other.Features != l.Features {
			return fmt.Errorf("layers %q and %q have weights of other shapes", l.Name, other.Name)
		}
		src.fault.touched[other] = true
		l.Kernel, other.Kernel = other.Kernel, l.Kernel
		l.RecurrentKernel, other.RecurrentKernel = other.RecurrentKernel, l.RecurrentKernel
		l.Bias, other.Bias = other.Bias, l.Bias
		return nil
	case BiasMissing:
		l.Bias = savedmodel.Ref{}
		return nil
	}
	w, err := src.matrices(l)
	if err != nil {
		return err
	}
	if err := w.change(f, l); err != nil {
		return err
	}
	return src.put(l, w)
}
