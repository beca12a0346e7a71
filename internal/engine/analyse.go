package engine

import (
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Which parts of a graph depend on the elements of its inputs, and which on
// their shapes alone, so that they are the same for every call with those
// shapes.

// analyse finds the steps that compute on elements (p.computed) and the slots
// whose shapes follow from the inputs' shapes (p.rigid). A slot that is not
// rigid may have a different shape in each call.
func (p *Program) analyse(assigned map[*savedmodel.Node]bool) {
	dynamic := make([]bool, p.Body.Slots)
	p.rigid = make([]bool, p.Body.Slots)
	p.Computed = make([]bool, len(p.Body.Steps))
	for i := range p.rigid {
		p.rigid[i] = true // the inputs, and slots without a step
	}
	for _, in := range p.In {
		if in.Slot >= 0 {
			dynamic[in.Slot] = true
		}
	}
	for i := range p.Body.Steps {
		s := &p.Body.Steps[i]
		switch {
		case s.N == 0: // for its effect
			p.Computed[i] = true
		case s.Spec.Measures == op.Elements:
			p.Computed[i] = s.computes(dynamic) || assigned[s.Node]
		}
		if !p.Computed[i] {
			continue
		}
		follows := p.follows(s, dynamic)
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			dynamic[slot], p.rigid[slot] = true, follows
		}
	}
}

// follows tells whether the shapes of a step's results follow from its inputs'.
func (p *Program) follows(s *Step, dynamic []bool) bool {
	var elements []int
	ok := s.Spec.Shape != nil
	if ok {
		elements = s.Spec.Shape(len(s.In))
	}
	if r := p.Recurrences[s.Node]; r != nil {
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
	for _, slot := range s.In {
		if !p.rigid[slot] {
			return false
		}
	}
	for _, i := range elements {
		if i < 0 || i >= len(s.In) || dynamic[s.In[i]] {
			return false
		}
	}
	return true
}
