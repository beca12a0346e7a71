package errbound

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// noteBeginning records the initial values of a loop's layers.
func (e *cellLoop) noteBeginning(r *evaluationRun, call *cellCall, in []op.BoundedValue) error {
	batch, steps := call.Batch, call.CellCall.Steps
	x, err := boundedOf(rounding.Values{
		V: byBatch(call.x.V, steps, batch, e.Features),
		E: byBatch(call.x.E, steps, batch, e.Features),
	}, batch, steps, e.Features)
	if err != nil {
		return err
	}
	x.Why = in[e.Steps].Why
	if err := r.note(r.name(e.Cells[0], "x"), x); err != nil {
		return err
	}
	for i, l := range e.Cells {
		for j, name := range []string{"initial_h", "initial_c"}[:len(l.States)] {
			v, err := boundedOf(call.states[i][j], batch, l.Units)
			if err != nil {
				return err
			}
			v.Why = in[l.States[j]].Why
			if err := r.note(r.name(l, name), v); err != nil {
				return err
			}
		}
		if call.Mask == nil {
			continue
		}
		mask, err := lockstep.New(byBatch(call.Mask[:steps*batch], steps, batch, 1), batch, steps)
		if err != nil {
			return err
		}
		if err := r.note(r.name(l, "mask"), op.BoundedValue{Value: value.Value{Tensor: mask}}); err != nil {
			return err
		}
	}
	return nil
}

// byBatch turns (steps, batch, n) into (batch, steps, n); nil stays nil.
func byBatch[E any](d []E, steps, batch, n int) []E {
	if d == nil {
		return nil
	}
	out := make([]E, 0, batch*steps*n)
	for b := range batch {
		for t := range steps {
			out = append(out, d[(t*batch+b)*n:][:n]...)
		}
	}
	return out
}

// unknownLayers records that some layers have no bounds.
func (r *evaluationRun) unknownLayers(cells []*recurrent.Layer, why error) {
	if !r.shows(cells) {
		return
	}
	for i, l := range cells {
		names := []string{"initial_h", "state_h"}
		if l.Kind == recurrent.LSTM {
			names = append(names, "initial_c", "state_c")
		}
		if i == 0 {
			names = append(names, "x")
		}
		for _, name := range names {
			r.result.Unknown[r.name(l, name)] = why
		}
	}
}

// precision is that of the numbers that the graph's layers compute in.
func (c *compiler) precision() rounding.Unit {
	if c.single {
		return rounding.Float32
	}
	return rounding.Float64
}

// exactSliced builds a loop that splits a tensor into slices: see sliced.
func exactSliced(s *recurrent.Slices, interpreted operation) operation {
	return func(r *evaluationRun, in []op.BoundedValue, n int) ([]op.BoundedValue, error) {
		values := make([]value.Value, n)
		for i, v := range in {
			values[i] = v.Value
			if i != s.Source && i != s.Outputs && !v.Exact() {
				return unknown(n, v.Reason()), nil
			}
		}
		x := in[s.Source]
		if x.None() || x.FreeShape {
			return unknown(n, x.Reason()), nil
		}
		rows, ok := engine.RowsInOrder(s, values)
		if !ok || !x.IsFloat() {
			return interpreted(r, in, n)
		}
		out := append([]op.BoundedValue(nil), in...)
		bound, err := x.Errors()
		if err != nil {
			return nil, err
		}
		like := values[s.Outputs].List
		out[s.Outputs] = op.BoundedValue{Value: engine.RowsList(rows, like), Bound: engine.RowsList(bound.Tensor, like), Why: x.Why}
		after := make([]value.Value, n)
		if err := new(engine.Counters).Count(s.Counters, values, after, rows.Shape()[0]); err != nil {
			return nil, err
		}
		for _, at := range s.Counters {
			out[at] = op.BoundedValue{Value: after[at]}
		}
		return out, nil
	}
}
