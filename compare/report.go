package compare

import (
	"math"
	"path"
	"slices"
	"strings"
)

// Report is everything that was compared about one model.
type Report struct {
	// Model is the title: the model's path, or what else was compared.
	Model       string
	Comparisons []Comparison
	// Failures are sentences about what fails outside the comparisons, such as
	// a signature that differs; the first is the most severe. With one, the
	// verdict is Diverged.
	Failures []string
	// NotRun are engines that were asked for and did not run. With one, the
	// verdict is NoVerdict, unless something diverged.
	NotRun []EngineFailure
	// Notes are sentences shown at the report's end.
	Notes []string
	// Why are those of Notes that say why something diverged, shown right below
	// the verdict.
	Why []string
	// Diagnosis says why the engines diverge, nil if there was none.
	Diagnosis *Diagnosis
	// Answers says why a party that shows answers alone differs, nil if that was
	// not looked for.
	Answers *AnswersDiagnosis
}

// EngineFailure is an engine that did not run, and why.
type EngineFailure struct {
	Engine string
	Err    error
}

// String says which engine, and why, in one line.
func (n EngineFailure) String() string {
	return n.Engine + " did not run: " + strings.Join(strings.Fields(n.Err.Error()), " ")
}

// Comparison is one pair of sides compared, such as the outputs of
// tensorflow and native.
type Comparison struct {
	// Title says what was compared, such as "outputs and states"; it may be
	// empty if a report has no other comparison.
	Title string
	// Reference and Candidate name the sides.
	Reference, Candidate string
	// Results are in the order that "first" refers to.
	Results []Result
	// Stepwise says that the results named layer/… are of the steps of that
	// layer, so that an earlier step comes first, and at the same step the
	// earlier result.
	Stepwise bool
	Notes    []string
	// Remarks do not change the verdict.
	Remarks []string
}

// AllNotes are the notes and the remarks.
func (c *Comparison) AllNotes() []string { return slices.Concat(c.Notes, c.Remarks) }

// Explain adds notes that say why something diverged.
func (r *Report) Explain(notes ...string) {
	r.Notes = append(r.Notes, notes...)
	r.Why = append(r.Why, notes...)
}

// Verdict is InStep if every result is, and there is one at all.
func (c *Comparison) Verdict() Verdict {
	if len(c.Results) == 0 || c.First() != nil {
		return Diverged
	}
	return InStep
}

// First returns the first result that diverged, nil for none; see Stepwise.
func (c *Comparison) First() *Result {
	if !c.Stepwise {
		return firstInOrder(c.Results)
	}
	var first *Result
	for i := range c.Results {
		r := &c.Results[i]
		switch {
		case r.Verdict == InStep:
		case first == nil || path.Dir(r.Name) == path.Dir(first.Name) && r.step() < first.step():
			first = r
		case path.Dir(r.Name) != path.Dir(first.Name):
			return first
		}
	}
	return first
}

// firstInOrder returns the first result that diverged; in a loop, of the first
// iteration in which one did.
func firstInOrder(all []Result) *Result {
	i := slices.IndexFunc(all, func(r Result) bool { return r.Verdict != InStep })
	if i < 0 {
		return nil
	}
	first := &all[i]
	for i++; i < len(all) && sameLoop(first, &all[i]); i++ {
		if r := &all[i]; r.Verdict != InStep && r.Iteration.before(first.Iteration) {
			first = r
		}
	}
	return first
}

// sameLoop tells whether two results are of iterations of the same loop.
func sameLoop(a, b *Result) bool {
	return a.Iteration != nil && b.Iteration != nil && a.Iteration.Loop == b.Iteration.Loop
}

// step is the step of the first mismatch, -1 without steps.
func (r *Result) step() int {
	if r.First == nil {
		return -1
	}
	return r.First.Step
}

// Diverged counts the results that diverged.
func (c *Comparison) Diverged() int {
	n := 0
	for i := range c.Results {
		if c.Results[i].Verdict != InStep {
			n++
		}
	}
	return n
}

// Elements counts the elements that were compared.
func (c *Comparison) Elements() int {
	n := 0
	for i := range c.Results {
		n += c.Results[i].Elements
	}
	return n
}

// Outside counts the elements that do not agree.
func (c *Comparison) Outside() int {
	n := 0
	for i := range c.Results {
		n += c.Results[i].Outside
	}
	return n
}

// Margin is the largest margin of a result, +Inf where nothing was compared.
func (c *Comparison) Margin() float64 {
	if len(c.Results) == 0 {
		return math.Inf(1)
	}
	m := 0.0
	for i := range c.Results {
		m = max(m, c.Results[i].Margin)
	}
	return m
}

// Smallest returns the smallest tolerances under which the whole comparison
// passes. Where the results have different tolerances, atol and rtol are found
// with the default for the other one. ok is false where no tolerance would
// pass, and where there are no floats.
func (c *Comparison) Smallest() (s Smallest, ok bool) {
	given, first := FixedTolerance{}, true
	for i := range c.Results {
		switch r := &c.Results[i]; {
		case r.Smallest == nil && (r.Verdict != InStep || r.DType().IsFloat()):
			return Smallest{}, false
		case r.Smallest == nil: // equal integers, bools, strings
		case first:
			given, first = r.Smallest.Given, false
		case r.Smallest.Given != given:
			given = FixedTolerance{Atol: DefaultAtol, Rtol: DefaultRtol}
		}
	}
	for i := range c.Results {
		r := &c.Results[i]
		if r.Smallest == nil {
			continue
		}
		t := *r.Smallest
		if t.Given != given {
			t, _ = r.smallestPassing(given, r.Rule.AllowNonFinite)
		}
		if ok {
			t = t.join(s)
		}
		s, ok = t, true
	}
	return s, ok
}

// Verdict is InStep if every comparison is, elements were compared at all, there
// are no Failures, and every engine ran.
func (r *Report) Verdict() Verdict {
	if !r.Compared() || len(r.Failures) > 0 {
		return Diverged
	}
	for i := range r.Comparisons {
		if r.Comparisons[i].Verdict() != InStep {
			return Diverged
		}
	}
	if len(r.NotRun) > 0 {
		return NoVerdict
	}
	return InStep
}

// says tells whether a comparison has a note.
func (r *Report) says(note string) bool {
	return slices.ContainsFunc(r.Comparisons, func(c Comparison) bool { return slices.Contains(c.Notes, note) })
}

// Margin is the largest margin of a comparison.
func (r *Report) Margin() float64 {
	m := 0.0
	for i := range r.Comparisons {
		m = max(m, r.Comparisons[i].Margin())
	}
	return m
}

// Compared tells whether anything that an engine computes was compared: weights
// alone, and tensors that are all empty, prove nothing. A tensor that is
// missing, or of a different shape, counts as compared.
func (r *Report) Compared() bool {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c.Title == weightsTitle && len(r.Comparisons) > 1 {
			continue
		}
		if c.Elements() > 0 || c.First() != nil {
			return true
		}
	}
	return false
}

// Overall is the verdict on several models: Diverged if one is, or there is none,
// else NoVerdict if one is or has no report.
func Overall(outcomes []Outcome) Verdict {
	if len(outcomes) == 0 {
		return Diverged
	}
	all := InStep
	for i := range outcomes {
		verdict := NoVerdict
		if o := &outcomes[i]; o.Err == nil && o.Report != nil {
			verdict = o.Report.Verdict()
		}
		switch verdict {
		case Diverged:
			return Diverged
		case NoVerdict:
			all = NoVerdict
		}
	}
	return all
}

// FirstDivergence returns the first comparison that diverged and the first
// result in it that did. The result is nil if that comparison has none, and
// both are if the report is in step or empty.
func (r *Report) FirstDivergence() (*Comparison, *Result) {
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c.Verdict() != InStep {
			return c, c.First()
		}
	}
	return nil, nil
}
