package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// maxStepsShown is the number of time steps whose errors are written out.
const maxStepsShown = 16

// first writes where a comparison first diverges, with both values.
func (t *text) first(indent int, c *compare.Comparison, r *compare.Result) {
	if r == nil {
		return
	}
	t.blank()
	if r.First == nil {
		t.line(indent+2, indent+4, "first difference: "+Named(r)+": "+explain(c, r))
		return
	}
	t.line(indent+2, indent+4, fmt.Sprintf("first difference: %s, %s", Named(r), &r.First.Place))
	t.fault(indent+4, c, r)
}

// fault writes both values of a tensor's first mismatch, and the bound.
func (t *text) fault(indent int, c *compare.Comparison, r *compare.Result) {
	f := r.First
	ref, cand := format.Printable(c.Reference), format.Printable(c.Candidate)
	b, a := shown(f.Reference, f.Candidate, r.Rule), shown(f.Candidate, f.Reference, r.Rule)
	width := max(len([]rune(ref)), len([]rune(cand)), len("difference"))
	t.labelled(indent, width, ref, b)
	t.labelled(indent, width, cand, a)
	t.labelled(indent, width, "difference", Difference(r))
}

// labelled writes a label, padded to width, and a text with hanging
// indentation.
func (t *text) labelled(indent, width int, label, s string) {
	pad := strings.Repeat(" ", max(0, width-len([]rune(label))))
	hang := min(indent+width+2, textWidth/2)
	t.lines(format.Wrap(strings.Repeat(" ", indent)+label+pad+"  ", s, hang, textWidth))
}

// Difference says by how much the values of a tensor's first mismatch differ
// and what was allowed; it is empty where there is none.
func Difference(r *compare.Result) string {
	f, d := r.First, r.DType()
	switch {
	case f == nil:
		return ""
	case !d.IsFloat() && f.AbsInt > 0:
		return fmt.Sprintf("%d, none allowed", f.AbsInt)
	case !d.IsFloat():
		return "none allowed"
	case math.IsNaN(f.Abs) && r.Rule.Bits:
		return "none allowed: every bit must be the same"
	case math.IsNaN(f.Abs):
		return "not defined: NaN and infinities agree only with themselves"
	}
	s := fmt.Sprintf("%s, %s ulp", format.RoundUp(f.Abs, 4), format.Count(f.ULP))
	switch {
	case r.Rule.Bits:
		return s + ", none allowed: every bit must be the same"
	case r.Rule.Tolerance == nil:
		s += fmt.Sprintf("; allowed %d ulp", r.Rule.ULP)
	default:
		s += fmt.Sprintf("; bound %s by %s", format.RoundDown(f.Bound, 4), r.Rule)
	}
	return s + "; margin " + format.RoundUp(f.Margin, 4)
}

// shown writes a value next to another: with its bits where these were judged,
// and of a long string the part where the two first differ.
func shown(v, other compare.Value, rule compare.Rule) string {
	d := v.DType()
	if d == lockstep.String {
		return excerpt(textOf(v), textOf(other))
	}
	if rule.Bits && d.IsFloat() {
		return fmt.Sprintf("%s (bits 0x%0*x)", v, 2*d.Size(), v.Bits())
	}
	return v.String()
}

// excerpt quotes at most 40 bytes of s around where it first differs from other.
func excerpt(s, other string) string {
	const before, most = 10, 40
	if len(s) <= most && len(other) <= most {
		return fmt.Sprintf("%q", s)
	}
	same := 0
	for same < min(len(s), len(other)) && s[same] == other[same] {
		same++
	}
	from := max(0, same-before)
	to := min(len(s), from+most)
	return fmt.Sprintf("%q (bytes %d to %d of %d)", s[from:to], from, to, len(s))
}

// textOf is the text of an element of strings.
func textOf(v compare.Value) string {
	s, err := strconv.Unquote(v.String())
	if err != nil { // it is not a string
		return ""
	}
	return s
}

// explain says why a tensor diverged if its elements are not the reason.
func explain(c *compare.Comparison, r *compare.Result) string {
	ref, cand := format.Printable(c.Reference), format.Printable(c.Candidate)
	switch r.Kind {
	case compare.Missing:
		return fmt.Sprintf("%s has no such tensor; %s has %s", cand, ref, r.Reference)
	case compare.Extra:
		return fmt.Sprintf("%s has %s; %s has no such tensor", cand, r.Candidate, ref)
	case compare.Absent:
		return "neither side has a tensor, only the name"
	case compare.Unreadable:
		return fmt.Sprintf("this cannot be read as a tensor: %s has %s, %s has %s", cand, r.Candidate, ref, r.Reference)
	case compare.DTypeMismatch:
		return fmt.Sprintf("the type differs: %s has %s, %s has %s", cand, r.Candidate, ref, r.Reference)
	case compare.ShapeMismatch:
		return fmt.Sprintf("the shape differs: %s has %s, %s has %s", cand, r.Candidate, ref, r.Reference)
	case compare.Empty:
		return fmt.Sprintf("nothing to compare: both have %s", r.Reference)
	}
	n := &r.NonFinite.Reference
	return fmt.Sprintf("%s itself is not finite in %d of %s, which proves nothing; first %s at %s",
		ref, n.N, format.Plural(r.Elements, "value"), n.First.Reference, n.First)
}

// details describes the diverged tensors one by one.
func (t *text) details(c *compare.Comparison, indent int) {
	left := max(0, t.options.Details)
	first := c.First()
	for i := range c.Results {
		r := &c.Results[i]
		if r.Verdict == compare.InStep {
			continue
		}
		if left == 0 {
			if n := c.Diverged() - t.options.Details; t.options.Details > 0 && n > 0 {
				t.blank()
				t.line(indent, indent+2, fmt.Sprintf("and %s more diverged: see the table", format.Plural(n, "tensor")))
			}
			return
		}
		left--
		if r == first && r.Kind != compare.Measured {
			continue // the report's first line has it
		}
		t.blank()
		t.tensor(c, r, indent, r == first)
	}
}

// tensor describes one diverged tensor. Its first mismatch is left out where
// the report's first line has it.
func (t *text) tensor(c *compare.Comparison, r *compare.Result, indent int, leads bool) {
	if r.Kind != compare.Measured {
		t.line(indent, indent+2, Named(r)+": "+explain(c, r))
		return
	}
	t.line(indent, indent+2, fmt.Sprintf("%s: %s, %s", Named(r), r.Reference, judgedOf(r)))
	const width = len("smallest tolerance")
	add := func(label, s string) { t.labelled(indent+2, width, label, s) }
	if r.Outside > 0 {
		s := fmt.Sprintf("%d of %s", r.Outside, format.Plural(r.Elements, "value"))
		if r.Layout.Time >= 0 {
			s += fmt.Sprintf(", in %d of %s", r.StepsOutside, format.Plural(len(r.Steps), "step"))
		}
		add("outside", s)
		if !leads {
			add("first", r.First.Place.String())
			t.fault(indent+4, c, r)
		}
	} else if !leads {
		add("not finite", explain(c, r))
	}
	t.nonFinite(c, r, add)
	if r.Worst != nil && r.Finite > 0 {
		abs := format.RoundUp(r.MaxAbs, 3)
		if r.MaxAbsInt > 0 {
			abs = fmt.Sprint(r.MaxAbsInt)
		}
		add("largest difference", fmt.Sprintf("%s at %s: %s %s, %s %s", abs, r.Worst,
			format.Printable(c.Reference), r.Worst.Reference, format.Printable(c.Candidate), r.Worst.Candidate))
		add("mean difference", format.RoundUp(r.MeanAbs, 3))
	}
	if r.ZeroReference > 0 {
		add("without max rel", fmt.Sprintf("%s, where %s is 0", format.Plural(r.ZeroReference, "value"), format.Printable(c.Reference)))
	}
	if len(r.Steps) > 1 && r.MaxAbs > 0 {
		add("max abs by step", bySteps(r.Steps))
	}
	if r.DType().IsFloat() {
		add("smallest tolerance", smallestText(r.Smallest))
	}
}

func judgedOf(r *compare.Result) string {
	if r.DType().IsFloat() {
		return judged(r.Rule)
	}
	return judged(compare.Rule{})
}

// nonFinite writes one line for every kind of NaN and infinity there is.
func (t *text) nonFinite(c *compare.Comparison, r *compare.Result, add func(label, s string)) {
	n := &r.NonFinite
	ref, cand := format.Printable(c.Reference), format.Printable(c.Candidate)
	for _, k := range []struct {
		label, where string
		count        *compare.Count
	}{
		{"NaN", "in both", &n.BothNaN},
		{"NaN", "in " + ref + " alone", &n.NaNInReference},
		{"NaN", "in " + cand + " alone", &n.NaNInCandidate},
		{"infinity", "the same in both", &n.SameInf},
		{"infinity", "in " + ref + " alone", &n.InfInReference},
		{"infinity", "in " + cand + " alone", &n.InfInCandidate},
		{"infinity", "of opposite sign", &n.OppositeInf},
	} {
		if k.count.N > 0 {
			p := k.count.First
			add(k.label, fmt.Sprintf("%d %s, first at %s: %s %s, %s %s", k.count.N, k.where, p, ref, p.Reference, cand, p.Candidate))
		}
	}
}

// bySteps writes the largest error of the first steps, and NaN or infinities as
// such.
func bySteps(steps []compare.Step) string {
	var parts []string
	for i, s := range steps {
		if i == maxStepsShown {
			parts = append(parts, "…")
			break
		}
		if s.NonFinite > 0 {
			parts = append(parts, "not finite")
		} else {
			parts = append(parts, format.RoundUp(s.MaxAbs, 2))
		}
	}
	return strings.Join(parts, ", ")
}
