//go:build linux || darwin

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Every kernel against the one in plain Go, its memory between pages that are
// not there.

// lengths are all from 0 to 130 and some larger ones.
func lengths() []int {
	var all []int
	for n := range 131 {
		all = append(all, n)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		all = append(all, 131+r.IntN(2000))
	}
	return all
}

func normal(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func TestActivationLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	eachVectorised(t, func(t *testing.T) {
		for _, front := range []bool{false, true} {
			for _, n := range lengths() {
				for a := range Activation(len(scalar)) {
					g := &guarded{t: t, front: front}
					in := normal(r, n, 4)
					want := slices.Clone(in)
					activate(a, want)
					x, y := g.of(in), g.of(make([]float32, n))
					activate32(a, y, x, chosen == avx512)
					if !slices.Equal(x, in) {
						t.Fatalf("activation %d of %d elements changed its input", a, n)
					}
					activate32(a, x, x, chosen == avx512)
					if !slices.Equal(x, y) {
						t.Fatalf("activation %d of %d elements differs in place", a, n)
					}
					for i := range y {
						if !within(a, in[i], y[i], float64(want[i]), 4) {
							t.Fatalf("activation %d, element %d of %d: %v, want %v", a, i, n, y[i], want[i])
						}
					}
					g.free()
				}
			}
		}
	})
}

// sizes are what a cell is tried with.
type sizes struct{ features, units, rows, steps int }

// both makes a cell in plain Go and the vectorised one of the same weights,
// which are g's.
func both(g *guarded, kind int, s sizes, r *rand.Rand, scale float64, act, rec Activation) (plainCell, vector Cell[float32]) {
	k := kinds[kind]
	n := k.gates * s.units
	w, rw := normal(r, s.features*n, scale), normal(r, s.units*n, scale)
	b, rb := normal(r, n, scale), normal(r, n, scale)
	if !k.biases {
		rb = nil
	}
	vector = k.make32(w, rw, b, rb, s.features, s.units, act, rec)
	undo, err := Use(plain)
	if err != nil {
		g.t.Fatal(err)
	}
	defer undo()
	plainCell = k.make32(w, rw, b, rb, s.features, s.units, act, rec)
	switch v := vector.(type) {
	case *packedLSTM:
		v.weights.data, v.bias = g.of(v.weights.data), g.of(v.bias)
	case *packedGRU:
		v.kernel.data, v.gates.data, v.candidate.data = g.of(v.kernel.data), g.of(v.gates.data), g.of(v.candidate.data)
		v.bias, v.recurrentBias = g.of(v.bias), g.of(v.recurrentBias)
	case *packedSimpleRNN:
		v.kernel.data, v.recurrent.data, v.bias = g.of(v.kernel.data), g.of(v.recurrent.data), g.of(v.bias)
	default:
		g.t.Fatalf("%T is no vectorised cell", vector)
	}
	return plainCell, vector
}

// widen sets whether a cell runs by AVX-512.
func widen(cell Cell[float32], wide bool) {
	switch v := cell.(type) {
	case *packedLSTM:
		v.wide, v.weights.wide = wide, wide
	case *packedGRU:
		v.wide, v.kernel.wide, v.gates.wide, v.candidate.wide = wide, wide, wide, wide
	case *packedSimpleRNN:
		v.wide, v.kernel.wide, v.recurrent.wide = wide, wide, wide
	}
}

// walk takes a cell's steps from states of zero, input by input or projected
// ahead, and returns the states, in g's memory.
func walk(g *guarded, cell Cell[float32], s sizes, second, ahead bool, x []float32) (h, c []float32) {
	h = g.of(make([]float32, s.rows*s.units))
	if second {
		c = g.of(make([]float32, s.rows*s.units))
	}
	z := g.of(make([]float32, s.rows*cell.Width()))
	scratch := g.of(make([]float32, cell.Scratch(s.rows)))
	n := s.rows * s.features
	for i := range s.steps {
		in := g.of(x[i*n : (i+1)*n])
		if ahead {
			cell.Project(z, in, s.rows)
			cell.Step(h, c, z, scratch, s.rows)
		} else {
			cell.Next(h, c, in, z, scratch, s.rows)
		}
	}
	return h, c
}

// checkCell says how a vectorised cell departs from the plain one, or from
// itself when a row is alone or the inputs are projected ahead.
func checkCell(t testing.TB, front bool, kind int, s sizes, r *rand.Rand, scale, tolerance float64, act, rec Activation) {
	t.Helper()
	g := &guarded{t: t, front: front}
	defer g.free()
	what := fmt.Sprintf("%s %+v, activations %d and %d", kinds[kind].name, s, act, rec)
	second := kinds[kind].second
	plainCell, vector := both(g, kind, s, r, scale, act, rec)
	x := normal(r, s.steps*s.rows*s.features, 1)
	wantH, wantC := walk(g, plainCell, s, second, false, x)
	h, c := walk(g, vector, s, second, false, x)
	for i, want := range slices.Concat(wantH, wantC) {
		got := append(h, c...)[i]
		d := math.Abs(float64(got) - float64(want))
		if !(d <= tolerance*max(1, math.Abs(float64(want)))) && !(got != got && want != want) && got != want {
			t.Fatalf("%s: state %d is %v, in plain Go %v", what, i, got, want)
		}
	}
	same := func(how string, h2, c2 []float32, row int) {
		t.Helper()
		for i := range h2 {
			at := row*s.units + i
			if math.Float32bits(h2[i]) != math.Float32bits(h[at]) || second && math.Float32bits(c2[i]) != math.Float32bits(c[at]) {
				t.Fatalf("%s: state %d of row %d is not the same bits %s", what, i, row, how)
			}
		}
	}
	h2, c2 := walk(g, vector, s, second, true, x)
	same("projected ahead", h2, c2, 0)
	if l, ok := vector.(*packedLSTM); ok {
		l.finite = false
		h2, c2 = walk(g, vector, s, second, false, x)
		same("with the products of 0", h2, c2, 0)
		l.finite = true
	}
	if chosen == avx512 {
		widen(vector, false)
		h2, c2 = walk(g, vector, s, second, false, x)
		same("with AVX2", h2, c2, 0)
		widen(vector, true)
	}
	one := s
	one.rows = 1
	for row := range s.rows {
		var alone []float32
		for i := range s.steps {
			alone = append(alone, x[(i*s.rows+row)*s.features:][:s.features]...)
		}
		h2, c2 = walk(g, vector, one, second, row%2 == 0, alone)
		same("alone", h2, c2, row)
		checkSteps(t, g, vector, one, second, alone)
	}
}

// checkSteps holds Steps of one row to Next after Next.
func checkSteps(t testing.TB, g *guarded, cell Cell[float32], s sizes, second bool, x []float32) {
	t.Helper()
	state := func() (h, c []float32) {
		h = g.of(make([]float32, s.units))
		if second {
			c = g.of(make([]float32, s.units))
		}
		return h, c
	}
	z, scratch := g.of(make([]float32, cell.Width())), g.of(make([]float32, cell.Scratch(1)))
	h, c := state()
	var want []float32
	for i := range s.steps {
		cell.Next(h, c, g.of(x[i*s.features:(i+1)*s.features]), z, scratch, 1)
		want = append(want, h...)
	}
	for _, out := range [][]float32{g.of(make([]float32, s.steps*s.units)), nil} {
		h2, c2 := state()
		some := s.steps / 3 // and then the rest, from there on
		rest := out
		if out != nil {
			rest = out[some*s.units:]
		}
		Steps(cell, h2, c2, g.of(x[:some*s.features]), out, z, scratch, some)
		Steps(cell, h2, c2, g.of(x[some*s.features:]), rest, z, scratch, s.steps-some)
		if !sameBits(h2, h) || !sameBits(c2, c) || out != nil && !sameBits(out, want) {
			t.Fatalf("%T %+v: %d steps at once are not the bits of one after the other", cell, s, s.steps)
		}
	}
}

func TestVectorisedCells(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	eachVectorised(t, func(t *testing.T) {
		for kind := range kinds {
			for units := range 131 {
				s := sizes{[]int{1, 2, 7, 16, 20}[units%5], units, 1 + units%9, 2}
				checkCell(t, units%2 == 0, kind, s, r, 0.25, 1e-5, TanhFunction, SigmoidFunction)
			}
			for _, s := range []sizes{{256, 1, 3, 2}, {0, 1, 2, 9}, {1, 1, 2, 300}, {1, 64, 2, 11}, {0, 16, 1, 4}, {5, 48, 2, 6}, {2, 96, 1, 5}, {1, 200, 2, 3}, {65, 257, 4, 2}, {3, 64, 32, 2}, {0, 5, 2, 2}} {
				checkCell(t, true, kind, s, r, 0.1, 1e-5, TanhFunction, SigmoidFunction)
				checkCell(t, false, kind, s, r, 0.1, 1e-5, TanhFunction, SigmoidFunction)
			}
			for range 3 {
				s := sizes{r.IntN(257), 131 + r.IntN(300), 1 + r.IntN(40), 2}
				checkCell(t, r.IntN(2) == 0, kind, s, r, 0.05, 1e-5, TanhFunction, SigmoidFunction)
			}
			for a := range Activation(len(scalar)) {
				checkCell(t, false, kind, sizes{3, 13, 4, 2}, r, 0.1, 1e-5, a, SigmoidFunction)
				checkCell(t, false, kind, sizes{3, 13, 4, 2}, r, 0.1, 1e-5, TanhFunction, a)
			}
		}
	})
}

// A weight or an input that is not finite does in one kernel what it does in
// the other.
func TestVectorisedCellsNotFinite(t *testing.T) {
	bad := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32}
	eachVectorised(t, func(t *testing.T) {
		for kind := range kinds {
			for _, v := range bad {
				for place := range 3 {
					s := sizes{3, 20, 2, 2}
					n := kinds[kind].gates * s.units
					r := rand.New(rand.NewPCG(6, 7))
					in := [][]float32{normal(r, s.features*n, 0.1), normal(r, s.units*n, 0.1), normal(r, s.steps*s.rows*s.features, 1)}
					in[place][5] = v
					var states [2][]float32
					for i, name := range []string{plain, chosen} {
						undo, err := Use(name)
						if err != nil {
							t.Fatal(err)
						}
						cell := kinds[kind].make32(in[0], in[1], nil, nil, s.features, s.units, TanhFunction, SigmoidFunction)
						h, c := walk(&guarded{t: t}, cell, s, kinds[kind].second, false, in[2])
						states[i] = append(h, c...)
						undo()
					}
					for i, want := range states[0] {
						got := states[1][i]
						if (got != got) != (want != want) || math.Abs(float64(got)-float64(want)) > 1e-5 {
							t.Fatalf("%s with %v at place %d: state %d is %v, in plain Go %v", kinds[kind].name, v, place, i, got, want)
						}
					}
				}
			}
		}
	})
}

func checkDense(t testing.TB, front bool, in, out, rows int, r *rand.Rand) {
	t.Helper()
	g := &guarded{t: t, front: front}
	defer g.free()
	w, b := normal(r, in*out, 1), normal(r, out, 1)
	d := NewDense(w, b, in, out)
	d.bias, d.kernel.columns, d.kernel.panels.data = g.of(d.bias), g.of(d.kernel.columns), g.of(d.kernel.panels.data)
	x, y, one := g.of(normal(r, rows*in, 1)), g.of(make([]float32, rows*out)), g.of(make([]float32, out))
	want := make([]float32, rows*out)
	p := Dense[float32]{kernel: Matrix[float32]{n: in, m: out, rows: w}, bias: b}
	p.Apply(want, x, rows)
	d.Apply(y, x, rows)
	for i := range y {
		if diff := math.Abs(float64(y[i]) - float64(want[i])); !(diff <= 1e-6*float64(in+1)) {
			t.Fatalf("dense %d to %d, %d rows: element %d is %v, in plain Go %v", in, out, rows, i, y[i], want[i])
		}
	}
	for row := range rows {
		d.Apply(one, x[row*in:(row+1)*in], 1)
		if !slices.Equal(one, y[row*out:(row+1)*out]) {
			t.Fatalf("dense %d to %d: row %d of %d is not the same bits alone", in, out, row, rows)
		}
	}
}

func TestVectorisedDense(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	eachVectorised(t, func(t *testing.T) {
		for _, n := range lengths() {
			checkDense(t, n%2 == 0, n, 1+n%few, n%14, r)
			checkDense(t, n%2 == 1, n%131, few+1+n%40, 1+n%14, r)
			checkDense(t, n%2 == 0, 1+n%9, n, 1+n%25, r)
		}
	})
}

func FuzzCells(f *testing.F) {
	f.Add(uint64(1), byte(0), byte(1), byte(64), byte(1), byte(1))
	f.Add(uint64(2), byte(1), byte(7), byte(20), byte(4), byte(10))
	f.Add(uint64(3), byte(2), byte(200), byte(65), byte(9), byte(100))
	f.Fuzz(func(t *testing.T, seed uint64, kind, features, units, rows, scale byte) {
		s := sizes{int(features), int(units), 1 + int(rows)%40, 3}
		// Large weights make the steps chaotic: an error grows by a step's slope.
		size := float64(scale) / 256 / math.Sqrt(float64(s.features+s.units+1))
		eachVectorised(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			checkCell(t, seed%2 == 0, int(kind)%len(kinds), s, r, size, 1e-5, TanhFunction, SigmoidFunction)
			checkDense(t, seed%2 == 1, int(features), int(units), int(rows)%40, r)
			if inPlace {
				checkDoubles(t, seed%2 == 0, int(rows)%5, int(features), int(units), r)
			}
		})
	})
}
