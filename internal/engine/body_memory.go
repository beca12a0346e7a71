package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// The memory of a function that a loop runs again and again. Most results of an
// iteration are read in it and then forgotten: their memory is used again. What
// depends on nothing but what is the same in every call, such as a part of a weight,
// is computed once.

// maxBodyBytes bounds what is kept between the runs of a function.
const maxBodyBytes = 64 << 20

// maxCopiedBytes is how large a result may be that is copied.
const maxCopiedBytes = 64 << 10

// bodyMemory is the memory of a function's runs. The zero value is ready.
type bodyMemory struct {
	of     *Body
	fixed  []bool // by slot: the same in every run
	keep   []any  // by step: see op.Call
	once   []value.Value
	slots  []value.Value
	in     []value.Value
	out    []value.Value
	bytes  int64
	inputs []uint64 // by step: see op.Call.Fixed
}

// loopMemory is the memory of a loop.
type loopMemory struct{ condition, body bodyMemory }

// passes tells whether nothing refers to an input once the step has run: its result is
// its own.
func (s *Step) passes() bool { return !s.Spec.Own || s.N != 1 }

// temporary finds the steps of a function whose results nothing refers to once it has
// run.
func (b *Body) temporary() {
	read := make([]bool, b.Slots) // by what may keep it
	for _, slot := range b.Rets {
		read[slot] = true
	}
	for i := range b.Steps {
		for _, slot := range b.Steps[i].In {
			read[slot] = read[slot] || b.Steps[i].passes()
		}
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		s.temporary = !s.passes() && !read[s.Out]
	}
}

// prepare makes the memory that of a function. unchanged are the arguments that are the
// same tensors, of the same elements, in every run.
func (m *bodyMemory) prepare(b *Body, unchanged uint64) {
	*m = bodyMemory{
		of: b, fixed: make([]bool, b.Slots), keep: make([]any, len(b.Steps)), once: make([]value.Value, b.Slots),
		slots: make([]value.Value, b.Slots), out: make([]value.Value, len(b.Rets)), inputs: make([]uint64, len(b.Steps)),
	}
	for i, slot := range b.Args {
		m.fixed[slot] = i < 64 && unchanged>>i&1 != 0
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		all := len(s.In) > 0 || s.Spec.Control == op.ConstantValue
		for k, slot := range s.In {
			if all = all && m.fixed[slot]; m.fixed[slot] && k < 64 {
				m.inputs[i] |= 1 << k
			}
		}
		if all && s.N > 0 && s.unchanging() {
			for slot := s.Out; slot < s.Out+s.N; slot++ {
				m.fixed[slot] = true
			}
		}
	}
}

// unchanging tells whether the results follow from the inputs, and are tensors.
func (s *Step) unchanging() bool {
	switch s.Spec.Control {
	case op.ConstantValue, op.Read:
		return true
	case op.Computes:
		return s.Spec.Own || s.Spec.View || s.Spec.Shape != nil && s.Spec.Moves != nil
	}
	return false
}

// unchanged are the arguments of a loop's body that every iteration passes on, and that
// are fixed.
func (b *Body) unchanged(fixed uint64) uint64 {
	from := map[int]int{} // views, by their slots
	for i := range b.Steps {
		if s := &b.Steps[i]; s.Spec.View && len(s.In) == 1 && s.N == 1 {
			from[s.Out] = s.In[0]
		}
	}
	out := uint64(0)
	for i, slot := range b.Rets {
		for {
			before, ok := from[slot]
			if !ok {
				break
			}
			slot = before
		}
		if i < 64 && i < len(b.Args) && slot == b.Args[i] {
			out |= fixed & (1 << i)
		}
	}
	return out
}

// run is Body.call in the memory, whose results the next run overwrites: they are to be
// copied, or to be its arguments.
func (m *bodyMemory) run(b *Body, r *Running, args []value.Value) ([]value.Value, error) {
	if err := r.Ctx.Err(); err != nil {
		return nil, err
	}
	for i, slot := range b.Args {
		m.slots[slot] = args[i]
	}
	r.mem.enter(m.slots)
	defer r.mem.leave()
	defer clear(m.slots)
	for i := range b.Steps {
		s := &b.Steps[i]
		if m.has(s) {
			continue
		}
		if err := m.step(r, i); err != nil {
			return nil, err
		}
		for _, slot := range s.last {
			m.slots[slot] = value.Value{}
		}
	}
	for i, slot := range b.Rets {
		m.out[i] = m.slots[slot]
	}
	return m.out, nil
}

// has gets the results of a step that were computed before.
func (m *bodyMemory) has(s *Step) bool {
	if s.N == 0 || m.once[s.Out].Tensor == nil {
		return false
	}
	copy(m.slots[s.Out:s.Out+s.N], m.once[s.Out:])
	return true
}

// step runs step i.
func (m *bodyMemory) step(r *Running, i int) error {
	s := &m.of.Steps[i]
	fixed := s.N > 0 && m.fixed[s.Out]
	var keep any
	w := Work{Running: r, Call: op.Call{Keep: &keep, Fixed: m.inputs[i]}}
	owned := !fixed && !s.passes()
	if owned || s.Spec.Control == op.Loop {
		w.Keep = &m.keep[i]
	}
	had := *w.Keep != nil
	var err error
	if m.in, err = s.do(&w, m.slots, m.in); err != nil {
		return err
	}
	results := m.slots[s.Out : s.Out+s.N]
	if owned && had && s.temporary {
		return nil // it was counted
	}
	if owned && !s.temporary {
		if err := m.release(i, &results[0]); err != nil {
			return err
		}
	}
	if err := s.count(r.mem, m.slots); err != nil {
		return err
	}
	if !fixed && !s.temporary {
		return nil
	}
	bytes := int64(0)
	for k := range results {
		bytes += bytesOf(&results[k])
	}
	if m.bytes+bytes > maxBodyBytes {
		m.keep[i] = nil
		return nil
	}
	m.bytes += bytes
	if fixed && !slices.ContainsFunc(results, func(v value.Value) bool { return v.Tensor == nil }) {
		copy(m.once[s.Out:], results)
	}
	return nil
}

// release makes the result of step i one that the next run leaves alone: a copy, where
// that is less work than making the operation's memory again.
func (m *bodyMemory) release(i int, result *value.Value) (err error) {
	if bytesOf(result) > maxCopiedBytes {
		m.keep[i] = nil
		return nil
	}
	result.Tensor, err = value.CloneTensor(result.Tensor)
	return err
}
