package render

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

func encodeReport(r *compare.Report) jsonReport {
	out := jsonReport{Model: r.Model, Verdict: verdictWord(r.Verdict()), Comparisons: []jsonComparison{}, Failures: r.Failures, Notes: list(r.Notes), Diagnosis: encodeDiagnosis(r.Diagnosis), Answers: encodeAnswers(r.Answers)}
	for _, n := range r.NotRun {
		out.NotRun = append(out.NotRun, jsonNotRun{n.Engine, n.Err.Error()})
	}
	if c, first := r.FirstDivergence(); c != nil {
		d := jsonDivergence{Title: c.Title, Reference: c.Reference, Candidate: c.Candidate, Causes: []compare.Reason{}}
		if first != nil {
			d.Name, d.Causes, d.First = &first.Name, list(first.Causes), encodeFault(first)
			d.Iteration = encodeIteration(first)
		}
		out.FirstDivergence = &d
	}
	for i := range r.Comparisons {
		out.Comparisons = append(out.Comparisons, encodeComparison(&r.Comparisons[i]))
	}
	return out
}

func encodeComparison(c *compare.Comparison) jsonComparison {
	out := jsonComparison{
		Title:     c.Title,
		Reference: c.Reference,
		Candidate: c.Candidate,
		Verdict:   verdictWord(c.Verdict()),
		Tensors:   len(c.Results),
		Diverged:  c.Diverged(),
		Elements:  c.Elements(),
		Outside:   c.Outside(),
		Margin:    format.Number(c.Margin()),
		Results:   []jsonResult{},
		Notes:     list(c.AllNotes()),
	}
	if s, ok := c.Smallest(); ok {
		out.Smallest = encodeSmallest(&s)
	}
	for i := range c.Results {
		out.Results = append(out.Results, encodeResult(&c.Results[i]))
	}
	return out
}

func encodeResult(r *compare.Result) jsonResult {
	float := r.Kind == compare.Measured && r.DType().IsFloat()
	isNumber := r.Finite > 0
	out := jsonResult{
		Name:          r.Name,
		Verdict:       verdictWord(r.Verdict),
		Kind:          r.Kind,
		Causes:        list(r.Causes),
		Rule:          encodeRule(r.Rule),
		Reference:     encodeTensor(r.Reference),
		Candidate:     encodeTensor(r.Candidate),
		Elements:      r.Elements,
		Outside:       r.Outside,
		StepsOutside:  r.StepsOutside,
		First:         encodeFault(r),
		Margin:        format.Number(r.Margin),
		MarginAt:      encodePlace(r.MarginAt),
		Smallest:      encodeSmallest(r.Smallest),
		Differ:        r.Differ,
		BitsDiffer:    r.BitsDiffer,
		Finite:        r.Finite,
		MaxAbs:        distance(r.DType(), isNumber, r.MaxAbs, r.MaxAbsInt),
		MeanAbs:       numberIf(isNumber, r.MeanAbs),
		MaxRel:        numberIf(isNumber, r.MaxRel),
		ZeroReference: r.ZeroReference,
		MaxULP:        ulpIf(float && isNumber, r.MaxULP),
		Worst:         encodePlace(r.Worst),
		WorstRel:      encodePlace(r.WorstRel),
		WorstULP:      encodePlace(r.WorstULP),
	}
	out.Iteration = encodeIteration(r)
	if out.Operation = r.Operation; r.Released() {
		out.Reference = &jsonTensor{DType: r.DType().String(), Shape: list(r.Shape())}
		out.Candidate = out.Reference
	}
	if float {
		out.NonFinite = encodeNonFinite(&r.NonFinite)
	}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, jsonStep{
			MaxAbs:    distance(r.DType(), isNumber, s.MaxAbs, s.MaxAbsInt),
			MaxULP:    ulpIf(float, s.MaxULP),
			Differ:    s.Differ,
			NonFinite: s.NonFinite,
		})
	}
	return out
}

func encodeIteration(r *compare.Result) *jsonIteration {
	i := r.Iteration
	if i == nil {
		return nil
	}
	return &jsonIteration{i.Loop, i.Number, i.Condition, i.Compared, i.Diverged}
}

// distance is the exact form of |candidate-reference|, null without a meaning.
func distance(d lockstep.DType, ok bool, abs float64, absInt uint64) any {
	switch {
	case !ok || math.IsNaN(abs):
		return nil
	case d.IsFloat():
		return format.Number(abs)
	}
	return absInt
}

func encodeRule(r compare.Rule) jsonRule {
	f, fixed := r.Tolerance.(compare.FixedTolerance)
	return jsonRule{
		Text:           r.String(),
		Atol:           numberIf(fixed, f.Atol),
		Rtol:           numberIf(fixed, f.Rtol),
		ULP:            r.ULP,
		Bits:           r.Bits,
		AllowNonFinite: r.AllowNonFinite,
	}
}

func encodeTensor(t *lockstep.Tensor) *jsonTensor {
	if t == nil {
		return nil
	}
	return &jsonTensor{DType: t.DType().String(), Shape: list(t.Shape())}
}

func encodePlace(p *compare.Place) *jsonPlace {
	if p == nil {
		return nil
	}
	return &jsonPlace{
		Index:     list(p.Index),
		Flat:      p.Flat,
		Batch:     axisIf(p.Batch),
		Step:      axisIf(p.Step),
		Unit:      axisIf(p.Unit),
		Reference: jsonValue{p.Reference},
		Candidate: jsonValue{p.Candidate},
	}
}

func encodeFault(r *compare.Result) *jsonFault {
	f := r.First
	if f == nil {
		return nil
	}
	return &jsonFault{
		jsonPlace: *encodePlace(&f.Place),
		Abs:       distance(r.DType(), true, f.Abs, f.AbsInt),
		Bound:     numberIf(!math.IsNaN(f.Bound), f.Bound),
		ULP:       ulpIf(r.DType().IsFloat() && !math.IsNaN(f.Abs), f.ULP),
		Margin:    format.Number(f.Margin),
	}
}

func encodeSmallest(s *compare.Smallest) *jsonSmallest {
	if s == nil {
		return nil
	}
	return &jsonSmallest{
		GivenAtol: format.Number(s.Given.Atol),
		GivenRtol: format.Number(s.Given.Rtol),
		Atol:      format.Number(s.Atol),
		Rtol:      format.Number(s.Rtol),
		AtolAlone: format.Number(s.AtolAlone),
		ULP:       s.ULP,
	}
}

func encodeNonFinite(n *compare.NonFinite) *jsonNonFinite {
	count := func(c compare.Count) jsonCount { return jsonCount{Count: c.N, First: encodePlace(c.First)} }
	return &jsonNonFinite{
		Reference:      count(n.Reference),
		Candidate:      count(n.Candidate),
		BothNaN:        count(n.BothNaN),
		SameInf:        count(n.SameInf),
		NaNInReference: count(n.NaNInReference),
		NaNInCandidate: count(n.NaNInCandidate),
		InfInReference: count(n.InfInReference),
		InfInCandidate: count(n.InfInCandidate),
		OppositeInf:    count(n.OppositeInf),
	}
}

func encodeDiagnosis(d *compare.Diagnosis) *jsonDiagnosis {
	if d == nil {
		return nil
	}
	out := &jsonDiagnosis{Suspects: d.Suspects, Tried: d.Tried, Untried: d.Untried}
	if d.First != nil {
		first := jsonFirst(*d.First)
		out.First = &first
	}
	if d.Causes != nil {
		out.Causes = []jsonCause{}
	}
	for i := range d.Causes {
		out.Causes = append(out.Causes, encodeCause(&d.Causes[i]))
	}
	return out
}

func encodeAnswers(d *compare.AnswersDiagnosis) *jsonAnswers {
	if d == nil {
		return nil
	}
	out := &jsonAnswers{Party: d.Party, Causes: []jsonCause{}, Tried: d.Tried, Untried: d.Untried, Pairs: d.Pairs, AllPairs: d.AllPairs}
	for i := range d.Causes {
		out.Causes = append(out.Causes, encodeCause(&d.Causes[i]))
	}
	return out
}

func encodeCause(c *compare.Cause) jsonCause {
	cause := jsonCause{Text: c.Text, Kind: c.Kind, Layers: c.Layers, In: c.In, Before: format.Number(c.Before), Margin: format.Number(c.Margin), Over: c.Over, Vanishes: c.Vanishes}
	if c.Weight != nil {
		weight := jsonWeight(*c.Weight)
		cause.Weight = &weight
	}
	return cause
}
