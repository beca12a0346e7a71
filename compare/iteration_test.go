package compare_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// iterating is the native engine as a reference whose loops show their iterations.
type iterating struct {
	*native.Model
	t *testing.T
	// off changes what a node of the body has in an iteration; ends says that the
	// condition does not hold there.
	off  func(iteration int, node string, value *lockstep.Tensor) *lockstep.Tensor
	ends func(iteration int) bool
	fail int // the iteration that cannot be run, if it is not 0
}

func (e iterating) Loop(ctx context.Context, inputs map[string]*lockstep.Tensor, _ []lockstep.GivenTensor, want lockstep.LoopTensors) (lockstep.LoopRun, error) {
	operator, err := e.Operator(ctx, inputs)
	if err != nil {
		return nil, err
	}
	for _, op := range operator.Operations() {
		if op.Node == want.Node {
			l, err := operator.Loop()
			return &iterated{iterating: e, loop: l, of: op}, err
		}
		own, err := operator.Next()
		if err == nil {
			err = operator.Take(own)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("there is no such loop")
}

// iterated is a loop in progress.
type iterated struct {
	iterating
	loop lockstep.LoopOperator
	of   lockstep.Operation
	n    int
}

func (l *iterated) Next(context.Context, int64) ([]lockstep.Iteration, error) {
	if l.fail > 0 && l.n == l.fail {
		return nil, errors.New("out of order")
	}
	condition, err := l.loop.Condition()
	if err != nil {
		return nil, err
	}
	it := lockstep.Iteration{Condition: l.run(condition, false)}
	d, err := lockstep.Data[bool](it.Condition[len(it.Condition)-1])
	if err != nil {
		return nil, err
	}
	if it.Holds = d[0]; l.ends != nil && l.ends(l.n) {
		it.Holds = false
		it.Condition[len(it.Condition)-1] = fixture.NewTensor(l.t, []bool{false})
	}
	if it.Holds {
		body, err := l.loop.Body()
		if err != nil {
			return nil, err
		}
		it.Body = l.run(body, true)
	}
	l.n++
	return []lockstep.Iteration{it}, nil
}

func (l *iterated) run(operator lockstep.Operator, body bool) (out []*lockstep.Tensor) {
	for _, op := range operator.Operations() {
		own, err := operator.Next()
		if err != nil {
			l.t.Fatal(err)
		}
		for i := range own {
			if body && l.off != nil {
				own[i] = l.off(l.n, op.Node, own[i])
			}
		}
		if err := operator.Take(own); err != nil {
			l.t.Fatal(err)
		}
		out = append(out, own...)
	}
	return out
}

func (l *iterated) Results(context.Context) ([]*lockstep.Tensor, error) { return l.loop.Results() }
func (l *iterated) Close() error                                        { return nil }

const loopModel = "reports/ln_cell_keras3" // 12 iterations

func iterate(t *testing.T, with func(*iterating), bound int) *compare.Comparison {
	t.Helper()
	m := load(t, fixture.Dir(t, loopModel))
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	reference := iterating{Model: m, t: t}
	if with != nil {
		with(&reference)
	}
	c := compare.Check{Reference: reference, Candidate: m, Inputs: fixture.Tensors(t, loopModel, "inputs.npz"), Oracle: oracle, SameGraph: true}.WithLoopsOf(bound)
	checked, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return comparison(t, checked.Report, "single operations")
}

// bodyOf are the nodes of the loop's body.
func bodyOf(t *testing.T) (loop string, body []string) {
	t.Helper()
	m := load(t, fixture.Dir(t, loopModel))
	operator, err := m.Operator(t.Context(), fixture.Tensors(t, loopModel, "inputs.npz"))
	if err != nil {
		t.Fatal(err)
	}
	all := operator.Operations()
	i := slices.IndexFunc(all, func(op lockstep.Operation) bool { return op.Loop != nil })
	for _, op := range all[i].Loop.Body {
		body = append(body, op.Node)
	}
	return all[i].Node, body
}

// more adds to the first element of a tensor.
func more(t *testing.T, x *lockstep.Tensor) *lockstep.Tensor {
	d, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	d = slices.Clone(d)
	d[0] += 0.01
	return fixture.NewTensor(t, d, x.Shape()...)
}

// A loop that is no known layer is compared iteration by iteration: what is off in some
// iterations of an operation of its body diverges there, and nowhere else, and is one
// result.
func TestIterations(t *testing.T) {
	k := iterate(t, nil, 0)
	loop, body := bodyOf(t)
	counts := map[int]int{}
	for i, r := range k.Results {
		if r.Iteration == nil {
			continue
		}
		if r.Iteration.Loop != loop || r.Iteration.Diverged != 0 || r.Elements != r.Iteration.Compared*max(1, lenOf(r.Shape())) {
			t.Errorf("%s: %+v, %d elements", r.Name, r.Iteration, k.Results[i].Elements)
		}
		counts[r.Iteration.Compared]++
	}
	if k.Verdict() != compare.InStep || k.Margin() != 0 || counts[13] != 3 || counts[12] != len(body) || len(k.Notes) != 0 {
		t.Errorf("a model and itself: %s, margin %g, results by iterations %v, notes %q", k.Verdict(), k.Margin(), counts, k.Notes)
	}
	at := body[len(body)-3]
	for _, when := range [][]int{{0}, {7}, {11}, {2, 5, 6}} {
		k := iterate(t, func(e *iterating) {
			e.off = func(i int, node string, x *lockstep.Tensor) *lockstep.Tensor {
				if node == at && slices.Contains(when, i) {
					return more(t, x)
				}
				return x
			}
		}, 0)
		first := k.First()
		if first == nil || k.Diverged() != 1 || first.Name != at+":0" || first.Outside != len(when) || first.First.Flat != 0 {
			t.Fatalf("%s off in %v: %d diverged, first %+v", at, when, k.Diverged(), first)
		}
		if i := first.Iteration; i.Number != when[0] || i.Diverged != len(when) || i.Compared != 12 || i.Condition {
			t.Errorf("%s off in %v: %+v", at, when, i)
		}
	}
}

func lenOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// What diverges in an earlier iteration comes first, wherever it is in the body.
func TestFirstIteration(t *testing.T) {
	_, body := bodyOf(t)
	early, late := body[len(body)-1], body[len(body)-4]
	k := iterate(t, func(e *iterating) {
		e.off = func(i int, node string, x *lockstep.Tensor) *lockstep.Tensor {
			if node == early && i >= 3 || node == late && i >= 5 {
				return more(t, x)
			}
			return x
		}
	}, 0)
	first := k.First()
	if first == nil || first.Name != early+":0" || first.Iteration.Number != 3 || first.Iteration.Diverged != 9 || k.Diverged() != 2 {
		t.Errorf("first %+v of %d", first, k.Diverged())
	}
	if s := first.Iteration.String(); !strings.HasSuffix(s, "/while, iteration 3 and 8 more") {
		t.Errorf("it is %q", s)
	}
}

// A reference whose loop ends earlier differs in the condition, at the iteration that it
// does not run.
func TestFewerIterations(t *testing.T) {
	for _, at := range []int{0, 4, 11} {
		k := iterate(t, func(e *iterating) { e.ends = func(i int) bool { return i == at } }, 0)
		first := k.First()
		if first == nil || !first.Iteration.Condition || first.Iteration.Number != at || first.Operation != "LogicalAnd" {
			t.Errorf("the loop ends at iteration %d: %+v", at, first)
		}
		if note := "another way where it runs the iterations of the loop"; at > 0 && !slices.ContainsFunc(k.Notes, func(n string) bool { return strings.Contains(n, note) }) {
			t.Errorf("the loop itself goes on, and the notes are %q", k.Notes)
		}
	}
}

// A loop whose iterations cannot all be compared counts as one operation, and the
// report says so. What was found until then stays.
func TestLoopsAsOneOperation(t *testing.T) {
	loop, body := bodyOf(t)
	as := func(what, note string, with func(*iterating), bound int) *compare.Comparison {
		k := iterate(t, with, bound)
		if !slices.ContainsFunc(k.Notes, func(n string) bool {
			return strings.HasPrefix(n, "the loop "+loop+" counts as one operation: ") && strings.Contains(n, note)
		}) {
			t.Errorf("%s: notes %q", what, k.Notes)
		}
		if !slices.ContainsFunc(k.Results, func(r compare.Result) bool {
			return r.Operation == "While" && len(r.Shape()) == 3 && r.Iteration == nil
		}) {
			t.Errorf("%s: the loop itself is not compared", what)
		}
		return k
	}
	as("too many", "more than the 3 iterations", nil, 3*(len(body)+3)-1)
	as("none shown", "iteration 2: out of order", func(e *iterating) { e.fail = 2 }, 0)
	k := as("off", "out of order", func(e *iterating) {
		e.fail = 2
		e.off = func(_ int, node string, x *lockstep.Tensor) *lockstep.Tensor {
			if node == body[len(body)-3] {
				return more(t, x)
			}
			return x
		}
	}, 0)
	if first := k.First(); first == nil || first.Iteration == nil || first.Iteration.Diverged != 2 {
		t.Errorf("what was found before is %+v", first)
	}
	m := load(t, fixture.Dir(t, loopModel))
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	checked, err := compare.Check{Reference: m, Candidate: m, Inputs: fixture.Tensors(t, loopModel, "inputs.npz"), Oracle: oracle, SameGraph: true}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if notes := comparison(t, checked.Report, "single operations").Notes; len(notes) != 1 || !strings.Contains(notes[0], "does not show its iterations") {
		t.Errorf("an engine that shows no iterations: %q", notes)
	}
}

// declared is an engine whose loops say that they cannot be run iteration by iteration,
// that one is inside another, or that their bodies do not run.
type declared struct {
	*native.Model
	as string
}

func (d declared) Operator(ctx context.Context, inputs map[string]*lockstep.Tensor) (lockstep.Operator, error) {
	of, err := d.Model.Operator(ctx, inputs)
	return declaredOperator{of, d.as}, err
}

type declaredOperator struct {
	lockstep.Operator
	as string
}

func (d declaredOperator) Operations() []lockstep.Operation {
	all := slices.Clone(d.Operator.Operations())
	for i, op := range all {
		if op.Loop == nil {
			continue
		}
		loop := *op.Loop
		switch d.as {
		case "inside":
			loop.Body = slices.Clone(loop.Body)
			loop.Body[0].Loop = &lockstep.Loop{Whole: "for a reason"}
		case "not run":
			loop.Body = nil
		default:
			loop.Whole = "for a reason"
		}
		all[i].Loop = &loop
	}
	return all
}

func TestWhatCountsAsOneOperation(t *testing.T) {
	loop, body := bodyOf(t)
	m := load(t, fixture.Dir(t, loopModel))
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for as, note := range map[string]string{
		"whole":   "the loop " + loop + " counts as one operation: for a reason",
		"inside":  "the loop " + body[0] + " in the loop " + loop + " counts as one operation: for a reason",
		"not run": "the loop " + loop + " counts as one operation: native does not run its body, and native does",
	} {
		c := compare.Check{Reference: iterating{Model: m, t: t}, Candidate: declared{m, as}, Inputs: fixture.Tensors(t, loopModel, "inputs.npz"), Oracle: oracle, SameGraph: true}
		checked, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		k := comparison(t, checked.Report, "single operations")
		iterated := slices.ContainsFunc(k.Results, func(r compare.Result) bool { return r.Iteration != nil })
		if !slices.Equal(k.Notes, []string{note}) || iterated != (as != "whole") {
			t.Errorf("%s: notes %q, iterations compared: %v", as, k.Notes, iterated)
		}
	}
}
