package render

import (
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// Case is one thing about a model that passes or fails, as test reports count
// them.
type Case struct {
	// Class groups the cases, and Name is the tensor, or "model" for what fails
	// outside the comparisons or keeps a model from running.
	Class, Name string
	// Failed and NotRun give the result; it passed if neither is set.
	Failed, NotRun bool
	// Type says in a word or two why, Message in one line, and Text at length.
	Type, Message, Text string
}

// Cases returns one case for the model itself and one for each tensor of each
// comparison. None of them has a character that cannot be printed.
func Cases(o *compare.Outcome) []Case {
	model := Case{Class: format.Printable(o.Model), Name: "model"}
	if o.Err != nil || o.Report == nil {
		model.NotRun, model.Type, model.Message, model.Text = true, "not run", format.Printable(reason(o)), format.Printable(reason(o))
		return []Case{model}
	}
	switch {
	case len(o.Report.NotRun) > 0:
		model.NotRun, model.Type, model.Message = true, "not run", format.Printable(o.Report.NotRun[0].String())
		model.Text = model.Message
	case len(o.Report.Failures) > 0 || !o.Report.Compared():
		model.Failed, model.Type, model.Message, model.Text = true, compare.Diverged.String(), format.Printable(reason(o)), cleaned(o.Report.Failures)
	}
	out := []Case{model}
	for i := range o.Report.Comparisons {
		c := &o.Report.Comparisons[i]
		class := format.Printable(o.Model) + ": " + format.Printable(c.Candidate) + " and " + format.Printable(c.Reference)
		if c.Title != "" {
			class += ", " + format.Printable(c.Title)
		}
		if len(c.Results) == 0 {
			out = append(out, Case{Class: class, Name: "anything", Failed: true, Type: compare.Diverged.String(), Message: answer(c, "", "")})
		}
		for j := range c.Results {
			out = append(out, caseOf(c, &c.Results[j], class))
		}
	}
	return out
}

// caseOf is one tensor of a comparison.
func caseOf(c *compare.Comparison, r *compare.Result, class string) Case {
	out := Case{Class: class, Name: Named(r)}
	if r.Verdict == compare.InStep {
		return out
	}
	one := compare.Comparison{Reference: c.Reference, Candidate: c.Candidate, Results: []compare.Result{*r}}
	message := answer(&one, "", "")
	if r.First != nil {
		message += ": " + pair(r.First)
	}
	var causes []string
	for _, cause := range r.Causes {
		causes = append(causes, string(cause))
	}
	t := &text{options: TextOptions{Details: 1}}
	t.first(0, &one, r)
	t.comparison(&one, 0)
	out.Failed, out.Type, out.Message, out.Text = true, strings.Join(causes, ", "), format.Printable(message), t.b.String()
	return out
}

// cleaned puts sentences on separate lines. XML cannot write most control
// characters, and an annotation ends with its line.
func cleaned(sentences []string) string {
	out := make([]string, len(sentences))
	for i, s := range sentences {
		out[i] = format.Printable(s)
	}
	return strings.Join(out, "\n")
}
