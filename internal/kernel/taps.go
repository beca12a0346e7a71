package kernel

// Tap is one place of a convolution's window: where the elements of x and of w
// begin that are multiplied.
type Tap struct{ X, W int }

// AddTaps adds to each of rows of z, of n numbers, the products of n numbers of its
// row of x and of w, number by number, of every tap in order.
func AddTaps[F Float](z, x Rows[F], w []F, taps []Tap, n, rows int) {
	if len(taps) == 0 || n == 0 || rows == 0 {
		return
	}
	doubles, isDouble := any(z.Data).([]float64)
	if packing[F]() || isDouble && inPlace && chosen != plain {
		// A panic here, and not a stray write there.
		_ = z.Data[(rows-1)*z.Stride+n-1]
		for _, t := range taps {
			_, _, _ = x.Data[t.X], x.Data[(rows-1)*x.Stride+t.X+n-1], w[t.W:t.W+n]
		}
		if isDouble { // the same bits as below
			addTaps(&doubles[0], z.Stride, &any(x.Data).([]float64)[0], x.Stride, &any(w).([]float64)[0], &taps[0].X, len(taps), n, rows)
			return
		}
		tapRows(&single(z.Data)[0], z.Stride, &single(x.Data)[0], x.Stride, &single(w)[0], &taps[0].X, len(taps), n, rows)
		return
	}
	for r := range rows {
		to, from := z.Data[r*z.Stride:][:n], x.Data[r*x.Stride:]
		for _, t := range taps {
			v, u := from[t.X:][:n], w[t.W:][:n]
			for i := range to {
				to[i] += F(v[i] * u[i])
			}
		}
	}
}
