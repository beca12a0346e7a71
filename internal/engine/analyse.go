package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// What of a graph depends on the elements of its inputs, and what on their
// shapes alone, so that it is the same for every call with those shapes.

// analyse finds the steps that compute on elements (p.computed) and the slots
// whose shapes follow from the inputs' shapes (p.rigid). A slot that is not
// rigid may have another shape in each call.
func (p *Program) analyse(assigned map[*savedmodel.Node]bool) {
	dynamic := make([]bool, p.body.slots)
	p.rigid = make([]bool, p.body.slots)
	p.computed = make([]bool, len(p.body.steps))
	for i := range p.rigid {
		p.rigid[i] = true // the inputs, and what is no step's
	}
	for _, in := range p.inputs {
		if in.slot >= 0 {
			dynamic[in.slot] = true
		}
	}
	for i, s := range p.body.steps {
		reads := slices.ContainsFunc(s.in, func(slot int) bool { return dynamic[slot] })
		switch {
		case s.n == 0: // for its effect
			p.computed[i] = true
		case s.spec.Measures != Elements:
		default:
			p.computed[i] = reads || assigned[s.node]
		}
		if !p.computed[i] {
			continue
		}
		follows := p.follows(&s, dynamic)
		for slot := s.out; slot < s.out+s.n; slot++ {
			dynamic[slot], p.rigid[slot] = true, follows
		}
	}
}

// follows tells whether the shapes of a step's results follow from its inputs'.
func (p *Program) follows(s *step, dynamic []bool) bool {
	var elements []int
	ok := s.spec.Shape != nil
	if ok {
		elements = s.spec.Shape(len(s.in))
	}
	if r := p.recurrences[s.node]; r != nil {
		// The states keep their shapes, and lists their lengths.
		ok = true
		for _, b := range r.Bounds {
			if b.Variable >= 0 {
				elements = append(elements, b.Variable)
			}
		}
	}
	if !ok {
		return false
	}
	for _, slot := range s.in {
		if !p.rigid[slot] {
			return false
		}
	}
	for _, i := range elements {
		if i < 0 || i >= len(s.in) || dynamic[s.in[i]] {
			return false
		}
	}
	return true
}
