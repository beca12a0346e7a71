package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Outcome is how one model fared in a run over several.
type Outcome struct {
	Model string
	// Report is nil where there is no verdict, and Err says why.
	Report *Report
	Err    error
}

// String says in one line how the model fared.
func (o *Outcome) String() string {
	s := clean(o.Model) + ": " + o.word()
	if reason := o.reason(); reason != "" {
		return s + ": " + clean(reason)
	}
	return s + ", margin " + o.margin()
}

// word says in a word or two how the model fared.
func (o *Outcome) word() string {
	if o.Err != nil || o.Report == nil {
		return "not run"
	}
	return o.Report.Verdict().String()
}

// reason says in one line why the model failed, "" if it did not.
func (o *Outcome) reason() string {
	switch {
	case o.Err != nil:
		return strings.Join(strings.Fields(o.Err.Error()), " ")
	case o.Report == nil:
		return "there is no report"
	case len(o.Report.Failures) > 0:
		return o.Report.Failures[0]
	}
	lead, first := o.Report.FirstDivergence()
	switch {
	case lead != nil && first != nil && first.First != nil:
		return answer(lead, "") + ": " + pair(first.First)
	case lead != nil:
		return answer(lead, "")
	case !o.Report.Compared():
		return "nothing was compared"
	case len(o.Report.NotRun) > 0:
		return o.Report.NotRun[0].String()
	}
	return ""
}

// pair sets both sides of a fault beside each other.
func pair(f *Fault) string { return f.Candidate.String() + ", want " + f.Reference.String() }

// margin returns the largest margin, "-" where there is none.
func (o *Outcome) margin() string {
	if o.Report == nil || len(o.Report.Comparisons) == 0 {
		return "-"
	}
	return up(marginOf(o.Report), 2)
}

// Summary writes a table of a row a model, for a reader.
func Summary(w io.Writer, outcomes []Outcome) error {
	var tab table
	tab.add("model", "verdict", "margin", "")
	for i := range outcomes {
		o := &outcomes[i]
		tab.add(clean(o.Model), o.word(), o.margin(), clean(o.reason()))
	}
	var b strings.Builder
	for _, l := range tab.lines(2, math.MaxInt32) { // a reason is worth a long line
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("compare: writing the summary: %w", err)
	}
	return nil
}
