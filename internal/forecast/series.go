package forecast

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// series are the values of a tensor (batch, steps, features) of floats, in
// float64, which holds them exactly.
type series struct {
	dtype                  lockstep.DType
	batch, steps, features int
	values                 []float64
}

func valuesOf(t *lockstep.Tensor) (*series, error) {
	if t == nil {
		return nil, fmt.Errorf("it is missing")
	}
	if t.Rank() != 3 || t.DType() != lockstep.Float32 && t.DType() != lockstep.Float64 {
		return nil, fmt.Errorf("it is %s, want float32 or float64 (batch, steps, features)", t)
	}
	values, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	s := t.Shape()
	return &series{t.DType(), s[0], s[1], s[2], values}, nil
}

// tensor returns the values in their original type.
func (s *series) tensor(dtype lockstep.DType) (*lockstep.Tensor, error) {
	return tensorOf(dtype, s.values, s.batch, s.steps, s.features)
}

// tensorOf rounds values to a type of floats.
func tensorOf(dtype lockstep.DType, values []float64, shape ...int) (*lockstep.Tensor, error) {
	if dtype == lockstep.Float64 {
		return lockstep.New(values, shape...)
	}
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return lockstep.New(out, shape...)
}

// step gathers one step, (batch, features).
func (s *series) step(t int) []float64 {
	out := make([]float64, 0, s.batch*s.features)
	for b := range s.batch {
		at := (b*s.steps + t) * s.features
		out = append(out, s.values[at:at+s.features]...)
	}
	return out
}

func (s *series) put(t int, values []float64) {
	for b := range s.batch {
		copy(s.values[(b*s.steps+t)*s.features:][:s.features], values[b*s.features:])
	}
}

// cut returns the first steps.
func (s *series) cut(steps int) *series {
	if steps >= s.steps {
		return s
	}
	out := *s
	out.steps, out.values = steps, nil
	for b := range s.batch {
		at := b * s.steps * s.features
		out.values = append(out.values, s.values[at:at+steps*s.features]...)
	}
	return &out
}
