package native

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// Step takes one step of a recurrent layer's native cell for any number of
// rows: x (…, features), h and of an LSTM c (…, units), the states before it,
// in the model's floats. It returns the states after it by the same names: for
// every row the same bits as a run, except for masks. layer may be a run of it: see
// lockstep.RunName.
func (m *Model) Step(layer string, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if err := m.loaded(); err != nil {
		return nil, err
	}
	for _, l := range m.source.Found.Layers {
		if l.Name != lockstep.LayerOf(layer) {
			continue
		}
		var out map[string]*lockstep.Tensor
		var err error
		if x := from["x"]; x != nil && x.DType() == lockstep.Float64 {
			out, err = step[float64](m, l, from)
		} else {
			out, err = step[float32](m, l, from)
		}
		if err != nil {
			return nil, fmt.Errorf("native: layer %q: %w", layer, err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("native: there is no recurrent layer %q", layer)
}

func step[F Float](m *Model, l *recurrent.Layer, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	wants := []struct {
		name  string
		width int // of the last axis
	}{{"x", l.Features}, {"h", l.Units}, {"c", l.Units}}[:1+len(l.States)]
	var in [3][]F
	var shape []int
	for i, want := range wants {
		t := from[want.name]
		if t == nil || t.Rank() == 0 || t.Shape()[t.Rank()-1] != want.width {
			return nil, fmt.Errorf("its %s is %s, want (…, %d)", want.name, t, want.width)
		}
		rows := t.Shape()[:t.Rank()-1]
		if i > 0 && !slices.Equal(rows, shape) {
			return nil, fmt.Errorf("its %s is %s, beside x %s: want the same rows", want.name, t, from["x"])
		}
		shape = slices.Clone(rows)
		d, err := lockstep.Data[F](t)
		if err != nil {
			return nil, err
		}
		in[i] = d
		if i > 0 { // a step writes over the states
			in[i] = slices.Clone(d)
		}
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, err
	}
	if !engine.StepCell(m.program, l, in[0], in[1], in[2], n) {
		return nil, fmt.Errorf("it does not run as a native cell of %s", from["x"].DType())
	}
	out := map[string]*lockstep.Tensor{}
	for i, want := range wants[1:] {
		if out[want.name], err = lockstep.New(in[i+1], append(slices.Clone(shape), l.Units)...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
