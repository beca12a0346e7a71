package recurrent

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// choice is a tensor that a step takes from one of two, row by row, by the
// step's element of a list.
type choice struct {
	list, rank int
	// columns are how many the mask is spread over before the choice: as many
	// as the tensor has or, if the choice spreads it, 1; 0 if it is not.
	columns     int
	spreads     bool
	yes, no, of savedmodel.Ref
}

// choose reads r as a choice.
//
// SelectV2 broadcasts its condition along the axes from the last, so a mask of
// one axis would choose columns: it has to be (N, 1). Select needs a condition
// of the tensors' shape, or one of one axis that chooses rows.
func (l *loop) choose(r savedmodel.Ref) (c choice, ok bool) {
	in, ok := operands(r, "SelectV2", 3)
	if c.spreads = ok; !ok {
		if in, ok = operands(r, "Select", 3); !ok {
			return c, false
		}
	}
	c.of, c.yes, c.no, c.rank = r.Through(), in[1], in[2], 2
	mask := in[0]
	if tile, isTile := operands(mask, "Tile", 2); isTile {
		times, ok := constList(tile[1], 2)
		if !ok || len(times) != 2 || times[0] != 1 || times[1] < 1 || times[1] > 1<<31 {
			return c, false
		}
		mask, c.columns = tile[0], int(times[1])
	} else if !c.spreads {
		c.rank = 1
	}
	if wide, isWide := operands(mask, "ExpandDims", 2); isWide && c.rank == 2 {
		if !isInt(wide[1], -1) && !isInt(wide[1], 1) {
			return c, false
		}
		mask, c.rank = wide[0], 1
	}
	c.list, ok = l.item(mask)
	return c, ok
}

// fits tells whether the mask is broadcast to that number of columns.
func (c choice) fits(columns int) bool {
	return c.columns == 0 || c.columns == columns || c.columns == 1 && c.spreads
}

// masks are the choices that the steps of a loop make.
type masks struct {
	l    *loop
	mask *Mask
	made map[int]choice // by the loop variable that is left
	out  choice         // what is written to the list of outputs
}

// add notes a choice; all of a loop must be by one mask.
func (m *masks) add(c choice) bool {
	if m.mask == nil {
		m.mask = &Mask{Steps: c.list, Rank: c.rank, Previous: -1, Zeros: -1, Carried: -1}
	}
	return m.mask.Steps == c.list && m.mask.Rank == c.rank
}

// output reads what a step writes to the list of outputs, and finds the loop
// variables, among those that hold choices, that are involved. It returns the
// output of a row that is not masked.
func (m *masks) output(item savedmodel.Ref, left []int) (savedmodel.Ref, string) {
	c, ok := m.l.choose(item)
	if !ok && m.mask == nil {
		return item, ""
	}
	if !ok || !m.add(c) {
		return item, "its output is not masked as its states are"
	}
	m.out = c
	for _, i := range left {
		if made, ok := m.made[i]; ok && made.of == c.of {
			m.mask.Carried = i
		}
	}
	no, isArg := m.l.arg(c.no)
	switch {
	case isArg && no == m.mask.Carried:
		m.mask.Previous = no
	case isArg && m.l.invariant[no] && isZero(m.l.inputs[no]):
		m.mask.Zeros = no
	default:
		return item, fmt.Sprintf("a masked output becomes %s, want the one before it or zeros", c.no.Through())
	}
	return c.yes, ""
}
