package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/chart"
	"github.com/lockstep-go/lockstep/internal/explain"
)

// explainPage has the sections of an explanation, each with its pictures.
func explainPage(e *explain.Explanation, dir, made string) chart.Page {
	p := chart.Page{Title: fmt.Sprintf("%s in %s", dir, e.Engine), Words: []string{made}}
	left := chart.MaxCharts
	for _, s := range e.Sections() {
		t := chart.Section{Title: s.Title, Words: s.Words, Charts: sectionCharts(e, s)}
		if over := len(t.Charts) - left; over > 0 {
			t.Words = append(t.Words, fmt.Sprintf("%d charts are left out: a page has %d at most.", over, chart.MaxCharts))
			t.Charts = t.Charts[:left]
		}
		left -= len(t.Charts)
		if s.Table != nil {
			t.Head, t.Rows = s.Table.Head, s.Table.Rows
		}
		p.Sections = append(p.Sections, t)
	}
	return p
}

// sectionCharts draw what a section is about.
func sectionCharts(e *explain.Explanation, s explain.Section) []chart.Chart {
	var out []chart.Chart
	switch s.About {
	case explain.Gates:
		for _, l := range e.Layers {
			out = append(out, gateCharts(l)...)
		}
	case explain.SingleCell:
		for _, l := range e.Layers {
			out = append(out, memoryCharts(l)...)
		}
	case explain.Attending:
		for _, a := range e.Attentions {
			out = append(out, attentionCharts(a)...)
		}
	case explain.WholeModel:
		out = spikeCharts(s.Spike)
	case explain.OwnOutput:
		c := chart.Chart{Title: "Own output less teacher-forced", Note: "Root mean square over rows and features.", XLabel: "step", YLabel: "difference"}
		line := chart.Line{Label: "difference"}
		for _, d := range e.Forecast.Differences() {
			c.X, line.Values = append(c.X, float64(d.Step)), append(line.Values, d.RMS)
		}
		c.Lines = []chart.Line{line}
		out = append(out, c)
	}
	return out
}

// numbered are the units of a layer, counted from 1.
func numbered(l *explain.Layer) []float64 {
	out := make([]float64, l.Units)
	for u := range out {
		out[u] = float64(u + 1)
	}
	return out
}

// gateCharts draw the units' mean gates.
func gateCharts(l *explain.Layer) []chart.Chart {
	if len(l.Gates) == 0 {
		return nil
	}
	means := chart.Chart{Title: l.Name + ": what each gate is on average", Note: "Each line's units from the lowest mean to the highest, over all rows and steps; of the candidate g that of |g|.", XLabel: "units, sorted", YLabel: "mean", X: numbered(l)}
	for _, g := range l.Gates {
		line := chart.Line{Label: g.Name, Dashed: !g.Between}
		for _, u := range g.Units {
			line.Values = append(line.Values, u.Mean)
		}
		slices.Sort(line.Values)
		means.Lines = append(means.Lines, line)
	}
	return []chart.Chart{means}
}

// memoryCharts draw what a spike leaves along time, and the units' half-lives.
func memoryCharts(l *explain.Layer) []chart.Chart {
	if len(l.Memory) == 0 {
		return nil
	}
	units := numbered(l)
	left := chart.Chart{Title: l.Name + ": what a spike leaves in a single cell", Note: "The difference to the same cell without the spike, as a share of the largest, down to a ten-thousandth; all units by their norm, and the slowest unit.", XLabel: "steps after the spike", YLabel: "share", Log: true}
	for k := range l.Memory[0].Whole.Curve {
		left.X = append(left.X, float64(k))
	}
	halves := chart.Chart{Title: l.Name + ": half-life of a spike", XLabel: "units, sorted", YLabel: "steps", Log: true, X: units}
	for _, m := range l.Memory {
		left.Lines = append(left.Lines, shareLine(m.State, m.Whole, false))
		if slow := explain.Slowest(m.Units, 1); len(slow) > 0 && l.Units > 1 {
			left.Lines = append(left.Lines, shareLine(fmt.Sprintf("%s of unit %d", m.State, slow[0]), m.Units[slow[0]], true))
		}
		line := chart.Line{Label: m.State}
		long, none := 0, 0
		for _, u := range m.Units {
			switch {
			case math.IsInf(u.Half, 1):
				long++
			case math.IsNaN(u.Half):
				none++
			default:
				line.Values = append(line.Values, u.Half)
			}
		}
		slices.Sort(line.Values)
		halves.Note += fmt.Sprintf("%s: %d units, %d keep more than half to the end, %d have no difference. ", m.State, len(m.Units), long, none)
		for len(line.Values) < len(units) {
			line.Values = append(line.Values, math.NaN())
		}
		halves.Lines = append(halves.Lines, line)
	}
	return []chart.Chart{left, halves}
}

func shareLine(label string, r explain.Response, dashed bool) chart.Line {
	line := chart.Line{Label: label, Dashed: dashed}
	for _, d := range r.Curve {
		share := d / r.Peak
		if share < 1e-4 { // rounding follows, on a logarithmic axis
			share = math.NaN()
		}
		line.Values = append(line.Values, share)
	}
	return line
}

// spikeCharts draw the effect of a spike in an input on each layer's states,
// and on outputs that have steps.
func spikeCharts(s *explain.Spike) []chart.Chart {
	var out []chart.Chart
	at := map[string]int{}
	for i, f := range s.Alone {
		if f.Difference.Peak == 0 && s.Decaying[i].Difference.Peak == 0 || len(f.Difference.Curve) < 2 {
			continue
		}
		where, label := f.Layer, f.State
		if f.Layer == "" {
			where, label = "output "+f.Output, "output"
		}
		k, there := at[where]
		if !there {
			k = len(out)
			at[where] = k
			out = append(out, chart.Chart{
				Title: fmt.Sprintf("A spike in %s: %s", s.Input, where), Note: fmt.Sprintf("Difference to the run without the spike, which is at step %d of the input; root mean square over rows and units.", s.At),
				XLabel: "step", YLabel: "difference", Log: true,
			})
			for t := range f.Difference.Curve {
				out[k].X = append(out[k].X, float64(t))
			}
		}
		out[k].Lines = append(out[k].Lines, chart.Line{Label: label + ", spike alone", Values: f.Difference.Curve}, chart.Line{Label: label + ", slow decay", Values: s.Decaying[i].Difference.Curve, Dashed: true})
	}
	return out
}

// attentionCharts draw the weights of row 0, query by query, of the keys whose weight
// moves most.
func attentionCharts(a *explain.Attention) []chart.Chart {
	var out []chart.Chart
	for i, h := range a.Heads {
		c := chart.Chart{Title: fmt.Sprintf("%s, head %d: weights in row 0", a.Name, i), XLabel: "query", YLabel: "weight"}
		for q := range h.Queries {
			c.X = append(c.X, float64(q))
		}
		keys := most(h.Weights[:h.Queries*h.Keys], h.Keys, chart.MaxLines)
		if n := h.Keys - len(keys); n > 0 {
			c.Note = fmt.Sprintf("%d of %d keys, those whose weights move most.", len(keys), h.Keys)
		}
		for _, k := range keys {
			line := chart.Line{Label: fmt.Sprintf("key %d", k)}
			for q := range h.Queries {
				line.Values = append(line.Values, h.Weights[q*h.Keys+k])
			}
			c.Lines = append(c.Lines, line)
		}
		out = append(out, c)
	}
	return out
}
