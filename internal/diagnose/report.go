package diagnose

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// shown bounds the causes that are described.
const shown = 3

// Report adds the diagnosis to a report, in words and as fields.
func (f *Result) Report(r *compare.Report, reference, candidate string) {
	d := &compare.Diagnosis{Suspects: append([]string{}, f.Suspects...), Causes: []compare.Cause{}, Tried: f.Tried, Untried: f.Untried}
	if p := f.First; p != nil {
		d.First = &compare.FirstDivergence{Layer: p.Layer, Quantity: p.Quantity, Gate: p.Gate(), Step: p.Step, Row: p.Row, Unit: p.Unit}
	}
	for _, c := range f.Causes {
		d.Causes = append(d.Causes, c.explanation())
	}
	r.Diagnosis = d
	words, why := f.words(reference, candidate)
	r.Notes = append(r.Notes, words...)
	r.Why = append(r.Why, words[why])
}

// Words describes the diagnosis in sentences.
func (f *Result) Words(reference, candidate string) []string {
	words, _ := f.words(reference, candidate)
	return words
}

// words returns the sentences, and which of them explains the divergence best.
func (f *Result) words(reference, candidate string) (out []string, why int) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf("diagnosis: "+format, args...)) }
	if f.First != nil {
		say("%s and %s first differ in %s", reference, candidate, f.First)
	}
	why = len(out) // the first of what follows, unless a cause explains it all
	for i, c := range f.Weights {
		if i == shown {
			say("%d more weights differ in the files of the two models", len(f.Weights)-shown)
			break
		}
		say("a weight differs in the files of the two models: %s", c)
	}
	if len(f.Causes) > 0 && f.Causes[0].Vanishes() {
		why = len(out)
	}
	for i, c := range f.Causes {
		who, other := candidate, reference
		if c.Side == InReference {
			who, other = reference, candidate
		}
		what := fmt.Sprintf("%s computes what %s would with this fault: %s", who, other, c)
		change := fmt.Sprintf("over %s the largest |difference|/bound falls from %.3g to %.3g", c.over(), c.Before, c.Margin)
		switch {
		case !c.Vanishes():
			say("none of %d known faults makes the divergence vanish; the nearest: %s; %s", f.Tried, what, change)
		case i == 0:
			say("%s; %s", what, change)
		case i < shown:
			say("or %s; %s", what, change)
		}
	}
	if len(f.Causes) > shown && f.Causes[0].Vanishes() {
		say("%d more would explain it as well", len(f.Causes)-shown)
	}
	switch {
	case len(f.Causes) > 0:
	case f.Agree:
		say("%s", f.agreement())
	default:
		say("none of %d known faults makes the divergence vanish, or removes nine tenths of it", f.Tried)
	}
	if f.Untried > 0 {
		say("%s", f.untried())
	}
	return out, why
}

func (f *Result) untried() string {
	return fmt.Sprintf("%d more known faults were not tried, since a run of this model takes long", f.Untried)
}

// agreement says how closely the tensors agree that should show a fault.
func (f *Result) agreement() string {
	s := "single steps stay within their bounds, and what the layers read and the outputs "
	if f.Left == 0 {
		return s + "are equal: what diverged changes none of them with these inputs"
	}
	return s + fmt.Sprintf("within %s (they reach %s of that): what diverged changes them by no more with these inputs", compare.DefaultRule(), format.RoundUp(f.Left, 2))
}

func (c Cause) over() string {
	switch {
	case c.Side == InAnswers:
		return "the answers"
	case c.ByOutputs:
		return "the outputs"
	}
	if c.WholeRun {
		return "what the layers read and the outputs"
	}
	return "single steps"
}

// String describes the cause.
func (c Cause) String() string {
	f := c.Faults[0]
	switch {
	case c.Weight != nil:
		return c.Weight.String()
	case len(c.Faults) == 1:
		return f.String()
	case !c.alike():
		return f.String() + ", and " + c.Faults[1].String()
	}
	var layers []string
	for _, f := range c.Faults {
		layers = append(layers, f.Layer)
	}
	f.Layer = ""
	return f.String() + " in layers " + strings.Join(layers, ", ")
}

// alike tells whether the cause is one fault in several layers, and not a pair.
func (c Cause) alike() bool {
	for _, f := range c.Faults {
		if f.Layer = c.Faults[0].Layer; f != c.Faults[0] {
			return false
		}
	}
	return true
}

// String names the weight with both values.
func (w *WeightFault) String() string {
	s := fmt.Sprintf("one weight of layer %s: %s[%d, %d]", w.Layer, w.Tensor, w.Row, w.Column)
	if w.Ambiguous {
		s += fmt.Sprintf(", or else %s[1, %d] by as much,", w.Tensor, w.Column)
	}
	return s + fmt.Sprintf(" (gate %s, unit %d) is %.9g instead of %.9g", w.Gate, w.Unit, w.Changed, w.Original)
}

func (c Cause) explanation() compare.Cause {
	e := compare.Cause{
		Text: c.String(), Kind: string(c.Faults[0].Kind), Layers: []string{}, In: string(c.Side),
		Before: c.Before, Margin: c.Margin, Over: c.over(), Vanishes: c.Vanishes(),
	}
	for _, f := range c.Faults {
		e.Layers = append(e.Layers, f.Layers()...)
	}
	if w := c.Weight; w != nil {
		e.Weight = &compare.WeightDifference{Layer: w.Layer, Tensor: w.Tensor, Row: w.Row, Column: w.Column, Gate: w.Gate, Unit: w.Unit, Original: w.Original, Changed: w.Changed}
	}
	return e
}
