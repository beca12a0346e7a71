package html

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// why is what a diagnosis found, the likely cause first.
type why struct {
	Title  string // says whether the cause is known
	Causes []cause
	// Words are the diagnosis's sentences besides its causes.
	Words []string
}

// cause is a known fault, and what remains of the divergence with it.
type cause struct {
	Text, Who     string
	Before, After string
	Vanishes      bool
}

// shownCauses bounds the causes that a page shows; a report in JSON has all.
const shownCauses = 3

// whyOf separates a report's diagnoses from its other notes.
func whyOf(r *compare.Report) (all []*why, notes []string) {
	var engines, answers *why
	if r.Diagnosis != nil {
		engines = whyEngines(r)
		all = append(all, engines)
	}
	if r.Answers != nil {
		answers = whyAnswers(r.Answers)
		all = append(all, answers)
	}
	for _, n := range r.Notes {
		said, diagnosis := strings.CutPrefix(n, "diagnosis: ")
		alone, fromAnswers := strings.CutPrefix(said, "from answers alone: ")
		switch {
		case diagnosis && answers != nil && fromAnswers:
			if len(r.Answers.Causes) == 0 || strings.Contains(alone, " were not tried") { // else the causes say it
				answers.Words = append(answers.Words, printable(alone))
			}
		case diagnosis && engines != nil && !fromAnswers:
			if !engines.says(said, r.Diagnosis.Causes) && !(r.Diagnosis.First != nil && strings.Contains(said, " first differ in ")) {
				engines.Words = append(engines.Words, printable(said))
			}
		default:
			notes = append(notes, printable(n))
		}
	}
	return all, notes
}

func whyEngines(r *compare.Report) *why {
	d := r.Diagnosis
	w := &why{Title: fmt.Sprintf("Why: none of %d known faults makes the divergence vanish", d.Tried)}
	reference, candidate := "the reference", "the candidate"
	if len(r.Comparisons) > 0 {
		reference, candidate = format.Printable(r.Comparisons[0].Reference), format.Printable(r.Comparisons[0].Candidate)
	}
	for _, e := range d.Causes[:min(len(d.Causes), shownCauses)] {
		who, other := candidate, reference
		if e.In == "reference" {
			who, other = reference, candidate
		}
		w.add(&e, fmt.Sprintf("%s computes what %s would with this fault: over %s", who, other, format.Printable(e.Over)))
	}
	if len(d.Causes) > 0 && d.Causes[0].Vanishes {
		w.Title = "Why"
	}
	if n := len(d.Causes) - len(w.Causes); n > 0 {
		w.Words = append(w.Words, fmt.Sprintf("%d more would explain it as well.", n))
	}
	return w
}

// whyAnswers is a diagnosis from answers alone: all causes are shown, since the
// answers cannot tell them apart.
func whyAnswers(d *compare.AnswersDiagnosis) *why {
	party := format.Printable(d.Party)
	w := &why{Title: "Why " + party + " differs, from its answers alone"}
	for i := range d.Causes {
		w.add(&d.Causes[i], party+" answers what the model computes with this fault: over the answers")
	}
	return w
}

func (w *why) add(c *compare.Cause, who string) {
	w.Causes = append(w.Causes, cause{
		Text: format.Printable(c.Text), Vanishes: c.Vanishes, Who: who,
		Before: fmt.Sprintf("%.3g", float64(c.Before)), After: fmt.Sprintf("%.3g", float64(c.Margin)),
	})
}

// says tells whether the page already shows what a note says.
func (w *why) says(note string, causes []compare.Cause) bool {
	for i := range causes {
		if strings.Contains(note, causes[i].Text) {
			return true
		}
	}
	return strings.HasPrefix(note, "none of ") || strings.HasSuffix(note, " more would explain it as well")
}
