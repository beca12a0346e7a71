package explain

import (
	"context"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
)

// Memory is what a spike leaves in one state of a single cell: the cell reads the
// mean of what its layer read over the series until its states have settled, then
// for one step as much and the spike, then the mean again. Beside it runs the
// same cell without the spike; a Response is the difference of the two.
type Memory struct {
	State string // c or h
	Whole Response
	Units []Response
}

// faint is the share of a state's largest magnitude below which a difference is
// rounding.
const faint = 1e-6

// remember measures the memory of a layer's cell, given what the layer read.
func (p Problem) remember(ctx context.Context, e *Explanation, l *Layer, x *lockstep.Tensor, seen []bool) error {
	if p.Native == nil {
		e.notApplicable("layer %s: the native engine, whose cells are followed one by one, refuses the model", l.Name)
		return nil
	}
	mean, spread, err := moments(x, seen, l.Features)
	if err != nil {
		return err
	}
	spike := make([]float64, len(mean))
	for i, m := range mean {
		if spread[i] == 0 { // it never changes and has no standard deviation
			spread[i] = 1
		}
		spike[i] = m + p.Spike*spread[i]
	}
	c := &cell{l: l, stepper: p.Native, double: x.DType() == lockstep.Float64}
	c.states = [][]float64{make([]float64, 2*l.Units)}
	names := []string{"h"}
	if l.Kind == "LSTM" {
		c.states, names = append(c.states, make([]float64, 2*l.Units)), append(names, "c")
	}
	for range p.Follow {
		if err := c.step(ctx, mean, mean); err != nil {
			return err
		}
	}
	curves := make([][]float64, len(names)*l.Units)
	whole, largest := make([][]float64, len(names)), make([]float64, len(names))
	for k := range p.Follow + 1 {
		with := mean
		if k == 0 {
			with = spike
		}
		if err := c.step(ctx, mean, with); err != nil {
			return err
		}
		for s, state := range c.states {
			sum := 0.0
			for u := range l.Units {
				d := math.Abs(state[l.Units+u] - state[u])
				curves[s*l.Units+u] = append(curves[s*l.Units+u], d)
				sum += d * d
				largest[s] = math.Max(largest[s], math.Abs(state[u]))
			}
			whole[s] = append(whole[s], math.Sqrt(sum))
		}
	}
	for s := len(names) - 1; s >= 0; s-- { // c first
		m := Memory{State: names[s], Whole: respond(whole[s], faint*largest[s])}
		for u := range l.Units {
			m.Units = append(m.Units, respond(curves[s*l.Units+u], faint*largest[s]))
		}
		l.Memory = append(l.Memory, m)
	}
	return nil
}

// moments are the mean and the standard deviation of each feature over what was
// seen.
func moments(x *lockstep.Tensor, seen []bool, features int) (mean, spread []float64, err error) {
	if x == nil || x.Len() != len(seen)*features {
		return nil, nil, fmt.Errorf("what it reads is %s, want %d rows and steps of %d features", x, len(seen), features)
	}
	values, err := x.Float64s()
	if err != nil {
		return nil, nil, err
	}
	mean, spread = make([]float64, features), make([]float64, features)
	n := 0.0
	for i, s := range seen {
		if s {
			n++
			for f, v := range values[i*features : (i+1)*features] {
				mean[f] += v
			}
		}
	}
	for f := range mean {
		mean[f] /= n
	}
	for i, s := range seen {
		if s {
			for f, v := range values[i*features : (i+1)*features] {
				spread[f] += (v - mean[f]) * (v - mean[f]) / n
			}
		}
	}
	for f := range spread {
		if spread[f] = math.Sqrt(spread[f]); spread[f] <= 1e-12*math.Abs(mean[f]) {
			spread[f] = 0 // the mean's rounding of a constant
		}
		if math.IsNaN(spread[f]) || math.IsInf(spread[f], 0) {
			return nil, nil, fmt.Errorf("what it reads is not finite")
		}
	}
	return mean, spread, nil
}

// cell steps one cell twice, without and with the spike: two rows.
type cell struct {
	l       *Layer
	stepper lockstep.Stepper
	double  bool        // of float64
	states  [][]float64 // h and c, (2, units)
}

func (c *cell) step(ctx context.Context, without, with []float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	from := map[string]*lockstep.Tensor{}
	var err error
	set := func(name string, values []float64) {
		if err == nil {
			from[name], err = floats(c.double, values, 2, len(values)/2)
		}
	}
	set("x", append(append([]float64{}, without...), with...))
	for s, values := range c.states {
		set([]string{"h", "c"}[s], values)
	}
	if err != nil {
		return err
	}
	to, err := c.stepper.Step(c.l.Name, from)
	if err != nil {
		return err
	}
	for s := range c.states {
		if c.states[s], err = to[[]string{"h", "c"}[s]].Float64s(); err != nil {
			return err
		}
	}
	return nil
}

// floats makes a tensor of float64 or float32.
func floats(double bool, values []float64, shape ...int) (*lockstep.Tensor, error) {
	if double {
		return lockstep.New(values, shape...)
	}
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return lockstep.New(out, shape...)
}
