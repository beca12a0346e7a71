package compare

import (
	"fmt"
	"path"
	"slices"
)

// layers writes a line for each layer of a comparison of steps: where it parts
// first, and the quantity that is the furthest, or comes nearest to its bound.
// All quantities would be a long list of what is well, or of what follows.
func (t *text) layers(c *Comparison, indent int) {
	var tab table
	tab.add("layer", "steps", "first outside", "furthest", "max abs", "margin", "verdict")
	verdicts := []Verdict{InStep}
	for i := 0; i < len(c.Results); {
		layer := path.Dir(c.Results[i].Name)
		part := Comparison{Stepwise: true}
		for ; i < len(c.Results) && path.Dir(c.Results[i].Name) == layer; i++ {
			part.Results = append(part.Results, c.Results[i])
		}
		worst := slices.MaxFunc(part.Results, func(a, b Result) int { return compareMargins(a.Margin, b.Margin) })
		first := "-"
		if r := part.First(); r != nil {
			first = verdictCell(r)
			if r.First != nil {
				first = fmt.Sprintf("%s, step %d, row %d, unit %d", path.Base(r.Name), r.First.Step, r.First.Batch, r.First.Unit)
			}
		}
		at := path.Base(worst.Name)
		if p := worst.MarginAt; p != nil {
			at = fmt.Sprintf("%s, step %d, unit %d", at, p.Step, p.Unit)
		}
		verdicts = append(verdicts, part.Verdict())
		tab.add(clean(layer), fmt.Sprint(len(worst.Steps)), first, at, up(worst.MaxAbs, 3), up(worst.Margin, 3), part.Verdict().String())
	}
	for i, l := range tab.lines(indent, textWidth) {
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

// firstStep says where the steps of the layers part first, if the report leads
// with something else.
func (t *text) firstStep(r *Report, lead *Comparison) {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c == lead && c.Stepwise {
			return
		}
		if first := c.First(); c.Stepwise && first != nil && first.First != nil {
			t.line(2, 4, fmt.Sprintf("first of the %s: %s, %s", clean(c.Title), clean(first.Name), &first.First.Place))
			return
		}
	}
}
