package diagnose

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
)

// named bounds the causes of answers that are named in words; a report has all as
// fields.
const named = 8

// ReportAnswers adds a diagnosis from answers alone to a report, in words and as
// fields. It adds nothing where the answers agree with the model.
func (f *Result) ReportAnswers(r *compare.Report, party string) {
	if f.Agree {
		return
	}
	r.Answers = &compare.AnswersDiagnosis{Party: party, Causes: []compare.Cause{}, Tried: f.Tried, Untried: f.Untried, Pairs: f.Pairs, AllPairs: f.AllPairs}
	for _, c := range f.Causes {
		r.Answers.Causes = append(r.Answers.Causes, c.explanation())
	}
	r.Explain(f.AnswersWords(party))
	if f.Untried > 0 {
		r.Notes = append(r.Notes, "diagnosis: from answers alone: "+f.untried())
	}
}

// AnswersWords describes a diagnosis from answers alone.
func (f *Result) AnswersWords(party string) string {
	say := func(format string, args ...any) string {
		return "diagnosis: from answers alone: " + fmt.Sprintf(format, args...)
	}
	tried := fmt.Sprintf("%d known faults", f.Tried)
	switch {
	case f.Pairs > 0 && f.Pairs < f.AllPairs:
		tried += fmt.Sprintf(", and %d of %d pairs of them,", f.Pairs, f.AllPairs)
	case f.Pairs > 0:
		tried += fmt.Sprintf(", and %d pairs of them,", f.Pairs)
	}
	if len(f.Causes) == 0 {
		return say("none of %s explains the values of %s", tried, party)
	}
	tried = strings.TrimSuffix(tried, ",")
	first := f.Causes[0]
	if len(f.Causes) == 1 {
		return say("the values of %s are what the model computes with %s: %s; the largest |difference|/bound falls from %.3g to %.3g (tried: %s)",
			party, oneOf(first), first, first.Before, first.Margin, tried)
	}
	var causes []string
	worst := 0.0
	for i, c := range f.Causes {
		worst = max(worst, c.Margin)
		if i < named {
			causes = append(causes, c.String())
		}
	}
	more := ""
	if n := len(f.Causes) - named; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return say("the values of %s are what the model computes with any one of %d faults, which they cannot tell apart: %s%s; the largest |difference|/bound falls from %.3g to at most %.3g (tried: %s)",
		party, len(f.Causes), strings.Join(causes, "; "), more, first.Before, worst, tried)
}

func oneOf(c Cause) string {
	if !c.alike() {
		return "these two faults"
	}
	return "this fault"
}
