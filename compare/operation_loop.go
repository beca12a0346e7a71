package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

// The iterations of a loop that is no known layer are judged one by one: what the
// reference has for the loop's variables before an iteration goes into the candidate's
// condition and body, operation by operation.

const (
	// loopBytes bounds what the reference shows of a loop at a time.
	loopBytes = 16 << 20
	// loopOperations and loopTotal bound the operations of a loop's iterations that are
	// judged one by one, and the bytes that they make: a million short iterations would
	// take hours.
	loopOperations = 1 << 18
	loopTotal      = 16 << 30
)

// loopInProgress is a loop whose iterations are being compared.
type loopInProgress struct {
	check    *operations
	of       lockstep.Operation
	run      lockstep.LoopRun
	operator lockstep.LoopOperator
	oracle   lockstep.LoopOracle
	results  chan<- operationResults
	number   int   // of the next iteration
	left     int   // operations that may still be compared
	bytes    int64 // of what was shown
}

// loop compares the iterations of a loop one by one. done is false if they cannot be,
// and the notes say why: the loop then counts as one operation.
func (o *operations) loop(ctx context.Context, r operationResults, results chan<- operationResults) (done bool, err error) {
	op := r.operation
	whole := func(why error) (bool, error) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		o.out.Notes = append(o.out.Notes, fmt.Sprintf("the loop %s counts as one operation: %v", op.Node, why))
		return false, nil
	}
	if op.Loop.Whole != "" {
		return whole(errors.New(op.Loop.Whole))
	}
	reference, ok := o.reference.(lockstep.LoopProber)
	if !ok {
		return whole(fmt.Errorf("%s does not show its iterations", o.out.Reference))
	}
	want := lockstep.LoopTensors{Node: op.Node, Condition: resultsOf(op.Loop.Condition), Body: resultsOf(op.Loop.Body), Results: op.Results}
	for _, inside := range slices.Concat(op.Loop.Condition, op.Loop.Body) {
		if inside.Loop != nil {
			o.out.Notes = append(o.out.Notes, fmt.Sprintf("the loop %s in the loop %s counts as one operation: %s", inside.Node, op.Node, inside.Loop.Whole))
		}
	}
	l := &loopInProgress{check: o, of: op, results: results, left: cmp.Or(o.check.loopOperations, loopOperations)}
	if l.run, err = reference.Loop(ctx, o.check.Inputs, o.given([]lockstep.Operation{op}, true), want); err != nil {
		return whole(err)
	}
	defer l.run.Close()
	err = inBoth(func() (err error) { l.operator, err = o.operator.Loop(); return err }, func() (err error) { l.oracle, err = o.oracle.Loop(op); return err })
	if err != nil {
		return false, err
	}
	why, err := l.iterations(ctx)
	if err == nil && why == nil {
		why, err = l.end(ctx, r)
	}
	if err == nil && why != nil {
		return whole(why)
	}
	return err == nil, err
}

// resultsOf lists the results of some operations.
func resultsOf(all []lockstep.Operation) (out []lockstep.InnerTensor) {
	for _, op := range all {
		out = append(out, op.Results...)
	}
	return out
}

// iterations compares all iterations. why is the reason why the reference did not show
// them all.
func (l *loopInProgress) iterations(ctx context.Context) (why, err error) {
	for {
		all, err := l.run.Next(ctx, min(loopBytes, groupBytes))
		if err == nil && len(all) == 0 {
			err = errors.New("its condition holds, and no iteration follows")
		}
		if err != nil {
			return fmt.Errorf("iteration %d: %w", l.number, err), nil
		}
		for _, it := range all {
			if it.Holds && l.of.Loop.Body == nil {
				return fmt.Errorf("%s does not run its body, and %s does", l.check.out.Candidate, l.check.out.Reference), l.condition(it)
			}
			if err := l.iteration(it); err != nil {
				return nil, fmt.Errorf("iteration %d of the loop %s: %w", l.number, l.of.Node, err)
			}
			if !it.Holds {
				return nil, nil
			}
			l.number++
			if l.left -= len(l.of.Loop.Condition) + len(l.of.Loop.Body); l.left < 0 || l.bytes > loopTotal {
				return fmt.Errorf("it has more than the %d iterations that were compared one by one", l.number), nil
			}
		}
	}
}

// iteration compares one.
func (l *loopInProgress) iteration(it lockstep.Iteration) error {
	if err := l.condition(it); err != nil || !it.Holds {
		return err
	}
	at := Iteration{Loop: l.of.Node, Number: l.number}
	return l.function(at, l.of.Loop.Body, it.Body, l.operator.Body, l.oracle.Body)
}

func (l *loopInProgress) condition(it lockstep.Iteration) error {
	at := Iteration{Loop: l.of.Node, Number: l.number, Condition: true}
	return l.function(at, l.of.Loop.Condition, it.Condition, l.operator.Condition, l.oracle.Condition)
}

// function compares the operations of an iteration's condition or body. What the
// reference has for them is known, so the candidate and the oracle run all of them side
// by side.
func (l *loopInProgress) function(at Iteration, all []lockstep.Operation, theirs []*lockstep.Tensor, candidate func() (lockstep.Operator, error), oracle func() (lockstep.OperatorOracle, error)) error {
	if len(theirs) != len(resultsOf(all)) {
		return fmt.Errorf("%s shows %d tensors of it, want %d", l.check.out.Reference, len(theirs), len(resultsOf(all)))
	}
	l.bytes += bytesOf(theirs)
	of := make([]operationResults, len(all))
	for i, op := range all {
		of[i] = operationResults{operation: op, at: &at, theirs: theirs[:len(op.Results)]}
		theirs = theirs[len(op.Results):]
	}
	err := inBoth(func() error {
		operator, err := candidate()
		for i := range of {
			if err == nil {
				of[i].own, err = operator.Next()
			}
			if err == nil {
				err = operator.Take(of[i].theirs)
			}
		}
		return err
	}, func() error {
		exact, err := oracle()
		for i := range of {
			r := &of[i]
			if err == nil {
				r.bound, r.unknown, err = exact.Bounds(r.operation)
			}
			if err == nil {
				err = exact.Take(r.theirs)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range of {
		l.results <- r
	}
	return nil
}

// end compares what the last iteration leaves, and goes on with what the reference has
// for the loop: its own loop may run other kernels than its iterations one by one.
// why is the reason why the reference does not show it, such as lists of no known shape.
func (l *loopInProgress) end(ctx context.Context, r operationResults) (why, err error) {
	last := operationResults{operation: l.of}
	if last.theirs, err = l.run.Results(ctx); err != nil {
		return fmt.Errorf("its results: %w", err), nil
	}
	if len(last.theirs) != len(r.theirs) {
		return nil, fmt.Errorf("%s shows %d results of the loop %s, want %d", l.check.out.Reference, len(last.theirs), l.of.Node, len(r.theirs))
	}
	err = inBoth(func() (err error) {
		if last.own, err = l.operator.Results(); err != nil {
			return err
		}
		return l.check.operator.Take(r.theirs)
	}, func() (err error) {
		if last.exact, last.bound, last.unknown, err = l.oracle.Results(); err != nil {
			return err
		}
		return l.check.oracle.Take(r.theirs)
	})
	if err == nil {
		l.results <- last
		l.differs(last.theirs, r.theirs)
	}
	return nil, err
}

// differs notes that the reference's iterations one by one lead elsewhere than its own
// loop, as in a loop that amplifies rounding.
func (l *loopInProgress) differs(one, whole []*lockstep.Tensor) {
	for i, t := range l.of.Results {
		a, b := map[string]*lockstep.Tensor{t.Name(): whole[i]}, map[string]*lockstep.Tensor{t.Name(): one[i]}
		allowed := l.check.fallback.coarsened(whole[i].DType())
		rule := Rule{Tolerance: allowed.fixed(largestOf(whole[i])), AllowNonFinite: true}
		for _, r := range Judge(Measure(a, b, Options{}), Uniform(rule)) {
			if r.Verdict == InStep || r.Kind == Empty {
				continue
			}
			l.check.out.Notes = append(l.check.out.Notes, fmt.Sprintf("%s computes %s another way where it runs the iterations of the loop %s one by one: %d of %s differ by more than %s",
				l.check.out.Reference, r.Name, l.of.Node, max(r.Outside, 1), format.Plural(max(r.Elements, 1), "value"), allowed.words(largestOf(whole[i]))))
		}
	}
}
