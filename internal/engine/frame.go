package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// frame is the memory of one call: what each step of a plan left when it last
// ran, to be written over by the next call.
type frame struct {
	plan   *plan
	limit  int64 // see Options.Memory
	slots  []Value
	inputs []*lockstep.Tensor // copies of the caller's, so that they stay where they are
	seen   []*lockstep.Tensor // by planned step that views: the tensor that it last saw
	keep   []any              // by planned step: see work
	in     []Value
	work   work
	run    running
	mem    meter
}

func newFrame(pl *plan, limit int64) *frame {
	return &frame{
		plan: pl, limit: limit, slots: slices.Clone(pl.fixed),
		inputs: make([]*lockstep.Tensor, len(pl.inputs)),
		seen:   make([]*lockstep.Tensor, len(pl.steps)),
		keep:   make([]any, len(pl.steps)),
	}
}

// load copies the inputs, in the program's order; those that are nil stay as they
// are.
func (f *frame) load(p *Program, inputs []*lockstep.Tensor) error {
	for i, port := range p.inputs {
		t := inputs[i]
		if port.slot < 0 || t == nil {
			continue
		}
		if f.inputs[i] == nil {
			var err error
			if f.inputs[i], err = lockstep.Zeros(t.DType(), t.Shape()...); err != nil {
				return err
			}
			f.slots[port.slot] = Value{Tensor: f.inputs[i]}
		}
		if err := copyElements(f.inputs[i], t); err != nil {
			return err
		}
	}
	return nil
}

// call runs the plan. holds is false if the call turns out to be none for it.
func (f *frame) call() (holds bool, err error) {
	f.work.running = &f.run
	f.mem.begin(f.limit, f.plan.bytes, f.slots)
	f.mem.own, f.mem.planned = f.plan.own, true
	defer f.mem.end()
	f.run.mem = &f.mem
	for i := range f.plan.steps {
		s := &f.plan.steps[i]
		if err := f.run.ctx.Err(); err != nil {
			return true, err
		}
		if s.views {
			t := f.slots[s.in[0]].viewed()
			if t != nil && t == f.seen[i] && (f.slots[s.in[0]].List == nil || f.slots[s.out].Tensor == t) {
				if !s.holds(f.slots) { // nor did it in the call that it was viewed in
					return false, nil
				}
				continue
			}
			f.seen[i] = nil // until it is known that it was viewed
		}
		f.work.Keep = &f.keep[i]
		if s.moves != nil {
			done, err := s.moves.do(s.step, &f.work, f.slots)
			if err != nil {
				return true, err
			}
			if done {
				if s.views {
					f.seen[i] = f.slots[s.in[0]].viewed()
				}
				continue
			}
		}
		if f.in, err = s.do(&f.work, f.slots, f.in); err != nil {
			return true, err
		}
		if s.loose {
			if err := s.count(f.run.mem, f.slots); err != nil {
				return true, err
			}
		}
		if s.views && s.moves == nil { // else it has moved what was to be viewed
			f.seen[i] = f.slots[s.in[0]].viewed()
		}
		if !s.holds(f.slots) {
			return false, nil
		}
	}
	return true, nil
}

// Runner runs a program in memory of its own, which it uses again in every call
// with inputs of the same shapes. It belongs to one goroutine.
type Runner struct {
	program *Program
	// variables are the values that stateful layers carry from call to call.
	variables []*lockstep.Tensor
	frames    []*frame
	given     []*lockstep.Tensor // a call's inputs, in the program's order
	out       answers
	extra     answers
	record    map[*recurrent.Layer]*Recorded // see running
}

// NewRunner makes a Runner.
func (p *Program) NewRunner() *Runner {
	return &Runner{program: p, variables: slices.Clone(p.initial), out: answersAt(p.outputs[:p.wanted]), extra: answersAt(p.outputs[p.wanted:])}
}

// maxFrames bounds the shapes that a Runner keeps memory for.
const maxFrames = 4

// Run computes the outputs from the inputs, which must be those of the
// signature, and what was asked for beside them. All of it is the Runner's own
// and is written over by the next call.
func (r *Runner) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (outputs, extra map[string]*lockstep.Tensor, err error) {
	r.given = r.given[:0]
	for _, port := range r.program.inputs {
		t := inputs[port.name]
		if t == nil {
			return nil, nil, fmt.Errorf("engine: the input %q is missing", port.name)
		}
		r.given = append(r.given, t)
	}
	slots, err := r.slots(ctx)
	clear(r.given) // the caller's
	if err != nil {
		return nil, nil, fmt.Errorf("engine: %w", err)
	}
	if outputs, err = r.out.in(slots); err != nil {
		return nil, nil, err
	}
	if extra, err = r.extra.in(slots); err != nil {
		return nil, nil, err
	}
	return outputs, extra, nil
}

// slots runs the program on what is given.
func (r *Runner) slots(ctx context.Context) (slots []Value, err error) {
	p := r.program
	before := r.variables
	if p.stateful {
		before = slices.Clone(before)
	}
	pl := p.find(r.given)
	if pl != nil {
		f := r.frame(pl)
		if err := f.load(p, r.given); err != nil {
			return nil, err
		}
		f.run = running{ctx: ctx, variables: r.variables, record: r.record}
		holds, err := f.call()
		f.run.ctx, f.run.record = nil, nil
		if err == nil && holds {
			return f.slots, nil
		}
		copy(r.variables, before) // the call has not been
		if err != nil {
			return nil, err
		}
	}
	own := make([]*lockstep.Tensor, len(r.given)) // an output may be one of them
	for i, t := range r.given {
		if own[i], err = cloneTensor(t); err != nil {
			return nil, err
		}
	}
	made, slots, err := p.plan(&running{ctx: ctx, variables: r.variables, record: r.record}, own)
	if err != nil {
		copy(r.variables, before)
		return nil, err
	}
	if pl == nil {
		p.keep(made)
	}
	return slots, nil
}

// frame returns the memory for a plan.
func (r *Runner) frame(pl *plan) *frame {
	for _, f := range r.frames {
		if f.plan == pl {
			return f
		}
	}
	f := newFrame(pl, r.program.memory)
	kept, limit := pl.bytes, r.program.limit()
	for _, old := range r.frames {
		kept += old.plan.bytes
	}
	for len(r.frames) > 0 && (len(r.frames) >= maxFrames || kept > limit) {
		kept -= r.frames[0].plan.bytes
		r.frames = r.frames[1:]
	}
	r.frames = append(slices.Clip(r.frames), f)
	return f
}

// Reset gives the variables the values in the model's files.
func (r *Runner) Reset() { copy(r.variables, r.program.initial) }

// borrow returns a Runner whose variables are those in the model's files; it is
// to be given back to p.runners.
func (p *Program) borrow() *Runner {
	r, ok := p.runners.Get().(*Runner)
	if !ok {
		return p.NewRunner()
	}
	r.Reset()
	return r
}

// Run runs the program once, from the variables in the model's files: it leaves
// nothing for the next call. What it returns is the caller's; extra is nil if
// it is not wanted. Any number of goroutines may call it.
func (p *Program) Run(ctx context.Context, inputs map[string]*lockstep.Tensor, wantExtra bool) (outputs, extra map[string]*lockstep.Tensor, err error) {
	r := p.borrow()
	defer p.runners.Put(r)
	own, ownExtra, err := r.Run(ctx, inputs)
	if err != nil {
		return nil, nil, err
	}
	if outputs, err = copies(own); err != nil {
		return nil, nil, fmt.Errorf("engine: %w", err)
	}
	if wantExtra {
		if extra, err = copies(ownExtra); err != nil {
			return nil, nil, fmt.Errorf("engine: %w", err)
		}
	}
	return outputs, extra, nil
}

func copies(from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out := make(map[string]*lockstep.Tensor, len(from))
	for name, t := range from {
		var err error
		if out[name], err = cloneTensor(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// RunInto is Run into tensors of the caller's, one of the right type and shape
// for every output.
func (p *Program) RunInto(ctx context.Context, inputs, outputs map[string]*lockstep.Tensor) error {
	r := p.borrow()
	defer p.runners.Put(r)
	own, _, err := r.Run(ctx, inputs)
	if err != nil {
		return err
	}
	for name, t := range own {
		to := outputs[name]
		if to == nil || to.DType() != t.DType() || !slices.Equal(to.Shape(), t.Shape()) {
			return fmt.Errorf("engine: the output %q is %s, and the tensor for it is %s", name, t, to)
		}
	}
	for name, t := range own {
		if err := copyElements(outputs[name], t); err != nil {
			return fmt.Errorf("engine: the output %q: %w", name, err)
		}
	}
	return nil
}
