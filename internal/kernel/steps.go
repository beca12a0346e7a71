package kernel

// Together tells whether Steps has a kernel for more than one step, and so is
// faster than Next after Next.
func Together[F Float](cell Cell[F]) bool {
	l, ok := any(cell).(*packedLSTM)
	return ok && l.together()
}

// Steps takes steps of one row, one after the other, as Next does with each: the
// same bits. x is (steps, features), and each step's h goes to out (steps, units)
// too, if that is not nil. z and scratch are memory for one row.
func Steps[F Float](cell Cell[F], h, c, x, out, z, scratch []F, steps int) {
	if steps == 0 {
		return
	}
	if l, ok := any(cell).(*packedLSTM); ok && l.together() {
		l.steps(single(h), single(c), single(x), single(out), single(z), single(scratch), steps)
		return
	}
	features, units := len(x)/steps, cell.Units()
	for t := range steps {
		cell.Next(h, c, x[t*features:(t+1)*features], z, scratch, 1)
		if out != nil {
			copy(out[t*units:(t+1)*units], h)
		}
	}
}
