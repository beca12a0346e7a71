package html

import (
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/internal/format"
)

// comparison is one table of the page.
type comparison struct {
	Title, Answer, Judged string
	Good                  bool
	Rows                  []row
	Notes                 []string
}

// row is one tensor.
type row struct {
	Name, Shape, Abs, Rel, ULP, Margin, Where, Word, Why string
	Good                                                 bool
}

func tableOf(c *compare.Comparison) comparison {
	t := comparison{Title: titleOf(c), Answer: render.Answer(c), Good: c.Verdict() == compare.InStep}
	if len(c.Results) > 0 {
		t.Judged = render.Judged(c)
	}
	for _, n := range c.AllNotes() {
		t.Notes = append(t.Notes, printable(n))
	}
	for i := range c.Results {
		r := &c.Results[i]
		out := row{
			Name: render.Named(r), Shape: lockstep.FormatShape(r.Shape()), Abs: "–", Rel: "–", ULP: "–",
			Margin: format.RoundUp(r.Margin, 3), Word: render.Word(r), Why: render.Why(c, r), Good: r.Verdict == compare.InStep,
		}
		switch {
		case r.Finite == 0: // nothing to subtract
		case r.DType().IsFloat():
			out.Abs, out.Rel, out.ULP = format.RoundUp(r.MaxAbs, 3), format.RoundUp(r.MaxRel, 3), strconv.FormatUint(r.MaxULP, 10)
		default:
			out.Abs, out.Rel = strconv.FormatUint(r.MaxAbsInt, 10), format.RoundUp(r.MaxRel, 3)
		}
		if r.ZeroReference > 0 && r.MaxRel == 0 {
			out.Rel = "–"
		}
		if r.MarginAt != nil {
			out.Where = r.MarginAt.String()
		}
		t.Rows = append(t.Rows, out)
	}
	return t
}
