package html

import (
	"fmt"
	"path"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/internal/format"
)

// lead is the top of the page.
type lead struct {
	// Headline is the answer in a few words, after the verdict's, and Sentence
	// the same with figures.
	Headline, Sentence string
	// Facts are the place where the engines first diverge, Layer to Unit first.
	Facts []fact
	// Values are both sides' values there.
	Values []fact
	Others []string // other comparisons that diverged

	layer, quantity, comparison string // what the charts show first
	step, unit                  int
}

// fact is a figure with its name, and a word of explanation.
type fact struct{ Name, Value, Also string }

// leadOf finds the comparison that says most about where the engines diverge:
// the steps of the layers before the weights and the outputs.
func leadOf(r *compare.Report) lead {
	l := lead{step: -1, unit: -1}
	if !r.Compared() {
		l.Headline = "nothing was compared"
		return l
	}
	at, first := r.FirstDivergence()
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c.Stepwise && c.First() != nil {
			at, first = c, c.First()
			break
		}
	}
	if at == nil {
		l.inStep(r)
		if len(r.NotRun) > 0 {
			l.Headline = format.Printable(r.NotRun[0].String())
		}
		return l
	}
	l.Headline, l.Sentence = "see below", render.Answer(at)
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c != at && c.Verdict() != compare.InStep {
			l.Others = append(l.Others, titleOf(c)+": "+render.Answer(c))
		}
	}
	if first != nil {
		l.place(at, first)
	}
	return l
}

func (l *lead) inStep(r *compare.Report) {
	tensors, values, margin := 0, 0, 0.0
	var worst *compare.Result
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		tensors, values = tensors+len(c.Results), values+c.Elements()
		for k := range c.Results {
			if x := &c.Results[k]; x.Margin > margin && x.MarginAt != nil {
				margin, worst = x.Margin, x
				if x.Operation == "" { // of which there are no pictures
					l.focus(c, x, x.MarginAt)
				}
			}
		}
	}
	l.Headline = "every comparison agrees"
	l.Sentence = fmt.Sprintf("%d of %d comparisons", len(r.Comparisons), len(r.Comparisons))
	l.Facts = []fact{
		{"Margin", format.RoundUp(margin, 2), "the largest difference, as a share of its bound; 1 is the limit"},
		{"Tensors", fmt.Sprint(tensors), ""},
		{"Values", fmt.Sprint(values), ""},
	}
	if worst != nil {
		l.Facts = append(l.Facts, fact{"Nearest to its bound", render.Named(worst), worst.MarginAt.String()})
	}
}

// place says where a result first differs, and by how much.
func (l *lead) place(c *compare.Comparison, r *compare.Result) {
	p := (*compare.Place)(nil)
	if r.First != nil {
		p = &r.First.Place
		l.focus(c, r, p)
	}
	step := func() {
		if p != nil && p.Step >= 0 {
			l.Facts = append(l.Facts, fact{"Step", fmt.Sprint(p.Step), fmt.Sprintf("of 0 to %d", len(r.Steps)-1)})
			l.Headline += fmt.Sprintf(" at step %d", p.Step)
		}
	}
	if c.Stepwise {
		layer, quantity := format.Printable(path.Dir(r.Name)), path.Base(r.Name)
		called, also := called(quantity)
		l.Facts = append(l.Facts, fact{"Layer", layer, ""})
		l.Headline = layer + " diverges first"
		step()
		l.Facts = append(l.Facts, fact{kindOf(quantity), called, also})
		l.Headline += ", in its " + called
	} else {
		l.Facts = append(l.Facts, fact{"Tensor", render.Named(r), ""})
		l.Headline = render.Named(r) + " diverges first"
		step()
	}
	switch {
	case p == nil:
		l.Facts = append(l.Facts, fact{"Found", render.Word(r), render.Why(c, r)})
		l.Headline = render.Named(r) + ": " + render.Word(r)
		return
	case p.Unit < 0:
		l.Facts = append(l.Facts, fact{"At", p.String(), ""})
	case p.Batch >= 0:
		l.Facts = append(l.Facts, fact{"Unit", fmt.Sprint(p.Unit), fmt.Sprintf("batch row %d", p.Batch)})
	default:
		l.Facts = append(l.Facts, fact{"Unit", fmt.Sprint(p.Unit), ""})
	}
	l.Values = []fact{
		{format.Printable(c.Reference), p.Reference.String(), ""},
		{format.Printable(c.Candidate), p.Candidate.String(), ""},
		{"difference", render.Difference(r), ""},
	}
}

func (l *lead) focus(c *compare.Comparison, r *compare.Result, p *compare.Place) {
	l.layer, l.quantity, l.comparison = groupOf(c, r)
	l.step, l.unit = p.Step, p.Unit
}

// groupOf says under which group, quantity and comparison a result is drawn.
func groupOf(c *compare.Comparison, r *compare.Result) (group, quantity, comparison string) {
	if c.Stepwise {
		return path.Dir(r.Name), path.Base(r.Name), viewOf(c)
	}
	return r.Name, "", viewOf(c)
}

// viewOf names a comparison among several of one quantity.
func viewOf(c *compare.Comparison) string {
	if c.Stepwise {
		return titleOf(c)
	}
	return titleOf(c) + ", " + format.Printable(c.Reference) + " and " + format.Printable(c.Candidate)
}

func titleOf(c *compare.Comparison) string {
	if c.Title == "" {
		return "comparison"
	}
	return format.Printable(c.Title)
}

// names are the names of a step's quantities.
var names = map[string]string{
	"i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate",
	"z": "update gate", "r": "reset gate", "h": "hidden state", "c": "cell state",
}

// quantityWords returns a quantity's symbol and what it is.
func quantityWords(q string) (symbol, words string) {
	symbol, sum := strings.CutPrefix(q, "sum_")
	words, known := names[symbol]
	switch {
	case !known:
		return format.Printable(q), ""
	case sum:
		return "Σ" + symbol, words + " before its activation: x·kernel + h·recurrent_kernel + bias"
	}
	return symbol, words
}

// called returns a quantity's name, and its symbol in a few words.
func called(q string) (name, also string) {
	symbol, sum := strings.CutPrefix(q, "sum_")
	switch words, known := names[symbol]; {
	case !known:
		return format.Printable(q), ""
	case sum:
		return words, symbol + ", already in its sum, before its activation"
	default:
		return words, symbol
	}
}

// kindOf tells gates from states.
func kindOf(q string) string {
	if q == "h" || q == "c" {
		return "State"
	}
	return "Gate"
}

// printable makes lines fit for display.
func printable(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = format.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
