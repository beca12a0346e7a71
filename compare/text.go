package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// TextOptions say how Text writes.
type TextOptions struct {
	// Color marks verdicts for a terminal.
	Color bool
	// Details is the number of diverged tensors of one comparison that are
	// described at length: DefaultDetails if 0, none if negative.
	Details int
}

// DefaultDetails is how many diverged tensors are described at length.
const DefaultDetails = 8

// textWidth is the number of columns that a report keeps within, unless a
// single word is wider.
const textWidth = 100

// Text writes a report for a reader. It leads with the answer; what was
// measured follows. Errors are rounded up and bounds down, to a few digits;
// elements are written with all their digits.
func Text(w io.Writer, r *Report, o TextOptions) error {
	if o.Details == 0 {
		o.Details = DefaultDetails
	}
	t := &text{options: o}
	t.report(r)
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("compare: writing the report: %w", err)
	}
	return nil
}

// text is a report in the making.
type text struct {
	options TextOptions
	b       strings.Builder
}

// line writes s, broken at spaces, each line after the first indented by hang.
func (t *text) line(indent, hang int, s string) {
	t.lines(wrap(strings.Repeat(" ", indent), s, hang, textWidth))
}

func (t *text) lines(lines []string) {
	for _, l := range lines {
		t.b.WriteString(l + "\n")
	}
}

func (t *text) blank() { t.b.WriteString("\n") }

// verdict writes a line that starts with a verdict.
func (t *text) verdict(indent int, v Verdict, s string) {
	lines := wrap(strings.Repeat(" ", indent), v.String()+": "+s, indent+2, textWidth)
	lines[0] = strings.Replace(lines[0], v.String(), t.paint(v, v.String()), 1)
	t.lines(lines)
}

func (t *text) paint(v Verdict, s string) string {
	switch {
	case !t.options.Color:
		return s
	case v == InStep:
		return "\x1b[32m" + s + "\x1b[0m"
	case v == NoVerdict:
		return "\x1b[33m" + s + "\x1b[0m"
	}
	return "\x1b[1;31m" + s + "\x1b[0m"
}

func (t *text) report(r *Report) {
	on := ""
	if r.Model != "" {
		on = " on " + clean(r.Model)
	}
	switch lead, first := r.FirstDivergence(); {
	case len(r.Failures) > 0:
		t.failures(r)
	case len(r.Comparisons) == 0:
		t.verdict(0, Diverged, "nothing was compared"+on)
	case !r.Compared() && len(r.Comparisons[0].Results) > 0:
		t.verdict(0, Diverged, "nothing was compared"+on+": every tensor that was computed is empty")
		t.sections(r, nil)
	case r.Verdict() == NoVerdict:
		t.notRun(r, on)
	case len(r.Comparisons) == 1:
		c := &r.Comparisons[0]
		if c.Title != "" {
			on += ", " + clean(c.Title)
		}
		t.verdict(0, c.Verdict(), answer(c, on)+figures(c))
		t.first(0, c, first)
		t.comparison(c, 0)
	default:
		t.several(r, on, lead, first)
	}
	if notes := r.notes(); len(notes) > 0 {
		t.blank()
		t.notes(0, notes)
	}
}

// several writes a report of more than one comparison: the answer, and a
// section for each.
func (t *text) several(r *Report, on string, lead *Comparison, first *Result) {
	if lead == nil {
		var tensors, values int
		margin := 0.0
		for i := range r.Comparisons {
			c := &r.Comparisons[i]
			tensors, values, margin = tensors+len(c.Results), values+c.Elements(), max(margin, c.Margin())
		}
		t.verdict(0, InStep, fmt.Sprintf("all agree%s (%s, %s, %s, margin %s)", on, plural(len(r.Comparisons), "comparison"),
			plural(tensors, "tensor"), plural(values, "value"), up(margin, 2)))
	} else {
		n := 0
		for i := range r.Comparisons {
			if r.Comparisons[i].Verdict() != InStep {
				n++
			}
		}
		if lead.Title != "" {
			on += ", " + clean(lead.Title)
		}
		t.verdict(0, Diverged, fmt.Sprintf("%s (%d of %s)", answer(lead, on), n, plural(len(r.Comparisons), "comparison")))
		t.first(0, lead, first)
		t.firstStep(r, lead)
	}
	if t.options.Details == DefaultDetails {
		t.options.Details = 2 // of each comparison, and the reader sees the end of them
	}
	t.sections(r, lead)
}

// notRun writes a report whose comparisons agree, of which an engine is missing.
func (t *text) notRun(r *Report, on string) {
	t.verdict(0, NoVerdict, clean(r.NotRun[0].String())+on)
	for _, n := range r.NotRun[1:] {
		t.line(2, 4, clean(n.String()))
	}
	t.sections(r, nil)
}

// failures writes a report that fails by more than its comparisons.
func (t *text) failures(r *Report) {
	lead := clean(r.Failures[0])
	if r.Model != "" {
		lead = clean(r.Model) + ": " + lead
	}
	t.verdict(0, Diverged, lead)
	for _, f := range r.Failures[1:] {
		t.line(2, 4, clean(f))
	}
	t.sections(r, nil)
}

// sections writes a section for each comparison; lead's first divergence was
// described before.
func (t *text) sections(r *Report, lead *Comparison) {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		title := ""
		if c.Title != "" {
			title = clean(c.Title) + ": "
		}
		t.blank()
		t.verdict(2, c.Verdict(), title+answer(c, "")+figures(c))
		if c != lead {
			t.first(2, c, c.First())
		}
		t.comparison(c, 2)
	}
}

// answer says in one clause how a comparison came out.
func answer(c *Comparison, on string) string {
	ref, cand := clean(c.Reference), clean(c.Candidate)
	first := c.First()
	switch {
	case len(c.Results) == 0:
		return fmt.Sprintf("nothing of %s and %s was compared%s", cand, ref, on)
	case first == nil && allBits(c):
		return fmt.Sprintf("%s agrees bit for bit with %s%s", cand, ref, on)
	case first == nil:
		return fmt.Sprintf("%s agrees with %s%s", cand, ref, on)
	case first.First != nil:
		return fmt.Sprintf("%s parts from %s%s at %s, %s", cand, ref, on, clean(first.Name), &first.First.Place)
	case first.Kind == Measured:
		return fmt.Sprintf("%s proves nothing%s at %s, where it is not finite", ref, on, clean(first.Name))
	}
	return fmt.Sprintf("%s parts from %s%s at %s", cand, ref, on, clean(first.Name))
}

// figures gives a comparison's extent in brackets.
func figures(c *Comparison) string {
	tensors, values := plural(len(c.Results), "tensor"), plural(c.Elements(), "value")
	switch {
	case len(c.Results) == 0:
		return ""
	case c.Verdict() != InStep:
		return fmt.Sprintf(" (%d of %s, %d of %s outside, margin %s)", c.Diverged(), tensors, c.Outside(), values, up(c.Margin(), 2))
	case allBits(c):
		return fmt.Sprintf(" (%s, %s)", tensors, values)
	}
	return fmt.Sprintf(" (%s, %s, margin %s)", tensors, values, up(c.Margin(), 2))
}

func allBits(c *Comparison) bool {
	for i := range c.Results {
		if !c.Results[i].Rule.Bits {
			return false
		}
	}
	return true
}

// comparison writes the table and what belongs below it.
func (t *text) comparison(c *Comparison, indent int) {
	// Where every bit is the same, a table would hold nothing but zeros.
	if len(c.Results) > 0 && !(allBits(c) && c.Verdict() == InStep) {
		t.blank()
		if c.Stepwise {
			t.layers(c, indent+4)
			t.blank()
		} else {
			t.table(c, indent+4)
			t.blank()
			t.line(indent+2, indent+4, smallestLine(c))
		}
		t.line(indent+2, indent+4, ruleLine(c))
	}
	if len(c.Notes) > 0 {
		t.notes(indent+2, c.Notes)
	}
	if !c.Stepwise { // whose table tells where each layer parts first
		t.details(c, indent+2)
	}
}

func (t *text) notes(indent int, notes []string) {
	for _, n := range notes {
		for i, l := range strings.Split(n, "\n") {
			if i == 0 {
				t.line(indent, indent+2, "note: "+clean(l))
			} else {
				t.line(indent+2, indent+2, clean(l))
			}
		}
	}
}

func (t *text) table(c *Comparison, indent int) {
	var tab table
	tab.add("tensor", "shape", "max abs", "max rel", "ulp", "margin", "verdict")
	for i := range c.Results {
		r := &c.Results[i]
		abs, rel, ulp := "-", "-", "-"
		switch {
		case r.Finite == 0: // nothing that could be subtracted
		case r.DType().IsFloat():
			abs, rel, ulp = up(r.MaxAbs, 3), up(r.MaxRel, 3), count(r.MaxULP)
		default:
			abs, rel = count(r.MaxAbsInt), up(r.MaxRel, 3)
		}
		if r.ZeroReference > 0 && r.MaxRel == 0 {
			rel = "-" // a 0 would say that all is well
		}
		tab.add(clean(r.Name), lockstep.FormatShape(r.Shape()), abs, rel, ulp, up(r.Margin, 3), verdictCell(r))
	}
	for i, l := range tab.lines(indent, textWidth) {
		if i > 0 {
			r := &c.Results[i-1]
			cell := verdictCell(r)
			l = strings.TrimSuffix(l, cell) + t.paint(r.Verdict, cell)
		}
		t.b.WriteString(l + "\n")
	}
}

// verdictCell says in a word or two how a tensor came out.
func verdictCell(r *Result) string {
	switch {
	case r.Kind == DTypeMismatch:
		return "other type"
	case r.Kind == ShapeMismatch:
		return "other shape"
	case r.Kind != Measured:
		return string(r.Kind)
	case r.Verdict != InStep && r.Outside == 0:
		return "not finite"
	}
	return r.Verdict.String()
}
