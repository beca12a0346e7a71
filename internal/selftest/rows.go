package selftest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

type generator struct {
	sig   lockstep.Signature
	o     InputOptions
	rng   *rand.Rand
	words int
	batch int // the only batch that the model accepts, 0 if there is none
}

// vocabulary is the number of an embedding's rows; two for a model without one.
func vocabulary(m *native.Model) int {
	n := 0
	weights, err := m.Weights()
	if err != nil {
		return 2
	}
	for _, w := range weights {
		if strings.HasSuffix(w.Name, "embeddings") && w.Tensor.Rank() == 2 && (n == 0 || w.Tensor.Shape()[0] < n) {
			n = w.Tensor.Shape()[0]
		}
	}
	return max(n, 2)
}

// row makes one row, (1, …) each, from numbers along time.
func (g *generator) row(at func(step, steps int) float64) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for _, s := range g.sig.Inputs {
		shape := slices.Clone(s.Shape)
		shape[0] = 1
		n := 1
		for i := range shape[1:] {
			shape[1+i] = g.length(s, 1+i)
			n *= shape[1+i]
		}
		steps, width := 1, n
		if len(shape) > 1 && n > 0 {
			steps, width = shape[1], n/shape[1]
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = at(i/max(width, 1), steps)
		}
		t, err := g.tensor(s.DType, values, shape)
		if err != nil {
			return nil, fmt.Errorf("selftest: input %s: %w", s, err)
		}
		out[s.Name] = t
	}
	return out, g.fit(out)
}

// tensor converts numbers to a type: integers within an embedding, 0 for 0, and
// bools that are true except for 0.
func (g *generator) tensor(dtype lockstep.DType, values []float64, shape []int) (*lockstep.Tensor, error) {
	word := func(v float64) int {
		if v == 0 {
			return 0
		}
		return 1 + int(math.Abs(v)*float64(g.words))%(g.words-1)
	}
	switch dtype {
	case lockstep.Float32:
		return convert(values, shape, func(v float64) float32 { return float32(v) })
	case lockstep.Float64:
		return convert(values, shape, func(v float64) float64 { return v })
	case lockstep.Int32:
		return convert(values, shape, func(v float64) int32 { return int32(word(v)) })
	case lockstep.Int64:
		return convert(values, shape, func(v float64) int64 { return int64(word(v)) })
	case lockstep.Bool:
		return convert(values, shape, func(v float64) bool { return v != 0 })
	}
	return nil, fmt.Errorf("no %s can be made", dtype)
}

func convert[E lockstep.Element](values []float64, shape []int, to func(float64) E) (*lockstep.Tensor, error) {
	out := make([]E, len(values))
	for i, v := range values {
		out[i] = to(v)
	}
	return lockstep.New(out, shape...)
}

// stack puts rows together.
func stack(rows []row) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for name, first := range rows[0].inputs {
		var err error
		switch first.DType() {
		case lockstep.Float32:
			out[name], err = stackOf[float32](rows, name)
		case lockstep.Float64:
			out[name], err = stackOf[float64](rows, name)
		case lockstep.Int32:
			out[name], err = stackOf[int32](rows, name)
		case lockstep.Int64:
			out[name], err = stackOf[int64](rows, name)
		case lockstep.Bool:
			out[name], err = stackOf[bool](rows, name)
		default:
			err = fmt.Errorf("selftest: %s cannot be put together", first)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func stackOf[E lockstep.Element](rows []row, name string) (*lockstep.Tensor, error) {
	var all []E
	for _, r := range rows {
		d, err := lockstep.Data[E](r.inputs[name])
		if err != nil {
			return nil, err
		}
		all = append(all, d...)
	}
	shape := slices.Clone(rows[0].inputs[name].Shape())
	shape[0] = len(rows)
	return lockstep.New(all, shape...)
}
