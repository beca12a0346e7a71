package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// LayerRecord is what a layer's native cell read and computed at each step of a
// run: see lockstep.Trace.Steps. C and InitialC are nil for layers without c;
// Mask is nil where no step is left out.
type LayerRecord struct {
	// At is the iteration of each loop around the layer, the outermost first.
	At                                []int
	X, H, C, InitialH, InitialC, Mask *lockstep.Tensor
	// Output is the loop's output, from its last cell.
	Output *lockstep.Tensor
}

// Record runs the program as Run does, and records what the native cells do.
// A layer whose loop was interpreted is not among them. One that runs again and
// again has a record for each run; of more than recurrent.MaxRuns, one more than
// that are kept.
func (p *Program) Record(ctx context.Context, inputs map[string]*lockstep.Tensor) (outputs, extra map[string]*lockstep.Tensor, all map[*recurrent.Layer][]*LayerRecord, err error) {
	in, err := p.ordered(inputs)
	if err != nil {
		return nil, nil, nil, err
	}
	r := &Running{Ctx: ctx, Variables: slices.Clone(p.Initial), record: map[*recurrent.Layer][]*LayerRecord{}}
	slots, _, err := p.once(r, in)
	if err != nil {
		return nil, nil, nil, err
	}
	if outputs, err = copiesOf(p.Out[:p.Wanted], slots); err == nil {
		extra, err = copiesOf(p.Out[p.Wanted:], slots)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return outputs, extra, r.record, nil
}

// ordered are the inputs in the program's order.
func (p *Program) ordered(inputs map[string]*lockstep.Tensor) ([]*lockstep.Tensor, error) {
	in := make([]*lockstep.Tensor, len(p.In))
	for i, port := range p.In {
		if in[i] = inputs[port.Name]; in[i] == nil {
			return nil, fmt.Errorf("the input %q is missing", port.Name)
		}
	}
	return in, nil
}

func copiesOf(ports []Port, slots []value.Value) (map[string]*lockstep.Tensor, error) {
	own := AnswersAt(ports)
	all, err := own.Of(slots)
	if err != nil {
		return nil, err
	}
	return Copies(all)
}

// once runs the program without a plan, finds its operations, which are kept for a
// next call on such inputs, and returns the slots of the outputs. What no later step
// reads is dropped: all values of a network may be more than memory holds.
func (p *Program) once(r *Running, inputs []*lockstep.Tensor) ([]value.Value, *Isolation, error) {
	slots := p.filled(inputs)
	r.mem = &Meter{}
	defer r.mem.End()
	r.mem.begin(p.Memory, bytesIn(slots, map[any]bool{}), slots)
	iso := newIsolation(p.Body, p.outs())
	dynamic := p.dynamic()
	var garbage memory.Garbage
	for i := range p.Body.Steps {
		if err := r.Ctx.Err(); err != nil {
			return nil, nil, err
		}
		s := &p.Body.Steps[i]
		if err := s.alone(r, slots); err != nil {
			return nil, nil, err
		}
		if err := s.count(r.mem, slots); err != nil {
			return nil, nil, err
		}
		if iso.add(i, p.Computed[i], slots) {
			p.isolateLoop(iso, r, dynamic, slots)
		}
		garbage.Add(s.made(slots))
		iso.release(i, slots)
	}
	p.isolated.Store(&isolatedFor{inputsLike(inputs), iso})
	return slots, iso, nil
}

// recording fills a Recorded, which is (batch, steps, …), step by step.
type recording[F kernel.Float] struct {
	steps   int
	x, h, c []F
}

// records makes the recordings of a call's cells, whose states m holds.
func (r *CellLoop[F]) records(w *Work, call *CellCall[F], m *recurrentMemory[F]) ([]*recording[F], error) {
	var mask *lockstep.Tensor
	if call.Mask != nil {
		d := make([]bool, call.Batch*call.Steps)
		for t := range call.Steps {
			for i := range call.Batch {
				d[i*call.Steps+t] = call.Mask[t*call.Batch+i]
			}
		}
		var err error
		if mask, err = lockstep.New(d, call.Batch, call.Steps); err != nil {
			return nil, err
		}
	}
	width := 0
	for _, l := range r.Cells {
		width += 3*l.Units + l.Features
	}
	if err := w.mem.room(0, int64(call.Batch)*int64(call.Steps)*int64(width)*int64(value.SizeFor[F]())); err != nil {
		return nil, fmt.Errorf("a record of %d steps of a batch of %d: %w", call.Steps, call.Batch, err)
	}
	var out []*recording[F]
	for i, l := range r.Cells {
		rec := &recording[F]{steps: call.Steps}
		kept := &LayerRecord{Mask: mask, At: slices.Clone(w.at)}
		var err error
		make3 := func(width int) (t *lockstep.Tensor, d []F) {
			d = make([]F, call.Batch*call.Steps*width)
			if err == nil {
				t, err = lockstep.New(d, call.Batch, call.Steps, width)
			}
			return t, d
		}
		kept.X, rec.x = make3(l.Features)
		kept.H, rec.h = make3(l.Units)
		initial := func(from []F) *lockstep.Tensor {
			t, d, newErr := newMatrix[F](call.Batch, l.Units)
			copy(d, from)
			if err == nil {
				err = newErr
			}
			return t
		}
		kept.InitialH = initial(m.h[i])
		if m.c[i] != nil {
			kept.C, rec.c = make3(l.Units)
			kept.InitialC = initial(m.c[i])
		}
		if err != nil {
			return nil, err
		}
		w.record[l] = append(w.record[l], kept)
		out = append(out, rec)
	}
	return out, nil
}

// recordOutputs records what a call leaves as its outputs, (steps or 1, batch, units).
func (r *CellLoop[F]) recordOutputs(w *Work, m *recurrentMemory[F]) error {
	shape := m.outputs.Shape()
	steps, batch, units := shape[0], shape[1], shape[2]
	d := make([]F, len(m.out))
	for t := range steps {
		for i := range batch {
			copy(d[(i*steps+t)*units:], m.out[(t*batch+i)*units:][:units])
		}
	}
	all := w.record[r.Cells[len(r.Cells)-1]]
	var err error
	all[len(all)-1].Output, err = lockstep.New(d, batch, steps, units)
	return err
}

// add records a step of some rows, beginning with row first: x (rows,
// features), h and c (rows, units).
func (r *recording[F]) add(t, first, rows int, x, h, c []F) {
	put := func(to, from []F) {
		n := len(from) / rows
		for i := range rows {
			copy(to[((first+i)*r.steps+t)*n:], from[i*n:(i+1)*n])
		}
	}
	if rows == 0 {
		return
	}
	put(r.x, x)
	put(r.h, h)
	if r.c != nil {
		put(r.c, c)
	}
}

// StepCell takes one step of a layer's native cell for every row of x (rows,
// features), from the states h and c (rows, units), which it writes over. ok is
// false if the layer does not run as a cell of these floats.
func StepCell[F kernel.Float](p *Program, l *recurrent.Layer, x, h, c []F, rows int) (ok bool) {
	cell, ok := p.cells[l].(kernel.Cell[F])
	if !ok {
		return false
	}
	const chunk = 64
	z := make([]F, min(rows, chunk)*cell.Width())
	scratch := make([]F, cell.Scratch(min(rows, chunk)))
	for at := 0; at < rows; at += chunk {
		n := min(chunk, rows-at)
		part := func(d []F, width int) []F {
			if d == nil {
				return nil
			}
			return d[at*width:][:n*width]
		}
		cell.Next(part(h, l.Units), part(c, l.Units), part(x, l.Features), z, scratch, n)
	}
	return true
}
