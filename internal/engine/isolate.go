package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Isolation is which steps of a graph, or of a loop's condition or body, are
// operations that are run one by one.
type Isolation struct {
	all   []lockstep.Operation
	body  *Body
	steps []int                    // of each of all
	last  []int                    // by slot: the last step that reads it
	loops map[int]isolatedLoops    // by step: of a loop whose iterations are run one by one
	reads [][]lockstep.InnerTensor // by slot: the results that it depends on
}

type isolatedLoops struct{ condition, body *Isolation }

// LoopBodies are the compiled functions of a loop that is no known layer.
type LoopBodies struct{ Condition, Body *Body }

// isolatedFor are the operations for inputs of certain types and shapes.
type isolatedFor struct {
	inputs []input
	of     *Isolation
}

// isolateLoop completes the last operation found, if it is a loop, whose values are
// in slots.
func (p *Program) isolateLoop(iso *Isolation, r *Running, dynamic []bool, slots []value.Value) {
	is, i := &iso.all[len(iso.all)-1], iso.steps[len(iso.steps)-1]
	s := &p.Body.Steps[i]
	is.Recurrent = p.Recurrences[s.Node] != nil
	loop, ok := p.loops[s.Node]
	if !ok || is.Recurrent {
		is.Loop = nil // of a layer, or of slices, which it only moves
		return
	}
	of, err := loop.isolate(r, s, dynamic, slots)
	if err != nil {
		is.Loop = &lockstep.Loop{Whole: err.Error()}
		return
	}
	p.clearLayers(of.condition)
	p.clearLayers(of.body)
	iso.loops[i] = of
	is.Loop = &lockstep.Loop{Condition: of.condition.all, Body: of.body.all}
}

// clearLayers says of layers inside a loop that they are none of its loops: their
// steps are compared elsewhere.
func (p *Program) clearLayers(of *Isolation) {
	for k, i := range of.steps {
		if p.Recurrences[of.body.Steps[i].Node] != nil {
			of.all[k].Loop = nil
		}
	}
}

// outs are the slots of the outputs.
func (p *Program) outs() []int {
	out := make([]int, len(p.Out))
	for i, port := range p.Out {
		out[i] = port.Slot
	}
	return out
}

// dynamic tells by slot whether a value is computed on the elements of an input.
func (p *Program) dynamic() []bool {
	out := make([]bool, p.Body.Slots)
	for _, in := range p.In {
		if in.Slot >= 0 {
			out[in.Slot] = true
		}
	}
	for i := range p.Body.Steps {
		s := &p.Body.Steps[i]
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			out[slot] = p.Computed[i]
		}
	}
	return out
}

// isolate finds the operations of a loop by running its first iteration. Those of a body
// that cannot run, as in a loop without any iteration, are nil.
func (l LoopBodies) isolate(r *Running, s *Step, dynamic []bool, slots []value.Value) (out isolatedLoops, err error) {
	vars, changing := make([]value.Value, len(s.In)), make([]bool, len(s.In))
	for i, slot := range s.In {
		vars[i] = slots[slot]
		changing[i] = dynamic[slot] || l.Body.original(l.Body.Rets[i]) != l.Body.Args[i]
	}
	inside := Running{Ctx: r.Ctx, Variables: r.Variables}
	of := func(b *Body) (*Isolation, []value.Value, error) {
		slots := make([]value.Value, b.Slots)
		for i, slot := range b.Args {
			slots[slot] = vars[i]
		}
		for i := range b.Steps {
			if err := b.Steps[i].alone(&inside, slots); err != nil {
				return nil, nil, err
			}
		}
		return isolationOf(b, b.computed(changing), b.Rets, slots), slots, nil
	}
	condition, values, err := of(l.Condition)
	if err != nil {
		return out, err
	}
	out.condition, out.body = condition, newIsolation(l.Body, l.Body.Rets)
	holds, err := Truth(values[l.Condition.Rets[0]])
	if err != nil {
		return out, err
	}
	// A body that does not run in this call may in another one, or in another engine.
	body, _, err := of(l.Body)
	if err == nil {
		body.all = slices.Concat([]lockstep.Operation{}, body.all)
		out.body = body
	} else if !holds {
		err = nil
	}
	return out, err
}

func newIsolation(b *Body, outs []int) *Isolation {
	return &Isolation{body: b, last: b.lastReads(outs), loops: map[int]isolatedLoops{}, reads: make([][]lockstep.InnerTensor, b.Slots)}
}

// isolationOf lists the operations of a body whose values are in slots, among the
// steps that compute.
func isolationOf(b *Body, computed []bool, outs []int, slots []value.Value) *Isolation {
	iso := newIsolation(b, outs)
	for i := range b.Steps {
		iso.add(i, computed[i], slots)
	}
	return iso
}

// add takes a step that has run, and tells whether it is an operation.
func (iso *Isolation) add(i int, computed bool, slots []value.Value) bool {
	s := &iso.body.Steps[i]
	of := readsOf(s, iso.reads)
	for k := range s.N {
		iso.reads[s.Out+k] = of
	}
	if !computed || !exchanged(s) {
		return false
	}
	found := iso.describe(s, slots)
	if len(found.Results) == 0 {
		return false
	}
	found.Reads = of
	for _, r := range found.Results {
		iso.reads[s.Out+r.Output] = []lockstep.InnerTensor{r}
	}
	iso.all, iso.steps = append(iso.all, found), append(iso.steps, i)
	return true
}

// release drops the values that no step after i reads.
func (iso *Isolation) release(i int, slots []value.Value) {
	s := &iso.body.Steps[i]
	for _, slot := range s.In {
		if iso.last[slot] <= i {
			slots[slot] = value.Value{}
		}
	}
	for slot := s.Out; slot < s.Out+s.N; slot++ {
		if iso.last[slot] <= i {
			slots[slot] = value.Value{}
		}
	}
}

// lastReads returns for each slot the last of the steps that reads it, -1 if none
// does, and their number for what is among outs.
func (b *Body) lastReads(outs []int) []int {
	last := make([]int, b.Slots)
	for i := range last {
		last[i] = -1
	}
	for i := range b.Steps {
		for _, slot := range b.Steps[i].In {
			last[slot] = i
		}
	}
	for _, slot := range outs {
		last[slot] = len(b.Steps)
	}
	return last
}

// computed finds the steps of a function that compute on elements of those of its
// arguments that change.
func (b *Body) computed(changing []bool) []bool {
	dynamic, out := make([]bool, b.Slots), make([]bool, len(b.Steps))
	for i, slot := range b.Args {
		dynamic[slot] = changing[i]
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		out[i] = s.computes(dynamic)
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			dynamic[slot] = out[i]
		}
	}
	return out
}

// computes tells whether a step reads elements that are dynamic.
func (s *Step) computes(dynamic []bool) bool {
	return s.Spec.Measures == op.Elements && slices.ContainsFunc(s.In, func(slot int) bool { return dynamic[slot] })
}

// original follows a slot of a function through copies, such as the result of a
// variable that a loop's body does not change.
func (b *Body) original(slot int) int {
	for i := len(b.Steps) - 1; i >= 0; i-- {
		if s := &b.Steps[i]; slot == s.Out && s.N == 1 && (savedmodel.Ref{Node: s.Node}).Through().Node != s.Node {
			slot = s.In[0]
		}
	}
	return slot
}

// exchanged tells whether a step that computes may have another engine's results:
// it computes or moves elements, and is no view.
func exchanged(s *Step) bool {
	switch s.Spec.Control {
	case op.Computes, op.Loop, op.Choice, op.Numbered:
		return !s.Spec.View
	}
	return false
}

// readsOf joins the results that a step's inputs depend on.
func readsOf(s *Step, reads [][]lockstep.InnerTensor) (all []lockstep.InnerTensor) {
	for _, slot := range s.In {
		for _, r := range reads[slot] {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// describe describes a step that has run.
func (iso *Isolation) describe(s *Step, slots []value.Value) lockstep.Operation {
	out := lockstep.Operation{Node: s.Node.Name, Op: s.Node.Op}
	if s.Spec.Control == op.Loop {
		out.Loop = &lockstep.Loop{Whole: "it is inside another loop"}
	}
	for k := range s.N {
		v := slots[s.Out+k]
		r := lockstep.InnerTensor{Node: s.Node.Name, Output: k}
		switch {
		case iso.last[s.Out+k] <= s.at:
			continue
		case v.Tensor != nil:
			r.Bytes = tensorBytes(v.Tensor)
		case v.List != nil && s.Spec.Control != op.Computes && v.List.DType != lockstep.String:
			r.List = v.List.DType
			for i := range v.List.Length() {
				if t, err := v.List.At(i); err == nil && t != nil {
					r.Bytes += tensorBytes(t)
				}
			}
		default:
			continue
		}
		out.Results = append(out.Results, r)
	}
	return out
}
