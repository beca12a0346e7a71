//go:build linux || darwin

package kernel

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// gate makes a layer of one unit and one input, of which one gate has the input's
// value and the others their bias. Gates are i, f, c, o.
func gate(which int, biases [4]float32) Cell[float32] {
	var kernel [4]float32
	kernel[which] = 1
	return NewLSTM(kernel[:], make([]float32, 4), biases[:], 1, 1, TanhFunction, SigmoidFunction)
}

// What a layer of one unit takes out of tables, or where they end does not, of
// every finite number, is within 2 units in the last place of the true values: its h where tanh c is 1 and
// its c where the input gate is 1 and nothing was in it.
func TestOneUnitInUlp(t *testing.T) {
	stride := uint64(977)
	if os.Getenv(exhaustive) != "" {
		stride = 1
	}
	eachVectorised(t, func(t *testing.T) {
		const rows = 1 << 12
		for _, f := range []struct {
			name  string
			cell  Cell[float32]
			begin float32 // c
			of    func(x float64) float64
		}{
			{"sigmoid", gate(3, [4]float32{0, 25, 0, 0}), 12, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
			{"tanh", gate(2, [4]float32{25, 0, 0, 0}), 0, math.Tanh},
		} {
			h, c, x := make([]float32, rows), make([]float32, rows), make([]float32, rows)
			z, scratch := make([]float32, rows*f.cell.Width()), make([]float32, f.cell.Scratch(rows))
			most, at := 0.0, float32(0)
			for b := uint64(0); b < 1<<32; {
				n := 0
				for ; n < rows && b < 1<<32; b += stride {
					v := math.Float32frombits(uint32(b))
					if v-v != 0 {
						continue // the other gates' inputs would be 0·∞
					}
					x[n], h[n], c[n] = v, 0, f.begin
					n++
				}
				f.cell.Next(h[:n], c[:n], x[:n], z, scratch, n)
				for i, v := range x[:n] {
					got := c[i]
					if f.name == "sigmoid" {
						got = h[i]
					}
					if u := ulps(got, f.of(float64(v))); !(u <= most) {
						most, at = u, v
					}
				}
			}
			t.Logf("%s: at most %.3f ulp, at %v", f.name, most, at)
			if !(most <= 2) {
				t.Errorf("%s(%v) is %.3f ulp from the true value, want at most 2", f.name, at, most)
			}
		}
	})
}

// The tables' ends are read, and nothing beyond.
func TestOneUnitTables(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachVectorised(t, func(t *testing.T) {
		for _, front := range []bool{false, true} {
			g := &guarded{t: t, front: front}
			sigmoid, tanh := g.of(curves().sigmoid[:]), g.of(curves().tanh[:])
			out := g.of(make([]float32, 1))
			// All but NaN goes on where the function is 1 or -1, and ends where a
			// sigmoid is near 0.
			for which, end := range []float32{32, 32, 16, 32} {
				cell := gate(which, [4]float32{}).(*packedLSTM)
				w, bias := g.of(cell.weights.data), g.of(cell.bias)
				half := end / 2 / curveEnd
				below := 0
				if which == 2 {
					below = 1
				}
				for x, inside := range map[float32]int{
					0: 1, end: 1, -end: 1, end + half: 1, -end - half: 1, end + 1.01*half: 1, -end - 1.01*half: below,
					end + 2*half: 1, -end - 2*half: below, 1 << 22: 1, -1 << 22: below, 1 << 28: 1, -1 << 28: below,
					math.MaxFloat32: 1, -math.MaxFloat32: below, inf: 0, -inf: 0, nan: 0, // the other gates' inputs are 0·∞
				} {
					h, c, in := g.of([]float32{0.25}), g.of([]float32{0.5}), g.of([]float32{x})
					done := lstmOne(&h[0], &c[0], &out[0], 0, &in[0], &bias[0], 0, &w[0], 1, 1, 1, &sigmoid[2*curveEnd], &tanh[2*curveEnd])
					if done != inside {
						t.Errorf("gate %d of %v: %d steps, want %d", which, x, done, inside)
					}
					if done == 0 && (h[0] != 0.25 || c[0] != 0.5) {
						t.Errorf("gate %d of %v is in no table, and the states have changed", which, x)
					}
				}
			}
			for c0, want := range map[float32]float32{16: 0.5, -16: -0.5, 16.01: 0.5, -16.01: -0.5, 1e9: 0.5, -1e9: -0.5, inf: 0.5, -inf: -0.5, nan: 0.25} {
				cell := gate(3, [4]float32{-25, 25, 0, 0}).(*packedLSTM) // c stays, and o is 0.5
				h, c, in := g.of([]float32{0.25}), g.of([]float32{c0}), g.of([]float32{0})
				done := lstmOne(&h[0], &c[0], &out[0], 0, &in[0], &cell.bias[0], 0, &cell.weights.data[0], 1, 1, 1, &sigmoid[2*curveEnd], &tanh[2*curveEnd])
				if (done == 1) != (c0 == c0) || h[0] != want || c[0] != c0 && c0 == c0 {
					t.Errorf("c of %v: %d steps, and then h %v, c %v, want h %v", c0, done, h[0], c[0], want)
				}
			}
			g.free()
		}
	})
}

// Weights so large that as many steps of a table overflow, beside a state of zero, or
// one that takes away what a bias adds.
func TestOneUnitOfLargeWeights(t *testing.T) {
	eachVectorised(t, func(t *testing.T) {
		for _, r := range []float32{2e37, -2e37, 1 << 20, -1 << 20} {
			for gate := range 4 {
				for _, h0 := range []float32{0, 1} {
					var states [2][]float32
					for i, name := range []string{plain, chosen} {
						undo, err := Use(name)
						if err != nil {
							t.Fatal(err)
						}
						recurrent, bias := make([]float32, 4), []float32{0.25, 0.5, 0.75, 1}
						recurrent[gate] = r
						if h0 != 0 {
							bias[gate] = -r
						}
						cell := NewLSTM(nil, recurrent, bias, 0, 1, TanhFunction, SigmoidFunction)
						h, c := []float32{h0}, []float32{0.5}
						cell.Next(h, c, []float32{}, make([]float32, cell.Width()), make([]float32, cell.Scratch(1)), 1)
						states[i] = append(h, c...)
						undo()
					}
					for i, want := range states[0] {
						if got := states[1][i]; !(math.Abs(float64(got-want)) <= 1e-6) {
							t.Errorf("recurrent weight %v of gate %d, h %v: state %d is %v, in plain Go %v", r, gate, h0, i, got, want)
						}
					}
				}
			}
		}
	})
}

// Steps whose numbers are in the tables and steps whose are not, in turns.
func TestOneUnitInTurns(t *testing.T) {
	eachVectorised(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for i := range 200 {
			s := sizes{features: i % 4, units: 1, rows: 1 + i%7, steps: 1 + i%5}
			checkCell(t, i%2 == 0, 0, s, r, 15, 1e-4, TanhFunction, SigmoidFunction)
		}
	})
}
