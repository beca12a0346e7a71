package native

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// Trace computes the outputs and what detail asks for. The states and steps of
// a loop that was not recognised (Loops) are not among them, nor are those of a
// layer inside a loop that runs more than 512 times.
//
// States are those that Run computes, bit for bit. The kernels keep no gates:
// in a trace of Steps the gates and their sums are computed again from the
// step's input and states, in float64, and rounded once.
func (m *Model) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	return m.trace(ctx, inputs, detail, true)
}

// TraceStates is Trace of lockstep.Steps without the gates and their sums,
// which take longer than a run.
func (m *Model) TraceStates(ctx context.Context, inputs map[string]*lockstep.Tensor) (*lockstep.Trace, error) {
	return m.trace(ctx, inputs, lockstep.Steps, false)
}

func (m *Model) trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail, gates bool) (*lockstep.Trace, error) {
	if err := m.check(inputs); err != nil {
		return nil, err
	}
	t := &lockstep.Trace{Engine: m.Name()}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	var recorded map[*recurrent.Layer][]*engine.LayerRecord
	nested := slices.ContainsFunc(m.source.Found.Layers, (*recurrent.Layer).Nested)
	if detail >= lockstep.Steps || detail >= lockstep.States && nested {
		t.Outputs, t.States, recorded, err = m.program.Record(ctx, inputs)
	} else {
		t.Outputs, t.States, err = m.batches.Run(ctx, inputs, detail >= lockstep.States)
	}
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	runs, records := m.runs(recorded, t)
	for _, r := range runs {
		t.Layers = append(t.Layers, r.Name())
		if rec := records[r.Name()]; r.Layer.Nested() && rec != nil {
			if err := addFinalStates(t.States, r, rec); err != nil {
				return nil, fmt.Errorf("native: layer %q: %w", r.Name(), err)
			}
		}
	}
	if detail >= lockstep.Steps {
		if t.Steps, err = m.steps(runs, records, gates); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// runs lists the runs of the layers in their order, with their records by name; of
// a layer that runs too often it notes why it has none.
func (m *Model) runs(recorded map[*recurrent.Layer][]*engine.LayerRecord, t *lockstep.Trace) ([]recurrent.Run, map[string]*engine.LayerRecord) {
	var all []recurrent.Run
	records := map[string]*engine.LayerRecord{}
	add := func(r recurrent.Run, rec *engine.LayerRecord) {
		all = append(all, r)
		records[r.Name()] = rec
	}
	for _, l := range m.source.Found.Layers {
		of := recorded[l]
		switch {
		case !l.Nested() && len(of) == 0: // its loop was interpreted, or nothing is recorded
			add(recurrent.Run{Layer: l}, nil)
		case len(of) > recurrent.MaxRuns:
			if t.Unshown == nil {
				t.Unshown = map[string]string{}
			}
			t.Unshown[l.Name] = recurrent.TooMany()
		default:
			for _, rec := range of {
				add(recurrent.Run{Layer: l, At: rec.At}, rec)
			}
		}
	}
	recurrent.SortRuns(m.source.Graph, all)
	return all, records
}

// addFinalStates adds the states after the last recorded step.
func addFinalStates(to map[string]*lockstep.Tensor, r recurrent.Run, rec *engine.LayerRecord) error {
	for i, all := range []*lockstep.Tensor{rec.H, rec.C} {
		if all == nil {
			continue
		}
		last, err := lastStep(all)
		if err != nil {
			return err
		}
		to[lockstep.StateName(r.Name(), "hc"[i:i+1])] = last
	}
	return nil
}

// steps names what was recorded, and adds the gates if they are wanted.
func (m *Model) steps(runs []recurrent.Run, records map[string]*engine.LayerRecord, gates bool) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	held := int64(0) // of out, while the next layer's gates are computed
	defer func() { memory.Release(held) }()
	for _, run := range runs {
		name := run.Name()
		r := records[name]
		if r == nil {
			continue // its loop was interpreted
		}
		for q, t := range map[string]*lockstep.Tensor{"x": r.X, "h": r.H, "c": r.C, "initial_h": r.InitialH, "initial_c": r.InitialC, "mask": r.Mask, "output": r.Output} {
			if t != nil {
				out[lockstep.StepName(name, q)] = t
			}
		}
		if !gates {
			continue
		}
		all, err := m.gates(run.Layer, r)
		if err != nil {
			return nil, err
		}
		for q, t := range all {
			out[lockstep.StepName(name, q)] = t
			n := int64(t.Len()) * int64(t.DType().Size())
			memory.Hold(n)
			held += n
		}
	}
	return out, nil
}

// gates computes a layer's gates.
func (m *Model) gates(l *recurrent.Layer, r *engine.LayerRecord) (map[string]*lockstep.Tensor, error) {
	o, err := m.Oracle()
	if err != nil {
		return nil, err
	}
	from := map[string]*lockstep.Tensor{"x": r.X}
	if from["h"], err = before(r.H, r.InitialH); err != nil {
		return nil, fmt.Errorf("native: layer %q: %w", l.Name, err)
	}
	if r.C != nil {
		if from["c"], err = before(r.C, r.InitialC); err != nil {
			return nil, fmt.Errorf("native: layer %q: %w", l.Name, err)
		}
	}
	exact, _, err := o.Step(l.Name, from)
	if err != nil {
		return nil, err
	}
	out := map[string]*lockstep.Tensor{}
	for name, t := range exact {
		if name == "h" || name == "c" {
			continue
		}
		if out[name], err = rounded(t, r.H); err != nil {
			return nil, fmt.Errorf("native: layer %q: %w", l.Name, err)
		}
	}
	return out, nil
}

// before returns the states before each step, from those after each (batch,
// steps, units) and those before the first.
func before(after, initial *lockstep.Tensor) (*lockstep.Tensor, error) {
	switch after.DType() {
	case lockstep.Float32:
		return beforeOf[float32](after, initial)
	default:
		return beforeOf[float64](after, initial)
	}
}

func beforeOf[F Float](after, initial *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[F](after)
	if err != nil {
		return nil, err
	}
	first, err := lockstep.Data[F](initial)
	if err != nil {
		return nil, err
	}
	shape := after.Shape()
	batch, row := shape[0], shape[1]*shape[2]
	out := make([]F, len(d))
	for i := range batch {
		if row == 0 {
			break
		}
		n := copy(out[i*row:], first[i*shape[2]:(i+1)*shape[2]])
		copy(out[i*row+n:(i+1)*row], d[i*row:])
	}
	return lockstep.New(out, shape...)
}

// lastStep is the last step of (batch, steps, units), which has one.
func lastStep(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	if t.DType() == lockstep.Float32 {
		return lastStepOf[float32](t)
	}
	return lastStepOf[float64](t)
}

func lastStepOf[F Float](t *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[F](t)
	if err != nil {
		return nil, err
	}
	batch, steps, units := t.Shape()[0], t.Shape()[1], t.Shape()[2]
	out := make([]F, 0, batch*units)
	for i := range batch {
		out = append(out, d[((i+1)*steps-1)*units:][:units]...)
	}
	return lockstep.New(out, batch, units)
}

// rounded returns numbers in the type and the shape of like.
func rounded(t, like *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[float64](t)
	if err != nil || like.DType() == lockstep.Float64 {
		return t, err
	}
	out := make([]float32, len(d))
	for i, v := range d {
		out[i] = float32(v)
	}
	return lockstep.New(out, slices.Clone(like.Shape())...)
}
