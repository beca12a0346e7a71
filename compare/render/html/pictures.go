package html

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// The bounds on what a page holds. A byte a cell and eight bytes a pair of
// values, a third more as text: some 14 MB at most, where nothing is left out
// below them.
const (
	maxSteps  = 400     // columns of a picture
	maxUnits  = 128     // rows of a heat map
	maxViews  = 400     // quantities of all layers in all comparisons
	maxCells  = 4 << 20 // of all heat maps together
	maxValues = 3 << 18 // pairs of values over time together
)

// drawing is the data of a report's charts, as the page's script reads it.
type drawing struct {
	Groups []*group `json:"groups"`
	Focus  focus    `json:"focus"`
	// Left says what was left out.
	Left []string `json:"left"`
}

// focus is what the charts show at first.
type focus struct {
	Group, Quantity, View string
	Step, Unit            int
	First                 bool // it is a divergence
}

// group is the quantities with a layer's steps and units, or one tensor.
type group struct {
	Name       string      `json:"name"`
	Steps      int         `json:"steps"`
	Units      int         `json:"units"`
	Rows       int         `json:"rows"`
	Row        int         `json:"row"`    // the batch row whose values are shown
	Starts     []int       `json:"starts"` // the first step of each bucket
	Lines      int         `json:"lines"`  // rows of the heat maps
	Shown      []int       `json:"shown"`  // the units whose values are there
	Diverged   bool        `json:"diverged"`
	Quantities []*quantity `json:"quantities"`

	views  int
	margin float64         // the largest so far, while there is no mismatch
	faulty *compare.Result // the one whose first mismatch comes first
}

type quantity struct {
	Name   string  `json:"name"`
	Symbol string  `json:"symbol"`
	Words  string  `json:"words"`
	Views  []*view `json:"views"`
}

// view is a quantity in one comparison. Margin, Heat, and values are base64.
type view struct {
	Title     string   `json:"title"`
	Reference string   `json:"reference"`
	Candidate string   `json:"candidate"`
	Outside   int      `json:"outside"`
	Err       points   `json:"err"`    // of the element with the largest margin, step by step
	Bound     points   `json:"bound"`  // its bound
	Margin    string   `json:"margin"` // a byte a step
	Heat      string   `json:"heat"`   // bytes (lines, steps)
	Values    [2]array `json:"values"` // float32 (shown units, steps)

	of *compare.Result
}

// pictures returns the data as a literal for the page, null if there is none.
func pictures(r *compare.Report, l lead) (template.JS, error) {
	d := drawing{Left: []string{}, Focus: focus{l.layer, l.quantity, l.comparison, l.step, l.unit, r.Verdict() != compare.InStep}}
	d.Groups = gather(r)
	views := d.bound()
	if len(d.Groups) == 0 {
		return "null", nil
	}
	for _, g := range d.Groups {
		g.draw(views)
		if g.Steps > len(g.Starts) || g.Units > g.Lines || g.Units > len(g.Shown) {
			d.Left = append(d.Left, g.leftOut())
		}
	}
	b, err := json.Marshal(d) // which escapes <, > and &
	return template.JS(b), err
}

// gather finds what can be drawn: floats along a batch, a time and a unit axis.
func gather(r *compare.Report) []*group {
	var out []*group
	byKey := map[string]*group{}
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		for k := range c.Results {
			x := &c.Results[k]
			shape := x.Shape()
			if x.Operation != "" || x.Kind != compare.Measured || !x.DType().IsFloat() || len(shape) != 3 || x.Layout != (compare.Layout{Batch: 0, Time: 1, Unit: 2}) {
				continue
			}
			name, q, title := groupOf(c, x)
			key := fmt.Sprint(c.Stepwise, name, shape)
			g := byKey[key]
			if g == nil {
				g = &group{Name: format.Printable(name), Rows: shape[0], Steps: shape[1], Units: shape[2]}
				byKey[key] = g
				out = append(out, g)
			}
			g.add(q, &view{Title: title, Reference: format.Printable(c.Reference), Candidate: format.Printable(c.Candidate), Outside: x.Outside, of: x})
		}
	}
	return out
}

func (g *group) add(name string, v *view) {
	x := v.of
	at := slices.IndexFunc(g.Quantities, func(q *quantity) bool { return q.Name == name })
	if at < 0 {
		q := &quantity{Name: name}
		if q.Symbol, q.Words = quantityWords(name); name == "" {
			q.Symbol, q.Words = "value", ""
		}
		at = len(g.Quantities)
		g.Quantities = append(g.Quantities, q)
	}
	q := g.Quantities[at]
	q.Views = append(q.Views, v)
	g.views++
	g.Diverged = g.Diverged || x.Verdict != compare.InStep
	// The row that is shown is that of the first mismatch, or of the largest
	// margin.
	switch {
	case x.First != nil && (g.faulty == nil || x.First.Step < g.faulty.First.Step):
		g.faulty, g.Row = x, x.First.Batch
	case g.faulty == nil && x.MarginAt != nil && x.Margin > g.margin:
		g.margin, g.Row = x.Margin, x.MarginAt.Batch
	}
}

// bound leaves out groups where there are too many, those in step first, and
// returns how many views are left.
func (d *drawing) bound() int {
	total, dropped := 0, 0
	kept := map[*group]bool{}
	for _, diverged := range []bool{true, false} {
		for _, g := range d.Groups {
			if g.Diverged != diverged {
				continue
			}
			if total > 0 && total+g.views > maxViews {
				dropped++
				continue
			}
			total += g.views
			kept[g] = true
		}
	}
	d.Groups = slices.DeleteFunc(d.Groups, func(g *group) bool { return !kept[g] })
	if dropped > 0 {
		d.Left = append(d.Left, fmt.Sprintf("%d layers or tensors are in the tables alone: there are too many to draw.", dropped))
	}
	return total
}

func (g *group) leftOut() string {
	s := g.Name + ":"
	if g.Steps > len(g.Starts) {
		s += fmt.Sprintf(" %d steps are drawn as %d points, each the step with the largest margin of %d or %d.", g.Steps, len(g.Starts), g.Steps/len(g.Starts), (g.Steps+len(g.Starts)-1)/len(g.Starts))
	}
	if g.Units > g.Lines {
		s += fmt.Sprintf(" %d units are drawn as %d rows of the heat map, each the largest margin of its units.", g.Units, g.Lines)
	}
	if g.Units > len(g.Shown) {
		s += fmt.Sprintf(" Values over time are those of the %d units with the largest margins.", len(g.Shown))
	}
	return s
}
