package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Plan is a program for inputs of certain shapes: everything that depends on
// shapes alone is precomputed.
type Plan struct {
	Inputs []input // in the program's order
	Steps  []PlanStep
	// joined are the steps with those that form chains as one; nil for Steps.
	joined []PlanStep
	Fixed  []value.Value // the value of each slot before a call
	// Bytes are those of a call's tensors, except the results of steps that
	// vary; kept are those of fixed. own is the part of bytes that operations
	// keep for themselves.
	Bytes, Kept, Own int64
}

// input is the type and shape of an input.
type input struct {
	DType lockstep.DType
	Shape []int
}

// PlanStep is a step that runs.
type PlanStep struct {
	*Step
	// checks are slots whose shapes others relied on when the plan was made,
	// though they do not follow from the inputs': the plan does not fit a call
	// in which one differs.
	checks []check
	// views says that the result is the first input's own memory: while that is
	// the same tensor, so is the result.
	views bool
	// varies says that the results need not have the shapes that they had when the
	// plan was made.
	varies bool
	// moves is the step's movement, if it only moves elements.
	moves *movement
	// fixed are the inputs that no call computes: see op.Call.
	fixed uint64
	chain *chain // that the step begins, if there is one
}

// running are the steps of a frame.
func (pl *Plan) running() []PlanStep {
	if pl.joined != nil {
		return pl.joined
	}
	return pl.Steps
}

type check struct {
	slot  int
	shape []int
}

// maxPlans bounds the plans that are kept; a service may be sent sequences of
// any length.
const maxPlans = 32

// find returns the plan for inputs, nil if there is none yet.
func (p *Program) find(inputs []*lockstep.Tensor) *Plan {
	all := p.plans.Load()
	if all == nil {
		return nil
	}
	for _, pl := range *all {
		if fit(pl.Inputs, inputs) {
			return pl
		}
	}
	return nil
}

// fit tells whether inputs have certain types and shapes.
func fit(want []input, inputs []*lockstep.Tensor) bool {
	for i, t := range inputs {
		if t.DType() != want[i].DType || !slices.Equal(t.Shape(), want[i].Shape) {
			return false
		}
	}
	return true
}

// inputsLike are the types and shapes of inputs.
func inputsLike(inputs []*lockstep.Tensor) (all []input) {
	for _, t := range inputs {
		all = append(all, input{t.DType(), slices.Clone(t.Shape())})
	}
	return all
}

// keep adds a plan, and drops the oldest if there are too many.
func (p *Program) keep(pl *Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*Plan
	if old := p.plans.Load(); old != nil {
		all = *old
	}
	limit := p.Limit()
	kept := pl.Kept
	for _, old := range all {
		kept += old.Kept
	}
	for len(all) > 0 && (len(all) >= maxPlans || kept > limit) {
		kept -= all[0].Kept
		all = all[1:]
	}
	all = append(slices.Clip(all), pl)
	p.plans.Store(&all)
}

// Plan makes the plan for inputs by running the program once, and returns the
// slots after that.
func (p *Program) Plan(r *Running, inputs []*lockstep.Tensor) (*Plan, []value.Value, error) {
	pl := &Plan{Inputs: inputsLike(inputs), Fixed: make([]value.Value, p.Body.Slots)}
	slots := p.filled(inputs)
	r.mem = &Meter{}
	defer r.mem.End()
	r.mem.begin(p.Memory, bytesIn(slots, map[any]bool{}), slots)
	var in []value.Value
	for i := range p.Body.Steps {
		if err := r.Ctx.Err(); err != nil {
			return nil, nil, err
		}
		s := &p.Body.Steps[i]
		var keep any
		w := Work{Running: r, Call: op.Call{Keep: &keep}}
		var err error
		if in, err = s.do(&w, slots, in); err != nil {
			return nil, nil, err
		}
		if err := s.count(r.mem, slots); err != nil {
			return nil, nil, err
		}
		if !p.Computed[i] {
			copy(pl.Fixed[s.Out:s.Out+s.N], slots[s.Out:s.Out+s.N])
		}
	}
	p.choose(pl, r, slots)
	pl.joined = p.inChains(pl, slots)
	pl.weigh(slots, r.mem.own)
	return pl, slots, nil
}

// filled are the slots before a call with these inputs.
func (p *Program) filled(inputs []*lockstep.Tensor) []value.Value {
	slots := make([]value.Value, p.Body.Slots)
	for i, in := range p.In {
		if in.Slot >= 0 {
			slots[in.Slot] = value.Value{Tensor: inputs[i]}
		}
	}
	return slots
}

// weigh counts the bytes that a call allocates, and those that it does not
// because the plan keeps them.
func (pl *Plan) weigh(slots []value.Value, own int64) {
	steady := slices.Clone(slots)
	for _, s := range pl.Steps {
		if s.varies {
			clear(steady[s.Out : s.Out+s.N])
		}
	}
	pl.Bytes, pl.Kept, pl.Own = own+bytesIn(steady, map[any]bool{}), bytesIn(pl.Fixed, map[any]bool{}), own
}

// choose finds the steps of a plan: those whose results an output needs, an
// effect, or a check.
func (p *Program) choose(pl *Plan, r *Running, slots []value.Value) {
	checks := p.checks(slots)
	computed := make([]bool, p.Body.Slots) // not the same in every call
	for _, in := range p.In {
		if in.Slot >= 0 {
			computed[in.Slot] = true
		}
	}
	for i, s := range p.Body.Steps {
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			computed[slot] = p.Computed[i]
		}
	}
	needed := make([]bool, p.Body.Slots)
	for _, out := range p.Out {
		needed[out.Slot] = true
	}
	for i := len(p.Body.Steps) - 1; i >= 0; i-- {
		s := &p.Body.Steps[i]
		if !p.Computed[i] {
			continue
		}
		runs := s.N == 0
		now := PlanStep{Step: s, views: p.views(s, computed)}
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			if checks[slot] != nil {
				now.checks = append(now.checks, check{slot, checks[slot]})
			}
			runs = runs || needed[slot] || checks[slot] != nil
			now.varies = now.varies || !p.rigid[slot]
		}
		if !runs {
			continue
		}
		for k, slot := range s.In {
			needed[slot] = true
			if !computed[slot] {
				now.fixed |= 1 << k
			}
		}
		if !now.views {
			now.moves = s.movement(Work{Running: r}, slots, computed)
			now.views = now.moves != nil && now.moves.identity
		}
		pl.Steps = append(pl.Steps, now)
	}
	slices.Reverse(pl.Steps)
	// Values read only by steps that are left out need not be kept.
	for i := range pl.Fixed {
		if !needed[i] {
			pl.Fixed[i] = value.Value{}
		}
	}
}

// views tells whether a step returns the elements of its first input, whatever
// else a call computes.
func (p *Program) views(s *Step, computed []bool) bool {
	return s.Spec.View && len(s.In) > 0 &&
		!slices.ContainsFunc(s.In[1:], func(slot int) bool { return computed[slot] })
}

// checks returns the shapes that operations on shapes have read, where these do
// not follow from the inputs', by slot; nil where none was read.
func (p *Program) checks(slots []value.Value) [][]int {
	out := make([][]int, p.Body.Slots)
	for i, s := range p.Body.Steps {
		if p.Computed[i] {
			continue
		}
		for _, slot := range s.In {
			if p.rigid[slot] {
				continue
			}
			if out[slot] = slots[slot].Dims(); out[slot] == nil {
				out[slot] = []int{-1} // which no value has
			}
		}
	}
	return out
}

// holds tells whether the shapes that a plan relies on are there.
func (s *PlanStep) holds(slots []value.Value) bool {
	for _, c := range s.checks {
		if !slots[c.slot].HasDims(c.shape) {
			return false
		}
	}
	return true
}
