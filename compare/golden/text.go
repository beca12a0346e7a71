package golden

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
)

// maxListed bounds how many changes of one kind are listed.
const maxListed = 8

// Summary says in one line what changed and where the answers first diverge.
func (r *Result) Summary() string {
	s := r.Change.String()
	switch r.Change {
	case Drifted:
		return s + ": " + r.Drift[0]
	case LayoutChanged:
		s += ": " + append(append([]string{}, r.Signature...), r.Layout...)[0]
	case WeightsChanged:
		s += ": " + r.Weights[0]
		if more := len(r.Weights) - 1; more > 0 {
			s += fmt.Sprintf(" and %d more", more)
		}
	}
	if r.Change != AnswersChanged && !r.Change.Failed() {
		return s
	}
	return s + ": " + r.answersInWords()
}

// answersInWords says how the answers compare.
func (r *Result) answersInWords() string {
	if r.Report == nil {
		return "the answers could not be compared"
	}
	c, first := r.Report.FirstDivergence()
	switch {
	case c == nil:
		return "answers the same within the tolerance"
	case first == nil:
		return "nothing was compared"
	case first.First == nil:
		return fmt.Sprintf("%s differs from %s, first at %s (%s)", c.Candidate, c.Reference, first.Name, first.Causes[0])
	}
	f := first.First
	return fmt.Sprintf("%s differs from %s, first at %s, %s: %s, want %s", c.Candidate, c.Reference, first.Name, &f.Place, f.Candidate, f.Reference)
}

// findings describes each difference from the golden in a sentence.
func (r *Result) findings() []string {
	var out []string
	for _, part := range []struct {
		what string
		list []string
	}{{"signature changed", r.Signature}, {"layout changed", r.Layout}, {"weights changed", r.Weights}, {"error grew", r.Drift}, {"files changed", r.Files}} {
		if len(part.list) == 0 {
			continue
		}
		shown := part.list[:min(len(part.list), maxListed)]
		s := part.what + ": " + strings.Join(shown, "; ")
		if more := len(part.list) - len(shown); more > 0 {
			s += fmt.Sprintf("; and %d more", more)
		}
		out = append(out, s)
	}
	return out
}

// FullReport returns the report on the answers under a title, with all other
// findings: for compare/render.
func (r *Result) FullReport(title string) *compare.Report {
	report := &compare.Report{Model: title}
	if r.Report != nil {
		report.Comparisons = r.Report.Comparisons
		report.Notes = append(report.Notes, r.Report.Notes...)
		report.Why, report.Answers = r.Report.Why, r.Report.Answers
	}
	if r.Change.Failed() {
		report.Failures = append([]string{r.Summary()}, r.findings()...)
	} else {
		report.Notes = append(report.Notes, r.findings()...)
	}
	if r.Change == FilesChanged {
		report.Notes = append(report.Notes, r.Change.String())
	}
	if r.Change == AnswersChanged && len(r.Golden.Header.Weights) > 0 {
		report.Notes = append(report.Notes, "the weights are the golden's")
	}
	report.Notes = append(report.Notes, r.Notes...)
	return report
}

// oneLine joins the lines of an error.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
