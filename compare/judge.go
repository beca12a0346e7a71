package compare

import "math"

// Verdict says whether two sides agree. The zero Verdict is Diverged.
type Verdict int

// The verdicts. Only a report has NoVerdict: an engine that was asked for did
// not run, and what was compared agrees.
const (
	Diverged Verdict = iota
	InStep
	NoVerdict
)

// String returns "in step", "diverged" or "no verdict".
func (v Verdict) String() string {
	switch v {
	case InStep:
		return "in step"
	case NoVerdict:
		return "no verdict"
	}
	return "diverged"
}

// Reason is why a tensor diverged.
type Reason string

// A Result names the Kind as its cause unless the tensors were Measured.
const (
	// Outside: elements do not agree.
	Outside Reason = "outside"
	// NonFiniteReference: the reference has NaNs or infinities, which prove
	// nothing, and Rule.AllowNonFinite is not set.
	NonFiniteReference Reason = "non_finite_reference"
)

// Result is a Difference judged by a Rule.
type Result struct {
	Difference
	// Operation is the type of the operation that a tensor inside a graph is the
	// result of, "" for others.
	Operation string
	// Iteration says which iterations of a loop the result is of, nil outside loops
	// whose iterations are compared one by one.
	Iteration *Iteration
	Rule      Rule
	Verdict   Verdict
	Causes    []Reason // at least one if Diverged, none if InStep

	// Outside counts the elements that do not agree, StepsOutside the time
	// steps that have any.
	Outside      int
	StepsOutside int
	// First is the first element that does not agree, nil for none.
	First *Mismatch
	// Margin is the largest of |candidate-reference|/bound, a number of at
	// most 1 where all elements agree: 0 where the difference is 0, +Inf where
	// only the bound is, where NaNs or infinities do not agree, and where the
	// tensors could not be measured. With a Rule of ULP the distance in units
	// is divided by ULP instead; with both, the smaller quotient counts.
	Margin float64
	// MarginAt is the first place of that margin, nil where it is 0.
	MarginAt *Place
	// Smallest is the tolerance that would have let the tensor pass. It is nil
	// where none would, and for types without one.
	Smallest *Smallest
}

// Mismatch is an element that does not agree.
type Mismatch struct {
	Place
	// Abs is |candidate-reference|, NaN where it is not defined; AbsInt is the
	// same for integers without any rounding.
	Abs    float64
	AbsInt uint64
	// Bound is what Abs was compared with, NaN where nothing was.
	Bound float64
	// ULP is the distance in units in the last place, 0 where it is not
	// defined.
	ULP uint64
	// Margin is as in Result, for this element.
	Margin float64
}

// Judge applies its rule to every Difference. DefaultRule is used where rules
// is nil.
func Judge(differences []Difference, rules Rules) []Result {
	if rules == nil {
		rules = Uniform(DefaultRule())
	}
	out := make([]Result, len(differences))
	for i, d := range differences {
		out[i] = Result{Difference: d, Rule: rules(d.Name)}
		out[i].judge()
		out[i].findSmallest()
	}
	return out
}

func (r *Result) judge() {
	if r.Kind == Empty {
		r.Verdict = InStep // Report.Verdict requires that something was compared
		return
	}
	if r.Kind != Measured {
		r.Margin = math.Inf(1)
		r.Causes = []Reason{Reason(r.Kind)}
		return
	}
	if element := r.element(); element != nil && !r.identical() {
		r.judgeElements(element)
		if !r.DType().IsFloat() {
			r.First.countInts(r)
		}
	}
	if r.Outside > 0 {
		r.Causes = append(r.Causes, Outside)
	}
	if r.NonFinite.Reference.N > 0 && !r.Rule.AllowNonFinite {
		r.Causes = append(r.Causes, NonFiniteReference)
	}
	if len(r.Causes) == 0 {
		r.Verdict = InStep
	}
}

// findSmallest completes a result that was judged.
func (r *Result) findSmallest() {
	if s, ok := r.smallestPassing(r.Rule.given(), r.Rule.AllowNonFinite); ok {
		r.Smallest = &s
	}
}

// identical tells whether all elements are finite floats and the same bits: they
// agree by every rule.
func (d *Difference) identical() bool {
	return d.Kind == Measured && d.DType().IsFloat() && d.Finite == d.Elements && d.BitsDiffer == 0
}

// judgeElements judges every element; what element returns lacks its Place. A
// margin of at most 1 is agreement.
func (r *Result) judgeElements(element func(i int) Mismatch) {
	margin := func(i int) float64 { return element(i).Margin }
	if ref, ok := floatsOf(r.Reference); ok {
		cand, _ := floatsOf(r.Candidate)
		judge := floatJudge{ref: ref, cand: cand, sign: signBit(r.DType()), rule: r.Rule.ofElements()}
		margin = judge.margin
	}
	lastStep, marginAt := -1, -1
	for s, at := range runs(r.Reference.Shape(), r.Layout.Time) {
		for i := at.from; i < at.to; i++ {
			m := margin(i)
			if m > r.Margin {
				r.Margin, marginAt = m, i
			}
			if m <= 1 {
				continue
			}
			r.Outside++
			if r.First == nil {
				first := element(i)
				first.Place = *r.place(i)
				r.First = &first
			}
			if r.Layout.Time >= 0 && s != lastStep {
				r.StepsOutside++
				lastStep = s
			}
		}
	}
	r.MarginAt = r.placeIf(marginAt)
}

// elementRule is a rule as it is applied to one element after the other.
type elementRule struct {
	Rule
	bounds *BoundTolerance // the Tolerance, if it is one
}

func (rule Rule) ofElements() elementRule {
	e := elementRule{Rule: rule}
	if b, ok := rule.Tolerance.(BoundTolerance); ok {
		e.bounds = &b
	}
	return e
}

// bound is what the tolerance allows beside offset, which has a known reason, where
// the reference is b.
func (e *elementRule) bound(i int, b float64) (bound, offset float64) {
	if e.bounds == nil {
		return e.Tolerance.Bound(i, b), 0
	}
	if i >= len(e.bounds.Each) {
		return math.NaN(), 0
	}
	if i < len(e.bounds.Offset) {
		offset = e.bounds.Offset[i]
	}
	return e.bounds.Each[i], offset
}

// floatJudge judges floats.
type floatJudge struct {
	ref, cand floats
	sign      uint64
	rule      elementRule
}

// margin is Mismatch.Margin.
func (j *floatJudge) margin(i int) float64 {
	bits, other := j.cand.bits(i), j.ref.bits(i)
	if bits == other {
		return 0
	}
	rule, a, b := &j.rule, j.cand.at(i), j.ref.at(i)
	// NaN and infinities come first: a bound means nothing to them.
	switch {
	case rule.Bits, !finite(a) || !finite(b):
		if !rule.Bits && (a == b || math.IsNaN(a) && math.IsNaN(b)) {
			return 0
		}
		return math.Inf(1)
	case a == b: // 0 and -0
		return 0
	}
	m := math.Inf(1)
	if rule.ULP > 0 {
		ulp := ulpDistance(bits, other, j.sign)
		m = quotient(float64(ulp), float64(rule.ULP))
		if ulp > rule.ULP { // two counts beyond 2^53 may have one quotient
			m = max(m, math.Nextafter(1, 2))
		}
	}
	if rule.Tolerance != nil {
		if bound, offset := rule.bound(i, b); bound >= 0 && finite(bound) {
			m = min(m, quotient(math.Abs(a-b-offset), bound))
		}
	}
	return m
}

// mismatch describes an element, without its Place.
func (j *floatJudge) mismatch(i int) Mismatch {
	a, b := j.cand.at(i), j.ref.at(i)
	f := Mismatch{Abs: math.NaN(), Bound: math.NaN(), Margin: j.margin(i)}
	if !finite(a) || !finite(b) {
		return f
	}
	f.Abs = math.Abs(a - b)
	f.ULP = ulpDistance(j.cand.bits(i), j.ref.bits(i), j.sign)
	if !j.rule.Bits && j.rule.Tolerance != nil {
		f.Bound, _ = j.rule.bound(i, b)
	}
	return f
}

// quotient is x/bound for numbers that are not negative, 0/0 being 0. It is at
// most 1 exactly if x <= bound: the quotient of two different floats is never
// rounded to 1.
func quotient(x, bound float64) float64 {
	if x == 0 {
		return 0
	}
	return x / bound
}

func judgeExact(same bool) Mismatch {
	f := Mismatch{Abs: math.NaN(), Bound: math.NaN()}
	if !same {
		f.Margin = math.Inf(1)
	}
	return f
}

// countInts fills in the difference of the integers of a first mismatch.
func (f *Mismatch) countInts(r *Result) {
	ref, ok := intsOf(r.Reference)
	if f == nil || !ok {
		return
	}
	cand, _ := intsOf(r.Candidate)
	f.AbsInt = ref.distance(cand.at(f.Flat), ref.at(f.Flat))
	f.Abs = float64(f.AbsInt)
}
