package cells

import (
	"math"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// floats are the elements of an input and their bounds.
func floats(v op.BoundedValue) rounding.Values {
	return rounding.Values{V: op.FloatsOf(v.Tensor), E: op.FloatsOf(v.Bound.Tensor)}
}

// keras puts the columns of a matrix in another order, gate by gate.
func keras(w []float64, rows, units int, columns []int) []float64 {
	out := make([]float64, 0, len(w))
	for row := range rows {
		for _, c := range columns {
			at := (row*len(columns) + c) * units
			out = append(out, w[at:at+units]...)
		}
	}
	return out
}

// exact are weights, of which the bounds are not known.
func exact(all ...op.BoundedValue) bool {
	for _, v := range all {
		if v.Bound.Tensor != nil {
			return false
		}
	}
	return true
}

// lstmBound is the bound of Keras's cell, which this is without peepholes.
func lstmBound(x *op.BoundInput) error {
	c := readLSTM(x.Node)
	all := x.In
	if c.sequence {
		if len(all) == 0 || !all[0].Exact() {
			return op.ErrNoBound
		}
		all = all[1:]
	}
	if c.peephole || x.Typical || len(all) != 8 || !exact(all[3], all[7]) {
		return op.ErrNoBound
	}
	values := make([]value.Value, len(x.In))
	for i, v := range x.In {
		values[i] = v.Value
	}
	in, err := readInputs[float64](c, values)
	if err != nil {
		return err
	}
	u, f := in.units, in.features
	layer := &recurrent.Layer{Kind: recurrent.LSTM, Units: u, Features: f, Activation: recurrent.Tanh, RecurrentActivation: recurrent.Sigmoid, ForgetBias: c.forget, Gates: make([]recurrent.Gate, 4)}
	w := keras(in.w, f+u, u, c.columns[:])
	cell, err := rounding.NewCell(layer, x.Unit, w[:f*4*u], w[f*4*u:], keras(in.b, 1, u, c.columns[:]))
	if err != nil {
		return err
	}
	tanh, _ := rounding.FunctionOf(recurrent.Tanh)
	n := in.rows * u
	var bounds [7][]float64
	for k := range bounds {
		bounds[k] = make([]float64, in.steps*n)
	}
	steps := floats(all[0])
	now, h := floats(all[1]), floats(all[2])
	for t := range in.until {
		step := cell.Step(part(steps, t*in.rows*f, in.rows*f), h, now, in.rows)
		for k := range n {
			size := math.Abs(step.C.V[k]) + step.C.E[k]
			if c.clip > 0 && !(size < c.clip) {
				return op.ErrNoBound // it may be clipped
			}
			_, co := tanh.Apply(x.Unit, step.C.V[k], step.C.E[k])
			for r, e := range [7]float64{step.Gates[0].E[k], step.C.E[k], step.Gates[1].E[k], step.Gates[3].E[k], step.Gates[2].E[k], co, step.H.E[k]} {
				bounds[r][t*n+k] = e
			}
		}
		now, h = step.C, step.H
	}
	for r, e := range bounds {
		if err := x.Set(r, e); err != nil {
			return err
		}
	}
	return nil
}

// part is some of the values.
func part(v rounding.Values, from, n int) rounding.Values {
	out := rounding.Values{V: v.V[from : from+n]}
	if v.E != nil {
		out.E = v.E[from : from+n]
	}
	return out
}

// gruBound is the bound of Keras's cell with the reset before the product.
func gruBound(x *op.BoundInput) error {
	if x.Typical || len(x.In) != 6 || !exact(x.In[2:]...) {
		return op.ErrNoBound
	}
	shape := x.Out[3].Tensor.Shape()
	rows, u := shape[0], shape[1]
	f := x.In[0].Tensor.Shape()[1]
	gates, candidate := op.FloatsOf(x.In[2].Tensor), op.FloatsOf(x.In[3].Tensor)
	gateBias, bias := op.FloatsOf(x.In[4].Tensor), op.FloatsOf(x.In[5].Tensor)
	var w []float64
	join := func(gates, candidate []float64) {
		w = append(append(append(w, gates[u:2*u]...), gates[:u]...), candidate[:u]...)
	}
	for row := range f + u {
		join(gates[row*2*u:], candidate[row*u:])
	}
	join(gateBias, bias)
	layer := &recurrent.Layer{Kind: recurrent.GRU, Units: u, Features: f, Activation: recurrent.Tanh, RecurrentActivation: recurrent.Sigmoid, Gates: make([]recurrent.Gate, 3)}
	cell, err := rounding.NewCell(layer, x.Unit, w[:f*3*u], w[f*3*u:(f+u)*3*u], w[(f+u)*3*u:])
	if err != nil {
		return err
	}
	step := cell.Step(floats(x.In[0]), floats(x.In[1]), rounding.Values{}, rows)
	for k, e := range [][]float64{step.Gates[1].E, step.Gates[0].E, step.Gates[2].E, step.H.E} {
		if err := x.Set(k, e); err != nil {
			return err
		}
	}
	return nil
}
