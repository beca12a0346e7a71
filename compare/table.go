package compare

import (
	"strings"
	"unicode/utf8"
)

// table sets cells out in columns: the first two and the last to the left, the
// figures between them to the right.
type table struct {
	rows [][]string // the first is the head
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// The least that the two columns which may be shortened are shortened to.
const (
	minName  = 16
	minShape = 12
)

// lines returns the rows, each at most width runes long as long as the figures
// themselves are not wider.
func (t *table) lines(indent, width int) []string {
	widths := make([]int, len(t.rows[0]))
	total := indent + 2*(len(widths)-1)
	for column := range widths {
		for _, row := range t.rows {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
		}
		total += widths[column]
	}
	for column, least := range []int{minName, minShape} {
		if cut := min(total-width, widths[column]-least); cut > 0 {
			widths[column] -= cut
			total -= cut
		}
	}
	var out []string
	for _, row := range t.rows {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", indent))
		for column, cell := range row {
			cell = elide(cell, widths[column])
			pad := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			switch {
			case column == len(row)-1:
				b.WriteString(cell)
			case column < 2:
				b.WriteString(cell + pad + "  ")
			default:
				b.WriteString(pad + cell + "  ")
			}
		}
		out = append(out, b.String())
	}
	return out
}
