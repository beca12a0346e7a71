// Package html writes the reports of package compare as one HTML page: a file
// that opens from disk, without a network. It leads with the verdict and the
// place where the engines first diverge; error, margin and values along time, unit
// by unit, follow as charts, and every figure of the report as a table.
//
// Nothing is judged or measured here, and a program that uses compare alone
// does not include the charting library (internal/page).
//
// Verdict, diagnosis and tables need no JavaScript. Text from a model, its path
// or its tensors' names, is always escaped.
//
// The page's data is bounded for long sequences: see Write.
package html

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/page"
)

var (
	//go:embed report.tmpl
	reportTemplate string
	//go:embed report.js
	reportScript string
	//go:embed report.css
	reportStyle string
)

var pageTemplate = template.Must(template.New("report").Parse(reportTemplate))

// document is what the template shows.
type document struct {
	Title          string
	Good           bool
	Style          template.CSS
	Library, Drawn template.JS
	Reports        []section
}

// section is one model's part of the page.
type section struct {
	Model   string
	Verdict string // or "not run"
	Good    bool
	lead
	Why         []*why
	Comparisons []comparison
	Notes       []string
	Data        template.JS // null where there is nothing to draw
}

// Write writes the reports of one or more models as one page.
//
// Of a report's results those of floats with a batch, a time and a unit axis
// are drawn. Sequences of more than 400 steps are drawn in buckets, and of more
// than 128 units in groups: of each the element with the largest margin is
// kept, so that no mismatch is lost. Values over time are those of one batch
// row, the one of the layer's first or worst mismatch, and where they would be
// too many, of the units with the largest margins. The page says where
// something was left out.
func Write(w io.Writer, reports ...*compare.Report) error {
	outcomes := make([]compare.Outcome, len(reports))
	for i, r := range reports {
		outcomes[i] = compare.Outcome{Model: r.Model, Report: r}
	}
	return WriteOutcomes(w, outcomes)
}

// WriteOutcomes writes the same page, with the models that have no report among
// the others.
func WriteOutcomes(w io.Writer, outcomes []compare.Outcome) error {
	doc := document{
		Title: "lockstep: nothing was compared", Style: page.Style() + template.CSS(reportStyle),
		Library: page.Script(), Drawn: template.JS(reportScript),
	}
	doc.Good = len(outcomes) > 0
	for i := range outcomes {
		s, err := newSection(&outcomes[i])
		if err != nil {
			return fmt.Errorf("compare/render/html: %w", err)
		}
		doc.Good = doc.Good && s.Good
		doc.Reports = append(doc.Reports, s)
	}
	if len(outcomes) > 0 {
		doc.Title = "lockstep: " + compare.Overall(outcomes).String()
		if !doc.Good && len(doc.Reports) == 1 {
			doc.Title += ": " + doc.Reports[0].Headline
		}
	}
	if err := pageTemplate.Execute(w, doc); err != nil {
		return fmt.Errorf("compare/render/html: writing the report: %w", err)
	}
	return nil
}

func newSection(o *compare.Outcome) (section, error) {
	r := o.Report
	if o.Err != nil || r == nil {
		why := render.Cases(o)[0].Message
		return section{Model: format.Printable(o.Model), Verdict: "not run", lead: lead{Headline: "it could not be run", Sentence: why}, Data: "null"}, nil
	}
	s := section{Model: format.Printable(r.Model), Verdict: r.Verdict().String(), Good: r.Verdict() == compare.InStep, lead: leadOf(r)}
	for i := range r.Comparisons {
		s.Comparisons = append(s.Comparisons, tableOf(&r.Comparisons[i]))
	}
	s.Why, s.Notes = whyOf(r)
	var err error
	s.Data, err = pictures(r, s.lead)
	return s, err
}
