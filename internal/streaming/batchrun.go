package streaming

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/rows"
	"github.com/lockstep-go/lockstep/internal/value"
)

// BatchRunner runs a program as Batches says, in its own memory, which it reuses: a call
// with inputs of shapes that it has seen allocates nothing. It belongs to one goroutine.
type BatchRunner struct {
	batches  *Batches
	whole    *engine.Runner
	given    []*lockstep.Tensor // a call's inputs, in the program's order
	crews    []*crew
	results  []*results
	division division
	into     []*lockstep.Tensor // the outputs of a call of RunInto
}

// maxKept bounds the shapes that a BatchRunner keeps memory for.
const maxKept = 4

// NewRunner makes a BatchRunner.
func (b *Batches) NewRunner() *BatchRunner {
	return &BatchRunner{batches: b, whole: b.program.NewRunner()}
}

// Reset begins with the variables in the model's files again.
func (r *BatchRunner) Reset() { r.whole.Reset() }

// results are the outputs of a BatchRunner's calls of one batch.
type results struct {
	portion *portionPlan
	batch   int
	all     []*lockstep.Tensor // by Program.Out, nil for the extra ones
	byName  map[string]*lockstep.Tensor
}

// Run computes the outputs, and the extra tensors if they are wanted. They are the
// BatchRunner's own: the next call overwrites them.
func (r *BatchRunner) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	shapes, d, err := r.divided(ctx, inputs)
	defer clear(r.given)
	if err != nil {
		return nil, err
	}
	begun := r.begin(shapes)
	if d != nil {
		own, err := r.resultsOf(d)
		if err != nil {
			return nil, err
		}
		if done, err := r.portions(ctx, d, own.all); done || err != nil {
			r.end(shapes, begun, err)
			return own.byName, err
		}
	}
	out, _, err := r.whole.Run(ctx, inputs)
	r.end(shapes, begun, err)
	return out, err
}

// resultsOf returns the memory for the outputs of a call.
func (r *BatchRunner) resultsOf(d *division) (*results, error) {
	batch := r.given[0].Shape()[0]
	for _, own := range r.results {
		if own.portion == d.portion && own.batch == batch {
			return own, nil
		}
	}
	own := &results{portion: d.portion, batch: batch, byName: map[string]*lockstep.Tensor{}}
	p := r.batches.program
	own.all = make([]*lockstep.Tensor, len(p.Out))
	for i, out := range p.Out[:p.Wanted] {
		var err error
		if own.all[i], err = d.output(i, batch); err != nil {
			return nil, fmt.Errorf("output %q: %w", out.Name, err)
		}
		own.byName[out.Name] = own.all[i]
	}
	if len(r.results) >= maxKept {
		r.results = r.results[1:]
	}
	r.results = append(slices.Clip(r.results), own)
	return own, nil
}

// output makes the tensor of an output for a batch.
func (d *division) output(i, batch int) (*lockstep.Tensor, error) {
	shape := slices.Clone(d.portion.shapes[i])
	if at := d.outputs.outputs[i]; at.axis >= 0 {
		shape[at.axis] = batch
	}
	return value.Zeros(d.portion.types[i], shape)
}

// divided orders a call's inputs and divides its rows: the division is nil where it is run as a
// whole, and so is what is known of the shapes where nothing is.
func (r *BatchRunner) divided(ctx context.Context, inputs map[string]*lockstep.Tensor) (*rowShapes, *division, error) {
	b := r.batches
	if !b.open {
		return nil, nil, nil
	}
	r.given = r.given[:0]
	for _, port := range b.program.In {
		t := inputs[port.Name]
		if t == nil {
			return nil, nil, fmt.Errorf("the input %q is missing", port.Name)
		}
		r.given = append(r.given, t)
	}
	s := b.shapesOf(r.given)
	divided, err := b.divide(ctx, s, r.given, &r.division)
	if !divided {
		return s, nil, err
	}
	return s, &r.division, nil
}

// begin and end time a call, which may show that portions or goroutines are worthwhile.
func (r *BatchRunner) begin(s *rowShapes) (t time.Time) {
	if s != nil && s.calls.Load() < 2*timedCalls {
		t = time.Now()
	}
	return t
}

func (r *BatchRunner) end(s *rowShapes, begun time.Time, err error) {
	if !begun.IsZero() && err == nil {
		s.timed(r.given[0].Shape()[0], time.Since(begun))
	}
}

// crew are the goroutines that share portions of one plan.
type crew struct {
	portion *portionPlan
	workers []*portionWorker
	team    *rows.Team

	// Of one call.
	ctx       context.Context
	division  *division
	batch     int
	inputs    []*lockstep.Tensor
	outputs   []*lockstep.Tensor // nil for those that are not wanted
	next      atomic.Int64       // portion
	stop      atomic.Bool
	variables []*lockstep.Tensor
}

type portionWorker struct {
	crew   *crew
	first  int // the portion that it begins with
	frame  *engine.Frame
	failed error
	misfit bool // the plan does not fit the call
}

// crewOf returns the goroutines for a division.
func (r *BatchRunner) crewOf(d *division) *crew {
	for _, c := range r.crews {
		if c.portion == d.portion && len(c.workers) >= d.workers {
			return c
		}
	}
	c := &crew{portion: d.portion, variables: r.batches.program.Initial}
	var work []func()
	for i := range d.workers {
		w := &portionWorker{crew: c, first: i, frame: engine.NewFrame(d.portion.plan, r.batches.program.Memory)}
		c.workers = append(c.workers, w)
		work = append(work, func() { w.run(r.batches.program) })
	}
	c.team = rows.NewTeam(work...)
	if len(r.crews) >= maxKept {
		r.crews = r.crews[1:]
	}
	r.crews = append(slices.Clip(r.crews), c)
	return c
}

// portions computes all portions into outputs. It is not done where the plan does not
// fit them.
func (r *BatchRunner) portions(ctx context.Context, d *division, outputs []*lockstep.Tensor) (done bool, err error) {
	held := int64(0)
	for _, tensors := range [][]*lockstep.Tensor{r.given, outputs} {
		for _, t := range tensors {
			if t != nil {
				held += int64(t.Len()) * int64(value.SizeOf(t.DType()))
			}
		}
	}
	if want, limit := held+int64(d.workers)*d.portion.plan.Bytes, r.batches.program.Limit(); want > limit {
		return false, fmt.Errorf("a batch of %d rows, with its inputs and outputs: %w", r.given[0].Shape()[0], &memory.Error{Want: float64(want), Budget: limit})
	}
	memory.Hold(held)
	defer memory.Release(held)
	c := r.crewOf(d)
	c.ctx, c.division, c.batch, c.inputs, c.outputs = ctx, d, r.given[0].Shape()[0], r.given, outputs
	c.next.Store(int64(d.workers))
	c.stop.Store(false)
	c.team.Run(d.workers)
	c.ctx, c.division, c.inputs, c.outputs = nil, nil, nil, nil
	for _, w := range c.workers {
		if w.failed != nil && err == nil {
			err = w.failed
		}
		done, w.failed = done || w.misfit, nil
	}
	misfit := done
	for _, w := range c.workers {
		w.misfit = false
	}
	return !misfit, err
}

// run computes portions until none is left. Each worker has one of its own, so that the
// first call makes the memory of all.
func (w *portionWorker) run(p *engine.Program) {
	c := w.crew
	size := c.portion.rows
	for i := w.first; i < c.division.count && !c.stop.Load(); i = int(c.next.Add(1)) - 1 {
		// The last begins among the rows of the one before.
		from := min(i*size, c.batch-size)
		holds, err := w.compute(p, from, i*size-from)
		if err == nil && holds {
			continue
		}
		c.stop.Store(true)
		if w.misfit = err == nil; err != nil && c.ctx.Err() == nil {
			err = fmt.Errorf("rows %d to %d of %d: %w", from, from+size-1, c.batch, err)
		}
		w.failed = err
		return
	}
}

// compute computes the portion from a row on, and copies its outputs except for some of the
// first rows.
func (w *portionWorker) compute(p *engine.Program, from, skip int) (holds bool, err error) {
	c, f := w.crew, w.frame
	if err := f.LoadRows(p, c.inputs, from); err != nil {
		return false, err
	}
	f.Run = engine.Running{Ctx: c.ctx, Variables: c.variables, Alone: true}
	holds, err = f.Call()
	f.Run.Ctx = nil
	if err != nil || !holds {
		return holds, err
	}
	for i, out := range c.outputs {
		if out == nil {
			continue
		}
		t := f.Slots[p.Out[i].Slot].Tensor
		if t == nil || t.DType() != c.portion.types[i] || !slices.Equal(t.Shape(), c.portion.shapes[i]) {
			return false, nil
		}
		if err := c.put(out, t, c.division.outputs.outputs[i], from, skip); err != nil {
			return false, err
		}
	}
	return true, nil
}

// put copies a portion's rows of an output to their place.
func (c *crew) put(out, t *lockstep.Tensor, at rowsIn, from, skip int) error {
	mover, err := value.MoverOf(out)
	if err != nil {
		return err
	}
	if at.axis < 0 {
		if from > 0 {
			return nil // the first portion's is the same
		}
		return mover.CopyPart(out, 0, t, 0, t.Len())
	}
	size := c.portion.rows
	for i := range at.before {
		err := mover.CopyPart(out, (i*c.batch+from+skip)*at.after, t, (i*size+skip)*at.after, (size-skip)*at.after)
		if err != nil {
			return err
		}
	}
	return nil
}
