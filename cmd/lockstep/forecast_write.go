package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/chart"
	"github.com/lockstep-go/lockstep/internal/forecast"
)

// shownForecast is a forecast and what a report shows with it.
type shownForecast struct {
	*forecast.Result
	model, made string
	row         int
	leftOut     []string
}

// lines are the words of a report: what came out, the inputs, what is not shown.
func (s shownForecast) lines() []string {
	out := append(s.Words(), s.made+".")
	for _, l := range s.leftOut {
		out = append(out, "Left out: "+l+".")
	}
	return out
}

// notForecast says which outputs of a model a forecast leaves out, and why.
func notForecast(sig lockstep.Signature, output string) []string {
	var out []string
	for _, o := range sig.Outputs {
		if o.Name != output {
			out = append(out, fmt.Sprintf("output %s: %s is the one that is fed back", o.Name, output))
		}
	}
	return out
}

// rowOf is one row of a tensor (batch, steps, features), or of nil.
type rowOf struct {
	steps, features int
	values          []float64
}

func (s shownForecast) rowOf(t *lockstep.Tensor) rowOf {
	if t == nil {
		return rowOf{}
	}
	shape := t.Shape()
	values, err := t.Float64s()
	if err != nil || s.row >= shape[0] {
		return rowOf{} // a forecast has floats alone
	}
	n := shape[1] * shape[2]
	return rowOf{shape[1], shape[2], values[s.row*n : (s.row+1)*n]}
}

// at formats a value, as a dash where there is none.
func (r rowOf) at(step, feature int, missing string) string {
	if step >= r.steps {
		return missing
	}
	return strconv.FormatFloat(r.values[step*r.features+feature], 'g', 7, 64)
}

func (s shownForecast) text(w io.Writer) error {
	var b strings.Builder
	b.WriteString(wrapped(0, 2, fmt.Sprintf("%s in %s: %d outputs forecast", s.model, s.Engine, s.Own.Shape()[1]-s.Given+1)))
	b.WriteString("\n")
	for _, line := range s.lines() {
		b.WriteString(wrapped(2, 2, line))
	}
	b.WriteString("\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	own, forced, target := s.rowOf(s.Own), s.rowOf(s.Forced), s.rowOf(s.Target)
	of := fmt.Sprintf("row %d", s.row)
	if own.features > 1 {
		of += ", feature 0"
	}
	head := []string{"step", "own output", "teacher-forced", "difference (rms)", "difference (max)"}
	if s.Target != nil {
		head = append(head, "target", "own error", "forced error")
	}
	t := figures(head)
	all := s.Differences()
	for _, step := range some(len(all)) {
		a := all[step]
		row := []string{strconv.Itoa(step), own.at(step, 0, "-"), forced.at(step, 0, "-"), digits(a.RMS), digits(a.Max)}
		if s.Target != nil {
			row = append(row, target.at(step, 0, "-"), digits(a.OwnError), digits(a.ForcedError))
		}
		t.Add(row...)
	}
	if err := t.Write(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+wrapped(2, 2, fmt.Sprintf("Outputs and target are those of %s; differences and errors are of all rows.", of)))
	return err
}

// csv writes a line for each row, step and feature; a cell is empty where there
// is no value.
func (s shownForecast) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"row", "step", "feature", "own", "forced", "fed", "target"}); err != nil {
		return err
	}
	for s.row = range s.Own.Shape()[0] {
		all := []rowOf{s.rowOf(s.Own), s.rowOf(s.Forced), s.rowOf(s.Fed), s.rowOf(s.Target)}
		for step := range all[0].steps {
			for feature := range all[0].features {
				record := []string{strconv.Itoa(s.row), strconv.Itoa(step), strconv.Itoa(feature)}
				for _, r := range all {
					if step >= r.steps {
						record = append(record, "")
						continue
					}
					record = append(record, strconv.FormatFloat(r.values[step*r.features+feature], 'g', -1, bitsOf(s.Own)))
				}
				if err := c.Write(record); err != nil {
					return err
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// bitsOf is the bit size of a tensor's floats, for strconv.
func bitsOf(t *lockstep.Tensor) int {
	if t.DType() == lockstep.Float64 {
		return 64
	}
	return 32
}

// maxFeatures bounds the features that a picture of a forecast shows.
const maxFeatures = 8

// page draws one row's values, a chart a feature, and how own output and
// teacher forcing diverge over all rows.
func (s shownForecast) page(inputs map[string]*lockstep.Tensor) chart.Page {
	p := chart.Page{Title: fmt.Sprintf("Forecast of %s in %s", s.model, s.Engine), Words: s.lines()}
	own, forced, target, before := s.rowOf(s.Own), s.rowOf(s.Forced), s.rowOf(s.Target), s.before(inputs)
	if n := own.features - maxFeatures; n > 0 {
		p.Words = append(p.Words, fmt.Sprintf("Left out: %d features after the first %d, which --format csv has.", n, maxFeatures))
	}
	for feature := range min(own.features, maxFeatures) {
		c := chart.Chart{Title: fmt.Sprintf("%s, row %d", s.Output, s.row), XLabel: "step", YLabel: "value"}
		if own.features > 1 {
			c.Title += fmt.Sprintf(", feature %d", feature)
		}
		if own.features > maxFeatures {
			c.Note = fmt.Sprintf("%d of %d features.", maxFeatures, own.features)
		}
		lines := []struct {
			label  string
			of     rowOf
			from   int // the step of its first value
			dashed bool
		}{{"own output", own, 0, false}, {"teacher-forced", forced, 0, true}, {"target", target, 0, false}, {"seen before", before, -before.steps, true}}
		for x := -before.steps; x < own.steps; x++ {
			c.X = append(c.X, float64(x))
		}
		for _, l := range lines {
			if l.of.steps == 0 {
				continue
			}
			line := chart.Line{Label: l.label, Dashed: l.dashed, Values: gaps(len(c.X))}
			for t := range l.of.steps {
				line.Values[before.steps+l.from+t] = l.of.values[t*l.of.features+feature]
			}
			c.Lines = append(c.Lines, line)
		}
		p.Charts = append(p.Charts, c)
	}
	c := chart.Chart{Title: "Difference, over all rows", Note: "Root mean squares.", XLabel: "step", YLabel: "difference", Log: true}
	lines := []struct {
		label  string
		figure func(forecast.Step) float64
	}{
		{"own − teacher-forced", func(a forecast.Step) float64 { return a.RMS }},
		{"own − target", func(a forecast.Step) float64 { return a.OwnError }},
		{"teacher-forced − target", func(a forecast.Step) float64 { return a.ForcedError }},
	}
	if s.Target == nil {
		lines = lines[:1]
	}
	for _, a := range s.Differences() {
		c.X = append(c.X, float64(a.Step))
	}
	for _, l := range lines {
		line := chart.Line{Label: l.label}
		for _, a := range s.Differences() {
			line.Values = append(line.Values, l.figure(a))
		}
		c.Lines = append(c.Lines, line)
	}
	p.Charts = append(p.Charts, c)
	return p
}

// before is what the model read before the decoder's first step, if it is
// comparable to the forecast: the one other input with the same number of
// features.
func (s shownForecast) before(inputs map[string]*lockstep.Tensor) rowOf {
	if len(inputs) != 2 {
		return rowOf{}
	}
	for name, t := range inputs {
		if name != s.Input && t.DType().IsFloat() && t.Rank() == 3 && t.Shape()[2] == s.Own.Shape()[2] {
			return s.rowOf(t)
		}
	}
	return rowOf{}
}

func gaps(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = nan
	}
	return out
}
