package errbound

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations evaluates a signature's operations one by one, each on what an
// engine has for the results of those before it, which counts as exact: so the
// bounds are those of single operations. See engine.Operations.
type Operations struct {
	exact *Evaluator
	run   evaluationRun
	all   map[string]*lockstep.Operation // by the node's name
	slots []op.BoundedValue
	last  []int
	at    int // the next step
}

// OperationResult is a result of one operation.
type OperationResult struct {
	Exact *lockstep.Tensor
	// Bound is nil where the result is no float, or for the reason in Unknown.
	Bound   *lockstep.Tensor
	Unknown error
}

// Operations begins with the operations that an engine found for these inputs.
func (e *Evaluator) Operations(ctx context.Context, inputs map[string]*lockstep.Tensor, all []lockstep.Operation) (*Operations, error) {
	slots, err := e.slots(inputs)
	if err != nil {
		return nil, err
	}
	o := &Operations{exact: e, slots: slots, last: e.body.LastReads(e.outputs), all: map[string]*lockstep.Operation{}}
	o.run = evaluationRun{ctx: ctx, exact: e, result: &Result{Exact: map[string]*lockstep.Tensor{}, Bound: map[string]*lockstep.Tensor{}, Unknown: map[string]error{}}}
	for i := range all {
		o.all[all[i].Node] = &all[i]
	}
	return o, nil
}

// Next evaluates the operations up to the next one that was found. A recognised
// loop has no results.
func (o *Operations) Next() (results []OperationResult, err error) {
	o.run.mem = engine.Meter{Limit: o.exact.memory}
	defer o.run.mem.End()
	o.run.mem.Exact = append(o.run.mem.Exact, o.slots)
	for ; o.at < len(o.exact.body.Steps); o.at++ {
		s := &o.exact.body.Steps[o.at]
		is := o.all[s.Node.Name]
		if is != nil && is.Recurrent {
			for k, slot := range s.In { // what the results' lists are like
				o.slots[s.Out+k] = o.slots[slot]
			}
			return nil, nil
		}
		if err := o.exact.body.do(&o.run, o.slots, o.at); err != nil {
			return nil, err
		}
		if is == nil {
			engine.Release(s, o.at, o.slots, o.last)
			continue
		}
		for _, r := range is.Results {
			one, err := resultOf(o.slots[s.Out+r.Output])
			if err != nil {
				return nil, fmt.Errorf("node %q (%s): %w", s.Node.Name, s.Node.Op, err)
			}
			results = append(results, one)
		}
		return results, nil
	}
	return nil, fmt.Errorf("there is no other operation")
}

// Take goes on with an engine's results of the operation that was evaluated last.
func (o *Operations) Take(theirs []*lockstep.Tensor) error {
	s := &o.exact.body.Steps[o.at]
	is := o.all[s.Node.Name]
	if len(theirs) != len(is.Results) {
		return fmt.Errorf("%d results of node %q (%s), want %d", len(theirs), is.Node, is.Op, len(is.Results))
	}
	for i, r := range is.Results {
		slot := s.Out + r.Output
		v, err := op.Widen(theirs[i])
		if err == nil && r.List != lockstep.Invalid {
			v, err = listLike(v, o.slots[slot])
		}
		if err != nil {
			return fmt.Errorf("node %q (%s): %w", is.Node, is.Op, err)
		}
		o.slots[slot] = v
	}
	engine.Release(s, o.at, o.slots, o.last)
	o.at++
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
	if r.Exact, err = engine.Shown(v.Value); err != nil {
		return r, err
	}
	switch {
	case v.Why != nil:
		r.Unknown = v.Why
	case v.IsFloat():
		bound, err := v.Errors()
		if err != nil {
			return r, err
		}
		r.Bound, err = engine.Shown(bound)
		return r, err
	case !v.Exact():
		r.Unknown = v.Reason()
	}
	return r, nil
}
