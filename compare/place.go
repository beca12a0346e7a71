package compare

import (
	"fmt"
	"strconv"
	"strings"
)

// Place is one element of a tensor, with what both sides hold there.
type Place struct {
	Flat  int   // row-major
	Index []int // along every axis; empty for a scalar
	// Batch, Step and Unit are the indices along the axes that the Layout
	// names, -1 where it names none.
	Batch, Step, Unit int

	Reference, Candidate Value
}

// String says where the place is, as in "step 3, batch row 1, unit 0", and by
// its plain index, as in "index (0, 2, 1, 4)", where the layout does not name
// every axis.
func (p *Place) String() string {
	var parts []string
	for _, axis := range []struct {
		name string
		at   int
	}{{"step", p.Step}, {"batch row", p.Batch}, {"unit", p.Unit}} {
		if axis.at >= 0 {
			parts = append(parts, fmt.Sprintf("%s %d", axis.name, axis.at))
		}
	}
	switch {
	case len(p.Index) == 0:
		return "the scalar"
	case len(parts) < len(p.Index):
		parts = append(parts, "index "+formatIndex(p.Index))
	}
	return strings.Join(parts, ", ")
}

func formatIndex(index []int) string {
	s := make([]string, len(index))
	for i, n := range index {
		s[i] = strconv.Itoa(n)
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// place describes the element at a flat index.
func (d *Difference) place(flat int) *Place {
	index := unravel(flat, d.Reference.Shape())
	along := func(axis int) int {
		if axis < 0 {
			return -1
		}
		return index[axis]
	}
	return &Place{
		Flat:      flat,
		Index:     index,
		Batch:     along(d.Layout.Batch),
		Step:      along(d.Layout.Time),
		Unit:      along(d.Layout.Unit),
		Reference: ValueAt(d.Reference, flat),
		Candidate: ValueAt(d.Candidate, flat),
	}
}
