package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// body is a graph or the function of a loop or a branch, compiled.
type body struct {
	steps []step
	slots int
	args  []int // of a function: the slot of each argument
	rets  []int // of a function: the slot of each result
}

// step is one operation: it reads slots and fills some.
type step struct {
	node *savedmodel.Node
	spec *Spec
	run  operation
	at   int // how many steps of its body stand before it
	in   []int
	out  int // the first of the slots that it fills, one for each result
	n    int // the number of its results
	// last are the slots that no later step of a function reads: their values
	// can go.
	last []int
}

// StepError is what ended a run, and where.
type StepError struct {
	At       int // how many steps of the program stand before the one that failed
	Node, Op string
	Err      error
}

func (e *StepError) Error() string { return fmt.Sprintf("node %q (%s): %v", e.Node, e.Op, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// running is one call of a program.
type running struct {
	ctx       context.Context
	variables []*lockstep.Tensor
	// goesOn says that the cells begin with the states that they were left in
	// by the last call in the same memory.
	goesOn bool
	mem    *meter // nil where nothing is counted
	// record, if not nil, takes what the cells read and make at each step.
	record map[*recurrent.Layer]*Recorded
}

// work is what an operation of the engine's own gets besides its inputs.
type work struct {
	*running
	Call
}

// run runs one step on slots. in is memory for its inputs.
func (s *step) do(w *work, slots, in []Value) ([]Value, error) {
	in = in[:0]
	for _, slot := range s.in {
		v := slots[slot]
		if v.handle != 0 {
			v.Variable = w.variables[v.handle-1]
		}
		in = append(in, v)
	}
	w.Out = slots[s.out : s.out+s.n]
	if err := s.run(w, in); err != nil {
		return in, &StepError{At: s.at, Node: s.node.Name, Op: s.node.Op, Err: err}
	}
	return in, nil
}

// count counts the memory of what a step has made.
func (s *step) count(m *meter, slots []Value) error {
	if err := m.add(slots[s.out : s.out+s.n]); err != nil {
		return fmt.Errorf("node %q (%s): the tensors of the call: %w", s.node.Name, s.node.Op, err)
	}
	return nil
}

// call runs a function. Nothing is written over: a value may live on in the
// next step of a loop.
func (b *body) call(r *running, args []Value) ([]Value, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	slots := make([]Value, b.slots)
	for i, slot := range b.args {
		slots[slot] = args[i]
	}
	r.mem.enter(slots)
	defer r.mem.leave()
	var in []Value
	var err error
	for i := range b.steps {
		s := &b.steps[i]
		var keep any
		w := work{running: r, Call: Call{Keep: &keep}}
		if in, err = s.do(&w, slots, in); err != nil {
			return nil, err
		}
		if err := s.count(r.mem, slots); err != nil {
			return nil, err
		}
		for _, slot := range s.last {
			slots[slot] = Value{}
		}
	}
	out := make([]Value, len(b.rets))
	for i, slot := range b.rets {
		out[i] = slots[slot]
	}
	return out, nil
}
