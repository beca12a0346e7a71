package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// The titles of the comparisons that settings change.
const (
	answersTitle  = "outputs and states"
	expectedTitle = "expected values"
)

// Check compares two engines on one set of inputs: their weights bit for bit,
// where both can show them, and their outputs and final states.
type Check struct {
	Model string // the report's title
	// Reference and Candidate are the engines. One of them may be nil if there is
	// an Expected to compare the other with; NotRun then says why.
	Reference, Candidate lockstep.Tracer
	// NotRun are engines that were asked for and could not run: the report has
	// no verdict but a divergence.
	NotRun []EngineFailure
	Inputs map[string]*lockstep.Tensor
	// Expected, if not nil, is what a third party computed from the same
	// inputs, under the names of outputs and states; the other tensors are
	// not compared with it. ExpectedBy names it, as "keras".
	Expected   map[string]*lockstep.Tensor
	ExpectedBy string
	// Oracle, which knows what the candidate is meant to compute, derives the
	// tolerance; without it, it is the default one.
	Oracle lockstep.Oracle
	// SameGraph says that both engines run the same graph, so that its operations
	// can be compared one by one, if the engines can do that.
	SameGraph bool
	// Unoptimized, if not nil, opens the reference once more, without the graph
	// optimizer that may change what a model computes, and returns what closes it.
	// It is called where the engines' answers differ by more than rounding
	// explains.
	Unoptimized func(context.Context) (engine lockstep.Tracer, done func() error, err error)
	// Variables are the names of the variables that the weights of the reference
	// and of the candidate are, by the weights' own names; nil for none.
	// Weights that only one side assigns to a layer are compared by their
	// variables.
	Variables [2]map[string]string
	// Settings change how outputs, states and expected values are judged. One
	// that replaces the tolerance of all of them leaves the steps unjudged; any
	// other leaves the derived verdict as it is for what it does not name. A
	// setting that matches none of them is a *SettingError.
	Settings Settings

	// Those of Oracle and Inputs, made when first asked for: at worst, typically, and
	// typically where that takes little work beside the rest.
	limits, typical, cheap func() (limits, error)
	groupBytes             int64 // instead of the constants, if not 0
	loopOperations         int
}

// CheckResult is what a Check found.
type CheckResult struct {
	Report *Report
	// Reference and Candidate are what the engines computed; nil of one that did
	// not run.
	Reference, Candidate *lockstep.Trace

	pairs     pairing // of the layers of both
	optimizer bool    // it makes the engines differ
}

// fallback is how the model's tensors are judged where no bound is known.
func (c Check) fallback(out *CheckResult) fallbackRule {
	var sets []map[string]*lockstep.Tensor
	for _, t := range []*lockstep.Trace{out.Reference, out.Candidate} {
		if t != nil {
			sets = append(sets, t.Outputs, t.States, t.Steps)
		}
	}
	return fallbackOf(c.Oracle, sets...)
}

// Run runs the engines and compares. An error means that there is no verdict
// and no result.
func (c Check) Run(ctx context.Context) (*CheckResult, error) {
	if err := c.Settings.Valid(); err != nil {
		return nil, err
	}
	c.limits = sync.OnceValues(func() (limits, error) { return limitsOf(ctx, c.Oracle, c.Inputs) })
	c.cheap = sync.OnceValues(func() (limits, error) { return typicalOf(ctx, c.Oracle, c.Inputs, cheapWork) })
	c.typical = sync.OnceValues(func() (limits, error) {
		if l, err := c.cheap(); !errors.Is(err, lockstep.ErrWork) {
			return l, err
		}
		return typicalOf(ctx, c.Oracle, c.Inputs, 0)
	})
	out := &CheckResult{Report: &Report{Model: c.Model, NotRun: slices.Clone(c.NotRun)}}
	engines := 0
	for _, e := range []lockstep.Tracer{c.Reference, c.Candidate} {
		if e != nil {
			engines++
		}
	}
	if err := c.enough(engines, out.Report.NotRun); err != nil {
		return nil, err
	}
	weights, err := c.readWeights() // before a run, which may change states that are kept
	if err != nil {
		return nil, err
	}
	detail := lockstep.States
	if c.derives() {
		detail = lockstep.Steps
	}
	if err := c.traces(ctx, out, detail); err != nil {
		return nil, err
	}
	if c.Expected != nil {
		c.Expected = realParts(c.Expected)
		if err := c.fitsExpected(out); err != nil {
			return nil, err
		}
	}
	if out.Reference != nil && out.Candidate != nil {
		if err := c.engines(ctx, out, weights); err != nil {
			return nil, err
		}
		if err := c.optimized(ctx, out); err != nil {
			return nil, err
		}
	}
	if c.Expected != nil {
		if err := c.third(out); err != nil {
			return nil, err
		}
	}
	if err := c.Settings.Match(out.Report.answers()); err != nil {
		return nil, err
	}
	return out, nil
}

// answers are the names of the outputs and states that were compared, or that a
// third party expected.
func (r *Report) answers() []string {
	var out []string
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c.Title == answersTitle || c.Title == expectedTitle {
			for _, result := range c.Results {
				if !slices.Contains(out, result.Name) {
					out = append(out, result.Name)
				}
			}
		}
	}
	return out
}

// enough returns an error if the engines leave nothing to compare.
func (c Check) enough(engines int, notRun []EngineFailure) error {
	if engines == 2 || engines == 1 && c.Expected != nil {
		return nil
	}
	var errs []error
	for _, n := range notRun {
		errs = append(errs, n.Err)
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("compare: a check needs two engines, or one and expected values"))
	}
	return errors.Join(errs...)
}

// engines compares the two engines.
func (c Check) engines(ctx context.Context, out *CheckResult, weights [2]lockstep.Weights) error {
	out.Report.Notes = append(out.Report.Notes, hideUnshown(out.Reference, out.Candidate)...)
	out.pairs = pairLayers(out.Reference, out.Candidate)
	if k := c.weights(weights[0], weights[1], len(out.pairs.alone) > 0); k != nil {
		out.Report.Comparisons = append(out.Report.Comparisons, *k)
	}
	if c.derives() {
		return c.derived(ctx, out)
	}
	k, err := c.outputs(out, c.rules())
	k.Notes = append(k.Notes, out.pairs.alone...)
	out.Report.Comparisons = append(out.Report.Comparisons, k)
	return err
}

// traces runs the engines side by side. One that fails is among the report's
// NotRun if there is something that the other one is compared with.
func (c Check) traces(ctx context.Context, out *CheckResult, detail lockstep.Detail) error {
	runs := []struct {
		engine lockstep.Tracer
		trace  **lockstep.Trace
		err    error
	}{{engine: c.Reference, trace: &out.Reference}, {engine: c.Candidate, trace: &out.Candidate}}
	together, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	for i := range runs {
		r := &runs[i]
		if r.engine == nil {
			continue
		}
		wait.Go(func() {
			if *r.trace, r.err = r.engine.Trace(together, c.Inputs, detail); r.err != nil && c.Expected == nil {
				cancel() // nothing is left to compare the other one with
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	ran := 0
	for _, r := range runs {
		switch {
		case r.engine == nil:
		case r.err == nil:
			ran++
			(*r.trace) = withRealParts(*r.trace)
		default:
			*r.trace = nil
			if !errors.Is(r.err, context.Canceled) { // because of the other one's failure
				out.Report.NotRun = append(out.Report.NotRun, EngineFailure{r.engine.Name(), r.err})
			}
		}
	}
	return c.enough(ran, out.Report.NotRun)
}

// withRealParts is a trace whose complex outputs are their parts.
func withRealParts(t *lockstep.Trace) *lockstep.Trace {
	out := *t
	out.Outputs = realParts(t.Outputs)
	return &out
}

func realParts(all map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	out := maps.Clone(all)
	for name, t := range out {
		out[name] = t.RealParts()
	}
	return out
}

// derives tells whether the tolerance is derived.
func (c Check) derives() bool {
	return !c.Settings.ReplaceTolerance() && c.Oracle != nil && c.Reference != nil && c.Candidate != nil
}

// over applies the settings. Without an oracle the default tolerance is the
// rule itself, not a replacement for an unknown bound: a setting of its atol
// leaves its rtol.
func (c Check) over(base Rules) Rules {
	rules := c.Settings.Over(base)
	if c.Oracle != nil || c.Candidate == nil {
		return rules
	}
	beside := append(Settings{DefaultSetting()}, c.Settings...).Over(base)
	return func(name string) Rule {
		if c.Settings.tolerated(name) {
			return beside(name)
		}
		return rules(name)
	}
}

// outputs compares outputs and states of the engines, except the states of
// layers that only one of them has, by the settings and otherwise by rules.
func (c Check) outputs(out *CheckResult, rules Rules) (Comparison, error) {
	own := *out.Candidate
	own.States = out.pairs.statesByReference(withoutLone(own.States, out.pairs.loneCandidate))
	theirs := *out.Reference
	theirs.States = withoutLone(theirs.States, out.pairs.loneReference)
	reference, err := tensorsOf(&theirs)
	if err != nil {
		return Comparison{}, err
	}
	candidate, err := tensorsOf(&own)
	if err != nil {
		return Comparison{}, err
	}
	return comparison(answersTitle, out.Reference.Engine, out.Candidate.Engine, reference, candidate, orderOf(out.Reference), c.over(rules)), nil
}

// rules are the default ones.
func (c Check) rules() Rules {
	rule := DefaultRule()
	rule.AllowNonFinite = c.Settings.AllowNonFinite()
	return Uniform(rule)
}

func comparison(title, referenceName, candidateName string, reference, candidate map[string]*lockstep.Tensor, order []string, rules Rules) Comparison {
	return Comparison{
		Title: title, Reference: referenceName, Candidate: candidateName,
		Results: Judge(Measure(reference, candidate, Options{Order: order, Layout: KerasLayout}), rules),
	}
}

// tensorsOf returns outputs and states in one set.
func tensorsOf(t *lockstep.Trace) (map[string]*lockstep.Tensor, error) {
	out := maps.Clone(t.Outputs)
	if out == nil {
		out = map[string]*lockstep.Tensor{}
	}
	for name, s := range t.States {
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("compare: %s has an output and a state of the name %q", t.Engine, name)
		}
		out[name] = s
	}
	return out, nil
}

// orderOf lists outputs, then the layers' states in the order in which the
// layers run.
func orderOf(t *lockstep.Trace) []string {
	order := slices.Sorted(maps.Keys(t.Outputs))
	for _, l := range t.Layers {
		order = append(order, lockstep.StateName(l, "h"), lockstep.StateName(l, "c"))
	}
	return order
}
