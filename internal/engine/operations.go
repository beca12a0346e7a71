package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations runs a program's operations one by one, each on what another
// engine has for the results of those before it: so nothing accumulates.
//
// Where nothing is computed, as by a Reshape or from shapes alone, the values
// are the program's own, of the other engine's results. So are lists of tensors,
// which no engine shows; those that a loop or a branch makes are shown as one
// tensor of their elements.
type Operations struct {
	All []lockstep.Operation

	program *Program
	run     Running
	slots   []value.Value
	last    []int // by slot: the last step that reads it
	steps   []int // of each of All
	next    int   // the place in All
	at      int   // the next step
}

// Operations finds the program's operations for a call with these inputs. It runs the
// program, unless a call with inputs of their shapes was recorded.
func (p *Program) Operations(ctx context.Context, inputs map[string]*lockstep.Tensor) (*Operations, error) {
	in := make([]*lockstep.Tensor, len(p.In))
	for i, port := range p.In {
		in[i] = inputs[port.Name]
	}
	pl := p.find(in)
	if pl == nil || pl.operationSteps == nil {
		var err error
		run := Running{Ctx: ctx, Variables: slices.Clone(p.Initial), record: map[*recurrent.Layer]*LayerRecord{}}
		if pl, _, err = p.Plan(&run, in); err != nil {
			return nil, err
		}
	}
	o := &Operations{All: pl.operations, steps: pl.operationSteps, program: p, last: p.lastReads()}
	o.begin(ctx, inputs)
	return o, nil
}

// operations lists the operations of a call, whose values are in slots, and their
// steps.
func (p *Program) operations(slots []value.Value) (all []lockstep.Operation, steps []int) {
	last := p.lastReads()
	reads := make([][]lockstep.InnerTensor, p.Body.Slots) // the results that each slot depends on
	for i := range p.Body.Steps {
		s := &p.Body.Steps[i]
		of := readsOf(s, reads)
		for k := range s.N {
			reads[s.Out+k] = of
		}
		if !p.exchanged(i) {
			continue
		}
		found := p.describe(s, slots, last)
		if len(found.Results) == 0 {
			continue
		}
		found.Reads = of
		for _, r := range found.Results {
			reads[s.Out+r.Output] = []lockstep.InnerTensor{r}
		}
		all, steps = append(all, found), append(steps, i)
	}
	return all, steps
}

func (o *Operations) begin(ctx context.Context, inputs map[string]*lockstep.Tensor) {
	p := o.program
	o.run = Running{Ctx: ctx, Variables: slices.Clone(p.Initial)}
	o.slots, o.at = make([]value.Value, p.Body.Slots), 0
	for _, in := range p.In {
		if in.Slot >= 0 {
			o.slots[in.Slot] = value.Value{Tensor: inputs[in.Name]}
		}
	}
}

// lastReads returns for each slot the last of the steps that reads it, -1 if none
// does, and their number for what is an output.
func (p *Program) lastReads() []int {
	last := make([]int, p.Body.Slots)
	for i := range last {
		last[i] = -1
	}
	for i := range p.Body.Steps {
		for _, slot := range p.Body.Steps[i].In {
			last[slot] = i
		}
	}
	for _, out := range p.Out {
		last[out.Slot] = len(p.Body.Steps)
	}
	return last
}

// exchanged tells whether a step's results are another engine's from there on:
// those of operations that compute or move elements.
func (p *Program) exchanged(i int) bool {
	s := &p.Body.Steps[i]
	switch s.Spec.Control {
	case op.Computes, op.Loop, op.Choice, op.Numbered:
		return p.Computed[i] && !s.Spec.View
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
func (p *Program) describe(s *Step, slots []value.Value, last []int) lockstep.Operation {
	out := lockstep.Operation{Node: s.Node.Name, Op: s.Node.Op, Recurrent: p.Recurrences[s.Node] != nil}
	for k := range s.N {
		v := slots[s.Out+k]
		r := lockstep.InnerTensor{Node: s.Node.Name, Output: k}
		switch {
		case last[s.Out+k] <= s.at:
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

func (o *Operations) do(i int) error {
	if err := o.run.Ctx.Err(); err != nil {
		return err
	}
	var keep any
	w := Work{Running: &o.run, Call: op.Call{Keep: &keep}}
	_, err := o.program.Body.Steps[i].do(&w, o.slots, nil)
	return err
}

// release drops the values that no step after i reads.
func (o *Operations) release(i int) {
	s := &o.program.Body.Steps[i]
	for _, slot := range s.In {
		if o.last[slot] <= i {
			o.slots[slot] = value.Value{}
		}
	}
	for slot := s.Out; slot < s.Out+s.N; slot++ {
		if o.last[slot] <= i {
			o.slots[slot] = value.Value{}
		}
	}
}

// Next runs the operations up to the next one of All, and returns its results in
// the order of Results: see lockstep.Operator.
func (o *Operations) Next() (own []*lockstep.Tensor, err error) {
	if o.next == len(o.All) {
		return nil, fmt.Errorf("there are %d operations, and no other", o.next)
	}
	is, last := &o.All[o.next], o.steps[o.next]
	for ; o.at < last; o.at++ {
		if err := o.do(o.at); err != nil {
			return nil, err
		}
		o.release(o.at)
	}
	s := &o.program.Body.Steps[last]
	if is.Recurrent {
		for k, slot := range s.In { // what the results' lists are like
			o.slots[s.Out+k] = o.slots[slot]
		}
		return nil, nil
	}
	if err := o.do(last); err != nil {
		return nil, err
	}
	for _, r := range is.Results {
		t, err := Shown(o.slots[s.Out+r.Output])
		if err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
		own = append(own, t)
	}
	return own, nil
}

// Take goes on with another engine's results of the operation that ran last.
func (o *Operations) Take(theirs []*lockstep.Tensor) error {
	is, last := &o.All[o.next], o.steps[o.next]
	if len(theirs) != len(is.Results) {
		return fmt.Errorf("%d results of node %q (%s), want %d", len(theirs), is.Node, is.Op, len(is.Results))
	}
	s := &o.program.Body.Steps[last]
	for i, r := range is.Results {
		slot := s.Out + r.Output
		var err error
		if o.slots[slot], err = exchange(o.slots[slot], theirs[i]); err != nil {
			return fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
	}
	o.release(last)
	o.at++
	o.next++
	return nil
}

// Inner runs the program and returns some tensors inside it; given ones stand in
// the place of its own results.
func (p *Program) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	o := &Operations{program: p, last: p.lastReads()}
	o.begin(ctx, inputs)
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
		o.release(i)
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
