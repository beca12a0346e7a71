//go:build linux || darwin

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// chain is x·w+sum in order: by vectors one chain of fused multiply-adds, in Go
// products that are rounded.
func chain(sum float32, n int, x, w func(k int) float32) float32 {
	for k := range n {
		if chosen == plain {
			sum += float32(x(k) * w(k))
		} else {
			sum = fused(x(k), w(k), sum)
		}
	}
	return sum
}

// Products of matrices of all sizes, in any orientation, packed or not, of all the
// rows or of one alone, all of the sums or part after part: by every kernel the same
// bits, and no memory touched beside.
func TestMatrix(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	each(t, func(t *testing.T) {
		var again Matrix[float32]
		for i, m := range lengths() {
			n := (i * i) % 71
			if i%9 == 8 {
				n = cachedRows + i%7 - 3
			}
			for _, transposed := range []bool{false, true} {
				t.Run(fmt.Sprint(n, "by", m, transposed), func(t *testing.T) {
					checkMatrix(t, &again, i%2 == 0, 1+i%(2*fewRows+3), n, m, transposed, r)
				})
			}
		}
	})
}

func checkMatrix(t *testing.T, again *Matrix[float32], front bool, rows, n, m int, transposed bool, r *rand.Rand) {
	g := &guarded{t: t, front: front}
	defer g.free()
	x, w := g.of(normal(r, rows*n, 1)), g.of(normal(r, n*m, 1))
	at := func(k, j int) float32 {
		if transposed {
			return w[j*n+k]
		}
		return w[k*m+j]
	}
	var panels Matrix[float32]
	panels.PackPanels(w, n, m, transposed)
	want := make([]float32, rows*m)
	for i := range want {
		want[i] = chain(0, n, func(k int) float32 { return x[i/m*n+k] }, func(k int) float32 { return at(k, i%m) })
	}
	y := g.of(slices.Repeat([]float32{7}, rows*m))
	panels.Multiply(y, x, rows)
	same(t, "of panels", y, want)
	clear(y)
	inParts(&panels, y, x, rows, n, m)
	same(t, "in parts", y, want)

	again.Pack(w, n, m, transposed)
	again.Multiply(y, x, rows)
	if m > few {
		same(t, "packed again", y, want)
	} else {
		for i, v := range want { // in another order
			if math.Abs(float64(y[i]-v)) > 1e-5*float64(n+1) {
				t.Fatalf("sum %d is %v, want %v", i, y[i], v)
			}
		}
	}
	whole := slices.Clone(y)
	for row := range rows {
		again.Product(y[row*m:(row+1)*m], x[row*n:(row+1)*n], w, 1, n, m, transposed)
	}
	same(t, "row by row", y, whole)
	again.Product(y, x, w, rows, n, m, transposed)
	same(t, "all rows", y, whole)
}

// inParts adds up the rows of the matrix in two parts, panel by panel.
func inParts(a *Matrix[float32], y, x []float32, rows, n, m int) {
	for p := range a.Panels() {
		first, end, written := a.Columns(p)
		z := make([]float32, rows*written)
		half := n / 2
		a.Add(p, Rows[float32]{z, written}, Rows[float32]{x, n}, 0, half, rows)
		if n > half {
			a.Add(p, Rows[float32]{z, written}, Rows[float32]{x[half:], n}, half, n-half, rows)
		}
		for row := range rows {
			copy(y[row*m+first:row*m+end], z[row*written:])
		}
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], v)
		}
	}
}

// The same in float64: Go's bits.
func TestMatrixOfDoubles(t *testing.T) {
	each(t, func(t *testing.T) {
		var a Matrix[float64]
		a.Pack([]float64{1, 2, 3, 4, 5, 6}, 3, 2, true) // (2, 3) turned
		y := make([]float64, 4)
		a.Multiply(y, []float64{1, 10, 100, 0, 0.5, 2}, 2)
		if want := []float64{321, 654, 7, 14.5}; !slices.Equal(y, want) {
			t.Errorf("%v, want %v", y, want)
		}
		first, end, written := a.Columns(0)
		if a.Panels() != 1 || first != 0 || end != 2 || written != 2 {
			t.Errorf("%d panels, columns %d to %d, %d written", a.Panels(), first, end, written)
		}
		a.Add(0, Rows[float64]{y, 2}, Rows[float64]{[]float64{10}, 1}, 1, 1, 1)
		if y[0] != 341 || y[1] != 704 {
			t.Errorf("%v after row 1 was added 10 times", y)
		}
	})
}

// Taps of all lengths: the bits of one chain, and no memory touched beside.
func TestTaps(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	each(t, func(t *testing.T) {
		for i, n := range lengths() {
			g := &guarded{t: t, front: i%2 == 0}
			rows, pixels, count := 1+i%4, 2+i%3, 1+i%9
			x, w := g.of(normal(r, (pixels+rows)*n, 1)), g.of(normal(r, count*n, 1))
			z := g.of(normal(r, rows*n, 1))
			var taps []Tap
			for k := range count {
				taps = append(taps, Tap{X: k % pixels * n, W: (count - 1 - k) * n})
			}
			want := slices.Clone(z)
			for j := range want {
				row, c := j/max(n, 1), j%max(n, 1)
				want[j] = chain(z[j], count, func(k int) float32 { return x[row*n+taps[k].X+c] }, func(k int) float32 { return w[taps[k].W+c] })
			}
			AddTaps(Rows[float32]{z, n}, Rows[float32]{x, n}, w, taps, n, rows)
			same(t, fmt.Sprint(n), z, want)
			g.free()
		}
	})
}

// Operations on pairs of all lengths, apart and in place, of two rows or a row and a
// number: Go's bits, and no memory touched beside.
func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	ops := []func(x, y float32) float32{
		Sum: func(x, y float32) float32 { return x + y }, Difference: func(x, y float32) float32 { return x - y },
		ProductOf: func(x, y float32) float32 { return x * y }, Quotient: func(x, y float32) float32 { return x / y },
		Larger: func(x, y float32) float32 {
			if x > y {
				return x
			}
			return y
		},
	}
	eachVectorised(t, func(t *testing.T) {
		for i, n := range lengths() {
			for op, f := range ops {
				g := &guarded{t: t, front: i%2 == 0}
				xs, ys := n, n
				switch i % 3 {
				case 1:
					xs = 1
				case 2:
					ys = 1
				}
				x, y := g.of(normal(r, xs, 1)), g.of(normal(r, ys, 1))
				z := g.of(make([]float32, n))
				want := make([]float32, n)
				for j := range want {
					want[j] = f(x[min(j, xs-1)], y[min(j, ys-1)])
				}
				if !Pairs(Pair(op), z, x, y) {
					t.Fatal("no vectors")
				}
				same(t, fmt.Sprint("op ", op, " of ", n), z, want)
				if into := [][]float32{x, y}[i%2]; len(into) == n {
					Pairs(Pair(op), into, x, y)
					same(t, fmt.Sprint("in place, op ", op, " of ", n), into, want)
				}
				g.free()
			}
		}
	})
	eachVectorised(t, func(t *testing.T) {
		odd := []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -1, 1}
		for i, v := range odd {
			x := slices.Repeat([]float32{v}, 9)
			y := append(slices.Concat(odd[i:], odd[:i]), 1, 2)
			z, want := make([]float32, 9), make([]float32, 9)
			for j := range want {
				want[j] = ops[Larger](x[j], y[j])
			}
			for _, one := range []int{1, 9} {
				Pairs(Larger, z, x[:one], y)
				same(t, fmt.Sprint("the larger of ", v), z, want)
			}
		}
	})
	use(t, plain)
	if Pairs(Sum, nil, nil, nil) {
		t.Error("Go's kernels claim to have vectors")
	}
}
