package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// textWidth is the number of columns that words keep within, unless a single one
// is wider.
const textWidth = 100

var nan = math.NaN()

// wrapped breaks a sentence at spaces; lines after the first are indented by
// hang more.
func wrapped(indent, hang int, s string) string {
	var b strings.Builder
	column, margin := 0, strings.Repeat(" ", indent)
	for i, word := range strings.Fields(s) {
		switch width := utf8.RuneCountInString(word); {
		case i == 0:
			b.WriteString(margin + word)
			column = indent + width
			margin += strings.Repeat(" ", hang)
		case column+1+width > textWidth:
			b.WriteString("\n" + margin + word)
			column = len(margin) + width
		default:
			b.WriteString(" " + word)
			column += 1 + width
		}
	}
	return b.String() + "\n"
}

// table is a heading and rows of cells, the first of which stand to the left.
type table struct {
	Head []string
	Rows [][]string
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// write writes the table, numbers to the right.
func (t *table) write(w io.Writer, indent int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprint(tw, strings.Repeat(" ", indent)+strings.Join(row, "\t")+"\t\n")
	}
	return tw.Flush()
}

// digits writes a figure with three digits, and a dash for what there is not.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.3g", v)
}

// some chooses at most about a dozen of n steps, closer together where they
// begin.
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
