package source

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// oracleCell is a layer and its cell in float64.
type oracleCell struct {
	layer *recurrent.Layer
	*rounding.Cell
}

// add adds the cell of a layer, if it has one.
func (o *Oracle) add(l *recurrent.Layer) error {
	c, err := o.cell(l)
	if err != nil {
		return fmt.Errorf("native: the oracle: layer %q: %w", l.Name, err)
	}
	if c != nil {
		o.cells[l.Name] = &oracleCell{l, c}
	}
	return nil
}

// cell returns nil for a layer in 16-bit floats, which have no known bounds.
func (o *Oracle) cell(l *recurrent.Layer) (*rounding.Cell, error) {
	weights, dtype, err := engine.WeightsOf(l, o.source.Weight)
	if err != nil {
		return nil, err
	}
	unit, known := map[lockstep.DType]rounding.Unit{lockstep.Float32: rounding.Float32, lockstep.Float64: rounding.Float64}[dtype]
	if !known {
		return nil, nil
	}
	return rounding.NewCell(l, unit, weights[0], weights[1], weights[2])
}

// Step takes one step of a recurrent layer for any number of rows: x (…,
// features), h and of an LSTM c (…, units), the states before it, in any floats.
// It returns the quantities of a step as in lockstep.Trace.Steps, (…, units) in
// float64, by the names h, c, i, sum_i and so on, and the bounds on what one
// step's rounding may do to each. layer may be a run of it: see lockstep.RunName.
func (o *Oracle) Step(layer string, from map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	c, ok := o.cells[lockstep.LayerOf(layer)]
	if !ok {
		return nil, nil, fmt.Errorf("native: the oracle has no cell for the layer %q", layer)
	}
	var in [3]rounding.Values
	var rows []int
	for i, want := range c.wants() {
		t := from[want.name]
		if t == nil || t.Rank() == 0 || t.Shape()[t.Rank()-1] != want.width {
			return nil, nil, fmt.Errorf("native: layer %q: its %s is %s, want (…, %d)", layer, want.name, t, want.width)
		}
		if rows == nil {
			rows = t.Shape()[:t.Rank()-1]
			if err := c.room(t.Len() / max(want.width, 1)); err != nil {
				return nil, nil, fmt.Errorf("native: layer %q: a step of %s: %w", layer, t, err)
			}
		}
		if t.Len()/want.width != from["x"].Len()/c.Features {
			return nil, nil, fmt.Errorf("native: layer %q: its %s is %s, beside x %s: want as many rows", layer, want.name, t, from["x"])
		}
		values, err := t.Float64s()
		if err != nil {
			return nil, nil, fmt.Errorf("native: layer %q: %w", layer, err)
		}
		in[i] = rounding.Exact(values)
	}
	n, err := lockstep.NumElements(rows)
	if err != nil {
		return nil, nil, fmt.Errorf("native: layer %q: %w", layer, err)
	}
	step := c.Cell.Step(in[0], in[1], in[2], n)
	exact, bound = map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	shape := append(append([]int{}, rows...), c.Units)
	add := func(name string, v rounding.Values) {
		if err != nil || v.V == nil {
			return
		}
		if exact[name], err = lockstep.New(v.V, shape...); err == nil {
			bound[name], err = lockstep.New(v.E, shape...)
		}
	}
	for i, g := range c.layer.Gates {
		add("sum_"+g.Name, step.Sums[i])
		add(g.Name, step.Gates[i])
	}
	add("h", step.H)
	add("c", step.C)
	if err != nil {
		return nil, nil, fmt.Errorf("native: layer %q: %w", layer, err)
	}
	return exact, bound, nil
}

// room tells whether there is memory for a step of n rows: the sums and gates,
// the states, and their inputs, each with a bound.
func (c *oracleCell) room(n int) error {
	const perUnit = 2 * (2*4 + 2 + 10)
	return memory.Fits(n, 8*(perUnit*c.Units+2*c.Features))
}

// cellInput is a tensor that a cell reads, and the length of its last axis.
type cellInput struct {
	name  string
	width int
}

func (c *oracleCell) wants() []cellInput {
	out := []cellInput{{"x", c.Features}, {"h", c.Units}}
	if c.Kind == recurrent.LSTM {
		out = append(out, cellInput{"c", c.Units})
	}
	return out
}
