package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Chains of operations that make each element of one element of each input, such
// as a bias, a normalization by constants and an activation: they are done to a
// part of the elements after the other, in one pass over memory, and in the place of
// what they are done to where nothing else needs that. The bits are those of the
// operations by themselves.

// chain is a chain in a plan.
type chain struct {
	// into says that the stages write over the result of the step, which comes
	// first: else the step is itself the first stage.
	into   bool
	shape  []int // of all results
	n      int   // its elements
	out    int   // the slot of the last result
	stages []chainStage
}

// chainStage is an operation of a chain. Its inputs are the result before it, at
// which from is -1, and tensors in slots.
type chainStage struct {
	op.Stage
	node *Step
	in   []chainInput
}

// chainInput is an input of a stage. A tensor of fewer elements than the results
// repeats itself every period elements, or each of its elements stands for each of
// them: for inner elements in a row.
type chainInput struct {
	slot, n       int
	period, inner int
	fixed         bool
}

// chained is how many elements go through the stages together: they stay in the
// processor's first cache, beside what is added to them or multiplied with.
const chained = 2048

// inChains joins the steps of a plan that form chains.
func (p *Program) inChains(pl *Plan, slots []value.Value) []PlanStep {
	if p.stateful {
		return pl.Steps
	}
	readers := make([]int, p.Body.Slots)
	reader := make([]int, p.Body.Slots) // of each slot, the last step
	for i, s := range pl.Steps {
		for _, slot := range s.In {
			readers[slot]++
			reader[slot] = i
		}
	}
	for _, out := range p.Out {
		readers[out.Slot] += 2
	}
	gone := make([]bool, len(pl.Steps))
	at := map[int]PlanStep{} // by the step at whose place the chain runs
	for i := range pl.Steps {
		s := &pl.Steps[i]
		if gone[i] || !s.chains(slots) {
			continue
		}
		c := &chain{into: true, shape: slots[s.Out].Tensor.Shape(), n: slots[s.Out].Tensor.Len(), out: s.Out}
		last := i
		if first, ok := c.stage(s, slots, -1); ok {
			c.into, c.stages = false, []chainStage{first}
		} else if !s.Spec.Own {
			continue
		}
		var members []int
		for readers[c.out] == 1 {
			next := reader[c.out]
			stage, ok := c.stage(&pl.Steps[next], slots, c.out)
			if !ok || gone[next] {
				break
			}
			c.stages, c.out, last = append(c.stages, stage), pl.Steps[next].Out, next
			members = append(members, next)
		}
		if len(members) == 0 {
			continue
		}
		now := *s
		now.chain = c
		at[last] = now
		for _, m := range append(members, i) {
			gone[m] = true
		}
	}
	out := make([]PlanStep, 0, len(pl.Steps))
	for i, s := range pl.Steps {
		if c, ok := at[i]; ok {
			s = c
		} else if gone[i] {
			continue
		}
		out = append(out, s)
	}
	return out
}

// chains tells whether a step always makes one tensor in float32 of one shape.
func (s *PlanStep) chains(slots []value.Value) bool {
	if s.N != 1 || s.varies || s.views || s.moves != nil || len(s.checks) > 0 {
		return false
	}
	t := slots[s.Out].Tensor
	return t != nil && t.DType() == lockstep.Float32 && t.Len() > 0
}

// stage makes a step a stage of the chain, whose last result is in a slot.
func (c *chain) stage(s *PlanStep, slots []value.Value, last int) (chainStage, bool) {
	out := chainStage{node: s.Step}
	if s.Spec.Stage == nil || !s.chains(slots) || !slices.Equal(slots[s.Out].Tensor.Shape(), c.shape) {
		return out, false
	}
	out.Stage = s.Spec.Stage(s.Node)
	if arity := len(s.In); arity != 1 && arity != 2 || (out.One != nil) != (arity == 1) || (out.Two != nil) != (arity == 2) {
		return out, false
	}
	for k, slot := range s.In {
		if slot == last {
			out.in = append(out.in, chainInput{slot: -1})
			continue
		}
		in, ok := c.input(slots[slot].Tensor)
		if !ok {
			return out, false
		}
		in.slot, in.fixed = slot, s.fixed>>k&1 != 0
		out.in = append(out.in, in)
	}
	return out, true
}

// input finds which element of a tensor belongs to which of the results.
func (c *chain) input(t *lockstep.Tensor) (chainInput, bool) {
	if t == nil || t.DType() != lockstep.Float32 || t.Rank() > len(c.shape) {
		return chainInput{}, false
	}
	in := chainInput{n: t.Len()}
	shape := append(slices.Repeat([]int{1}, len(c.shape)-t.Rank()), t.Shape()...)
	first, end := len(shape), 0 // the axes that are longer than 1
	for i, d := range shape {
		if d != 1 {
			first, end = min(first, i), i+1
		}
		if d != 1 && d != c.shape[i] {
			return in, false
		}
	}
	if in.n == c.n || in.n == 1 {
		return in, true
	}
	// Axes of length 1 in the results are as good as those of the tensor.
	of := value.Product(c.shape[min(first, end):end])
	before, after := value.Product(c.shape[:min(first, end)]), value.Product(c.shape[end:])
	switch {
	case of != in.n:
		return in, false
	case after == 1 && in.n <= chained:
		in.period = in.n
	case before == 1 && after >= 8:
		in.inner = after
	default:
		return in, false
	}
	return in, true
}

// chainRun runs a chain in a frame's memory.
type chainRun struct {
	*chain
	memory op.ResultMemory[float32]
	data   [][]float32
	stages [][2]int // by stage: its inputs in data, or -1
}

func newChainRun(c *chain) *chainRun {
	r := &chainRun{chain: c}
	for _, s := range c.stages {
		at := [2]int{-1, -1}
		for k, in := range s.in {
			if in.slot >= 0 {
				at[k] = len(r.data)
				r.data = append(r.data, nil)
			}
		}
		r.stages = append(r.stages, at)
	}
	return r
}

// load reads the inputs of the stages; ok is false if they are not those that the
// plan is for.
func (r *chainRun) load(slots []value.Value) (ok bool) {
	for i, s := range r.chain.stages {
		for k, in := range s.in {
			if in.slot < 0 {
				continue
			}
			data := &r.data[r.stages[i][k]]
			if in.fixed && *data != nil {
				continue
			}
			t := slots[in.slot].Tensor
			if t == nil || t.Len() != in.n {
				return false
			}
			d, err := lockstep.Data[float32](t)
			if err != nil {
				return false
			}
			if in.period == 0 {
				*data = d
				continue
			}
			// As often as a part of the results needs it, wherever that begins.
			*data = slices.Grow((*data)[:0], chained+2*in.period)
			for range min(chained, r.n)/in.period + 2 {
				*data = append(*data, d...)
			}
		}
	}
	return true
}

// Finish does the stages to a part of the results.
func (r *chainRun) Finish(part []float32, at int) {
	for len(part) > 0 {
		n := min(chained, len(part))
		z := part[:n]
		for i := range r.chain.stages {
			r.stage(i, z, at)
		}
		part, at = part[n:], at+n
	}
}

// stage does stage i to some results, of which the first is element at.
func (r *chainRun) stage(i int, z []float32, at int) {
	s := &r.chain.stages[i]
	if s.One != nil {
		s.One(z, r.part(i, 0, z, at))
		return
	}
	for len(z) > 0 {
		n := len(z)
		for _, in := range s.in {
			if in.inner > 0 {
				n = min(n, in.inner-at%in.inner)
			}
		}
		s.Two(z[:n], r.part(i, 0, z[:n], at), r.part(i, 1, z[:n], at))
		z, at = z[n:], at+n
	}
}

// part are the elements of input k of stage i that belong to some results.
func (r *chainRun) part(i, k int, z []float32, at int) []float32 {
	in := &r.chain.stages[i].in[k]
	if in.slot < 0 {
		return z
	}
	data := r.data[r.stages[i][k]]
	switch {
	case in.n == r.n:
		return data[at:][:len(z)]
	case in.period > 0:
		return data[at%in.period:][:len(z)]
	case in.inner > 0:
		return data[at/in.inner:][:1]
	}
	return data
}

// do runs a step and the chain that it begins; holds is false if the plan does not
// fit.
func (r *chainRun) do(s *PlanStep, w *Work, slots, in []value.Value) (_ []value.Value, holds bool, err error) {
	if !r.load(slots) {
		return in, false, nil
	}
	t, z, err := (*lockstep.Tensor)(nil), []float32(nil), error(nil)
	if r.into {
		w.Done = r
		in, err = s.do(w, slots, in)
		done := w.Done == nil
		w.Done = nil
		if err != nil {
			return in, true, err
		}
		if t = slots[s.Out].Tensor; t == nil || !slices.Equal(t.Shape(), r.shape) {
			return in, false, nil
		}
		if z, err = lockstep.Data[float32](t); err == nil && !done {
			r.Finish(z, 0)
		}
	} else {
		t, z, err = r.memory.Get(r.shape...)
		if err == nil {
			r.Finish(z, 0)
		}
	}
	if err != nil {
		return in, true, fmt.Errorf("node %q (%s): the operations on its result: %w", s.Node.Name, s.Node.Op, err)
	}
	slots[r.out] = value.Value{Tensor: t}
	return in, true, nil
}
