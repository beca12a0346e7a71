package kernel

import (
	"bufio"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

var updateBits = flag.Bool("update", false, "write the bits that AVX2's kernels compute")

const bitsFile = "testdata/bits.txt"

// Every vectorised kernel, of whatever processor, computes the bits that AVX2's
// computed when they were written down. NaN counts as one value: processors make
// it with different signs.
func TestBitsAreTheSameOnEveryProcessor(t *testing.T) {
	if *updateBits {
		use(t, avx2)
		var b strings.Builder
		for _, c := range bitCases() {
			fmt.Fprintf(&b, "%016x %s\n", c.hash(), c.name)
		}
		if err := os.WriteFile(bitsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{}
	f, err := os.Open(bitsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		hash, name, _ := strings.Cut(s.Text(), " ")
		want[name] = hash
	}
	eachVectorised(t, func(t *testing.T) {
		cases := bitCases()
		if len(cases) != len(want) {
			t.Errorf("%d cases, and %s has %d: rewrite it with -update", len(cases), bitsFile, len(want))
		}
		for _, c := range cases {
			if got := fmt.Sprintf("%016x", c.hash()); got != want[c.name] {
				t.Errorf("%s: the bits hash to %s, AVX2's to %s", c.name, got, want[c.name])
			}
		}
	})
}

// bitCase is a computation whose bits are compared.
type bitCase struct {
	name string
	run  func(r *exact) []float32
}

func (c bitCase) hash() uint64 {
	h := fnv.New64a()
	for _, v := range c.run(&exact{rand.New(rand.NewPCG(20, 26))}) {
		b := math.Float32bits(v)
		if v != v {
			b = 0x7fc00000
		}
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return h.Sum64()
}

// exact draws numbers that every processor draws alike: no more than integers,
// and powers of two times them.
type exact struct{ *rand.Rand }

func (r *exact) some(n int, scale float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.Int32N(1<<24)-1<<23) / (1 << 23) * scale
	}
	return x
}

func bitCases() []bitCase {
	var cases []bitCase
	for _, f := range inUlp {
		cases = append(cases, bitCase{f.name, func(r *exact) []float32 { return r.activation(f.a) }})
	}
	cases = append(cases, []bitCase{
		{"curve of sigmoid", func(*exact) []float32 { return curves().sigmoid[:] }},
		{"curve of tanh", func(*exact) []float32 { return curves().tanh[:] }},
	}...)
	for _, k := range kinds {
		for _, units := range []int{1, 2, 5, 7, 8, 13, 16, 20, 32, 33, 40, 48, 64, 65, 130} {
			for _, rows := range []int{1, 2, 3, 4, 7, 12} {
				features := 1 + (units+rows)%5
				cases = append(cases, bitCase{fmt.Sprintf("%s units=%d rows=%d", k.short, units, rows), func(r *exact) []float32 {
					n := k.gates * units
					cell := k.make32(r.some(features*n, 1), r.some(units*n, 0.5), r.some(n, 0.5), r.some(n, 0.5), features, units, TanhFunction, SigmoidFunction)
					h, c := make([]float32, rows*units), make([]float32, rows*units)
					z, scratch := make([]float32, rows*cell.Width()), make([]float32, cell.Scratch(rows))
					var all []float32
					for step := range 4 {
						x := r.some(rows*features, 2)
						if step%2 == 0 {
							cell.Next(h, c, x, z, scratch, rows)
						} else {
							cell.Project(z, x, rows)
							cell.Step(h, c, z, scratch, rows)
						}
						all = append(append(all, h...), c...)
					}
					return all
				}})
			}
		}
	}
	for in := range 67 {
		for _, out := range []int{1, 3, 5, 32, 45, 64} {
			cases = append(cases, bitCase{fmt.Sprintf("dense in=%d out=%d", in, out), func(r *exact) []float32 {
				const rows = 5
				d := NewDense(r.some(in*out, 1), r.some(out, 1), in, out)
				y := make([]float32, rows*out)
				d.Apply(y, r.some(rows*in, 1), rows)
				return y
			}})
		}
		cases = append(cases, bitCase{fmt.Sprintf("taps n=%d", in), func(r *exact) []float32 {
			z := r.some(2*in, 1)
			AddTaps(Rows[float32]{z, in}, Rows[float32]{r.some(4*in, 1), in}, r.some(3*in, 1), []Tap{{0, 2 * in}, {2 * in, 0}, {in, in}}, in, 2)
			return z
		}})
	}
	return cases
}

// activation is that of numbers of every size, not finite ones too.
func (r *exact) activation(a Activation) []float32 {
	x := r.some(40000, 100)
	for b := uint64(0); b < 1<<32; b += 65003 {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	y := make([]float32, len(x))
	activate32(a, y, x, chosen == avx512)
	return y
}
