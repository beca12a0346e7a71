package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Frame is the memory of one call: the results of each step of a plan, which
// the next call overwrites.
type Frame struct {
	Plan   *Plan
	Limit  int64 // see Options.Memory
	Slots  []value.Value
	inputs []*lockstep.Tensor // copies of the caller's, so that their memory stays the same
	seen   []*lockstep.Tensor // by planned step that views: the tensor that it last saw
	keep   []any              // by planned step: see work
	chains []*chainRun        // by planned step
	in     []value.Value
	work   Work
	Run    Running
	mem    Meter
}

func NewFrame(pl *Plan, limit int64) *Frame {
	steps := pl.running()
	f := &Frame{
		Plan: pl, Limit: limit, Slots: slices.Clone(pl.Fixed),
		inputs: make([]*lockstep.Tensor, len(pl.Inputs)),
		seen:   make([]*lockstep.Tensor, len(steps)),
		keep:   make([]any, len(steps)),
		chains: make([]*chainRun, len(steps)),
	}
	for i := range steps {
		if steps[i].chain != nil {
			f.chains[i] = newChainRun(steps[i].chain)
		}
	}
	return f
}

// Load copies the inputs, in the program's order; nil ones keep their last
// value.
func (f *Frame) Load(p *Program, inputs []*lockstep.Tensor) error {
	for i, port := range p.In {
		t := inputs[i]
		if port.Slot < 0 || t == nil {
			continue
		}
		if f.inputs[i] == nil {
			var err error
			if f.inputs[i], err = lockstep.Zeros(t.DType(), t.Shape()...); err != nil {
				return err
			}
			f.Slots[port.Slot] = value.Value{Tensor: f.inputs[i]}
		}
		if err := value.CopyElements(f.inputs[i], t); err != nil {
			return err
		}
	}
	return nil
}

// LoadRows copies the rows from one on of inputs whose first axis is longer than that of
// the plan's.
func (f *Frame) LoadRows(p *Program, inputs []*lockstep.Tensor, from int) error {
	for i, port := range p.In {
		if port.Slot < 0 {
			continue
		}
		t := f.inputs[i]
		if t == nil {
			var err error
			if t, err = lockstep.Zeros(f.Plan.Inputs[i].DType, f.Plan.Inputs[i].Shape...); err != nil {
				return err
			}
			f.inputs[i], f.Slots[port.Slot] = t, value.Value{Tensor: t}
		}
		mover, err := value.MoverOf(t)
		if err != nil {
			return err
		}
		if err := mover.CopyPart(t, 0, inputs[i], from*(t.Len()/t.Shape()[0]), t.Len()); err != nil {
			return err
		}
	}
	return nil
}

// Call runs the plan. holds is false if the plan turns out not to fit the call.
func (f *Frame) Call() (holds bool, err error) {
	f.work.Running = &f.Run
	f.mem.begin(f.Limit, f.Plan.Bytes, f.Slots)
	f.mem.own, f.mem.planned = f.Plan.Own, true
	defer f.mem.End()
	f.Run.mem = &f.mem
	steps := f.Plan.running()
	for i := range steps {
		s := &steps[i]
		if err := f.Run.Ctx.Err(); err != nil {
			return true, err
		}
		if s.views {
			t := f.Slots[s.In[0]].Viewed()
			if t != nil && t == f.seen[i] && (f.Slots[s.In[0]].List == nil || f.Slots[s.Out].Tensor == t) {
				if !s.holds(f.Slots) { // nor did it in the call that it was viewed in
					return false, nil
				}
				continue
			}
			f.seen[i] = nil // until it is known that it was viewed
		}
		f.work.Keep, f.work.Fixed = &f.keep[i], s.fixed
		if s.moves != nil {
			done, err := s.moves.do(s.Step, &f.work, f.Slots)
			if err != nil {
				return true, err
			}
			if done {
				if s.views {
					f.seen[i] = f.Slots[s.In[0]].Viewed()
				}
				continue
			}
		}
		if s.chain != nil {
			if f.in, holds, err = f.chains[i].do(s, &f.work, f.Slots, f.in); err != nil || !holds {
				return holds, err
			}
			continue
		}
		if f.in, err = s.do(&f.work, f.Slots, f.in); err != nil {
			return true, err
		}
		if s.varies {
			if err := s.count(f.Run.mem, f.Slots); err != nil {
				return true, err
			}
		}
		if s.views && s.moves == nil { // else it copied what was to be viewed
			f.seen[i] = f.Slots[s.In[0]].Viewed()
		}
		if !s.holds(f.Slots) {
			return false, nil
		}
	}
	return true, nil
}

// Runner runs a program in its own memory, which it reuses in every call with
// inputs of the same shapes. It belongs to one goroutine.
type Runner struct {
	program *Program
	// variables are the values that stateful layers carry from call to call.
	variables []*lockstep.Tensor
	frames    []*Frame
	given     []*lockstep.Tensor // a call's inputs, in the program's order
	out       Answers
	extra     Answers
}

// NewRunner makes a Runner.
func (p *Program) NewRunner() *Runner {
	return &Runner{program: p, variables: slices.Clone(p.Initial), out: AnswersAt(p.Out[:p.Wanted]), extra: AnswersAt(p.Out[p.Wanted:])}
}

// maxFrames bounds the shapes that a Runner keeps memory for.
const maxFrames = 4

// Run computes the outputs from the inputs, which must be those of the
// signature, and the extra tensors that were requested. All of it is the
// Runner's own and is overwritten by the next call.
func (r *Runner) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (outputs, extra map[string]*lockstep.Tensor, err error) {
	r.given = r.given[:0]
	for _, port := range r.program.In {
		t := inputs[port.Name]
		if t == nil {
			return nil, nil, fmt.Errorf("the input %q is missing", port.Name)
		}
		r.given = append(r.given, t)
	}
	slots, err := r.slots(ctx)
	clear(r.given) // the caller's
	if err != nil {
		return nil, nil, err
	}
	if outputs, err = r.out.Of(slots); err != nil {
		return nil, nil, err
	}
	if extra, err = r.extra.Of(slots); err != nil {
		return nil, nil, err
	}
	return outputs, extra, nil
}

// slots runs the program on the given inputs.
func (r *Runner) slots(ctx context.Context) (slots []value.Value, err error) {
	p := r.program
	before := r.variables
	if p.stateful {
		before = slices.Clone(before)
	}
	pl := p.find(r.given)
	if pl != nil {
		f := r.frame(pl)
		if err := f.Load(p, r.given); err != nil {
			return nil, err
		}
		f.Run = Running{Ctx: ctx, Variables: r.variables}
		holds, err := f.Call()
		f.Run.Ctx = nil
		if err == nil && holds {
			return f.Slots, nil
		}
		copy(r.variables, before) // the call did not happen
		if err != nil {
			return nil, err
		}
	}
	own := make([]*lockstep.Tensor, len(r.given)) // an output may be one of them
	for i, t := range r.given {
		if own[i], err = value.CloneTensor(t); err != nil {
			return nil, err
		}
	}
	made, slots, err := p.Plan(&Running{Ctx: ctx, Variables: r.variables}, own)
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
func (r *Runner) frame(pl *Plan) *Frame {
	for _, f := range r.frames {
		if f.Plan == pl {
			return f
		}
	}
	f := NewFrame(pl, r.program.Memory)
	kept, limit := pl.Bytes, r.program.Limit()
	for _, old := range r.frames {
		kept += old.Plan.Bytes
	}
	for len(r.frames) > 0 && (len(r.frames) >= maxFrames || kept > limit) {
		kept -= r.frames[0].Plan.Bytes
		r.frames = r.frames[1:]
	}
	r.frames = append(slices.Clip(r.frames), f)
	return f
}

// Reset gives the variables the values in the model's files.
func (r *Runner) Reset() { copy(r.variables, r.program.Initial) }

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
// nothing for the next call. The results are the caller's; extra is nil if it
// was not requested. Any number of goroutines may call it.
func (p *Program) Run(ctx context.Context, inputs map[string]*lockstep.Tensor, wantExtra bool) (outputs, extra map[string]*lockstep.Tensor, err error) {
	r := p.borrow()
	defer p.runners.Put(r)
	own, ownExtra, err := r.Run(ctx, inputs)
	if err != nil {
		return nil, nil, err
	}
	if outputs, err = Copies(own); err != nil {
		return nil, nil, err
	}
	if wantExtra {
		if extra, err = Copies(ownExtra); err != nil {
			return nil, nil, err
		}
	}
	return outputs, extra, nil
}

func Copies(from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out := make(map[string]*lockstep.Tensor, len(from))
	for name, t := range from {
		var err error
		if out[name], err = value.CloneTensor(t); err != nil {
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
			return fmt.Errorf("the output %q is %s, and the tensor for it is %s", name, t, to)
		}
	}
	for name, t := range own {
		if err := value.CopyElements(outputs[name], t); err != nil {
			return fmt.Errorf("the output %q: %w", name, err)
		}
	}
	return nil
}
