package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

const (
	operationsTitle = "single operations"
	oneOperation    = "the rounding of one operation"
)

// groupBytes bounds the inner tensors that are compared together: a model's may
// not fit in memory.
const groupBytes = 64 << 20

// operations compares single operations, each run by the candidate on the
// reference's own values: the reference shows its inner tensors in groups.
type operations struct {
	check     *Check
	reference lockstep.Prober
	operator  lockstep.Operator
	oracle    lockstep.OperatorOracle
	fallback  fallbackRule
	out       Comparison
	held      map[lockstep.InnerTensor]*lockstep.Tensor // that a later operation reads
	uses      map[lockstep.InnerTensor]int              // how many do
	withoutBy map[string]int                            // operations without bound, by their type
	iterated  map[string]int                            // the place among the results of those of iterations, by their names
}

// operations has no results if an engine cannot show or run single operations.
func (c Check) operations(ctx context.Context, out *CheckResult) (Comparison, error) {
	reference, shows := c.Reference.(lockstep.Prober)
	candidate, runs := c.Candidate.(lockstep.Isolator)
	if !shows || !runs || !c.SameGraph {
		return Comparison{}, nil
	}
	operator, err := candidate.Operator(ctx, c.Inputs)
	if err != nil {
		return Comparison{}, err
	}
	all := operator.Operations()
	if len(all) == 0 {
		return Comparison{}, nil
	}
	o := &operations{check: &c, reference: reference, operator: operator, fallback: c.fallback(out), held: map[lockstep.InnerTensor]*lockstep.Tensor{}, uses: map[lockstep.InnerTensor]int{}, withoutBy: map[string]int{}, iterated: map[string]int{}}
	o.out = Comparison{Title: operationsTitle, Reference: out.Reference.Engine, Candidate: out.Candidate.Engine}
	if o.oracle, err = c.Oracle.Operator(ctx, c.Inputs); err != nil {
		return Comparison{}, err
	}
	given, err := layersOf(out.Reference, out.pairs.other)
	if err != nil {
		return Comparison{}, err
	}
	o.operator.GiveLayers(given)
	o.oracle.GiveLayers(given)
	for _, op := range all {
		for _, t := range op.Reads {
			o.uses[t]++
		}
	}
	for len(all) > 0 {
		n, bytes := 0, int64(0)
		for n < len(all) && (n == 0 || bytes < cmp.Or(c.groupBytes, groupBytes)) {
			for _, t := range all[n].Results {
				bytes += t.Bytes
			}
			n++
		}
		theirs, err := o.fetch(ctx, all[:n])
		if err != nil && ctx.Err() == nil {
			return o.without(err), nil
		}
		if err == nil {
			err = o.group(ctx, all[:n], theirs)
		}
		if err != nil {
			return Comparison{}, err
		}
		all = all[n:]
	}
	o.note()
	return o.out, nil
}

// without says that the reference did not show its inner tensors: what else is
// compared does not need them. What was found before that stays.
func (o *operations) without(why error) Comparison {
	note := "single operations were not all compared: " + why.Error()
	if o.out.Results = slices.DeleteFunc(o.out.Results, func(r Result) bool { return r.Verdict == InStep }); len(o.out.Results) == 0 {
		return Comparison{Notes: []string{note}}
	}
	o.out.Notes = append(o.out.Notes, note)
	return o.out
}

// note names the operations whose results have no known bound.
func (o *operations) note() {
	for _, op := range slices.Sorted(maps.Keys(o.withoutBy)) {
		o.out.Notes = append(o.out.Notes, fmt.Sprintf("no bound is known of %s of %s, judged by %s", format.Plural(o.withoutBy[op], "result"), op, o.fallback.words(1)))
	}
}

// fetch returns the reference's results of some operations; the results of
// earlier ones that they read are held, and given.
func (o *operations) fetch(ctx context.Context, all []lockstep.Operation) ([]*lockstep.Tensor, error) {
	return o.reference.Inner(ctx, o.check.Inputs, o.given(all, false), resultsOf(all))
}

// given are the held tensors that some operations read, with or without lists.
func (o *operations) given(all []lockstep.Operation, lists bool) (given []lockstep.GivenTensor) {
	fed := map[lockstep.InnerTensor]bool{}
	for _, op := range all {
		for _, t := range op.Reads {
			if v := o.held[t]; v != nil && (lists || t.List == lockstep.Invalid) && !fed[t] {
				given = append(given, lockstep.GivenTensor{InnerTensor: t, Value: v})
				fed[t] = true
			}
		}
	}
	return given
}

// group compares some operations. They are judged while the next ones run.
func (o *operations) group(ctx context.Context, all []lockstep.Operation, theirs []*lockstep.Tensor) error {
	ahead := 64
	if bytesOf(theirs) > groupBytes/8 { // each has up to six times as much beside it
		ahead = 1
	}
	results := make(chan operationResults, ahead)
	judged := make(chan error, 1)
	go func() {
		var err error
		for r := range results {
			if err == nil {
				err = o.judge(r)
			}
		}
		judged <- err
	}()
	var err error
	for _, op := range all {
		r := operationResults{operation: op, theirs: theirs[:len(op.Results)]}
		theirs = theirs[len(op.Results):]
		done := false
		if op.Loop != nil {
			if done, err = o.loop(ctx, r, results); err != nil {
				break
			}
		}
		if !done {
			if err = r.run(o.operator, o.oracle); err != nil {
				break
			}
			if !op.Recurrent {
				results <- r
			}
		}
		o.hold(r)
	}
	close(results)
	return errors.Join(err, <-judged)
}

func bytesOf(tensors []*lockstep.Tensor) (n int64) {
	for _, t := range tensors {
		n += int64(t.Len() * max(t.DType().Size(), 1))
	}
	return n
}

// hold keeps the reference's results of an operation that later ones read, and drops
// those that no later one does.
func (o *operations) hold(r operationResults) {
	for i, t := range r.operation.Results {
		if o.uses[t] > 0 {
			o.held[t] = r.theirs[i]
		}
	}
	for _, t := range r.operation.Reads {
		if o.uses[t]--; o.uses[t] == 0 {
			delete(o.held, t)
		}
	}
}

// operationResults are what the engines and the oracle have for one operation.
type operationResults struct {
	operation    lockstep.Operation
	at           *Iteration // of a loop that it is in
	theirs, own  []*lockstep.Tensor
	exact, bound []*lockstep.Tensor
	unknown      []error
	same         bool // theirs and own are the same bits, and no bound is needed
}

// run runs one operation in the candidate and, unless its results are the
// reference's, in the oracle.
func (r *operationResults) run(operator lockstep.Operator, oracle lockstep.OperatorOracle) (err error) {
	if r.own, err = operator.Next(); err != nil {
		return err
	}
	if r.same = !r.operation.Recurrent && sameFloats(r.theirs, r.own); r.same {
		err = oracle.Skip(r.operation)
	} else {
		r.exact, r.bound, r.unknown, err = oracle.Next(r.operation)
	}
	if err != nil {
		return err
	}
	return inBoth(func() error { return operator.Take(r.theirs) }, func() error { return oracle.Take(r.theirs) })
}

// sameFloats tells whether all tensors are finite floats of the same bits.
func sameFloats(theirs, own []*lockstep.Tensor) bool {
	for i, t := range theirs {
		if i >= len(own) || !t.BitEqual(own[i]) {
			return false
		}
		if d, ok := floatsOf(t); !ok || !d.finite(t.Len()) {
			return false
		}
	}
	return true
}

// inBoth runs the candidate and the oracle side by side.
func inBoth(candidate, oracle func() error) error {
	var both sync.WaitGroup
	var failed error
	both.Go(func() { failed = candidate() })
	err := oracle()
	both.Wait()
	return errors.Join(failed, err)
}

// judge compares the results of one operation.
func (o *operations) judge(r operationResults) (err error) {
	op := r.operation
	references, candidates, rules := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}, map[string]Rule{}
	var order []string
	for i, t := range op.Results {
		name := t.Name()
		order = append(order, name)
		references[name], candidates[name] = r.theirs[i], r.own[i]
		if r.same {
			rules[name] = Rule{AllowNonFinite: true, Tolerance: BoundTolerance{Of: oneOperation}}
			continue
		}
		if rules[name], err = o.rule(op, r.theirs[i], r.exact[i], r.bound[i], r.unknown[i]); err != nil {
			return fmt.Errorf("compare: %s (%s): %w", name, op.Op, err)
		}
	}
	judged := Judge(Measure(references, candidates, Options{Order: order}), func(name string) Rule { return rules[name] })
	for _, result := range judged {
		if result.Operation = op.Op; result.Verdict == InStep {
			result.release()
		}
		if r.at != nil {
			o.ofIteration(result, *r.at)
			continue
		}
		o.out.Results = append(o.out.Results, result)
	}
	return nil
}

// release drops the tensors of a result that is in step, and its bounds: those
// of all of a graph may be more than memory holds.
func (r *Result) release() {
	r.released = &lockstep.TensorSpec{DType: r.DType(), Shape: r.Shape()}
	r.Reference, r.Candidate, r.Smallest = nil, nil, nil
	if b, ok := r.Rule.Tolerance.(BoundTolerance); ok {
		r.Rule.Tolerance = BoundTolerance{Of: b.Of}
	}
}

// rule allows both engines the rounding of the operation. What is not finite
// inside a graph is no fault by itself: a mask may be -Inf.
func (o *operations) rule(op lockstep.Operation, theirs, exact, bound *lockstep.Tensor, unknown error) (Rule, error) {
	rule := Rule{AllowNonFinite: true}
	switch {
	case !theirs.DType().IsFloat():
		return rule, nil
	case unknown != nil || bound == nil || bound.Len() != theirs.Len():
		o.withoutBy[op.Op]++
		rule.Tolerance = o.fallback.fixed(largestOf(theirs))
		return rule, nil
	}
	e, err := exactlyOf(exact, bound)
	if err != nil {
		return rule, err
	}
	numbers, _ := floatsOf(theirs)
	fixed := o.fallback.fixed(largestOf(theirs))
	for i, b := range e.bound {
		if e.bound[i] = 2 * b; !finite(e.bound[i]) {
			e.bound[i] = fixed.Bound(i, numbers.at(i))
		}
		if math.IsInf(e.exact[i], 0) {
			e.bound[i] = math.Inf(1) // only the same number passes
		}
	}
	rule.Tolerance = BoundTolerance{Each: e.bound, Of: oneOperation}
	return rule, nil
}
