package kernel

// Steps takes steps of one row, one after the other, as Next does with each: the
// same bits. x is (steps, features), and each step's h goes to out (steps, units)
// too, if that is not nil. z and scratch are memory for one row.
func Steps[F Float](cell Cell[F], h, c, x, out, z, scratch []F, steps int) {
	if steps == 0 {
		return
	}
	if l, ok := any(cell).(*packedLSTM); ok && ones && l.units == 1 && l.act == TanhFunction && l.rec == SigmoidFunction {
		l.one(single(h), single(c), single(x), single(out), single(scratch), steps)
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
