package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/table"
)

// textWidth is the number of columns that words keep within, unless a single one
// is wider.
const textWidth = 100

var nan = math.NaN()

// wrapped breaks a sentence at spaces; lines after the first are indented by
// hang more.
func wrapped(indent, hang int, s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Join(format.Wrap(strings.Repeat(" ", indent), s, indent+hang, textWidth), "\n") + "\n"
}

// figures is a table whose cells are all right-aligned.
func figures(head []string, rows ...[]string) *table.Table {
	t := &table.Table{Align: "r", Indent: 6}
	t.Add(head...)
	for _, row := range rows {
		t.Add(row...)
	}
	return t
}

// digits writes a figure with three digits, or a dash where there is none.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.3g", v)
}

// some chooses at most about a dozen of n steps, denser at the beginning.
func some(n int) []int {
	var out []int
	for t, gap := 0, 1; t < n; t += gap {
		out = append(out, t)
		if n > 12 && t >= 4*gap {
			gap = max(gap+1, gap*2)
		}
	}
	if n > 0 && out[len(out)-1] != n-1 {
		out = append(out, n-1)
	}
	return out
}
