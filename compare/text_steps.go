package compare

import (
	"fmt"
	"path"
)

// layers writes a line for each layer of a comparison of steps: the quantity
// that comes nearest to its bound. All of them would be a long list of what is
// well.
func (t *text) layers(c *Comparison, indent int) {
	var tab table
	tab.add("layer", "steps", "rows", "nearest", "step", "unit", "max abs", "margin")
	for i := 0; i < len(c.Results); {
		layer, worst := path.Dir(c.Results[i].Name), &c.Results[i]
		for ; i < len(c.Results) && path.Dir(c.Results[i].Name) == layer; i++ {
			if r := &c.Results[i]; r.Margin > worst.Margin {
				worst = r
			}
		}
		at := [2]string{"-", "-"}
		if p := worst.MarginAt; p != nil {
			at = [2]string{fmt.Sprint(p.Step), fmt.Sprint(p.Unit)}
		}
		tab.add(clean(layer), fmt.Sprint(len(worst.Steps)), fmt.Sprint(worst.Shape()[0]), path.Base(worst.Name), at[0], at[1], up(worst.MaxAbs, 3), up(worst.Margin, 3))
	}
	for _, l := range tab.lines(indent, textWidth) {
		t.b.WriteString(l + "\n")
	}
}
