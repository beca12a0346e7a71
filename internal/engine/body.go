package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Body is a graph or the function of a loop or a branch, compiled.
type Body struct {
	Steps []Step
	Slots int
	Args  []int // of a function: the slot of each argument
	Rets  []int // of a function: the slot of each result
}

// Step is one operation: it reads slots and fills some.
type Step struct {
	Node *savedmodel.Node
	Spec *op.Spec
	Run  Operation
	at   int // how many steps of its body are before it
	In   []int
	Out  int // the first of the slots that it fills, one for each result
	N    int // the number of its results
	// last are the slots that no later step of a function reads: their values
	// can go.
	last []int
	// temporary says that nothing refers to a function's result once it has run.
	temporary bool
}

// StepError is what ended a run, and where.
type StepError struct {
	At       int // how many steps of the program are before the one that failed
	Node, Op string
	Err      error
}

func (e *StepError) Error() string { return fmt.Sprintf("node %q (%s): %v", e.Node, e.Op, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// Running is one call of a program.
type Running struct {
	Ctx       context.Context
	Variables []*lockstep.Tensor
	// Continues says that the cells begin with the states that the last call in
	// the same memory left.
	Continues bool
	// Alone says that its caller shares the work out to goroutines, so that its cells
	// do not.
	Alone bool
	mem   *Meter // nil where nothing is counted
	// record, if not nil, gets what the cells read and compute at each step, and
	// at is the iteration of each loop that is being interpreted.
	record map[*recurrent.Layer][]*LayerRecord
	at     []int
	// watched are the loops whose variables are kept: see Watch.
	watched map[*savedmodel.Node]*Watched
	// given are states that the cells take instead of computing them.
	given map[string]*lockstep.Tensor
}

// Work is what the engine's own operations get besides their inputs.
type Work struct {
	*Running
	op.Call
}

// run runs one step on slots. in is memory for its inputs.
func (s *Step) do(w *Work, slots, in []value.Value) ([]value.Value, error) {
	in = in[:0]
	for _, slot := range s.In {
		v := slots[slot]
		if v.Handle != 0 {
			v.Variable = w.Variables[v.Handle-1]
		}
		in = append(in, v)
	}
	w.Out = slots[s.Out : s.Out+s.N]
	if err := s.Run(w, in); err != nil {
		return in, &StepError{At: s.at, Node: s.Node.Name, Op: s.Node.Op, Err: err}
	}
	return in, nil
}

// alone runs one step without memory from another run.
func (s *Step) alone(r *Running, slots []value.Value) error {
	var keep any
	w := Work{Running: r, Call: op.Call{Keep: &keep}}
	_, err := s.do(&w, slots, nil)
	return err
}

// count counts the memory of what a step has made.
func (s *Step) count(m *Meter, slots []value.Value) error {
	if err := m.add(slots[s.Out : s.Out+s.N]); err != nil {
		return fmt.Errorf("node %q (%s): the tensors of the call: %w", s.Node.Name, s.Node.Op, err)
	}
	return nil
}

// call runs a function. No value is overwritten: it may be used in the next
// step of a loop.
func (b *Body) call(r *Running, args []value.Value) ([]value.Value, error) {
	if err := r.Ctx.Err(); err != nil {
		return nil, err
	}
	slots := make([]value.Value, b.Slots)
	for i, slot := range b.Args {
		slots[slot] = args[i]
	}
	r.mem.enter(slots)
	defer r.mem.leave()
	var in []value.Value
	var err error
	for i := range b.Steps {
		s := &b.Steps[i]
		var keep any
		w := Work{Running: r, Call: op.Call{Keep: &keep}}
		if in, err = s.do(&w, slots, in); err != nil {
			return nil, err
		}
		if err := s.count(r.mem, slots); err != nil {
			return nil, err
		}
		for _, slot := range s.last {
			slots[slot] = value.Value{}
		}
	}
	out := make([]value.Value, len(b.Rets))
	for i, slot := range b.Rets {
		out[i] = slots[slot]
	}
	return out, nil
}
