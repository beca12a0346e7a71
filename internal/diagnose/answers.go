package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native"
)

// Answers is a party that shows nothing but its outputs, and they are not the
// model's: what Keras predicted, a golden without a trace, an engine that only
// answers. Each known fault is supposed in the whole model, and those are named
// with which the model gives these answers, within what rounding typically does.
type Answers struct {
	// Model is what the party is meant to compute.
	Model *native.Model
	// Inputs are what it got, and Values what it answered, by the model's names of
	// outputs and final states.
	Inputs, Values map[string]*lockstep.Tensor
}

// InAnswers is the side of a party that shows answers alone.
const InAnswers Side = "answers"

// Run looks for causes. If no fault is one, it tries pairs of them, in a model of
// one or two recurrent layers.
func (a Answers) Run(ctx context.Context) (*Result, error) {
	found, err := a.run(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	return found, nil
}

func (a Answers) run(ctx context.Context, pairs bool) (*Result, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	found := &Result{Agree: s.before <= 1, Left: s.before}
	if found.Agree {
		return found, nil
	}
	singles := suppositions(a.Model.Source())
	causes, tried, untried, err := s.try(ctx, singles)
	if err != nil {
		return nil, err
	}
	found.Tried, found.Untried = tried, untried
	if layers := len(a.Model.Source().Found.Layers); pairs && len(causes) == 0 && (layers == 1 || layers == 2) {
		pairs := s.pairs(singles)
		found.AllPairs = len(pairs)
		causes, found.Pairs, _, err = s.try(ctx, pairs[:min(len(pairs), s.affordable())])
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(causes, func(a, b Cause) int { return cmp.Compare(a.Margin, b.Margin) })
	found.Causes = causes
	return found, nil
}

// suppositions are the faults of a model, each alone, and the same one in every
// recurrent layer that can have it.
func suppositions(src *source.Source) [][]fault.Fault {
	all := fault.List(src)
	var out [][]fault.Fault
	for _, f := range all {
		out = append(out, []fault.Fault{f})
	}
	return append(out, inLayers(all, func(f fault.Fault) fault.Fault { return f })...)
}

// answersSearch is a running diagnosis of answers.
type answersSearch struct {
	Answers
	oracle *source.Oracle
	before float64                      // the margin without any fault
	exact  map[string]*lockstep.Tensor  // what the model makes without rounding
	allow  map[string]compare.Tolerance // what no bound of rounding allows more than
	// deadline is when no more are tried.
	deadline time.Time
	all      rows
	few      *rows // those that faults are tried on first, nil for all
	// idle are suppositions that change nothing at these inputs.
	mu   sync.Mutex
	idle map[string]bool
}

// rows are some rows of a batch: inputs, answers, and the model's own answers.
type rows struct {
	inputs, values, exact map[string]*lockstep.Tensor
}

func (a Answers) begin(ctx context.Context) (*answersSearch, error) {
	if len(a.Values) == 0 {
		return nil, fmt.Errorf("there are no answers")
	}
	o, err := a.Model.Source().Oracle()
	if err != nil {
		return nil, err
	}
	s := &answersSearch{Answers: a, oracle: o, allow: map[string]compare.Tolerance{}, idle: map[string]bool{}, deadline: time.Now().Add(patience)}
	if s.before, err = s.judge(ctx, o); err != nil {
		return nil, err
	}
	if s.before <= 1 {
		return s, nil
	}
	if s.exact, err = o.Exact(ctx, a.Inputs); err != nil {
		return nil, err
	}
	for name, v := range a.Values {
		s.allow[name] = compare.LargestDifference(o, v)
	}
	s.all = rows{a.Inputs, a.Values, s.exact}
	s.few, err = s.firstRows(ctx)
	return s, err
}

// judge returns the margin of the answers against what an oracle makes of the
// inputs, by its own bounds.
func (s *answersSearch) judge(ctx context.Context, o *source.Oracle) (float64, error) {
	results, err := compare.JudgeAnswers(ctx, o, s.Inputs, s.Values)
	if err != nil {
		return 0, err
	}
	most := 0.0
	for i := range results {
		most = max(most, results[i].Margin)
		if results[i].Verdict != compare.InStep {
			most = max(most, math.Nextafter(1, 2)) // of another shape, or not finite
		}
	}
	return most, nil
}

// try tries suppositions, and returns those that explain the answers, in their
// order. Those that the inputs cannot have are not counted; untried are those for
// which there was no time.
func (s *answersSearch) try(ctx context.Context, all [][]fault.Fault) (causes []Cause, tried, untried int, err error) {
	found, could := make([]*Cause, len(all)), make([]bool, len(all))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(len(all), 1)) {
		workers.Go(func() {
			for i := range next {
				found[i], could[i] = s.suppose(ctx, all[i])
			}
		})
	}
	for i := range all {
		if ctx.Err() != nil || time.Now().After(s.deadline) {
			untried = len(all) - i
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, 0, 0, err
	}
	for i, c := range found {
		if could[i] {
			tried++
		}
		if c != nil {
			causes = append(causes, *c)
		}
	}
	return causes, tried, untried, nil
}

// suppose tries faults together, first without bounds and on few rows: most are
// so far from the answers that no bound can allow it. It returns the cause if
// they explain the answers; could tells whether these inputs can have them.
func (s *answersSearch) suppose(ctx context.Context, faults []fault.Fault) (c *Cause, could bool) {
	o, err := s.oracle.Edit(func(src *source.Source) error {
		for _, f := range faults {
			if err := f.Plant(src); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, false
	}
	parts := []rows{s.all}
	if s.few != nil && !slices.ContainsFunc(faults, dependsOnBatch) {
		parts = []rows{*s.few, s.all}
	}
	for i, part := range parts {
		have, err := o.Exact(ctx, part.inputs)
		if err != nil {
			return nil, false
		}
		same := unchanged(have, part.exact, part.values)
		if same && i == len(parts)-1 {
			s.mu.Lock()
			s.idle[key(faults)] = true
			s.mu.Unlock()
			return nil, true // the model without the fault does not give these answers
		}
		if !same && !s.mayAgree(have, part.values) {
			return nil, true
		}
	}
	if near, err := s.near(ctx, o); err != nil || !near {
		return nil, err == nil
	}
	margin, err := s.judge(ctx, o)
	if err != nil || margin > 1 {
		return nil, err == nil
	}
	return &Cause{Faults: faults, Side: InAnswers, WholeRun: true, Before: s.before, Margin: margin}, true
}

// dependsOnBatch tells whether a fault makes each row depend on all.
func dependsOnBatch(f fault.Fault) bool { return f.Kind == fault.BatchStatistics }

// key tells suppositions apart.
func key(faults []fault.Fault) string { return fmt.Sprintf("%+v", faults) }

// mayAgree tells whether answers are near enough to values that a bound of
// rounding could allow the difference.
func (s *answersSearch) mayAgree(have, values map[string]*lockstep.Tensor) bool {
	for name, want := range values {
		t := have[name]
		if t == nil || !slices.Equal(t.Shape(), want.Shape()) {
			return false
		}
		a, err := t.Float64s()
		b, other := want.Float64s()
		if err != nil || other != nil {
			continue // strings: JudgeAnswers compares them
		}
		for i, v := range b {
			d := math.Abs(a[i] - v)
			if d > s.allow[name].Bound(i, v) || math.IsNaN(d) && !(math.IsNaN(v) && math.IsNaN(a[i])) && a[i] != v {
				return false
			}
		}
	}
	return true
}

// tooFar is how many rough bounds answers may be from values, as the root of the
// mean square over a tensor, where the bounds have to be found. Those that agree
// are less than one off, and of a tensor with one number alone the rough bound is
// less than an eighth of the bound in 1 of 2,000.
const tooFar = 8

// near tells whether answers are near enough to what an oracle makes of the inputs
// that its bounds are worth the time.
func (s *answersSearch) near(ctx context.Context, o *source.Oracle) (bool, error) {
	exact, bound, err := o.Rough(ctx, s.Inputs)
	if err != nil {
		return false, err
	}
	for name, want := range s.Values {
		if bound[name] == nil || exact[name] == nil || !want.DType().IsFloat() {
			continue
		}
		a, errA := exact[name].Float64s()
		b, errB := bound[name].Float64s()
		v, errV := want.Float64s()
		if errA != nil || errB != nil || errV != nil || len(a) != len(v) || len(b) != len(v) {
			continue // JudgeAnswers says why
		}
		far, room := 0.0, 0.0
		for i := range v {
			least := 4 * 0x1p-23 * math.Abs(v[i]) // units in the last place, which are always allowed
			far, room = far+(a[i]-v[i])*(a[i]-v[i]), room+b[i]*b[i]+least*least
		}
		if far > tooFar*tooFar*room {
			return false, nil
		}
	}
	return true, nil
}

// unchanged tells whether what a fault makes of the inputs are the model's own
// answers, but for less than the rounding of float64 through a model.
func unchanged(have, exact, values map[string]*lockstep.Tensor) bool {
	for name := range values {
		a, b := have[name], exact[name]
		if a == nil || b == nil || !slices.Equal(a.Shape(), b.Shape()) {
			return false
		}
		x, err := a.Float64s()
		y, other := b.Float64s()
		if err != nil || other != nil {
			return false
		}
		for i, v := range x {
			if d := math.Abs(v - y[i]); !(d <= 1e-12*max(1, math.Abs(v))) {
				return false
			}
		}
	}
	return true
}

// enough is how many numbers of the answers a fault is tried on first.
const enough = 16

// firstRows returns the first rows of a batch, as many as have enough numbers
// among the answers; nil where the model's rows are not independent, or there are
// no more.
func (s *answersSearch) firstRows(ctx context.Context) (*rows, error) {
	batch, answers := -1, 0
	for _, set := range []map[string]*lockstep.Tensor{s.Inputs, s.Values} {
		for _, t := range set {
			if t.Rank() == 0 || batch >= 0 && t.Shape()[0] != batch {
				return nil, nil
			}
			batch = t.Shape()[0]
		}
	}
	for _, t := range s.Values {
		answers += t.Len()
	}
	if batch < 2 || answers == 0 {
		return nil, nil
	}
	n := (enough*batch + answers - 1) / answers
	if n >= batch {
		return nil, nil
	}
	var r rows
	for _, part := range []struct {
		to        *map[string]*lockstep.Tensor
		of, names map[string]*lockstep.Tensor
	}{{&r.inputs, s.Inputs, s.Inputs}, {&r.values, s.Values, s.Values}, {&r.exact, s.exact, s.Values}} {
		*part.to = map[string]*lockstep.Tensor{}
		for name := range part.names {
			t := part.of[name]
			if t.Rank() == 0 || t.Shape()[0] != batch {
				return nil, nil // the answers are of another shape
			}
			shape := slices.Clone(t.Shape())
			shape[0] = n
			cut, err := value.RowsOf(t, 0, n, shape)
			if err != nil {
				return nil, err
			}
			(*part.to)[name] = cut
		}
	}
	if s.Model.Signature().CheckInputs(r.inputs) != nil {
		return nil, nil // it fixes the batch
	}
	alone, err := s.oracle.Exact(ctx, r.inputs)
	if err != nil || !unchanged(alone, r.exact, r.values) {
		return nil, ctx.Err()
	}
	return &r, nil
}
