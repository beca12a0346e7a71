package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep"
)

// plan is a program for inputs of certain shapes: what depends on their shapes
// alone is known.
type plan struct {
	inputs []input // in the program's order
	steps  []planned
	fixed  []Value // what stands in each slot before a call
	// bytes are those of a call's tensors, but for what loose steps make; kept are
	// those of fixed.
	// own of bytes are what operations keep for themselves.
	bytes, kept, own int64
}

// input is what an input must be.
type input struct {
	dtype lockstep.DType
	shape []int
}

// planned is a step that runs.
type planned struct {
	*step
	// checks are slots whose shapes others relied on when the plan was made,
	// though they do not follow from the inputs': a call in which one differs
	// is no call for this plan.
	checks []check
	// views says that the result is the first input's own memory: while that is
	// the same tensor, so is the result.
	views bool
	// loose says that the results need not have the shapes that they had when the
	// plan was made.
	loose bool
	// moves is what the step moves, if it does nothing else.
	moves *movement
}

type check struct {
	slot  int
	shape []int
}

// maxPlans bounds the plans that are kept; a service may be sent sequences of
// any length.
const maxPlans = 32

// find returns the plan for inputs, nil if there is none yet.
func (p *Program) find(inputs []*lockstep.Tensor) *plan {
	all := p.plans.Load()
	if all == nil {
		return nil
	}
next:
	for _, pl := range *all {
		for i, t := range inputs {
			if want := pl.inputs[i]; t.DType() != want.dtype || !slices.Equal(t.Shape(), want.shape) {
				continue next
			}
		}
		return pl
	}
	return nil
}

// keep adds a plan, and drops the oldest if there are too many.
func (p *Program) keep(pl *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*plan
	if old := p.plans.Load(); old != nil {
		all = *old
	}
	limit := p.limit()
	kept := pl.kept
	for _, old := range all {
		kept += old.kept
	}
	for len(all) > 0 && (len(all) >= maxPlans || kept > limit) {
		kept -= all[0].kept
		all = all[1:]
	}
	all = append(slices.Clip(all), pl)
	p.plans.Store(&all)
}

// plan makes the plan for inputs by running the program once, and returns what
// stands in the slots after that.
func (p *Program) plan(r *running, inputs []*lockstep.Tensor) (*plan, []Value, error) {
	pl := &plan{fixed: make([]Value, p.body.slots)}
	slots := make([]Value, p.body.slots)
	for i, in := range p.inputs {
		t := inputs[i]
		pl.inputs = append(pl.inputs, input{t.DType(), slices.Clone(t.Shape())})
		if in.slot >= 0 {
			slots[in.slot] = Value{Tensor: t}
		}
	}
	r.mem = &meter{}
	defer r.mem.end()
	r.mem.begin(p.memory, bytesIn(slots, map[any]bool{}), slots)
	var in []Value
	for i := range p.body.steps {
		if err := r.ctx.Err(); err != nil {
			return nil, nil, err
		}
		s := &p.body.steps[i]
		var keep any
		w := work{running: r, Call: Call{Keep: &keep}}
		var err error
		if in, err = s.do(&w, slots, in); err != nil {
			return nil, nil, err
		}
		if err := s.count(r.mem, slots); err != nil {
			return nil, nil, err
		}
		if !p.computed[i] {
			copy(pl.fixed[s.out:s.out+s.n], slots[s.out:s.out+s.n])
		}
	}
	p.choose(pl, r, slots)
	pl.weigh(slots, r.mem.own)
	return pl, slots, nil
}

// weigh counts the bytes of what a call makes, and of what it does not make
// because the plan keeps it.
func (pl *plan) weigh(slots []Value, own int64) {
	steady := slices.Clone(slots)
	for _, s := range pl.steps {
		if s.loose {
			clear(steady[s.out : s.out+s.n])
		}
	}
	pl.bytes, pl.kept, pl.own = own+bytesIn(steady, map[any]bool{}), bytesIn(pl.fixed, map[any]bool{}), own
}

// choose finds the steps of a plan: those whose results an output needs, an
// effect, or a check.
func (p *Program) choose(pl *plan, r *running, slots []Value) {
	checks := p.checks(slots)
	computed := make([]bool, p.body.slots) // not the same in every call
	for _, in := range p.inputs {
		if in.slot >= 0 {
			computed[in.slot] = true
		}
	}
	for i, s := range p.body.steps {
		for slot := s.out; slot < s.out+s.n; slot++ {
			computed[slot] = p.computed[i]
		}
	}
	needed := make([]bool, p.body.slots)
	for _, out := range p.outputs {
		needed[out.slot] = true
	}
	for i := len(p.body.steps) - 1; i >= 0; i-- {
		s := &p.body.steps[i]
		if !p.computed[i] {
			continue
		}
		runs := s.n == 0
		now := planned{step: s, views: p.views(s, computed)}
		for slot := s.out; slot < s.out+s.n; slot++ {
			if checks[slot] != nil {
				now.checks = append(now.checks, check{slot, checks[slot]})
			}
			runs = runs || needed[slot] || checks[slot] != nil
			now.loose = now.loose || !p.rigid[slot]
		}
		if !runs {
			continue
		}
		for _, slot := range s.in {
			needed[slot] = true
		}
		if !now.views {
			now.moves = s.movement(work{running: r}, slots, computed)
			now.views = now.moves != nil && now.moves.whole
		}
		pl.steps = append(pl.steps, now)
	}
	slices.Reverse(pl.steps)
	// What only the steps that are left out have read need not be kept.
	for i := range pl.fixed {
		if !needed[i] {
			pl.fixed[i] = Value{}
		}
	}
}

// views tells whether a step returns the elements of its first input, and
// nothing else that a call computes has a say in it.
func (p *Program) views(s *step, computed []bool) bool {
	return s.spec.View && len(s.in) > 0 &&
		!slices.ContainsFunc(s.in[1:], func(slot int) bool { return computed[slot] })
}

// checks returns the shapes that operations on shapes have read, where these do
// not follow from the inputs', by slot; nil where none was read.
func (p *Program) checks(slots []Value) [][]int {
	out := make([][]int, p.body.slots)
	for i, s := range p.body.steps {
		if p.computed[i] {
			continue
		}
		for _, slot := range s.in {
			if p.rigid[slot] {
				continue
			}
			if out[slot] = slots[slot].dims(); out[slot] == nil {
				out[slot] = []int{-1} // which nothing has
			}
		}
	}
	return out
}

// holds tells whether the shapes that a plan relies on are there.
func (s *planned) holds(slots []Value) bool {
	for _, c := range s.checks {
		if !slots[c.slot].hasDims(c.shape) {
			return false
		}
	}
	return true
}
