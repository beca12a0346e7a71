package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// JUnit writes outcomes in the JUnit XML that CI systems read: a suite a model,
// a case a tensor of each comparison, and a case called "model" that carries
// what fails beside them, or why there is no verdict.
func JUnit(w io.Writer, outcomes []Outcome) error {
	all := junit.Testsuites{Name: "lockstep"}
	for i := range outcomes {
		suite, err := suiteOf(&outcomes[i], i)
		if err != nil {
			return err
		}
		all.AddSuite(suite)
	}
	if err := all.WriteXML(w); err != nil {
		return fmt.Errorf("compare: writing JUnit: %w", err)
	}
	return nil
}

func suiteOf(o *Outcome, id int) (junit.Testsuite, error) {
	suite := junit.Testsuite{Name: clean(o.Model), ID: id, Time: "0.000"}
	model := junit.Testcase{Name: "model", Classname: clean(o.Model)}
	if o.Err != nil || o.Report == nil {
		model.Error = &junit.Result{Type: "not run", Message: clean(o.reason()), Data: clean(o.reason())}
		suite.AddTestcase(model)
		return suite, nil
	}
	var text strings.Builder
	if err := Text(&text, o.Report, TextOptions{}); err != nil {
		return suite, err
	}
	suite.SystemOut = &junit.Output{Data: text.String()}
	if len(o.Report.Failures) > 0 || len(o.Report.Comparisons) == 0 {
		model.Failure = &junit.Result{Type: Diverged.String(), Message: clean(o.reason()), Data: cleaned(o.Report.Failures)}
	}
	suite.AddTestcase(model)
	for i := range o.Report.Comparisons {
		c := &o.Report.Comparisons[i]
		class := clean(o.Model) + ": " + clean(c.Candidate) + " and " + clean(c.Reference)
		if c.Title != "" {
			class += ", " + clean(c.Title)
		}
		if len(c.Results) == 0 {
			suite.AddTestcase(junit.Testcase{Name: "anything", Classname: class, Failure: &junit.Result{Type: Diverged.String(), Message: answer(c, "")}})
		}
		for j := range c.Results {
			suite.AddTestcase(caseOf(c, &c.Results[j], class))
		}
	}
	return suite, nil
}

// caseOf is one tensor of a comparison.
func caseOf(c *Comparison, r *Result, class string) junit.Testcase {
	tc := junit.Testcase{Name: clean(r.Name), Classname: class}
	if r.Verdict == InStep {
		return tc
	}
	one := Comparison{Reference: c.Reference, Candidate: c.Candidate, Results: []Result{*r}}
	message := answer(&one, "")
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
	tc.Failure = &junit.Result{Type: strings.Join(causes, ", "), Message: clean(message), Data: t.b.String()}
	return tc
}

// cleaned sets sentences below each other. XML has no way to write most control
// characters, and an annotation ends with its line.
func cleaned(sentences []string) string {
	out := make([]string, len(sentences))
	for i, s := range sentences {
		out[i] = clean(s)
	}
	return strings.Join(out, "\n")
}
