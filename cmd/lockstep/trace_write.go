package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/chart"
)

// tensorsOf names the tensors as Trace.Steps does.
func tensorsOf(layers []shownLayer) []lockstep.NamedTensor {
	var out []lockstep.NamedTensor
	for _, l := range layers {
		for _, q := range l.quantities {
			out = append(out, lockstep.NamedTensor{Name: lockstep.StepName(l.name, q.name), Tensor: q.tensor})
		}
	}
	return out
}

// writeTraceCSV writes a line a value; floats have the fewest digits that read
// back to the same number.
func writeTraceCSV(w io.Writer, layers []shownLayer) error {
	buffered := bufio.NewWriter(w)
	c := csv.NewWriter(buffered)
	record := []string{"layer", "quantity", "row", "step", "unit", "value"}
	if err := c.Write(record); err != nil {
		return err
	}
	for _, l := range layers {
		for _, q := range l.quantities {
			values, err := q.tensor.Float64s()
			if err != nil {
				return err
			}
			bits := 32 // which hold every float of 16 bits
			if q.tensor.DType() == lockstep.Float64 {
				bits = 64
			}
			units := l.units
			if q.own {
				units = upTo(q.tensor.Shape()[2])
			}
			steps := q.tensor.Shape()[1]
			for i, v := range values {
				record[0], record[1] = l.name, q.name
				record[2] = strconv.Itoa(l.rows[i/(steps*len(units))])
				record[3] = strconv.Itoa(i / len(units) % steps)
				record[4] = strconv.Itoa(units[i%len(units)])
				record[5] = strconv.FormatFloat(v, 'g', -1, bits)
				if err := c.Write(record); err != nil {
					return err
				}
			}
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	return buffered.Flush()
}

// quantityTitles are the quantities' names in a picture.
var quantityTitles = map[string]string{
	"x": "x, its input", "i": "i, input gate", "f": "f, forget gate", "o": "o, output gate", "g": "g, candidate",
	"z": "z, update gate", "r": "r, reset gate", "c": "c, cell state", "h": "h, hidden state",
}

// moving is how many units a picture shows by default.
const moving = 4

// traceCharts draws one row: a chart for x, each gate and each state, and for what
// attentions and loops have. The gates' sums are in csv and npz alone.
func traceCharts(model, engine string, layers []shownLayer, row int, chosen bool) chart.Page {
	row = max(row, 0)
	p := chart.Page{Title: fmt.Sprintf("%s in %s, row %d", model, engine, row)}
	for _, l := range layers {
		at := slices.Index(l.rows, row)
		if len(l.rows) == 1 {
			at = 0 // of what all rows share
		}
		lines := chosenLines(l, at, chosen)
		for _, q := range l.quantities {
			title, known := quantityTitles[q.name]
			if q.title != "" {
				title, known = q.title, true
			}
			if !known || at < 0 || len(p.Charts) == chart.MaxCharts {
				continue
			}
			values, err := q.tensor.Float64s()
			if err != nil {
				continue // floats alone were chosen
			}
			steps, width := q.tensor.Shape()[1], q.tensor.Shape()[2]
			c := chart.Chart{Title: l.name + ": " + title, XLabel: "step", YLabel: q.name}
			for s := range steps {
				c.X = append(c.X, float64(s))
			}
			these, word, names := lines, "unit", l.units
			switch {
			case q.of != "":
				these, word, names = most(values[at*steps*width:][:steps*width], width, chart.MaxLines), q.of, upTo(width)
			case q.own:
				these, word, names = upTo(min(width, chart.MaxLines)), "feature", upTo(width)
			}
			for _, k := range these {
				line := chart.Line{Label: fmt.Sprintf("%s %d", word, names[k])}
				for s := range steps {
					line.Values = append(line.Values, values[(at*steps+s)*width+k])
				}
				c.Lines = append(c.Lines, line)
			}
			if n := len(names) - len(these); n > 0 {
				c.Note = fmt.Sprintf("%d of %d %ss.", len(these), len(names), word)
			}
			p.Charts = append(p.Charts, c)
		}
	}
	return p
}

// chosenLines returns which of the shown units get a line: the first chosen
// ones, or those whose h moves most.
func chosenLines(l shownLayer, at int, chosen bool) []int {
	out := upTo(len(l.units))
	if chosen || at < 0 {
		return out[:min(len(out), chart.MaxLines)]
	}
	for _, q := range l.quantities {
		if values, err := q.tensor.Float64s(); q.name == "h" && err == nil {
			n := q.tensor.Shape()[1] * len(out)
			return most(values[at*n:][:n], len(out), moving)
		}
	}
	return out[:min(len(out), moving)]
}

// most returns which columns of values (steps, width) move most, at most n, in order.
func most(values []float64, width, n int) []int {
	out, span := upTo(width), make([]float64, width)
	for u := range out {
		low, high := math.Inf(1), math.Inf(-1)
		for at := u; at < len(values); at += width {
			low, high = min(low, values[at]), max(high, values[at])
		}
		span[u] = high - low
	}
	slices.SortStableFunc(out, func(a, b int) int {
		switch {
		case span[a] > span[b]:
			return -1
		case span[a] < span[b]:
			return 1
		}
		return 0
	})
	out = out[:min(len(out), n)]
	slices.Sort(out)
	return out
}
