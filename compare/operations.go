package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
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
	all       []lockstep.Operation
	bytes     int64 // of their results
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

// isolate finds the single operations, nil if an engine cannot show or run them.
func (c Check) isolate(ctx context.Context, out *CheckResult) (*operations, error) {
	reference, shows := c.Reference.(lockstep.Prober)
	candidate, runs := c.Candidate.(lockstep.Isolator)
	if !shows || !runs || !c.SameGraph {
		return nil, nil
	}
	operator, err := candidate.Operator(ctx, c.Inputs)
	if err != nil {
		return nil, err
	}
	all := operator.Operations()
	if len(all) == 0 {
		return nil, nil
	}
	o := &operations{check: &c, all: all, reference: reference, operator: operator, fallback: c.fallback(out), held: map[lockstep.InnerTensor]*lockstep.Tensor{}, uses: map[lockstep.InnerTensor]int{}, withoutBy: map[string]int{}, iterated: map[string]int{}}
	o.out = Comparison{Title: operationsTitle, Reference: out.Reference.Engine, Candidate: out.Candidate.Engine}
	if o.oracle, err = c.Oracle.Operator(ctx, c.Inputs); err != nil {
		return nil, err
	}
	given, err := layersOf(out.Reference, out.pairs.other)
	if err != nil {
		return nil, err
	}
	o.operator.GiveLayers(given)
	o.oracle.GiveLayers(given)
	for _, op := range all {
		for _, t := range op.Reads {
			o.uses[t]++
		}
		for _, t := range op.Results {
			o.bytes += t.Bytes
		}
	}
	return o, nil
}

// run compares them.
func (o *operations) run(ctx context.Context) (Comparison, error) {
	all := o.all
	if p, ok := o.reference.(lockstep.Preparer); ok {
		if err := p.Prepare(ctx, resultsOf(all)); err != nil && ctx.Err() == nil {
			return o.without(err), nil
		}
	}
	for len(all) > 0 {
		n, bytes := 0, int64(0)
		for n < len(all) && (n == 0 || bytes < cmp.Or(o.check.groupBytes, groupBytes)) {
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
		if all = all[n:]; bytes > groupBytes/2 {
			debug.FreeOSMemory() // of the next group there is as much again
		}
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
	operation   lockstep.Operation
	at          *Iteration // of a loop that it is in
	theirs, own []*lockstep.Tensor
	bound       []*lockstep.Tensor
	unknown     []error
	exact       []*lockstep.Tensor // of a loop
	same        bool               // theirs and own are the same bits, and no bound is needed
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
		r.bound, r.unknown, err = oracle.Bounds(r.operation)
	}
	if err != nil {
		return err
	}
	return errors.Join(operator.Take(r.theirs), oracle.Take(r.theirs))
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

// partsOf shows complex numbers as their parts.
func partsOf(tensors []*lockstep.Tensor) []*lockstep.Tensor {
	out := make([]*lockstep.Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = t.RealParts()
	}
	return out
}

// judge compares the results of one operation.
func (o *operations) judge(r operationResults) error {
	op := r.operation
	r.theirs, r.own = partsOf(r.theirs), partsOf(r.own)
	for i, t := range op.Results {
		name := t.Name()
		if r.same {
			o.add(op, r.at, identicalResult(name, r.theirs[i], r.own[i]))
			continue
		}
		rule, err := o.rule(r, i)
		if err != nil {
			return fmt.Errorf("compare: %s (%s): %w", name, op.Op, err)
		}
		result := Result{Difference: difference(name, r.theirs[i], r.own[i], KerasLayout), Rule: rule}
		if result.judge(); result.Verdict != InStep {
			result.findSmallest() // the others' is not kept
		}
		o.add(op, r.at, result)
	}
	return nil
}

// identicalResult is that of finite floats of the same bits.
func identicalResult(name string, theirs, own *lockstep.Tensor) Result {
	r := Result{Verdict: InStep, Rule: Rule{AllowNonFinite: true, Tolerance: BoundTolerance{Of: oneOperation}}}
	r.Difference = Difference{Name: name, Kind: Empty, Reference: theirs, Candidate: own, Layout: KerasLayout(name, theirs.Shape()).within(theirs.Rank())}
	if theirs.Len() > 0 {
		r.begin()
		r.Finite = r.Elements
	}
	return r
}

// add adds a result of an operation, which may be in a loop's iteration.
func (o *operations) add(op lockstep.Operation, at *Iteration, result Result) {
	if result.Operation = op.Op; result.Verdict == InStep {
		result.release()
	}
	if at != nil {
		o.ofIteration(result, *at)
		return
	}
	o.out.Results = append(o.out.Results, result)
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
func (o *operations) rule(r operationResults, i int) (Rule, error) {
	rule, theirs, bound := Rule{AllowNonFinite: true}, r.theirs[i], r.bound[i]
	switch {
	case !theirs.DType().IsFloat():
		return rule, nil
	case r.unknown[i] != nil || bound == nil || bound.Len() != theirs.Len():
		o.withoutBy[r.operation.Op]++
		rule.Tolerance = o.fallback.fixed(largestOf(theirs))
		return rule, nil
	}
	off, err := numbersOf(bound)
	if err != nil {
		return rule, err
	}
	var exact []float64
	if r.exact != nil {
		if exact, err = numbersOf(r.exact[i]); err != nil {
			return rule, err
		}
	}
	numbers, _ := floatsOf(theirs)
	fixed := sync.OnceValue(func() FixedTolerance { return o.fallback.fixed(largestOf(theirs)) })
	each := make([]float64, len(off))
	for k, b := range off {
		switch each[k] = 2 * b; {
		case math.IsNaN(b) || exact != nil && math.IsInf(exact[k], 0):
			each[k] = math.Inf(1) // only the same number passes
		case !finite(each[k]):
			each[k] = fixed().Bound(k, numbers.at(k))
		}
	}
	rule.Tolerance = BoundTolerance{Each: each, Of: oneOperation}
	return rule, nil
}

// numbersOf are a tensor's elements in float64: its own, not a copy, if they are of
// that type.
func numbersOf(t *lockstep.Tensor) ([]float64, error) {
	if d, err := lockstep.Data[float64](t); err == nil {
		return d, nil
	}
	return t.Float64s()
}
