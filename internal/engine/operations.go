package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations runs the operations of a graph, or of a loop's condition or body, one by
// one, each on what another engine has for the results of those before it: so nothing
// accumulates.
//
// Where nothing is computed, as by a Reshape or from shapes alone, the values
// are the program's own, of the other engine's results. So are lists of tensors,
// which no engine shows; those that a loop or a branch makes are shown as one
// tensor of their elements.
type Operations struct {
	All []lockstep.Operation

	of    *Isolation
	run   *Running
	slots []value.Value
	next  int // the place in All
	at    int // the next step

	garbage memory.Garbage
}

// Operations finds the program's operations for a call with these inputs. It runs the
// program, unless a call with inputs of their shapes was recorded.
func (p *Program) Operations(ctx context.Context, inputs map[string]*lockstep.Tensor) (*Operations, error) {
	in, err := p.ordered(inputs)
	if err != nil {
		return nil, err
	}
	if known := p.isolated.Load(); known != nil && fit(known.inputs, in) {
		return p.begin(ctx, known.of, inputs), nil
	}
	_, iso, err := p.once(&Running{Ctx: ctx, Variables: slices.Clone(p.Initial)}, in)
	if err != nil {
		return nil, err
	}
	return p.begin(ctx, iso, inputs), nil
}

// begin begins a run on inputs.
func (p *Program) begin(ctx context.Context, of *Isolation, inputs map[string]*lockstep.Tensor) *Operations {
	run := &Running{Ctx: ctx, Variables: slices.Clone(p.Initial)}
	o := &Operations{All: of.all, of: of, run: run, slots: make([]value.Value, p.Body.Slots)}
	for _, in := range p.In {
		if in.Slot >= 0 {
			o.slots[in.Slot] = value.Value{Tensor: inputs[in.Name]}
		}
	}
	return o
}

func (o *Operations) do(i int) error {
	if err := o.run.Ctx.Err(); err != nil {
		return err
	}
	s := &o.of.body.Steps[i]
	err := s.alone(o.run, o.slots)
	o.garbage.Add(s.made(o.slots))
	return err
}

// made are the bytes of a step's results.
func (s *Step) made(slots []value.Value) (n int64) {
	for i := range slots[s.Out : s.Out+s.N] {
		n += bytesOf(&slots[s.Out+i])
	}
	return n
}

// until runs the steps before step i.
func (o *Operations) until(i int) error {
	for ; o.at < i; o.at++ {
		if err := o.do(o.at); err != nil {
			return err
		}
		o.of.release(o.at, o.slots)
	}
	return nil
}

// begun runs the steps before the next operation.
func (o *Operations) begun() (is *lockstep.Operation, s *Step, err error) {
	if o.next == len(o.All) {
		return nil, nil, fmt.Errorf("there are %d operations, and no other", o.next)
	}
	i := o.of.steps[o.next]
	return &o.All[o.next], &o.of.body.Steps[i], o.until(i)
}

// Next runs the operations up to the next one of All, and returns its results in
// the order of Results: see lockstep.Operator.
func (o *Operations) Next() (own []*lockstep.Tensor, err error) {
	is, s, err := o.begun()
	if err != nil {
		return nil, err
	}
	if is.Recurrent {
		for k, slot := range s.In { // what the results' lists are like
			o.slots[s.Out+k] = o.slots[slot]
		}
		return nil, nil
	}
	if err := o.do(o.at); err != nil {
		return nil, err
	}
	return shownResults(is, o.slots[s.Out:s.Out+s.N])
}

// shownResults shows the results of an operation.
func shownResults(is *lockstep.Operation, values []value.Value) (own []*lockstep.Tensor, err error) {
	for _, r := range is.Results {
		t, err := Shown(values[r.Output])
		if err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
		own = append(own, t)
	}
	return own, nil
}

// GiveLayers gives the states that another engine has for layers inside loops and
// branches: see lockstep.Operator.
func (o *Operations) GiveLayers(given map[string]*lockstep.Tensor) { o.run.given = given }

// Take goes on with another engine's results of the operation that ran last.
func (o *Operations) Take(theirs []*lockstep.Tensor) error {
	is, last := &o.All[o.next], o.of.steps[o.next]
	if len(theirs) != len(is.Results) {
		return fmt.Errorf("%d results of node %q (%s), want %d", len(theirs), is.Node, is.Op, len(is.Results))
	}
	s := &o.of.body.Steps[last]
	for i, r := range is.Results {
		slot := s.Out + r.Output
		var err error
		if o.slots[slot], err = exchange(o.slots[slot], theirs[i]); err != nil {
			return fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
	}
	o.of.release(last, o.slots)
	o.at++
	o.next++
	return nil
}

// Inner runs the program and returns some tensors inside it; given ones stand in
// the place of its own results.
func (p *Program) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	o := p.begin(ctx, &Isolation{body: p.Body, last: p.Body.lastReads(p.outs())}, inputs)
	out := make([]*lockstep.Tensor, len(want))
	for i := range p.Body.Steps {
		if err := o.do(i); err != nil {
			return nil, err
		}
		s := &p.Body.Steps[i]
		for _, t := range given {
			if t.Node == s.Node.Name && t.Output < s.N {
				o.slots[s.Out+t.Output] = value.Value{Tensor: t.Value}
			}
		}
		for k, t := range want {
			if t.Node != s.Node.Name || t.Output >= s.N {
				continue
			}
			var err error
			if out[k], err = Shown(o.slots[s.Out+t.Output]); err != nil {
				return nil, fmt.Errorf("node %q (%s): %w", t.Node, s.Node.Op, err)
			}
		}
		o.of.release(i, o.slots)
	}
	for k, t := range want {
		if out[k] == nil {
			return nil, fmt.Errorf("the graph makes no tensor %q", t.Name())
		}
	}
	return out, nil
}

// Shown is a tensor, or the elements of a list as one.
func Shown(v value.Value) (*lockstep.Tensor, error) {
	if v.List == nil {
		return v.Tensor, nil
	}
	if v.List.Rows != nil {
		return v.List.Rows, nil
	}
	shape := v.List.Shape
	for _, t := range v.List.Elements {
		if t != nil {
			shape = t.Shape()
		}
	}
	return value.StackElements(v.List.Elements, v.List.DType, shape)
}

// exchange returns another engine's tensor in the place of a value.
func exchange(mine value.Value, theirs *lockstep.Tensor) (value.Value, error) {
	if mine.List == nil {
		return value.Value{Tensor: theirs}, nil
	}
	if theirs == nil || theirs.Rank() == 0 || theirs.DType() != mine.List.DType {
		return value.Value{}, fmt.Errorf("%s in the place of a list of %s", theirs, mine.List.DType)
	}
	return RowsList(theirs, mine.List), nil
}
