package render

import (
	"fmt"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// The sentences below are those of Text, for other formats: all formats of a
// report use the same words.

// Answer gives in one clause a comparison's result and its extent.
func Answer(c *compare.Comparison) string { return answer(c, "", "") + figures(c) }

// Judged says by what rule a comparison was judged.
func Judged(c *compare.Comparison) string { return ruleLine(c) }

// Why says why a result of the comparison diverged; it is empty for one that is
// in step.
func Why(c *compare.Comparison, r *compare.Result) string {
	switch {
	case r.Verdict == compare.InStep:
		return ""
	case r.First == nil:
		return explain(c, r)
	}
	return "at " + r.First.Place.String() + ": " + Difference(r)
}

// Word is the verdict in a word or two, as "in step", "diverged", "missing".
func Word(r *compare.Result) string {
	switch {
	case r.Kind == compare.DTypeMismatch:
		return "type differs"
	case r.Kind == compare.ShapeMismatch:
		return "shape differs"
	case r.Kind != compare.Measured:
		return string(r.Kind)
	case r.Verdict != compare.InStep && r.Outside == 0:
		return "not finite"
	}
	return r.Verdict.String()
}

// Named is the name of a result, and where in a loop it is.
func Named(r *compare.Result) string { return format.Printable(r.Name) + inLoop(r) }

func inLoop(r *compare.Result) string {
	if r.Iteration == nil {
		return ""
	}
	return " " + format.Printable(r.Iteration.String())
}

// answer is Answer without the extent; on names the model, and title the
// comparison.
func answer(c *compare.Comparison, on, title string) string {
	in := "at "
	if title != "" {
		in = "in " + format.Printable(title) + " at "
		if c.First() == nil {
			on += ", " + format.Printable(title)
		}
	}
	ref, cand := format.Printable(c.Reference), format.Printable(c.Candidate)
	first, name := c.First(), ""
	if first != nil {
		name = format.Printable(first.Name)
		if first.Operation != "" {
			name += " (" + format.Printable(first.Operation) + ")"
		}
		name += inLoop(first)
	}
	switch {
	case len(c.Results) == 0:
		return fmt.Sprintf("nothing was compared of %s and %s%s", cand, ref, on)
	case first == nil && allBits(c):
		return fmt.Sprintf("%s agrees bit for bit with %s%s", cand, ref, on)
	case first == nil:
		return fmt.Sprintf("%s agrees with %s%s", cand, ref, on)
	case first.First != nil:
		return fmt.Sprintf("%s differs from %s%s, first %s%s, %s", cand, ref, on, in, name, &first.First.Place)
	case first.Kind == compare.Measured:
		return fmt.Sprintf("%s proves nothing%s %s%s, where it is not finite", ref, on, in, name)
	}
	return fmt.Sprintf("%s differs from %s%s, first %s%s", cand, ref, on, in, name)
}

// figures gives a comparison's extent in brackets.
func figures(c *compare.Comparison) string {
	tensors, values := format.Plural(len(c.Results), "tensor"), format.Plural(c.Elements(), "value")
	switch {
	case len(c.Results) == 0:
		return ""
	case c.Verdict() != compare.InStep:
		return fmt.Sprintf(" (%d of %s, %d of %s outside, margin %s)", c.Diverged(), tensors, c.Outside(), values, format.RoundUp(c.Margin(), 2))
	case allBits(c):
		return fmt.Sprintf(" (%s, %s)", tensors, values)
	}
	return fmt.Sprintf(" (%s, %s, margin %s)", tensors, values, format.RoundUp(c.Margin(), 2))
}

func allBits(c *compare.Comparison) bool {
	for i := range c.Results {
		if !c.Results[i].Rule.Bits {
			return false
		}
	}
	return true
}
