package kernel

// one takes steps of one row, or one step of some rows, of a layer of one unit. x
// is nil if the inputs are in the sums that it begins with, from; each step's h
// goes to out too, if that is not nil, and z is for as many sums as rows have.
// Where a number is not in a table the step is lstmRow's: this depends on the
// number alone.
func (l *packedLSTM) one(h, c, x, out, z []float32, from rowsOf, scratch []float32, features, steps int) {
	weights := &l.weights.of(0, l.features-features)[0]
	rows, all := len(h), len(h)*steps
	for done := 0; done < all; done++ {
		row, left := 0, steps-done
		if steps == 1 {
			row, left = done, 1
		}
		to, stride := &scratch[0], 0
		if out != nil {
			to, stride = &out[done], 1
		}
		done += lstmOne(&h[row], &c[row], to, stride, first(x[done*features:]), &from.data[row*from.stride], from.stride, weights,
			features, rows-row, left, &l.curves.sigmoid[2*curveEnd], &l.curves.tanh[2*curveEnd])
		if done == all {
			return
		}
		if steps == 1 {
			row = done
		}
		lstmRow(&h[row], &c[row], &z[row*l.Width()], first(x[done*features:]), &from.data[row*from.stride], weights, l.weights.n, features, 1, 1, 0)
		if out != nil {
			out[done] = h[row]
		}
	}
}
