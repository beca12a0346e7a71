package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The formulas of Keras's documentation, written again in float64 and one
// element at a time, without using the package.

type matrix struct {
	columns int
	of      []float64
}

func (m matrix) at(row, column int) float64 { return m.of[row*m.columns+column] }

// dot is the sum of x times a column.
func (m matrix) dot(x []float64, column int) float64 {
	sum := 0.0
	for k, v := range x {
		sum += v * m.at(k, column)
	}
	return sum
}

func at(b []float64, i int) float64 {
	if b == nil {
		return 0
	}
	return b[i]
}

// trial is a cell with the numbers that it was made of.
type trial struct {
	features, units int
	kernel          matrix
	recurrent       matrix
	bias, second    []float64
	act, rec        func(x float64) float64
}

// step takes a step by the formula.
type step func(c *trial, x, h, cell []float64) (nextH, nextC []float64)

func lstmStep(c *trial, x, h, cell []float64) (nextH, nextC []float64) {
	u := c.units
	for j := range u {
		z := func(gate int) float64 {
			return c.kernel.dot(x, gate*u+j) + c.recurrent.dot(h, gate*u+j) + at(c.bias, gate*u+j)
		}
		i, f, g, o := c.rec(z(0)), c.rec(z(1)), c.act(z(2)), c.rec(z(3))
		next := f*cell[j] + i*g
		nextC = append(nextC, next)
		nextH = append(nextH, o*c.act(next))
	}
	return nextH, nextC
}

func gruStep(after bool) step {
	return func(c *trial, x, h, _ []float64) (nextH, nextC []float64) {
		u := c.units
		var z, r []float64
		for j := range u {
			z = append(z, c.rec(c.kernel.dot(x, j)+at(c.bias, j)+c.recurrent.dot(h, j)+at(c.second, j)))
			r = append(r, c.rec(c.kernel.dot(x, u+j)+at(c.bias, u+j)+c.recurrent.dot(h, u+j)+at(c.second, u+j)))
		}
		for j := range u {
			in := c.kernel.dot(x, 2*u+j) + at(c.bias, 2*u+j)
			if after {
				in += r[j] * (c.recurrent.dot(h, 2*u+j) + at(c.second, 2*u+j))
			} else {
				for k := range u {
					in += r[k] * h[k] * c.recurrent.at(k, 2*u+j)
				}
			}
			nextH = append(nextH, z[j]*h[j]+(1-z[j])*c.act(in))
		}
		return nextH, nil
	}
}

func simpleStep(c *trial, x, h, _ []float64) (nextH, nextC []float64) {
	for j := range c.units {
		nextH = append(nextH, c.act(c.kernel.dot(x, j)+c.recurrent.dot(h, j)+at(c.bias, j)))
	}
	return nextH, nil
}

// kinds are the cells: how many gates each has, whether it has a second state
// and a second bias, how it is made, and its formula.
var kinds = []struct {
	name, short    string
	gates          int
	second, biases bool
	make32         func(w, r, b, rb []float32, f, u int, act, rec Activation) Cell[float32]
	make64         func(w, r, b, rb []float64, f, u int, act, rec Activation) Cell[float64]
	step           step
}{
	{"LSTM", "lstm", 4, true, false, newLSTM[float32], newLSTM[float64], lstmStep},
	{"GRU, reset after", "gru", 3, false, true, newGRUAfter[float32], newGRUAfter[float64], gruStep(true)},
	{"GRU, reset before", "gru-before", 3, false, false, newGRUBefore[float32], newGRUBefore[float64], gruStep(false)},
	{"SimpleRNN", "simplernn", 1, false, false, newSimple[float32], newSimple[float64], simpleStep},
}

func newLSTM[F Float](w, r, b, _ []F, f, u int, act, rec Activation) Cell[F] {
	return NewLSTM(w, r, b, f, u, act, rec)
}

func newGRUAfter[F Float](w, r, b, rb []F, f, u int, act, rec Activation) Cell[F] {
	return NewGRU(w, r, b, rb, f, u, act, rec, true)
}

func newGRUBefore[F Float](w, r, b, _ []F, f, u int, act, rec Activation) Cell[F] {
	return NewGRU(w, r, b, nil, f, u, act, rec, false)
}

func newSimple[F Float](w, r, b, _ []F, f, u int, act, _ Activation) Cell[F] {
	return NewSimpleRNN(w, r, b, f, u, act)
}

// Every cell is its formula, for sizes that are no multiple of anything, with
// and without biases, in one step and in some, and a row's answer does not
// depend on the rows beside it.
func TestCells(t *testing.T) { each(t, testCells) }

func testCells(t *testing.T) {
	sizes := [][2]int{{1, 1}, {1, 3}, {3, 1}, {2, 5}, {7, 8}, {5, 9}, {13, 17}, {16, 16}, {4, 33}}
	for _, k := range kinds {
		for _, size := range sizes {
			for _, bias := range []bool{true, false} {
				what := fmt.Sprintf("%s, %d features, %d units, bias %v", k.name, size[0], size[1], bias)
				testCell(t, what, k.gates, k.second, bias && k.biases, bias, size, TanhFunction, SigmoidFunction, k.make32, k.step, 2e-6)
				testCell(t, what, k.gates, k.second, bias && k.biases, bias, size, TanhFunction, SigmoidFunction, k.make64, k.step, 1e-14)
			}
		}
	}
}

// Every activation may be in either place of every cell.
func TestCellsWithEveryActivation(t *testing.T) { each(t, testCellsWithEveryActivation) }

func testCellsWithEveryActivation(t *testing.T) {
	for _, k := range kinds {
		for a := range Activation(len(scalar)) {
			what := fmt.Sprintf("%s, activation %d", k.name, a)
			testCell(t, what, k.gates, k.second, k.biases, true, [2]int{3, 5}, a, SigmoidFunction, k.make64, k.step, 1e-12)
			testCell(t, "recurrent "+what, k.gates, k.second, k.biases, true, [2]int{3, 5}, TanhFunction, a, k.make64, k.step, 1e-12)
			testCell(t, what, k.gates, k.second, k.biases, true, [2]int{3, 5}, a, SigmoidFunction, k.make32, k.step, 1e-5)
		}
	}
}

func testCell[F Float](t *testing.T, what string, gates int, second, secondBias, bias bool, size [2]int, act, rec Activation,
	makeCell func(w, r, b, rb []F, f, u int, act, rec Activation) Cell[F], byFormula step, tolerance float64) {
	t.Helper()
	f, u := size[0], size[1]
	const rows, steps = 5, 3
	r := rand.New(rand.NewPCG(11, uint64(f*100+u)))
	some := func(n int) ([]F, []float64) {
		a, b := make([]F, n), make([]float64, n)
		for i := range a {
			a[i] = F(r.NormFloat64()) / 2
			b[i] = float64(a[i])
		}
		return a, b
	}
	w, w64 := some(f * gates * u)
	rw, rw64 := some(u * gates * u)
	c := &trial{features: f, units: u, kernel: matrix{gates * u, w64}, recurrent: matrix{gates * u, rw64}, act: formulas[act], rec: formulas[rec]}
	var b, rb []F
	if bias {
		b, c.bias = some(gates * u)
	}
	if secondBias {
		rb, c.second = some(gates * u)
	}
	cell := makeCell(w, rw, b, rb, f, u, act, rec)
	for _, s := range [][]F{w, rw, b, rb} { // they were copied
		for i := range s {
			s[i] = F(math.NaN())
		}
	}
	width := cell.Width()
	if cell.Units() != u || width < gates*u {
		t.Errorf("%s: %d units and a width of %d", what, cell.Units(), width)
	}

	x, x64 := some(steps * rows * f)
	h, h64 := some(rows * u)
	var cs []F
	var c64 []float64
	if second {
		cs, c64 = some(rows * u)
	}
	// Alone, each of the rows; all sharing memory that is not clean.
	alone := make([][]F, rows)
	dirty := func(n int) []F { return slices.Repeat([]F{F(math.NaN())}, n) }
	z, scratch := dirty(width), dirty(cell.Scratch(1))
	for row := range rows {
		hr := slices.Clone(h[row*u : (row+1)*u])
		var cr []F
		if second {
			cr = slices.Clone(cs[row*u : (row+1)*u])
		}
		for s := range steps {
			cell.Project(z, x[(s*rows+row)*f:(s*rows+row+1)*f], 1)
			cell.Step(hr, cr, z, scratch, 1)
		}
		alone[row] = slices.Concat(hr, cr)
	}
	// All at once, input by input.
	h2, c2 := slices.Clone(h), slices.Clone(cs)
	z, scratch = dirty(rows*width), dirty(cell.Scratch(rows))
	for s := range steps {
		cell.Next(h2, c2, x[s*rows*f:(s+1)*rows*f], z, scratch, rows)
	}
	// All at once, every step projected ahead.
	z, scratch = dirty(steps*rows*width), dirty(cell.Scratch(rows))
	cell.Project(z, x, steps*rows)
	for s := range steps {
		cell.Step(h, cs, z[s*rows*width:], scratch, rows)
	}
	if !slices.Equal(h2, h) || !slices.Equal(c2, cs) {
		t.Errorf("%s: projected ahead the states are %v, %v, and input by input %v, %v", what, h, cs, h2, c2)
	}
	for row := range rows {
		together := slices.Clone(h[row*u : (row+1)*u])
		if second {
			together = append(together, cs[row*u:(row+1)*u]...)
		}
		if !slices.Equal(together, alone[row]) {
			t.Errorf("%s: row %d is %v in a batch and %v alone", what, row, together, alone[row])
		}
		hr := h64[row*u : (row+1)*u]
		var cr []float64
		if second {
			cr = c64[row*u : (row+1)*u]
		}
		for s := range steps {
			hr, cr = byFormula(c, x64[(s*rows+row)*f:(s*rows+row+1)*f], hr, cr)
		}
		for j, want := range append(hr, cr...) {
			if d := math.Abs(float64(together[j]) - want); !(d <= tolerance*math.Max(1, math.Abs(want))) {
				t.Errorf("%s: row %d, state %d is %v, want %v", what, row, j, together[j], want)
				return
			}
		}
	}
}

func TestDense(t *testing.T) { each(t, testDenses) }

func testDenses(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 1}, {1, 3}, {17, 5}, {8, 16}, {33, 7}} {
		for _, bias := range []bool{true, false} {
			testDense[float32](t, size[0], size[1], bias, 1e-6)
			testDense[float64](t, size[0], size[1], bias, 1e-14)
		}
	}
}

func testDense[F Float](t *testing.T, in, out int, bias bool, tolerance float64) {
	t.Helper()
	const rows = 4
	r := rand.New(rand.NewPCG(12, uint64(in*100+out)))
	some := func(n int) ([]F, []float64) {
		a, b := make([]F, n), make([]float64, n)
		for i := range a {
			a[i] = F(r.NormFloat64())
			b[i] = float64(a[i])
		}
		return a, b
	}
	w, w64 := some(in * out)
	x, x64 := some(rows * in)
	var b []F
	var b64 []float64
	if bias {
		b, b64 = some(out)
	}
	d := NewDense(w, b, in, out)
	clear(w)
	clear(b)
	y := slices.Repeat([]F{F(math.NaN())}, rows*out)
	d.Apply(y, x, rows)
	m := matrix{out, w64}
	for row := range rows {
		one := make([]F, out)
		d.Apply(one, x[row*in:(row+1)*in], 1)
		if !slices.Equal(one, y[row*out:(row+1)*out]) {
			t.Errorf("dense %d to %d: row %d is %v alone and %v in a batch", in, out, row, one, y[row*out:(row+1)*out])
		}
		for j := range out {
			want := m.dot(x64[row*in:(row+1)*in], j) + at(b64, j)
			if diff := math.Abs(float64(one[j]) - want); !(diff <= tolerance*float64(in+1)) {
				t.Errorf("dense %d to %d: element %d of row %d is %v, want %v", in, out, j, row, one[j], want)
			}
		}
	}
}

// No rows are no work.
func TestNoRows(t *testing.T) { each(t, testNoRows) }

func testNoRows(t *testing.T) {
	for _, k := range kinds {
		w := make([]float32, 2*k.gates*3)
		cell := k.make32(w, make([]float32, 3*k.gates*3), nil, nil, 2, 3, TanhFunction, SigmoidFunction)
		cell.Project(nil, nil, 0)
		cell.Step(nil, nil, nil, make([]float32, cell.Scratch(0)), 0)
		cell.Next(nil, nil, nil, nil, make([]float32, cell.Scratch(0)), 0)
		Steps(cell, nil, nil, nil, nil, nil, nil, 0)
	}
	NewDense(make([]float32, 6), nil, 2, 3).Apply(nil, nil, 0)
}
