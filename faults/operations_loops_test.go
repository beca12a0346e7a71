//go:build tensorflow

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/native"
)

// recordedLoop is what TensorFlow has in the iterations of a loop, by the names of the
// tensors.
type recordedLoop struct {
	iterations []recordedIteration
	results    map[string]*lockstep.Tensor
}

type recordedIteration struct {
	holds           bool
	condition, body map[string]*lockstep.Tensor
}

// resultsOf lists the results of some operations.
func resultsOf(all []lockstep.Operation) (out []lockstep.InnerTensor) {
	for _, op := range all {
		out = append(out, op.Results...)
	}
	return out
}

// record runs a loop in TensorFlow.
func record(ctx context.Context, tf lockstep.LoopProber, in map[string]*lockstep.Tensor, op lockstep.Operation) (*recordedLoop, error) {
	want := lockstep.LoopTensors{Node: op.Node, Condition: resultsOf(op.Loop.Condition), Body: resultsOf(op.Loop.Body), Results: op.Results}
	run, err := tf.Loop(ctx, in, nil, want)
	if err != nil {
		return nil, err
	}
	named := func(names []lockstep.InnerTensor, all []*lockstep.Tensor) map[string]*lockstep.Tensor {
		out := map[string]*lockstep.Tensor{}
		for i, t := range all {
			out[names[i].Name()] = t
		}
		return out
	}
	out := &recordedLoop{}
	for over := false; !over; {
		some, err := run.Next(ctx, 1<<20)
		if err != nil {
			return nil, err
		}
		for _, it := range some {
			over = !it.Holds
			out.iterations = append(out.iterations, recordedIteration{it.Holds, named(want.Condition, it.Condition), named(want.Body, it.Body)})
		}
	}
	results, err := run.Results(ctx)
	out.results = named(want.Results, results)
	return out, errors.Join(err, run.Close())
}

// recordedRun is a recorded loop in progress.
type recordedRun struct {
	of   *recordedLoop
	want lockstep.LoopTensors
}

func (s shown) Loop(_ context.Context, _ map[string]*lockstep.Tensor, _ []lockstep.GivenTensor, want lockstep.LoopTensors) (lockstep.LoopRun, error) {
	if s.loops[want.Node] == nil {
		return nil, fmt.Errorf("no loop %s", want.Node)
	}
	return recordedRun{s.loops[want.Node], want}, nil
}

func pick(of map[string]*lockstep.Tensor, want []lockstep.InnerTensor) (out []*lockstep.Tensor, err error) {
	for _, t := range want {
		if of[t.Name()] == nil {
			return nil, fmt.Errorf("no %s", t.Name())
		}
		out = append(out, of[t.Name()])
	}
	return out, nil
}

func (r recordedRun) Next(context.Context, int64) (out []lockstep.Iteration, err error) {
	for _, it := range r.of.iterations {
		now := lockstep.Iteration{Holds: it.holds}
		if now.Condition, err = pick(it.condition, r.want.Condition); err == nil && it.holds {
			now.Body, err = pick(it.body, r.want.Body)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, now)
	}
	return out, nil
}

func (r recordedRun) Results(context.Context) ([]*lockstep.Tensor, error) {
	return pick(r.of.results, r.want.Results)
}

func (recordedRun) Close() error { return nil }

// keyOf names a result as it is found: in a loop with its iteration.
func keyOf(name string, at *compare.Iteration) string {
	if at == nil {
		return name
	}
	return fmt.Sprintf("%s in %s, iteration %d", name, at.Within(), at.Number)
}

// visit runs single operations on TensorFlow's own tensors, those of loops iteration by
// iteration, and passes each result on, with its bound if there is an oracle.
func (c *operationSubject) visit(operator lockstep.Operator, oracle lockstep.OperatorOracle, each func(key string, own, bound *lockstep.Tensor)) error {
	for _, op := range operator.Operations() {
		theirs, err := pick(c.reference.inner, op.Results)
		if err != nil {
			return fmt.Errorf("%w in the sound model", err)
		}
		if op.Loop != nil && c.reference.loops[op.Node] != nil {
			if err := c.visitLoop(op, operator, oracle, each); err != nil {
				return err
			}
			if err = operator.Take(theirs); err == nil && oracle != nil {
				err = oracle.Take(theirs)
			}
		} else {
			err = visitOne(op, nil, theirs, operator, oracle, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visitOne runs one operation.
func visitOne(op lockstep.Operation, at *compare.Iteration, theirs []*lockstep.Tensor, operator lockstep.Operator, oracle lockstep.OperatorOracle, each func(key string, own, bound *lockstep.Tensor)) error {
	own, err := operator.Next()
	if err != nil {
		return err
	}
	bounds := make([]*lockstep.Tensor, len(own))
	if oracle != nil {
		_, of, _, err := oracle.Next(op)
		if err != nil {
			return err
		}
		copy(bounds, of)
	}
	for i := range own {
		each(keyOf(op.Results[i].Name(), at), own[i], bounds[i])
	}
	if err := operator.Take(theirs); err != nil || oracle == nil {
		return err
	}
	return oracle.Take(theirs)
}

func (c *operationSubject) visitLoop(op lockstep.Operation, operator lockstep.Operator, oracle lockstep.OperatorOracle, each func(key string, own, bound *lockstep.Tensor)) error {
	recorded := c.reference.loops[op.Node]
	loop, err := operator.Loop()
	if err != nil {
		return err
	}
	var exact lockstep.LoopOracle
	if oracle != nil {
		if exact, err = oracle.Loop(op); err != nil {
			return err
		}
	}
	function := func(at compare.Iteration, theirs map[string]*lockstep.Tensor, begin func() (lockstep.Operator, error), beginExact func() (lockstep.OperatorOracle, error)) error {
		of, err := begin()
		var ofExact lockstep.OperatorOracle
		if err == nil && exact != nil {
			ofExact, err = beginExact()
		}
		if err != nil {
			return err
		}
		for _, op := range of.Operations() {
			picked, err := pick(theirs, op.Results)
			if err == nil {
				err = visitOne(op, &at, picked, of, ofExact, each)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for i, it := range recorded.iterations {
		at := compare.Iteration{Loop: op.Node, Number: i, Condition: true}
		var condition, body func() (lockstep.OperatorOracle, error)
		if exact != nil {
			condition, body = exact.Condition, exact.Body
		}
		if err := function(at, it.condition, loop.Condition, condition); err != nil {
			return err
		}
		if at.Condition = false; it.holds {
			if err := function(at, it.body, loop.Body, body); err != nil {
				return err
			}
		}
	}
	own, err := loop.Results()
	if err != nil {
		return err
	}
	bounds := make([]*lockstep.Tensor, len(own))
	if exact != nil {
		if _, bounds, _, err = exact.Results(); err != nil {
			return err
		}
	}
	for i := range own {
		each(op.Results[i].Name(), own[i], bounds[i])
	}
	return nil
}

// expectOperations runs each operation of the sound model and of the faulty one on
// TensorFlow's own tensors. It returns the results that differ, in order, and the
// first that differs by more than twice what the two engines are allowed.
func (c *operationSubject) expectOperations(t *testing.T, bad *native.Model) (changes []string, certain string, err error) {
	sound, err := c.m.Operator(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	faulty, err := bad.Operator(t.Context(), c.in)
	if err != nil {
		return nil, "", err
	}
	o, err := c.m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := o.Operator(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	// A fault may change which results there are: each goes its own way.
	own, bounds := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	if err := c.visit(sound, oracle, func(key string, a, bound *lockstep.Tensor) { own[key], bounds[key] = a, bound }); err != nil {
		t.Fatal(err)
	}
	err = c.visit(faulty, nil, func(key string, b, _ *lockstep.Tensor) {
		if own[key] == nil {
			return
		}
		switch d := beyond(own[key], b, bounds[key]); {
		case d > 1 && certain == "":
			certain = key
			fallthrough
		case d > 0 && !slices.Contains(changes, key):
			changes = append(changes, key)
		}
	})
	return changes, certain, err
}
