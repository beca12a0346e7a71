package errbound

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
)

// loopBodies are the functions of a loop that is no known layer.
type loopBodies struct{ condition, body *body }

// LoopOperations evaluates the iterations of a loop, each operation on what an engine
// has: see lockstep.LoopOracle.
type LoopOperations struct {
	of     loopBodies
	is     lockstep.Operation
	within *Operations
	step   int
	vars   []op.BoundedValue
	number int         // of the iteration
	body   *Operations // of the last iteration, whose results are the next variables
}

// Loop begins a loop. It may be evaluated by Next as well until Results is called.
func (o *Operations) Loop(is lockstep.Operation) (*LoopOperations, error) {
	i, s, err := o.find(is)
	if err != nil {
		return nil, err
	}
	of, ok := o.run.exact.loops[s.Node]
	if !ok || o.done[i] {
		return nil, fmt.Errorf("node %q (%s) is no loop whose iterations can be evaluated one by one", is.Node, is.Op)
	}
	o.meter()
	defer o.run.mem.End()
	l := &LoopOperations{of: of, is: is, within: o, step: i}
	for _, slot := range s.In {
		if err := o.needSlot(slot); err != nil {
			return nil, err
		}
		l.vars = append(l.vars, o.slots[slot])
	}
	return l, nil
}

// Condition begins the operations of the next iteration's condition.
func (l *LoopOperations) Condition() (*Operations, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	return l.begin(l.of.condition), nil
}

// Body begins those of the iteration's body.
func (l *LoopOperations) Body() (*Operations, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	l.body = l.begin(l.of.body)
	return l.body, nil
}

func (l *LoopOperations) begin(b *body) *Operations {
	slots := make([]op.BoundedValue, b.Slots)
	for i, slot := range b.Args {
		slots[slot] = l.vars[i]
	}
	run := *l.within.run
	run.at = append(slices.Clone(run.at), l.number)
	return b.single(&run, slots)
}

// end evaluates what the iteration whose body was run leaves.
func (l *LoopOperations) end() error {
	b := l.body
	if b == nil {
		return nil
	}
	b.meter()
	defer b.run.mem.End()
	next := slices.Clone(l.vars)
	for i, slot := range b.body.Rets {
		if err := b.needSlot(slot); err != nil {
			return err
		}
		next[i] = b.slots[slot]
	}
	l.vars, l.body = next, nil
	l.number++
	return nil
}

// Results are the loop's, if no iteration follows; Operations.Take takes others in
// their place.
func (l *LoopOperations) Results() ([]OperationResult, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	o := l.within
	copy(o.slots[o.body.Steps[l.step].Out:], l.vars)
	o.end(l.step)
	return resultsOf(l.is, l.vars)
}
