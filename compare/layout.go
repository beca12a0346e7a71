package compare

import "iter"

// Layout says which axes of a tensor have a meaning. An axis that the tensor
// lacks is -1; an axis out of range, or one named twice, counts as missing.
type Layout struct {
	Batch, Time, Unit int
}

// plain is the layout of a tensor without a batch, such as a weight.
var plain = Layout{Batch: -1, Time: -1, Unit: -1}

// KerasLayout is the layout that Keras gives activations: (batch, time, units)
// for rank 3, (batch, units) for rank 2, and no axis for any other rank.
func KerasLayout(_ string, shape []int) Layout {
	switch len(shape) {
	case 2:
		return Layout{Batch: 0, Time: -1, Unit: 1}
	case 3:
		return Layout{Batch: 0, Time: 1, Unit: 2}
	}
	return plain
}

// PlainLayout has no batch, time or unit for any tensor: the choice for weights.
func PlainLayout(string, []int) Layout { return plain }

// within returns l without the axes that a tensor of that rank cannot have.
func (l Layout) within(rank int) Layout {
	axis := func(a, other1, other2 int) int {
		if a < 0 || a >= rank || a == other1 || a == other2 {
			return -1
		}
		return a
	}
	return Layout{
		Batch: axis(l.Batch, l.Time, l.Unit),
		Time:  axis(l.Time, l.Batch, l.Unit),
		Unit:  axis(l.Unit, l.Batch, l.Time),
	}
}

// walk yields the time step and the flat index of every element in the order
// that "first" means: by step, then row-major. Without a time axis the step is
// always 0.
func walk(shape []int, timeAxis int) iter.Seq2[int, int] {
	return func(yield func(step, flat int) bool) {
		for s, r := range runs(shape, timeAxis) {
			for i := r.from; i < r.to; i++ {
				if !yield(s, i) {
					return
				}
			}
		}
	}
}

// run are the elements of flat indices from from to before to.
type run struct{ from, to int }

// runs yields the elements in walk's order, those that follow one another at once.
func runs(shape []int, timeAxis int) iter.Seq2[int, run] {
	outer, steps, inner := 1, 1, 1
	for axis, n := range shape {
		switch {
		case axis == timeAxis:
			steps = n
		case axis < timeAxis:
			outer *= n
		default: // the whole tensor, where there is no time axis
			inner *= n
		}
	}
	return func(yield func(step int, r run) bool) {
		for s := range steps {
			for o := range outer {
				if at := (o*steps + s) * inner; !yield(s, run{at, at + inner}) {
					return
				}
			}
		}
	}
}

// unravel returns the index along every axis of a flat row-major index.
func unravel(flat int, shape []int) []int {
	index := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		index[axis] = flat % shape[axis]
		flat /= shape[axis]
	}
	return index
}
