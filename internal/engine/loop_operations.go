package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// LoopOperations runs the iterations of a loop, each operation on what another
// engine has: see lockstep.LoopOperator.
type LoopOperations struct {
	of     isolatedLoops
	is     *lockstep.Operation
	within *Operations // that the loop is the next of
	at     int         // where its results are
	vars   []value.Value
	number int         // of the iteration
	body   *Operations // of the last iteration, whose results are the next variables
}

// Loop begins the loop that the next operation is.
func (o *Operations) Loop() (*LoopOperations, error) {
	is, s, err := o.begun()
	if err != nil {
		return nil, err
	}
	if is.Loop == nil || is.Loop.Whole != "" {
		return nil, fmt.Errorf("node %q (%s) is no loop whose iterations are run one by one", is.Node, is.Op)
	}
	l := &LoopOperations{of: o.of.loops[o.at], is: is, within: o, at: s.Out}
	for _, slot := range s.In {
		l.vars = append(l.vars, o.slots[slot])
	}
	return l, nil
}

// Condition runs the operations of the next iteration's condition.
func (l *LoopOperations) Condition() (*Operations, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	return l.begin(l.of.condition), nil
}

// Body runs the operations of the iteration's body.
func (l *LoopOperations) Body() (*Operations, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	l.body = l.begin(l.of.body)
	return l.body, nil
}

// begin begins a function on the loop's variables.
func (l *LoopOperations) begin(of *Isolation) *Operations {
	run := *l.within.run
	run.at = append(slices.Clone(run.at), l.number)
	o := &Operations{All: of.all, of: of, run: &run, slots: make([]value.Value, of.body.Slots)}
	for i, slot := range of.body.Args {
		o.slots[slot] = l.vars[i]
	}
	return o
}

// end ends the iteration whose body was run.
func (l *LoopOperations) end() error {
	b := l.body
	if b == nil {
		return nil
	}
	if b.next < len(b.All) {
		return fmt.Errorf("node %q (%s) of the loop %q was not run yet", b.All[b.next].Node, b.All[b.next].Op, l.is.Node)
	}
	if err := b.until(len(b.of.body.Steps)); err != nil {
		return err
	}
	for i, slot := range b.of.body.Rets {
		l.vars[i] = b.slots[slot]
	}
	l.body = nil
	l.number++
	return nil
}

// Results are the loop's, if no iteration follows; Operations.Take takes others in
// their place.
func (l *LoopOperations) Results() ([]*lockstep.Tensor, error) {
	if err := l.end(); err != nil {
		return nil, err
	}
	copy(l.within.slots[l.at:], l.vars)
	return shownResults(l.is, l.vars)
}
