// Package chart draws line charts for the program's commands: as a page that
// opens from disk, as PNG and as SVG.
//
// The pictures are drawn by gonum's plot, which includes fonts and image
// formats; so no package that library users import may import this one.
package chart

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// Page is some charts with words above them.
type Page struct {
	Title string
	// Words are paragraphs, and Sections come between them and the charts that
	// belong to none; a picture has the charts alone, those of sections first.
	Words    []string
	Sections []Section
	Charts   []Chart
}

// Section is charts under a title, for people look before they read, then words,
// then a table if it has a heading.
type Section struct {
	Title  string
	Charts []Chart
	Words  []string
	Head   []string
	Rows   [][]string
}

// all returns every chart of the page in order.
func (p Page) all() []Chart {
	var out []Chart
	for _, s := range p.Sections {
		out = append(out, s.Charts...)
	}
	return append(out, p.Charts...)
}

// Chart is some lines over one axis.
type Chart struct {
	Title string
	// Note is a sentence below the title, on a page alone.
	Note           string
	XLabel, YLabel string
	// Log wants a logarithmic axis of y, on which what is not positive has no
	// place.
	Log   bool
	X     []float64
	Lines []Line
}

// Line has a value for each of the chart's X; what is not finite is a gap.
type Line struct {
	Label  string
	Values []float64
	Dashed bool
}

// MaxCharts is the most charts that a page or a picture holds, and MaxLines the
// most lines of a chart: more could not be distinguished.
const (
	MaxCharts = 120
	MaxLines  = 8
)

// MaxPoints is the most points of a line; of more, each bucket's smallest and
// largest are drawn.
const MaxPoints = 2000

// Formats are the formats that Write supports.
var Formats = []string{"html", "png", "svg"}

// Write writes a page in one of the Formats.
func Write(w io.Writer, format string, p Page) error {
	if err := p.check(); err != nil {
		return err
	}
	p = p.thinned()
	switch format {
	case "html":
		return p.html(w)
	case "png", "svg":
		return p.picture(w, format)
	}
	return fmt.Errorf("chart: no format %q: want one of %q", format, Formats)
}

func (p Page) check() error {
	all := p.all()
	if len(all) == 0 || len(all) > MaxCharts {
		return fmt.Errorf("chart: %d charts on a page, want 1 to %d", len(all), MaxCharts)
	}
	for _, c := range all {
		if len(c.Lines) > MaxLines {
			return fmt.Errorf("chart: %q has %d lines, want %d at most", c.Title, len(c.Lines), MaxLines)
		}
		for _, l := range c.Lines {
			if len(l.Values) != len(c.X) {
				return fmt.Errorf("chart: %q: the line %q has %d values over %d", c.Title, l.Label, len(l.Values), len(c.X))
			}
		}
	}
	return nil
}

// thinned returns a page whose lines have MaxPoints at most: of each bucket, the
// place of the smallest and of the largest value of each line, so that no peak
// is lost.
func (p Page) thinned() Page {
	out := p
	out.Charts, out.Sections = thinned(p.Charts), slices.Clone(p.Sections)
	for i := range out.Sections {
		out.Sections[i].Charts = thinned(out.Sections[i].Charts)
	}
	return out
}

func thinned(charts []Chart) []Chart {
	out := make([]Chart, len(charts))
	for i, c := range charts {
		out[i] = c.thinned()
	}
	return out
}

func (c Chart) thinned() Chart {
	n := len(c.X)
	if n <= MaxPoints {
		return c
	}
	keep := make([]bool, n)
	keep[0], keep[n-1] = true, true
	buckets := MaxPoints / (2 * max(1, len(c.Lines)))
	for b := range buckets {
		from, to := b*n/buckets, (b+1)*n/buckets
		for _, l := range c.Lines {
			low, high := from, from
			for i := from; i < to; i++ {
				if l.Values[i] < l.Values[low] || math.IsNaN(l.Values[low]) {
					low = i
				}
				if l.Values[i] > l.Values[high] || math.IsNaN(l.Values[high]) {
					high = i
				}
			}
			keep[low], keep[high] = true, true
		}
	}
	out := c
	out.X, out.Lines = nil, make([]Line, len(c.Lines))
	for k, l := range c.Lines {
		out.Lines[k] = Line{Label: l.Label, Dashed: l.Dashed}
	}
	for i := range keep {
		if !keep[i] {
			continue
		}
		out.X = append(out.X, c.X[i])
		for k := range c.Lines {
			out.Lines[k].Values = append(out.Lines[k].Values, c.Lines[k].Values[i])
		}
	}
	out.Note = fmt.Sprintf("%s %d steps are drawn as %d points: of each bucket the smallest and the largest value.", c.Note, n, len(out.X))
	return out
}
