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

// whyOf separates a report's diagnosis from its other notes.
func whyOf(r *compare.Report) (*why, []string) {
	var w *why
	d := r.Diagnosis
	if d != nil {
		w = &why{Title: fmt.Sprintf("Why: none of %d known faults makes the divergence vanish", d.Tried)}
		reference, candidate := "the reference", "the candidate"
		if len(r.Comparisons) > 0 {
			reference, candidate = format.Printable(r.Comparisons[0].Reference), format.Printable(r.Comparisons[0].Candidate)
		}
		for _, e := range d.Causes[:min(len(d.Causes), shownCauses)] {
			who, other := candidate, reference
			if e.In == "reference" {
				who, other = reference, candidate
			}
			w.Causes = append(w.Causes, cause{
				Text: format.Printable(e.Text), Vanishes: e.Vanishes,
				Who:    fmt.Sprintf("%s computes what %s would with this fault: over %s", who, other, format.Printable(e.Over)),
				Before: fmt.Sprintf("%.3g", float64(e.Before)), After: fmt.Sprintf("%.3g", float64(e.Margin)),
			})
		}
		if len(d.Causes) > 0 && d.Causes[0].Vanishes {
			w.Title = "Why"
		}
		if n := len(d.Causes) - len(w.Causes); n > 0 {
			w.Words = append(w.Words, fmt.Sprintf("%d more would explain it as well.", n))
		}
	}
	var notes []string
	for _, n := range r.Notes {
		said, diagnosis := strings.CutPrefix(n, "diagnosis: ")
		switch {
		case w == nil || !diagnosis:
			notes = append(notes, printable(n))
		case !w.says(said, d):
			w.Words = append(w.Words, printable(said))
		}
	}
	return w, notes
}

// says tells whether the page already shows what a note says.
func (w *why) says(note string, d *compare.Diagnosis) bool {
	for _, e := range d.Causes {
		if strings.Contains(note, e.Text) {
			return true
		}
	}
	return d.First != nil && strings.Contains(note, " first differ in ") || strings.HasPrefix(note, "none of ") || strings.HasSuffix(note, " more would explain it as well")
}
