package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/table"
)

// TextOptions say how Text writes.
type TextOptions struct {
	// Color marks verdicts for a terminal.
	Color bool
	// Details is the number of diverged tensors of one comparison that are
	// described at length: 8 if 0, none if negative.
	Details int
	// Verbose writes tables and tolerances of comparisons that agree, too.
	Verbose bool
}

// defaultDetails is how many diverged tensors are described at length.
const defaultDetails = 8

// textWidth is the number of columns that a report keeps within, unless a
// single word is wider.
const textWidth = 100

// Text writes a report for a reader. It leads with the answer, and why it diverged
// as far as that is known; a comparison that agrees is one line. Errors are
// rounded up and bounds down, to a few digits; elements are written with all
// digits.
func Text(w io.Writer, r *compare.Report, o TextOptions) error {
	if o.Details == 0 {
		o.Details = defaultDetails
	}
	t := &text{options: o}
	t.report(r)
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("render: writing the report: %w", err)
	}
	return nil
}

// text is a report that is being written.
type text struct {
	options TextOptions
	b       strings.Builder
}

// line writes s, wrapped at spaces, each line after the first indented by hang.
func (t *text) line(indent, hang int, s string) {
	t.lines(format.Wrap(strings.Repeat(" ", indent), s, hang, textWidth))
}

func (t *text) lines(lines []string) {
	for _, l := range lines {
		t.b.WriteString(l + "\n")
	}
}

func (t *text) blank() { t.b.WriteString("\n") }

// verdict writes a line that starts with a verdict.
func (t *text) verdict(indent int, v compare.Verdict, s string) {
	lines := format.Wrap(strings.Repeat(" ", indent), v.String()+": "+s, indent+2, textWidth)
	lines[0] = strings.Replace(lines[0], v.String(), t.paint(v, v.String()), 1)
	t.lines(lines)
}

func (t *text) paint(v compare.Verdict, s string) string {
	switch {
	case !t.options.Color:
		return s
	case v == compare.InStep:
		return "\x1b[32m" + s + "\x1b[0m"
	case v == compare.NoVerdict:
		return "\x1b[33m" + s + "\x1b[0m"
	}
	return "\x1b[1;31m" + s + "\x1b[0m"
}

func (t *text) report(r *compare.Report) {
	on := ""
	if r.Model != "" {
		on = " on " + format.Printable(r.Model)
	}
	switch lead, first := r.FirstDivergence(); {
	case len(r.Failures) > 0:
		t.failures(r)
	case len(r.Comparisons) == 0:
		t.verdict(0, compare.Diverged, "nothing was compared"+on)
	case !r.Compared() && len(r.Comparisons[0].Results) > 0:
		t.verdict(0, compare.Diverged, "nothing was compared"+on+": every tensor that was computed is empty")
		t.sections(r, nil)
	case r.Verdict() == compare.NoVerdict:
		t.notRun(r, on)
	case len(r.Comparisons) == 1:
		c := &r.Comparisons[0]
		t.verdict(0, c.Verdict(), answer(c, on, c.Title)+figures(c))
		t.why(r)
		t.first(0, c, first)
		if t.long(c) {
			t.comparison(c, 0)
		} else if len(c.Notes) > 0 {
			t.notes(2, c.Notes)
		}
	default:
		t.several(r, on, lead, first)
	}
	if notes := t.notesOf(r); len(notes) > 0 {
		if t.options.Verbose || r.Verdict() != compare.InStep {
			t.blank()
		}
		t.notes(0, notes)
	}
}

// long tells whether a comparison gets more than its line.
func (t *text) long(c *compare.Comparison) bool {
	return t.options.Verbose || c.Verdict() != compare.InStep
}

// why says below the verdict why something diverged, if that is known.
func (t *text) why(r *compare.Report) {
	for _, w := range r.Why {
		t.line(2, 4, "why: "+because(w))
	}
}

// because is a note that says why, without the prefix of such notes.
func because(note string) string {
	return format.Printable(strings.Join(strings.Fields(strings.TrimPrefix(note, "diagnosis: ")), " "))
}

// several writes a report of more than one comparison: the answer, a line for
// each, and then the details of those that diverged.
func (t *text) several(r *compare.Report, on string, lead *compare.Comparison, first *compare.Result) {
	if lead == nil {
		var tensors, values int
		margin := 0.0
		for i := range r.Comparisons {
			c := &r.Comparisons[i]
			tensors, values, margin = tensors+len(c.Results), values+c.Elements(), max(margin, c.Margin())
		}
		t.verdict(0, compare.InStep, fmt.Sprintf("all agree%s (%s, %s, %s, margin %s)", on, format.Plural(len(r.Comparisons), "comparison"),
			format.Plural(tensors, "tensor"), format.Plural(values, "value"), format.RoundUp(margin, 2)))
	} else {
		n := 0
		for i := range r.Comparisons {
			if r.Comparisons[i].Verdict() != compare.InStep {
				n++
			}
		}
		t.verdict(0, compare.Diverged, fmt.Sprintf("%s (%d of %s)", answer(lead, on, lead.Title), n, format.Plural(len(r.Comparisons), "comparison")))
		t.why(r)
		t.firstStep(r, lead)
		t.first(0, lead, first)
		t.blank()
	}
	if t.options.Details == defaultDetails {
		t.options.Details = 2 // of each comparison, after a blank line
	}
	t.sections(r, lead)
}

// notRun writes a report whose comparisons agree, of which an engine is missing.
func (t *text) notRun(r *compare.Report, on string) {
	t.verdict(0, compare.NoVerdict, format.Printable(r.NotRun[0].String())+on)
	for _, n := range r.NotRun[1:] {
		t.line(2, 4, format.Printable(n.String()))
	}
	t.sections(r, nil)
}

// failures writes a report that fails for other reasons than its comparisons.
func (t *text) failures(r *compare.Report) {
	lead := format.Printable(r.Failures[0])
	if r.Model != "" {
		lead = format.Printable(r.Model) + ": " + lead
	}
	t.verdict(0, compare.Diverged, lead)
	t.why(r)
	for _, f := range r.Failures[1:] {
		t.line(2, 4, format.Printable(f))
	}
	t.sections(r, nil)
}

// sections writes a line for each comparison, and a section for each that
// diverged, or for all; lead's first divergence was described before.
func (t *text) sections(r *compare.Report, lead *compare.Comparison) {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		title := ""
		if c.Title != "" {
			title = format.Printable(c.Title) + ": "
		}
		t.verdict(2, c.Verdict(), title+answer(c, "", "")+figures(c))
		if !t.long(c) {
			t.notes(4, c.Notes)
		}
	}
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if !t.long(c) || allBits(c) && c.Verdict() == compare.InStep && len(c.AllNotes()) == 0 {
			continue
		}
		t.blank()
		t.line(0, 2, heading(r, c)+":")
		if c != lead {
			t.first(0, c, c.First())
		}
		t.comparison(c, 0)
	}
}

// heading is a section's title.
func heading(r *compare.Report, c *compare.Comparison) string {
	between := format.Printable(c.Candidate) + " and " + format.Printable(c.Reference)
	if c.Title == "" {
		return between
	}
	for i := range r.Comparisons {
		if other := &r.Comparisons[i]; other != c && other.Title == c.Title {
			return format.Printable(c.Title) + ", " + between
		}
	}
	return format.Printable(c.Title)
}

// comparison writes the table and what belongs below it.
func (t *text) comparison(c *compare.Comparison, indent int) {
	// Where every bit is the same, a table would hold nothing but zeros.
	if len(c.Results) > 0 && !(allBits(c) && c.Verdict() == compare.InStep) {
		t.blank()
		if c.Stepwise {
			t.layers(c, indent+4)
			t.blank()
		} else {
			t.tables(c, indent+4)
			t.blank()
			if c.Results[0].Operation == "" {
				t.line(indent+2, indent+4, smallestLine(c))
			}
		}
		t.line(indent+2, indent+4, ruleLine(c))
	}
	t.notes(indent+2, c.AllNotes())
	if !c.Stepwise { // whose table shows where each layer first diverges
		t.details(c, indent+2)
	}
}

func (t *text) notes(indent int, notes []string) {
	for _, n := range notes {
		for i, l := range strings.Split(n, "\n") {
			if i == 0 {
				t.line(indent, indent+2, "note: "+format.Printable(l))
			} else {
				t.line(indent+2, indent+2, format.Printable(l))
			}
		}
	}
}

// tables writes the results, those of each loop's iterations in a table of their own.
func (t *text) tables(c *compare.Comparison, indent int) {
	within := func(r *compare.Result) string {
		if r.Iteration == nil {
			return ""
		}
		return r.Iteration.Within()
	}
	for from := 0; from < len(c.Results); {
		in, to := within(&c.Results[from]), from+1
		for to < len(c.Results) && within(&c.Results[to]) == in {
			to++
		}
		if from > 0 {
			t.blank()
		}
		if in != "" {
			t.line(indent, indent+2, "in "+format.Printable(in)+", "+format.Plural(c.Results[from].Iteration.Compared, "iteration")+":")
		}
		t.table(c.Results[from:to], indent)
		from = to
	}
}

func (t *text) table(results []compare.Result, indent int) {
	tab := table.Table{Align: "llrrrrl", Indent: indent, Width: textWidth, Least: []int{minName, minShape}}
	folder := folderOf(results)
	if folder != "" {
		t.line(indent, indent+2, "inside "+format.Printable(strings.TrimSuffix(folder, "/"))+":")
	}
	tab.Add("tensor", "shape", "max abs", "max rel", "ulp", "margin", "verdict")
	for i := range results {
		r := &results[i]
		abs, rel, ulp := "-", "-", "-"
		switch {
		case r.Finite == 0: // nothing that could be subtracted
		case r.DType().IsFloat():
			abs, rel, ulp = format.RoundUp(r.MaxAbs, 3), format.RoundUp(r.MaxRel, 3), format.Count(r.MaxULP)
		default:
			abs, rel = format.Count(r.MaxAbsInt), format.RoundUp(r.MaxRel, 3)
		}
		if r.ZeroReference > 0 && r.MaxRel == 0 {
			rel = "-" // a 0 would say that all is well
		}
		name := format.Printable(r.Name[len(folder):])
		if r.Verdict != compare.InStep && r.Iteration != nil {
			name += ", " + r.Iteration.Which()
		}
		tab.Add(name, lockstep.FormatShape(r.Shape()), abs, rel, ulp, format.RoundUp(r.Margin, 3), Word(r))
	}
	for i, l := range tab.Lines() {
		if i > 0 {
			r := &results[i-1]
			cell := Word(r)
			l = strings.TrimSuffix(l, cell) + t.paint(r.Verdict, cell)
		}
		t.b.WriteString(l + "\n")
	}
}

// folderOf is what the names of tensors inside a graph begin with, up to a slash.
func folderOf(results []compare.Result) string {
	if len(results) < 2 || results[0].Operation == "" {
		return ""
	}
	folder := results[0].Name[:strings.LastIndexByte(results[0].Name, '/')+1]
	for i := range results {
		for folder != "" && !strings.HasPrefix(results[i].Name, folder) {
			folder = strings.TrimSuffix(folder, "/")
			folder = folder[:strings.LastIndexByte(folder, '/')+1]
		}
	}
	return folder
}

// The least that the two columns which may be shortened are shortened to.
const (
	minName  = 16
	minShape = 12
)

// notesOf are the report's notes without those shown below the verdict, and the
// engines that did not run where a divergence leads the report.
func (t *text) notesOf(r *compare.Report) []string {
	if r.Verdict() != compare.Diverged {
		return r.Notes
	}
	var out []string
	for _, n := range r.NotRun {
		out = append(out, n.String())
	}
	for _, n := range r.Notes {
		if !slices.Contains(r.Why, n) {
			out = append(out, n)
		}
	}
	return out
}
