package errbound

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// cellLoop runs a recognised loop on the oracle's cells.
type cellLoop struct {
	engine.CellLoop[float64] // reads a call's tensors; it has no cells
	oracles                  []*rounding.Cell
	interpreted              operation
	change                   engine.CellEdit // nil without
}

func (c *compiler) exactRecurrence(r *recurrent.Recurrence, interpreted operation) (operation, error) {
	e := &cellLoop{CellLoop: engine.CellLoop[float64]{Recurrence: r, Features: r.Cells[0].Features}, interpreted: interpreted}
	for _, l := range r.Cells {
		if c.Assigns(l) {
			return interpreted, nil
		}
		weights, dtype, err := engine.WeightsOf(l, c.Options.Weight)
		if err != nil {
			return nil, err
		}
		switch dtype {
		case lockstep.Float32:
			c.single = true
		case lockstep.Float64:
		default:
			return interpreted, nil
		}
		// The precision is known once the whole graph has been seen; in a graph
		// with both, layers are treated as float32.
		cell, err := rounding.NewCell(l, c.precision(), weights[0], weights[1], weights[2])
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		e.oracles = append(e.oracles, cell)
	}
	for _, l := range r.Cells {
		c.exact.layers[l.Name] = true
	}
	e.change = c.Options.Edits[r.Loop]
	return e.run, nil
}

// cellCall is one call of a recognised loop.
type cellCall struct {
	engine.CellCall[float64]
	x, previous rounding.Values
	states      [][2]rounding.Values // by cell: h, and c of an LSTM
	h, c        []rounding.Values    // by cell: the given states, (batch, steps, units)
	why         error                // why the layers have no bound
	shown       bool                 // see evaluationRun.shows
}

func (e *cellLoop) run(r *evaluationRun, in []op.BoundedValue, n int) ([]op.BoundedValue, error) {
	// What decides how many steps there are, and which, must be exact.
	states := e.stateVariables()
	floats := append(slices.Clone(states), e.Steps)
	if e.Outputs >= 0 {
		floats = append(floats, e.Outputs)
	}
	if e.Mask != nil && e.Mask.Previous >= 0 {
		floats = append(floats, e.Mask.Previous)
	}
	values := make([]value.Value, n)
	var why error
	for i, v := range in {
		values[i] = v.Value
		switch {
		case v.Why != nil && (v.FreeShape || v.None()) || !v.Exact() && !v.IsFloat():
			why = v.Reason()
			r.unknownLayers(e.Cells, why)
			return unknown(n, why), nil
		case v.Why != nil && slices.Contains(floats, i):
			why = v.Why
		}
	}
	var read engine.CellCall[float64]
	ok := e.Call(values, &read)
	if !ok {
		for _, l := range e.Cells {
			if name := r.name(l, "h"); r.given[name] != nil {
				return nil, fmt.Errorf("%q is given, but the layer's tensors do not fit its cells", name)
			}
		}
		r.unknownLayers(e.Cells, errors.New("its tensors do not fit the layer's cells, so its loop was evaluated operation by operation"))
		return e.interpreted(r, in, n)
	}
	errs := engine.CellCall[float64]{Steps: read.Steps, Batch: read.Batch, Mask: read.Mask, X: errorsOfList(in[e.Steps])}
	for _, at := range states {
		errs.States = append(errs.States, op.FloatsOf(in[at].Bound.Tensor))
	}
	if e.change != nil {
		e.editBoth(&read, &errs)
	}
	call := &cellCall{CellCall: read, why: why}
	call.x = rounding.Values{V: read.X, E: errs.X}
	k := 0
	for _, l := range e.Cells {
		var of [2]rounding.Values
		for j := range l.States {
			of[j] = rounding.Values{V: read.States[k], E: errs.States[k]}
			k++
		}
		call.states = append(call.states, of)
	}
	if read.Previous != nil {
		call.previous = rounding.Values{V: read.Previous, E: op.FloatsOf(in[e.Mask.Previous].Bound.Tensor)}
	}
	if err := e.take(r, call); err != nil {
		return nil, err
	}
	for i, l := range e.Cells {
		if call.h[i].V == nil {
			if err := r.count(read.Steps * read.Batch * len(l.Gates) * l.Units * (l.Features + l.Units)); err != nil {
				return nil, err
			}
		}
	}
	if call.shown = r.shows(e.Cells); call.shown {
		if err := e.noteBeginning(r, call, in); err != nil {
			return nil, err
		}
	}
	if given := !slices.ContainsFunc(call.h, func(h rounding.Values) bool { return h.V == nil }); given {
		call.why = nil
		if e.Mask != nil && e.Mask.Previous >= 0 {
			call.why = in[e.Mask.Previous].Why
		}
	}
	return e.steps(r, call, in)
}

// editBoth changes what a call reads, and the bounds of that.
func (e *cellLoop) editBoth(read, errs *engine.CellCall[float64]) {
	if errs.X == nil {
		errs.X = make([]float64, len(read.X))
	}
	for i, s := range errs.States {
		if s == nil {
			errs.States[i] = make([]float64, len(read.States[i]))
		}
	}
	e.change.Float64(errs)
	e.change.Float64(read)
}

func (e *cellLoop) stateVariables() (out []int) {
	for _, l := range e.Cells {
		out = append(out, l.States...)
	}
	return out
}

// take reads the states given for the layers.
func (e *cellLoop) take(r *evaluationRun, call *cellCall) error {
	for _, l := range e.Cells {
		var of [2]rounding.Values
		for j := range l.States {
			name := r.name(l, "hc"[j:j+1])
			t := r.given[name]
			if t == nil && len(l.States) == 2 && r.given[r.name(l, "h")] != r.given[r.name(l, "c")] {
				return fmt.Errorf("the states of %q are given, but %q is not", l.Name, name)
			}
			if t == nil {
				break
			}
			want := []int{call.Batch, call.CellCall.Steps, l.Units}
			if !slices.Equal(t.Shape(), want) || !t.DType().IsFloat() {
				return fmt.Errorf("%q is given as %s, want floats of shape %s", name, t, lockstep.FormatShape(want))
			}
			d, err := t.Float64s()
			if err != nil {
				return err
			}
			of[j] = rounding.Exact(d)
		}
		call.h, call.c = append(call.h, of[0]), append(call.c, of[1])
	}
	return nil
}

// steps takes all steps.
func (e *cellLoop) steps(r *evaluationRun, call *cellCall, in []op.BoundedValue) ([]op.BoundedValue, error) {
	batch, steps := call.Batch, call.CellCall.Steps
	last := e.Cells[len(e.Cells)-1].Units
	rows := steps
	if e.LastOnly {
		rows = 1
	}
	outputs := zeroValues(rows * batch * last)
	cells := e.oracles
	if r.noise != nil {
		cells = nil
		for _, cell := range e.oracles {
			cells = append(cells, cell.Sampled(r.noise))
		}
	}
	previous := call.previous
	if previous.V == nil {
		previous = zeroValues(batch * last)
	}
	for t := range steps {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		x := stretch(call.x, t*batch*e.Features, batch*e.Features)
		var mask []bool
		if call.Mask != nil {
			mask = call.Mask[t*batch : (t+1)*batch]
		}
		for i, cell := range cells {
			before := call.states[i]
			u := cell.Units
			if call.h[i].V != nil {
				call.states[i] = [2]rounding.Values{atStep(call.h[i], batch, steps, u, t), atStep(call.c[i], batch, steps, u, t)}
			} else {
				s := cell.Step(x, before[0], before[1], batch)
				call.states[i] = [2]rounding.Values{selectRows(s.H, before[0], mask, u), selectRows(s.C, before[1], mask, u)}
			}
			x = call.states[i][0]
		}
		if mask != nil && e.Mask.Previous < 0 {
			previous = zeroValues(batch * last)
		}
		out := selectRows(x, previous, mask, last)
		previous = out
		at := t
		if e.LastOnly {
			at = 0
		}
		put := stretch(outputs, at*batch*last, batch*last)
		copy(put.V, out.V)
		clear(put.E)
		copy(put.E, out.E)
	}
	return e.results(r, call, in, outputs, previous)
}

// results sets what the loop's variables are after it, and notes the states.
func (e *cellLoop) results(r *evaluationRun, call *cellCall, in []op.BoundedValue, outputs, previous rounding.Values) ([]op.BoundedValue, error) {
	out := slices.Clone(in)
	batch, steps := call.Batch, call.CellCall.Steps
	before, after := make([]value.Value, len(in)), make([]value.Value, len(in))
	for i, v := range in {
		before[i] = v.Value
	}
	if err := new(engine.Counters).Count(e.Counters, before, after, steps); err != nil {
		return nil, err
	}
	for _, at := range e.Counters {
		out[at] = op.BoundedValue{Value: after[at]}
	}
	for i, l := range e.Cells {
		for j, at := range l.States {
			v, err := boundedOf(call.states[i][j], batch, l.Units)
			if err != nil {
				return nil, err
			}
			if call.h[i].V == nil {
				v.Why = call.why
			}
			out[at] = v
			if !call.shown {
				continue
			}
			if err := r.note(r.name(l, l.Kind.StateNames()[j]), v); err != nil {
				return nil, err
			}
		}
	}
	last := e.Cells[len(e.Cells)-1].Units
	if e.Mask != nil && e.Mask.Carried >= 0 {
		v, err := boundedOf(previous, batch, last)
		if err != nil {
			return nil, err
		}
		v.Why = call.why
		out[e.Mask.Carried] = v
	}
	if call.Outputs != nil {
		rows := len(outputs.V) / max(1, batch*last)
		if len(outputs.V) == 0 {
			rows = steps
			if e.LastOnly {
				rows = 1
			}
		}
		v, err := boundedOf(outputs, rows, batch, last)
		if err != nil {
			return nil, err
		}
		bound, err := v.Errors()
		if err != nil {
			return nil, err
		}
		out[e.Outputs] = op.BoundedValue{Value: engine.RowsList(v.Tensor, call.Outputs), Bound: engine.RowsList(bound.Tensor, call.Outputs), Why: call.why}
	}
	return out, nil
}

func zeroValues(n int) rounding.Values {
	return rounding.Values{V: make([]float64, n), E: make([]float64, n)}
}

// stretch is n values, starting at one.
func stretch(v rounding.Values, from, n int) rounding.Values {
	out := rounding.Values{V: v.V[from : from+n]}
	if v.E != nil {
		out.E = v.E[from : from+n]
	}
	return out
}

// atStep is one step of exact values (batch, steps, units).
func atStep(v rounding.Values, batch, steps, units, t int) rounding.Values {
	if v.V == nil {
		return rounding.Values{}
	}
	out := make([]float64, 0, batch*units)
	for b := range batch {
		out = append(out, v.V[(b*steps+t)*units:][:units]...)
	}
	return rounding.Exact(out)
}

// selectRows returns the rows of now that have the step, and of before those
// that do not. A bound that is NaN becomes infinite.
func selectRows(now, before rounding.Values, mask []bool, units int) rounding.Values {
	if now.V == nil {
		return rounding.Values{}
	}
	for i, e := range now.E {
		if math.IsNaN(e) {
			now.E[i] = math.Inf(1)
		}
	}
	if mask == nil {
		return now
	}
	out := zeroValues(len(now.V))
	for row, has := range mask {
		from := now
		if !has {
			from = before
		}
		copy(out.V[row*units:(row+1)*units], from.V[row*units:])
		if from.E != nil {
			copy(out.E[row*units:(row+1)*units], from.E[row*units:])
		}
	}
	return out
}

// errorsOfList are the bounds of a list of rows, nil if it is exact.
func errorsOfList(v op.BoundedValue) []float64 {
	if v.Bound.List == nil {
		return nil
	}
	e := op.FloatsOf(v.Bound.List.Rows)
	if op.AllZero(e) {
		return nil
	}
	return e
}

func boundedOf(v rounding.Values, shape ...int) (op.BoundedValue, error) {
	t, err := lockstep.New(v.V, shape...)
	if err != nil {
		return op.BoundedValue{}, err
	}
	bound, err := op.BoundOf(v.E, shape)
	return op.BoundedValue{Value: value.Value{Tensor: t}, Bound: bound}, err
}
