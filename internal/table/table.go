// Package table writes cells in columns of text, for lockstep's reports.
package table

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep/internal/format"
)

// Table is rows of cells, all of the same number.
type Table struct {
	// Align has a letter for each column, l or r; the last one applies to all
	// that follow. Without it, all are left-aligned.
	Align string
	// Indent is the number of spaces before each row.
	Indent int
	// Width, if not 0, is the number of columns of text that rows keep within:
	// cells of the first columns are shortened for that, to Least runes each.
	Width int
	Least []int

	rows [][]string
}

const gap = "  "

// Add adds a row.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Lines returns the rows, without spaces at their ends.
func (t *Table) Lines() []string {
	widths := t.widths()
	out := make([]string, len(t.rows))
	for i, row := range t.rows {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", t.Indent))
		for column, cell := range row {
			if column > 0 {
				b.WriteString(gap)
			}
			cell = format.Elide(cell, widths[column])
			pad := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if t.right(column) {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		out[i] = strings.TrimRight(b.String(), " ")
	}
	return out
}

// Write writes the rows, a line each.
func (t *Table) Write(w io.Writer) error {
	var b strings.Builder
	for _, l := range t.Lines() {
		b.WriteString(l + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) right(column int) bool {
	if t.Align == "" {
		return false
	}
	return t.Align[min(column, len(t.Align)-1)] == 'r'
}

// widths are those of the columns.
func (t *Table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for column, cell := range row {
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	if t.Width == 0 {
		return widths
	}
	total := t.Indent + len(gap)*(len(widths)-1)
	for _, w := range widths {
		total += w
	}
	for column, least := range t.Least {
		if cut := min(total-t.Width, widths[column]-least); cut > 0 {
			widths[column] -= cut
			total -= cut
		}
	}
	return widths
}
