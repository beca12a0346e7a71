package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/table"
)

// Line gives a model's result in one line.
func Line(o *compare.Outcome) string {
	s := format.Printable(o.Model) + ": " + word(o)
	if why := reason(o); why != "" {
		return s + ": " + format.Printable(why)
	}
	return s + ", margin " + margin(o)
}

// word gives the model's result in a word or two.
func word(o *compare.Outcome) string {
	if o.Err != nil || o.Report == nil {
		return "not run"
	}
	return o.Report.Verdict().String()
}

// reason says in one line why the model failed, "" if it did not.
func reason(o *compare.Outcome) string {
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
		return answer(lead, "", "") + ": " + pair(first.First)
	case lead != nil:
		return answer(lead, "", "")
	case !o.Report.Compared():
		return "nothing was compared"
	case len(o.Report.NotRun) > 0:
		return o.Report.NotRun[0].String()
	}
	return ""
}

// pair writes both sides of a mismatch next to each other.
func pair(f *compare.Mismatch) string { return f.Candidate.String() + ", want " + f.Reference.String() }

// margin returns the largest margin, "-" where there is none.
func margin(o *compare.Outcome) string {
	if o.Report == nil || len(o.Report.Comparisons) == 0 {
		return "-"
	}
	return format.RoundUp(o.Report.Margin(), 2)
}

// Summary writes a table of a row a model, for a reader.
func Summary(w io.Writer, outcomes []compare.Outcome) error {
	t := table.Table{Align: "llrl", Indent: 2} // of any width: reasons may be long
	t.Add("model", "verdict", "margin", "")
	for i := range outcomes {
		o := &outcomes[i]
		t.Add(format.Printable(o.Model), word(o), margin(o), format.Printable(reason(o)))
	}
	if err := t.Write(w); err != nil {
		return fmt.Errorf("render: writing the summary: %w", err)
	}
	return nil
}
