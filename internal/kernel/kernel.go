// Package kernel computes the inner loops of the native engine: products of a
// layer's weights with rows of values, and the gates of a recurrent cell.
//
// A layer's weights are packed once, by New…, into the form that its loops
// read, which is private to the package. Functions trust their callers: slices
// have the lengths that the comments give.
//
// # Order of summation
//
// Every sum begins with the bias and takes the inputs in order, then the
// units in order. With any kernels, a row's result does not depend on the rows
// beside it, nor on how many goroutines run, bit for bit.
//
// The kernels in Go round each product before it is added: no fused
// multiply-add, so that every machine computes the same bits. They are for
// every machine and both types, and the others are tested against them. In
// float64 AVX2 computes the products, the same bits, and Go the rest.
//
// The vectorised ones are for float32 and fuse the multiply-add, so they are
// close to those in Go, and the same bits on every machine that has them (AVX2,
// AVX-512 and NEON do not differ, except in the sign of a NaN), one step after
// the other or several at once:
//
//	sums of a cell or of 5 columns and more   the order above, fused
//	sums of a dense layer of 1 to 4 columns   16 sums side by side, see dots
//	sigmoid, tanh                             within 2 ulp; in Go correctly rounded, nearly
//	those of an LSTM of a single unit         from tables, within 1.6 ulp, see curvePair
//	the gates                                 see lstmRow, gruGates
//	other activations                         Go's own, bit for bit
package kernel

// Float is the type that a layer computes in.
type Float interface{ float32 | float64 }

// addRow adds x·w to z: z[j] += x·w[j].
func addRow[F Float](z, w []F, x F) {
	w = w[:len(z)]
	for j := range z {
		z[j] += F(x * w[j])
	}
}

// addProduct adds rows of x (rows, n) times w (n, m) to rows of z (rows, m); those of
// float64 by vectors, the same bits.
func addProduct[F Float](z, x, w []F, rows, n, m int) {
	addRowsOf(Rows[F]{z, m}, Rows[F]{x, n}, w, rows, n, m)
}

// addRowsOf is addProduct for rows that are apart.
func addRowsOf[F Float](z, x Rows[F], w []F, rows, n, m int) {
	if z, ok := any(z).(Rows[float64]); ok && inPlace && chosen != plain && rows*n*m > 0 {
		x, w := any(x).(Rows[float64]), any(w).([]float64)[:n*m]
		// A panic here, and not a stray write there.
		_, _ = z.Data[(rows-1)*z.Stride+m-1], x.Data[(rows-1)*x.Stride+n-1]
		for r := range rows {
			addRows(&z.Data[r*z.Stride], &x.Data[r*x.Stride], &w[0], n, m)
		}
		return
	}
	for r := range rows {
		zr := z.Data[r*z.Stride:][:m]
		for k, v := range x.Data[r*x.Stride:][:n] {
			addRow(zr, w[k*m:(k+1)*m], v)
		}
	}
}

// fillRows sets each of the rows of z to b, or to zero if b is nil.
func fillRows[F Float](z, b []F, rows, m int) {
	if b == nil {
		clear(z[:rows*m])
		return
	}
	for r := range rows {
		copy(z[r*m:(r+1)*m], b)
	}
}

// Cell is a recurrent cell with its weights packed. The states of rows are
// (rows, units) each; c is nil for a cell that has no second state.
type Cell[F Float] interface {
	// Units is the length of a state.
	Units() int
	// Width is the number of columns of z, whose layout is private to the cell.
	Width() int
	// Scratch is the number of elements that Step and Next need for rows; what
	// is in it may change how long they take, and no bit of their result.
	Scratch(rows int) int
	// Project computes what the inputs add to the gates, for rows of x (rows,
	// features) into rows of z (rows, width).
	Project(z, x []F, rows int)
	// Step takes one time step: z, made by Project, is used up, and h and c
	// become the next states.
	Step(h, c, z, scratch []F, rows int)
	// Next is Project and Step of one time step, the same bits, with z as memory
	// for it.
	Next(h, c, x, z, scratch []F, rows int)
	// Ahead tells whether it is faster to Project many steps of rows at once
	// and Step through them than to call Next for each.
	Ahead(rows int) bool
}
