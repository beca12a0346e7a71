package render

import (
	"fmt"
	"path"
	"slices"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/table"
)

// layers writes a line for each layer of a comparison of steps: where it first
// diverges, and the quantity with the largest margin. All quantities would be a
// long list of those that agree, or that follow.
func (t *text) layers(c *compare.Comparison, indent int) {
	tab := table.Table{Align: "llrrrrl", Indent: indent, Width: textWidth, Least: []int{minName, minShape}}
	tab.Add("layer", "steps", "first outside", "largest margin at", "max abs", "margin", "verdict")
	verdicts := []compare.Verdict{compare.InStep}
	for i := 0; i < len(c.Results); {
		layer := path.Dir(c.Results[i].Name)
		part := compare.Comparison{Stepwise: true}
		for ; i < len(c.Results) && path.Dir(c.Results[i].Name) == layer; i++ {
			part.Results = append(part.Results, c.Results[i])
		}
		worst := slices.MaxFunc(part.Results, func(a, b compare.Result) int { return compareMargins(a.Margin, b.Margin) })
		first := "-"
		if r := part.First(); r != nil {
			first = Word(r)
			if r.First != nil {
				first = fmt.Sprintf("%s, step %d, row %d, unit %d", path.Base(r.Name), r.First.Step, r.First.Batch, r.First.Unit)
			}
		}
		at := path.Base(worst.Name)
		if p := worst.MarginAt; p != nil {
			at = fmt.Sprintf("%s, step %d, unit %d", at, p.Step, p.Unit)
		}
		verdicts = append(verdicts, part.Verdict())
		tab.Add(format.Printable(layer), fmt.Sprint(len(worst.Steps)), first, at, format.RoundUp(worst.MaxAbs, 3), format.RoundUp(worst.Margin, 3), part.Verdict().String())
	}
	for i, l := range tab.Lines() {
		if cell := verdicts[i].String(); i > 0 {
			l = l[:len(l)-len(cell)] + t.paint(verdicts[i], cell)
		}
		t.b.WriteString(l + "\n")
	}
}

func compareMargins(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// firstStep says where the steps of the layers first diverge, if the report's
// first line is about something else.
func (t *text) firstStep(r *compare.Report, lead *compare.Comparison) {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c == lead && c.Stepwise {
			return
		}
		if first := c.First(); c.Stepwise && first != nil && first.First != nil {
			t.line(2, 4, fmt.Sprintf("first in %s: %s, %s", format.Printable(c.Title), format.Printable(first.Name), &first.First.Place))
			return
		}
	}
}
