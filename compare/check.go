package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// Check sets two engines side by side on one set of inputs: their weights bit
// for bit, where both can show them, and their outputs and final states.
type Check struct {
	Model     string // the report's title
	Reference lockstep.Tracer
	// Candidate may be nil if there is an Expected to hold the reference
	// against; Absent then says why there is none.
	Candidate lockstep.Tracer
	Absent    string
	Inputs    map[string]*lockstep.Tensor
	// Expected, if not nil, is what a third party computed from the same
	// inputs, under the names of outputs and states; the other tensors are
	// not held against it. ExpectedBy names it, as "keras".
	Expected   map[string]*lockstep.Tensor
	ExpectedBy string
	// Rules judge outputs and states. Where they are nil the tolerance is
	// derived: by Oracle, which knows what the candidate is meant to compute,
	// or else it is the default one.
	Rules  Rules
	Oracle lockstep.Oracle
	// AllowNonFinite is as in Rule, for what Rules do not judge.
	AllowNonFinite bool

	limits func() (map[string]*lockstep.Tensor, error) // those of Oracle and Inputs, made when first asked for
}

// Checked is what a Check found.
type Checked struct {
	Report *Report
	// Reference and Candidate are what the engines computed; the latter is nil
	// if there was no candidate.
	Reference, Candidate *lockstep.Trace
}

// Run runs the engines and compares. An error means that there is no verdict.
func (c Check) Run(ctx context.Context) (*Checked, error) {
	if c.Candidate == nil && c.Expected == nil {
		return nil, fmt.Errorf("compare: nothing to hold %s against: %s", c.Reference.Name(), c.Absent)
	}
	c.limits = sync.OnceValues(func() (map[string]*lockstep.Tensor, error) { return limits(ctx, c.Oracle, c.Inputs) })
	out := &Checked{Report: &Report{Model: c.Model}}
	if c.Candidate != nil {
		weights, err := c.weights()
		if err != nil {
			return nil, err
		}
		if weights != nil {
			out.Report.Comparisons = append(out.Report.Comparisons, *weights)
		}
	}
	var err error
	detail := lockstep.States
	if c.derives() {
		detail = lockstep.Steps
	}
	if err := c.traces(ctx, out, detail); err != nil {
		return nil, err
	}
	if c.Expected != nil {
		if err := c.fitsExpected(out); err != nil {
			return nil, err
		}
	}
	if c.Candidate != nil {
		if c.derives() {
			err = c.derived(ctx, out)
		} else {
			var k Comparison
			k, err = c.outputs(out, c.rules())
			out.Report.Comparisons = append(out.Report.Comparisons, k)
		}
		if err != nil {
			return nil, err
		}
	}
	if c.Expected != nil {
		if err := c.third(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// traces runs the engines side by side.
func (c Check) traces(ctx context.Context, out *Checked, detail lockstep.Detail) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c.Candidate != nil {
			out.Candidate, failed = c.Candidate.Trace(ctx, c.Inputs, detail)
		}
	}()
	var err error
	if out.Reference, err = c.Reference.Trace(ctx, c.Inputs, detail); err != nil {
		cancel()
		<-done
		return err
	}
	<-done
	return failed
}

// derives tells whether the tolerance is derived.
func (c Check) derives() bool { return c.Rules == nil && c.Oracle != nil && c.Candidate != nil }

// weights sets the weights side by side, if both engines show theirs.
func (c Check) weights() (*Comparison, error) {
	reference, ok := c.Reference.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	candidate, ok := c.Candidate.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	want, err := reference.Weights()
	if err != nil {
		return nil, err
	}
	have, err := candidate.Weights()
	if err != nil {
		return nil, err
	}
	if len(want) == 0 && len(have) == 0 {
		return nil, nil // a model without weights
	}
	rules := c.rules()
	bits := func(name string) Rule { return Rule{Bits: true, AllowNonFinite: rules(name).AllowNonFinite} }
	d := Measure(lockstep.ByName(want), lockstep.ByName(have), Options{Order: lockstep.Names(want), Layout: PlainLayout})
	return &Comparison{
		Title: "weights", Reference: c.Reference.Name(), Candidate: c.Candidate.Name(),
		Results: Judge(d, bits),
	}, nil
}

// outputs compares outputs and states of the engines.
func (c Check) outputs(out *Checked, rules Rules) (Comparison, error) {
	reference, err := tensorsOf(out.Reference)
	if err != nil {
		return Comparison{}, err
	}
	candidate, err := tensorsOf(out.Candidate)
	if err != nil {
		return Comparison{}, err
	}
	return comparison("outputs and states", out.Reference.Engine, out.Candidate.Engine, reference, candidate, orderOf(out.Reference), rules), nil
}

// rules are those that were chosen, or the default ones.
func (c Check) rules() Rules {
	if c.Rules != nil {
		return c.Rules
	}
	rule := DefaultRule()
	rule.AllowNonFinite = c.AllowNonFinite
	return Uniform(rule)
}

func comparison(title, referenceName, candidateName string, reference, candidate map[string]*lockstep.Tensor, order []string, rules Rules) Comparison {
	return Comparison{
		Title: title, Reference: referenceName, Candidate: candidateName,
		Results: Judge(Measure(reference, candidate, Options{Order: order, Layout: KerasLayout}), rules),
	}
}

// third adds what the third party says of each engine, and what follows.
func (c Check) third(out *Checked) error {
	rules, err := c.foreign()
	if err != nil {
		return err
	}
	agrees := map[*lockstep.Trace]bool{}
	for _, trace := range []*lockstep.Trace{out.Reference, out.Candidate} {
		if trace == nil {
			continue
		}
		all, err := tensorsOf(trace)
		if err != nil {
			return err
		}
		want, have, aligned, err := AlignExpected(c.Expected, all, rules)
		if err != nil {
			return err
		}
		k := comparison("expected values", c.ExpectedBy, trace.Engine, want, have, orderOf(trace), aligned)
		agrees[trace] = k.Verdict() == InStep
		out.Report.Comparisons = append(out.Report.Comparisons, k)
	}
	out.Report.Notes = slices.Concat(out.Report.Notes, c.blame(out, agrees), c.uncompared(out.Reference))
	return nil
}

// blame says whose fault a divergence is, as far as three parties tell.
func (c Check) blame(out *Checked, agrees map[*lockstep.Trace]bool) []string {
	reference, expected := out.Reference.Engine, c.ExpectedBy
	const export = "the SavedModel does not compute what was predicted: suspect the export, or inputs and predictions that do not belong together"
	if out.Candidate == nil {
		if agrees[out.Reference] {
			return []string{fmt.Sprintf("%s agrees with %s; no other engine was held against them: %s", reference, expected, c.Absent)}
		}
		return []string{
			fmt.Sprintf("%s and %s differ: %s.", reference, expected, export),
			"no other engine was held against them: " + c.Absent,
		}
	}
	candidate := out.Candidate.Engine
	switch byReference, byCandidate := agrees[out.Reference], agrees[out.Candidate]; {
	case byReference && !byCandidate:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", reference, expected, candidate, candidate)}
	case !byReference && byCandidate:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", candidate, expected, reference, reference)}
	case !byReference && !byCandidate:
		for i := range out.Report.Comparisons {
			if k := &out.Report.Comparisons[i]; k.Reference == reference && k.Candidate == candidate && k.Verdict() != InStep {
				return []string{fmt.Sprintf("%s, %s and %s all differ.", expected, reference, candidate)}
			}
		}
		return []string{fmt.Sprintf("%s and %s agree, and differ from %s: %s.", reference, candidate, expected, export)}
	}
	return nil
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
		for _, s := range []string{"state_h", "state_c"} {
			order = append(order, l+"/"+s)
		}
	}
	return order
}
