package errbound

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations evaluates single operations of a signature, each on what an engine has
// for the results of those before it, which counts as exact: so the bounds are
// those of single operations. See engine.Operations.
//
// The engine's graph may be another one with the same nodes. So an operation is
// evaluated when it is asked for, after those that it reads, and those of them that
// were not taken yet are what the evaluation makes of them.
type Operations struct {
	body  *body
	run   *evaluationRun
	slots []op.BoundedValue
	by    map[string]int // the step of each node
	maker []int          // by slot: the step that fills it, -1 for an input
	uses  []int          // by slot: how many steps are still to read it
	done  []bool         // by step
	last  lockstep.Operation
}

// OperationResult is a result of one operation.
type OperationResult struct {
	Exact *lockstep.Tensor
	// Bound is nil where the result is no float, or for the reason in Unknown.
	Bound   *lockstep.Tensor
	Unknown error
}

// Operations begins a run of single operations.
func (e *Evaluator) Operations(ctx context.Context, inputs map[string]*lockstep.Tensor) (*Operations, error) {
	slots, err := e.slots(inputs)
	if err != nil {
		return nil, err
	}
	// Without result: that of layers is not asked for.
	return e.body.single(&evaluationRun{ctx: ctx, exact: e}, slots), nil
}

// single begins a run of single operations of a graph or a function.
func (b *body) single(r *evaluationRun, slots []op.BoundedValue) *Operations {
	o := &Operations{body: b, run: r, slots: slots, by: map[string]int{}, maker: make([]int, b.Slots), uses: make([]int, b.Slots), done: make([]bool, len(b.Steps))}
	for slot := range o.maker {
		o.maker[slot] = -1
	}
	for _, slot := range b.Rets {
		o.uses[slot]++
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		o.by[s.Node.Name] = i
		for _, slot := range s.In {
			o.uses[slot]++
		}
		for slot := s.Out; slot < s.Out+s.N; slot++ {
			if o.maker[slot] = i; mayBeTaken(s) {
				o.uses[slot]++
			}
		}
	}
	return o
}

// mayBeTaken tells whether an engine may exchange the results of a step, which are
// kept until then.
func mayBeTaken(s *engine.Step) bool {
	switch s.Spec.Control {
	case op.Computes, op.Loop, op.Choice, op.Numbered:
		return !s.Spec.View && s.Spec.Measures == op.Elements
	}
	return false
}

// Next evaluates an operation of the engine's. A recognised loop has no results.
func (o *Operations) Next(is lockstep.Operation) ([]OperationResult, error) {
	return o.next(is, false)
}

// Bounds is Next of which the results' bounds alone are needed: they have no Exact,
// and a Bound is NaN where the result is infinite.
func (o *Operations) Bounds(is lockstep.Operation) ([]OperationResult, error) {
	results, err := o.next(is, true)
	for i := range results {
		if err == nil {
			err = results[i].markInfinite()
		}
	}
	return results, err
}

// markInfinite drops the exact result.
func (r *OperationResult) markInfinite() (err error) {
	off, cloned := op.FloatsOf(r.Bound), false
	for i, v := range op.FloatsOf(r.Exact) {
		if !math.IsInf(v, 0) || i >= len(off) {
			continue
		}
		if !cloned {
			off, cloned = slices.Clone(off), true
		}
		off[i] = math.NaN()
	}
	if cloned {
		r.Bound, err = lockstep.New(off, r.Bound.Shape()...)
	}
	r.Exact = nil
	return err
}

func (o *Operations) next(is lockstep.Operation, onlyBounds bool) ([]OperationResult, error) {
	i, s, err := o.find(is)
	if err != nil {
		return nil, err
	}
	o.meter()
	defer o.run.mem.End()
	if is.Recurrent {
		return nil, o.like(i, s)
	}
	for _, slot := range s.In {
		if err := o.needSlot(slot); err != nil {
			return nil, err
		}
	}
	o.run.onlyBound = onlyBounds && s.Spec.Sized && o.replaced(is, s)
	err = o.need(i)
	o.run.onlyBound = false
	if err != nil {
		return nil, err
	}
	return resultsOf(is, o.slots[s.Out:s.Out+s.N])
}

// Skip goes past an operation without evaluating it, unless something is left of it
// that an engine does not show.
func (o *Operations) Skip(is lockstep.Operation) error {
	i, s, err := o.find(is)
	if err != nil {
		return err
	}
	o.meter()
	defer o.run.mem.End()
	if !o.replaced(is, s) {
		return o.need(i)
	}
	if o.done[i] {
		return nil
	}
	for _, slot := range s.In {
		if err := o.needSlot(slot); err != nil {
			return err
		}
	}
	o.end(i)
	return nil
}

// replaced tells whether an engine's results of an operation are all that is read of
// it.
func (o *Operations) replaced(is lockstep.Operation, s *engine.Step) bool {
	if !mayBeTaken(s) {
		return false
	}
	for k := range s.N {
		taken := slices.ContainsFunc(is.Results, func(r lockstep.InnerTensor) bool { return r.Output == k && r.List == lockstep.Invalid })
		if !taken && o.uses[s.Out+k] > 1 { // one of them is that it may be taken
			return false
		}
	}
	return true
}

// find finds the step of an operation, which is the last one from there on.
func (o *Operations) find(is lockstep.Operation) (int, *engine.Step, error) {
	i, ok := o.by[is.Node]
	if !ok {
		return 0, nil, fmt.Errorf("the graph has no node %q (%s)", is.Node, is.Op)
	}
	o.last = is
	return i, &o.body.Steps[i], nil
}

// meter begins to count the memory of what is evaluated next.
func (o *Operations) meter() {
	o.run.mem = engine.Meter{Limit: o.run.exact.memory}
	o.run.mem.Exact = append(o.run.mem.Exact, o.slots)
}

// resultsOf shows the results of an operation.
func resultsOf(is lockstep.Operation, values []op.BoundedValue) (results []OperationResult, err error) {
	for _, r := range is.Results {
		if r.Output >= len(values) {
			return nil, fmt.Errorf("node %q (%s) has %d results, no number %d", is.Node, is.Op, len(values), r.Output)
		}
		one, err := resultOf(values[r.Output])
		if err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
		results = append(results, one)
	}
	return results, nil
}

// like gives the results of a recognised loop its inputs' values: what lists
// among them are like.
func (o *Operations) like(i int, s *engine.Step) error {
	if o.done[i] {
		return nil // another operation needed it before
	}
	for _, slot := range s.In {
		if err := o.needSlot(slot); err != nil {
			return err
		}
	}
	for k, slot := range s.In {
		o.slots[s.Out+k] = o.slots[slot]
	}
	o.end(i)
	return nil
}

// need evaluates a step, and those before it that it reads.
func (o *Operations) need(i int) error {
	if o.done[i] {
		return nil
	}
	for _, slot := range o.body.Steps[i].In {
		if err := o.needSlot(slot); err != nil {
			return err
		}
	}
	if err := o.body.do(o.run, o.slots, i); err != nil {
		return err
	}
	o.end(i)
	return nil
}

func (o *Operations) needSlot(slot int) error {
	if i := o.maker[slot]; i >= 0 {
		return o.need(i)
	}
	return nil
}

// end drops the values that nothing reads after a step.
func (o *Operations) end(i int) {
	o.done[i] = true
	for _, slot := range o.body.Steps[i].In {
		o.drop(slot)
	}
}

func (o *Operations) drop(slot int) {
	if o.uses[slot]--; o.uses[slot] == 0 {
		o.slots[slot] = op.BoundedValue{}
	}
}

// GiveLayers gives the states of layers at each step, as to Run: they count as
// exact.
func (o *Operations) GiveLayers(given map[string]*lockstep.Tensor) { o.run.given = given }

// Take goes on with an engine's results of the operation that was evaluated last.
func (o *Operations) Take(theirs []*lockstep.Tensor) error {
	is := o.last
	s := &o.body.Steps[o.by[is.Node]]
	if len(theirs) != len(is.Results) {
		return fmt.Errorf("%d results of node %q (%s), want %d", len(theirs), is.Node, is.Op, len(is.Results))
	}
	for i, r := range is.Results {
		if r.Output >= s.N {
			return fmt.Errorf("node %q (%s) has %d results, no number %d", is.Node, is.Op, s.N, r.Output)
		}
		slot := s.Out + r.Output
		v := op.BoundedValue{Value: value.Value{Tensor: theirs[i]}}
		if r.List != lockstep.Invalid {
			var err error
			if v, err = widened(v); err == nil {
				v, err = listLike(v, o.slots[slot])
			}
			if err != nil {
				return fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
			}
		}
		if o.slots[slot] = v; mayBeTaken(s) {
			o.drop(slot)
		}
	}
	return nil
}

// listLike is a list of a tensor's rows, of the kind of another.
func listLike(rows, like op.BoundedValue) (op.BoundedValue, error) {
	kind := like.List
	if kind == nil {
		kind = &value.List{} // nothing is known of the list, as in floats of 16 bits
	}
	bound, err := rows.Errors()
	return op.BoundedValue{Value: engine.RowsList(rows.Tensor, kind), Bound: engine.RowsList(bound.Tensor, kind)}, err
}

// resultOf shows a result, a list as one tensor.
func resultOf(v op.BoundedValue) (r OperationResult, err error) {
	if v, err = widened(v); err != nil {
		return r, err
	}
	whole, err := engine.Shown(v.Value)
	if err != nil {
		return r, err
	}
	r.Exact = whole.RealParts()
	switch {
	case v.Why != nil:
		r.Unknown = v.Why
	case v.IsFloat():
		bound, err := v.Errors()
		if err != nil {
			return r, err
		}
		if r.Bound, err = engine.Shown(bound); err == nil {
			r.Bound, err = ofParts(r.Bound, whole)
		}
		return r, err
	case !v.Exact():
		r.Unknown = v.Reason()
	}
	return r, nil
}
