package explain

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Section is a part of an explanation, in words, with an optional table.
type Section struct {
	About Subject
	Title string
	Words []string
	Table *Table
	Spike *Spike // of WholeModel
}

// Subject is what a section is about.
type Subject int

// The subjects.
const (
	Summary    Subject = iota
	Gates              // what they do
	SingleCell         // how long it remembers a spike
	WholeModel         // a spike through it
	OwnOutput          // and teacher forcing
	Attending          // what attention looks at
	LeftOut            // what does not apply
)

// Table is a heading and rows of cells.
type Table struct {
	Head []string
	Rows [][]string
}

// namedUnits bounds the units that words name.
const namedUnits = 6

// namedShare is the share of time from which a unit is named as open or closed.
const namedShare = 0.9

// Sections describe an explanation in words: the answers first, then the
// details of each question.
func (e *Explanation) Sections() []Section {
	out := []Section{e.short()}
	if len(e.Layers) > 0 {
		out = append(out, e.gates())
	}
	if s := e.memory(); s.Table != nil {
		out = append(out, s)
	}
	if len(e.Attentions) > 0 {
		out = append(out, e.attention())
	}
	for _, s := range e.Spikes {
		out = append(out, e.spike(s))
	}
	if e.Forecast != nil {
		out = append(out, Section{About: OwnOutput, Title: "Own output and teacher forcing", Words: e.Forecast.Words()})
	}
	var notApplicable []string
	notApplicable = append(notApplicable, e.NotApplicable...)
	if e.NoForecast != nil {
		notApplicable = append(notApplicable, "own output and teacher forcing: "+strings.TrimPrefix(e.NoForecast.Error(), "forecast: "))
	}
	if len(notApplicable) > 0 {
		out = append(out, Section{About: LeftOut, Title: "What does not apply", Words: notApplicable})
	}
	return out
}

// short answers in a sentence a layer.
func (e *Explanation) short() Section {
	s := Section{Title: "In short"}
	for _, l := range e.Layers {
		words := fmt.Sprintf("%s (%s, %s)", l.Name, l.Kind, plural(l.Units, "unit"))
		var parts []string
		if len(l.Memory) > 0 {
			parts = append(parts, l.Memory[0].short(l.Units, e.Follow))
		}
		for _, g := range l.Gates {
			if g.Name == "f" || g.Name == "z" {
				parts = append(parts, fmt.Sprintf("its %s is open %s of the time, closed %s, and %.2g on average", names[g.Name], percent(g.All.Open), percent(g.All.Closed), g.All.Mean))
			}
		}
		if len(parts) > 0 {
			s.Words = append(s.Words, words+": "+strings.Join(parts, "; ")+".")
		}
	}
	for _, spike := range e.Spikes {
		if words := spike.short(); words != "" {
			s.Words = append(s.Words, words)
		}
	}
	for _, a := range e.Attentions {
		keys, heads := 0.0, float64(len(a.Heads))
		for _, h := range a.Heads {
			keys += h.Effective / heads
		}
		s.Words = append(s.Words, fmt.Sprintf("%s spreads its attention as over %.2g of %s.", a.Name, keys, plural(a.Heads[0].Keys, "key")))
	}
	if f := e.Forecast; f != nil && f.Forced.Shape()[1] > f.Given {
		steps := f.Differences()
		last := f.Forced.Shape()[1] - 1
		s.Words = append(s.Words, fmt.Sprintf("On its own output the decoder is %.2g from teacher forcing at step %d, %s of the outputs' standard deviation, and %.2g at step %d.",
			steps[f.Given].RMS, f.Given, percent(steps[f.Given].RMS/f.Spread()), steps[last].RMS, last))
	}
	return s
}

// short says what a spike leaves in a state of a single cell.
func (m Memory) short(units, follow int) string {
	slow := Slowest(m.Units, 1)
	switch {
	case math.IsInf(m.Whole.Peak, 1):
		return fmt.Sprintf("%s is not finite after a spike", m.State)
	case math.IsNaN(m.Whole.Half) || len(slow) == 0:
		return fmt.Sprintf("a spike leaves nothing in %s", m.State)
	case math.IsInf(m.Whole.Half, 1):
		return fmt.Sprintf("more than half of what a spike leaves in %s is there %d steps later", m.State, follow)
	}
	s := fmt.Sprintf("half of what a spike leaves in %s is gone after %s steps", m.State, halfLife(m.Whole))
	switch r := m.Units[slow[0]]; {
	case units == 1:
	case math.IsInf(r.Half, 1):
		s += fmt.Sprintf(", but unit %d has %s of its own after %d", slow[0], percent(r.Left), follow)
	default:
		s += fmt.Sprintf(", in the slowest unit (%d) after %s", slow[0], halfLife(r))
	}
	return s
}

// short says how far a spike reaches through the whole model.
func (s *Spike) short() string {
	var parts []string
	for _, f := range s.Alone {
		of, one := f.Layer+" "+f.State, len(f.Difference.Curve) < 2
		if f.Layer == "" {
			of = f.Output
		} else if f.State == "h" && slices.ContainsFunc(s.Alone, func(c Effect) bool { return c.Layer == f.Layer && c.State == "c" }) {
			continue
		}
		switch {
		case f.Difference.Peak == 0:
		case math.IsNaN(f.Difference.Half) || one:
			parts = append(parts, fmt.Sprintf("%s by up to %s", of, percent(f.Share)))
		default:
			parts = append(parts, fmt.Sprintf("%s by up to %s, of which %s is left at the last step", of, percent(f.Share), percent(f.Difference.Left)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("A spike in %s at step %d of %d changes %s.", s.Input, s.At, s.Steps, strings.Join(parts, "; "))
}

// names are the quantities' names, and does the effect of an open gate.
var (
	names = map[string]string{"i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate", "z": "update gate", "r": "reset gate"}
	does  = map[string]string{
		"i": "i open takes the candidate into c", "f": "f open keeps what c holds, closed drops it", "o": "o open shows c in h",
		"z": "z open keeps h, closed replaces it by the candidate", "r": "r open shows h to the candidate, closed hides it",
	}
)

func (e *Explanation) gates() Section {
	s := Section{About: Gates, Title: "What the gates do"}
	s.Words = append(s.Words, fmt.Sprintf("Open is above %g, closed below %g; saturated is within %g of an end of the range, where its slope is next to nothing. Figures are shares of all rows, steps and units; mean is that of the value, of a candidate g that of |g|. Units that are open, or closed, at least %s of the time are named.", OpenAbove, ClosedBelow, Saturated, percent(namedShare)))
	var said []string
	t := &Table{Head: []string{"layer", "gate", "mean", "open", "closed", "saturated", "always open", "always closed"}}
	for _, l := range e.Layers {
		for _, g := range l.Gates {
			row := []string{l.Name, g.Name + " " + names[g.Name], fmt.Sprintf("%.3f", g.All.Mean)}
			if !g.Between {
				t.Rows = append(t.Rows, append(row, "-", "-", percent(g.All.Saturated), "-", "-"))
				continue
			}
			open, closed := g.unitsAbove(func(u Shares) float64 { return u.Open }), g.unitsAbove(func(u Shares) float64 { return u.Closed })
			t.Rows = append(t.Rows, append(row, percent(g.All.Open), percent(g.All.Closed), percent(g.All.Saturated), plural(len(open), "unit"), plural(len(closed), "unit")))
			if len(open) > 0 {
				s.Words = append(s.Words, fmt.Sprintf("%s: %s is almost always open in %s", l.Name, names[g.Name], list(open)))
			}
			if len(closed) > 0 {
				s.Words = append(s.Words, fmt.Sprintf("%s: %s is almost always closed in %s", l.Name, names[g.Name], list(closed)))
			}
			if d := does[g.Name]; !slices.Contains(said, d) {
				said = append(said, d)
			}
		}
	}
	if len(t.Rows) == 0 {
		return Section{About: Gates, Title: s.Title, Words: []string{"No layer has a gate that can be open or closed."}}
	}
	if len(said) > 0 {
		s.Words = append(s.Words[:1], append([]string{strings.Join(said, "; ") + "."}, s.Words[1:]...)...)
	}
	s.Table = t
	return s
}

// unitsAbove are the units with a share of at least namedShare, the largest first.
func (g Gate) unitsAbove(share func(Shares) float64) []int {
	var out []int
	for u, s := range g.Units {
		if share(s) >= namedShare {
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		switch x, y := share(g.Units[a]), share(g.Units[b]); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return out
}

func (e *Explanation) memory() Section {
	s := Section{About: SingleCell, Title: "How long a spike is remembered, in a single cell"}
	s.Words = append(s.Words, fmt.Sprintf("A cell reads the mean of what its layer read until it has settled (%s), once %g standard deviations more, and the mean again for %s. The half-life is how many steps after its peak half of the difference to the same cell without the spike is gone for good; columns say what is left of the peak after 1, 10 and 100 steps, by the norm over units.",
		plural(e.Follow, "step"), e.Spike, plural(e.Follow, "step")))
	var t Table
	t.Head = []string{"layer", "state", "half-life", "median unit", "slowest unit", "after 1", "10", "100"}
	for _, l := range e.Layers {
		for _, m := range l.Memory {
			slow := Slowest(m.Units, namedUnits)
			slowest := "-"
			if len(slow) > 0 {
				slowest = halfLife(m.Units[slow[0]])
			}
			row := []string{l.Name, m.State, halfLife(m.Whole), number(Median(m.Units), e.Follow), slowest}
			for _, k := range []int{1, 10, 100} {
				row = append(row, percent(m.Whole.after(k)))
			}
			t.Rows = append(t.Rows, row)
			if m.State == "c" || len(l.Memory) == 1 {
				s.Words = append(s.Words, m.words(l, slow))
			}
		}
	}
	if len(t.Rows) > 0 {
		s.Table = &t
	}
	return s
}

// words name the units that keep a spike longest.
func (m Memory) words(l *Layer, slow []int) string {
	var parts []string
	for _, u := range slow {
		r := m.Units[u]
		if s := fmt.Sprintf("%d (%s", u, halfLife(r)); math.IsInf(r.Half, 1) {
			parts = append(parts, s+fmt.Sprintf(", %s left)", percent(r.Left)))
		} else {
			parts = append(parts, s+")")
		}
	}
	if math.IsInf(m.Whole.Peak, 1) {
		return fmt.Sprintf("%s: %s is not finite after the spike.", l.Name, m.State)
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s: the spike makes no difference to %s.", l.Name, m.State)
	}
	s := fmt.Sprintf("%s: the units whose %s keeps it longest, with their half-lives in steps: %s.", l.Name, m.State, strings.Join(parts, ", "))
	if m.Whole.At > 0 {
		s += fmt.Sprintf(" The difference grows until %s after the spike.", plural(m.Whole.At, "step"))
	}
	return s
}

func (e *Explanation) spike(s *Spike) Section {
	out := Section{About: WholeModel, Title: fmt.Sprintf("A spike in %s, through the whole model", s.Input), Spike: s}
	out.Words = append(out.Words, fmt.Sprintf("At step %d of %d every feature of %s is %g of its standard deviations higher; or so, and at each step after it %g times as much (slow decay).", s.At, s.Steps, s.Input, e.Spike, Decay))
	if s == e.Spikes[0] {
		out.Words = append(out.Words, "Differences to the same run without it are root mean squares over rows and units; largest is the largest as a share of what the same step has without the spike, begins that of the state before a layer's first step, left the last step's as a share of the largest.")
	}
	t := &Table{Head: []string{"where", "spike", "begins", "largest", "at step", "half-life", "left"}}
	var untouched []string
	for i := range s.Alone {
		f := s.Alone[i]
		where := f.Layer + " " + f.State
		if f.Layer == "" {
			where = "output " + f.Output
		}
		if f.Difference.Peak == 0 && f.Begins == 0 && s.Decaying[i].Difference.Peak == 0 {
			untouched = append(untouched, where)
			continue
		}
		for k, f := range []Effect{f, s.Decaying[i]} {
			row := []string{where, []string{"alone", "slow decay"}[k], "-"}
			if f.Begins > 0 {
				row[2] = percent(f.Begins)
			}
			if r := f.Difference; math.IsNaN(r.Half) || len(r.Curve) < 2 {
				row = append(row, percent(f.Share), "-", "-", "-")
			} else {
				row = append(row, percent(f.Share), fmt.Sprint(r.At), halfLife(r), percent(r.Left))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(t.Rows) > 0 {
		out.Table = t
	}
	if len(untouched) > 0 {
		out.Words = append(out.Words, "No difference in "+strings.Join(untouched, ", ")+".")
	}
	return out
}

// halfLife writes a half-life, or "over N" if it was not reached within N
// steps.
func halfLife(r Response) string { return number(r.Half, len(r.Curve)-1-r.At) }

func number(half float64, waited int) string {
	switch {
	case math.IsNaN(half) || math.IsInf(half, 1) && waited == 0:
		return "-"
	case math.IsInf(half, 1):
		return fmt.Sprintf("over %d", waited)
	case half < 1e4:
		return fmt.Sprintf("%.3g", half)
	}
	return fmt.Sprintf("%.0f", half)
}

func percent(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case math.IsInf(x, 0):
		return "all"
	case x == 0:
		return "0%"
	case x < 0.001:
		return "<0.1%"
	case x > 0.9995 && x < 1:
		return ">99.9%"
	case x < 0.0995 || x > 0.995 && x < 1:
		return fmt.Sprintf("%.1f%%", 100*x)
	}
	return fmt.Sprintf("%.0f%%", 100*x)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// list names units, the first ones of many.
func list(units []int) string {
	var parts []string
	for _, u := range units[:min(len(units), namedUnits)] {
		parts = append(parts, fmt.Sprint(u))
	}
	s := "unit "
	if len(units) > 1 {
		s = "units "
	}
	s += strings.Join(parts, ", ")
	if n := len(units) - len(parts); n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s + "."
}
