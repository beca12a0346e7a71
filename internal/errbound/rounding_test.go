package errbound

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

// single is how an engine in float32 may compute: with each operation rounded,
// and products fused with sums or not.
type single struct {
	random *rand.Rand
	fused  bool
}

// sum adds products in some order, in one chain or in several.
func (s single) sum(x, y []float32) float32 {
	order := s.random.Perm(len(x))
	chains := make([]float32, 1+s.random.IntN(8))
	for i, k := range order {
		c := &chains[i%len(chains)]
		if s.fused {
			*c = float32(math.FMA(float64(x[k]), float64(y[k]), float64(*c)))
		} else {
			*c += float32(x[k] * y[k])
		}
	}
	total := float32(0)
	for _, c := range chains {
		total += c
	}
	return total
}

func manyOnes(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func normals(random *rand.Rand, n int, scale, shift float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(random.NormFloat64()*scale + shift)
	}
	return out
}

// roundingCase is an operation on rows of n numbers, and how an engine computes
// it from one row.
type roundingCase struct {
	op     string
	attrs  map[string]graphtest.Attr
	inputs func(rows, n int, x []float32) []*lockstep.Tensor
	row    func(s single, x []float32) []float32
}

// Whatever the order in which float32 sums are taken, and fused or not, they
// stay within the bounds, and make some use of them. Two engines stay within the
// typical bounds, and make more use of those.
func TestExactRounding(t *testing.T) {
	float := map[string]graphtest.Attr{"T": graphtest.AttrOf("type", `"float32"`)}
	weights := normals(rand.New(rand.NewPCG(3, 4)), 4096, 1, 0)
	alongRow := func(rows, n int, x []float32) []*lockstep.Tensor {
		return []*lockstep.Tensor{fixture.NewTensor(t, x, rows, n), fixture.NewTensor(t, []int32{1}, 1)}
	}
	alone := func(rows, n int, x []float32) []*lockstep.Tensor {
		return []*lockstep.Tensor{fixture.NewTensor(t, x, rows, n)}
	}
	cases := []roundingCase{
		{"Sum", float, alongRow, func(s single, x []float32) []float32 { return []float32{s.sum(x, manyOnes(len(x)))} }},
		{"Mean", float, alongRow, func(s single, x []float32) []float32 {
			if s.fused {
				return []float32{s.sum(x, manyOnes(len(x))) * (1 / float32(len(x)))}
			}
			return []float32{s.sum(x, manyOnes(len(x))) / float32(len(x))}
		}},
		{"EuclideanNorm", float, alongRow, func(s single, x []float32) []float32 {
			return []float32{float32(math.Sqrt(float64(s.sum(x, x))))}
		}},
		{"MatMul", float, func(rows, n int, x []float32) []*lockstep.Tensor {
			return []*lockstep.Tensor{fixture.NewTensor(t, x, rows, n), fixture.NewTensor(t, weights[:n], n, 1)}
		}, func(s single, x []float32) []float32 { return []float32{s.sum(x, weights[:len(x)])} }},
		{"Softmax", float, alone, func(s single, x []float32) []float32 {
			powers, total := softmaxOf(s, x)
			for i := range powers {
				if s.fused {
					powers[i] *= 1 / total
				} else {
					powers[i] /= total
				}
			}
			return powers
		}},
		{"LogSoftmax", float, alone, func(s single, x []float32) []float32 {
			_, total := softmaxOf(s, x)
			top := slices.Max(x)
			out := make([]float32, len(x))
			for i, v := range x {
				out[i] = (v - top) - float32(math.Log(float64(total)))
			}
			return out
		}},
		{"FusedBatchNormV3", map[string]graphtest.Attr{"T": float["T"], "U": float["T"], "data_format": graphtest.AttrOf("string", `"NCHW"`), "epsilon": graphtest.AttrOf("float", "0.001"), "is_training": graphtest.AttrOf("bool", "true")},
			func(rows, n int, x []float32) []*lockstep.Tensor {
				return []*lockstep.Tensor{fixture.NewTensor(t, x, 1, rows, n, 1), fixture.NewTensor(t, manyOnes(rows), rows), fixture.NewTensor(t, manyOnes(rows), rows), fixture.NewTensor(t, []float32{}, 0), fixture.NewTensor(t, []float32{}, 0)}
			}, normOf},
	}
	for _, c := range cases {
		t.Run(c.op, func(t *testing.T) {
			n, typical := &ruleCount{}, &ruleCount{}
			for _, length := range []int{1, 2, 7, 64, 1000} {
				for _, shift := range []float64{0, 3, -1000} {
					c.run(t, length, shift, n, typical)
				}
			}
			t.Logf("rounding reaches %.2f of the bounds", n.reach)
			if n.reach < 0.02 || n.reach > 1 {
				t.Errorf("rounding reaches %.3f of the bounds, want 0.02 to 1", n.reach)
			}
			t.Logf("two engines reach %.2f of the typical bounds", typical.reach)
			if typical.reach < 0.05 || typical.reach > 1 {
				t.Errorf("two engines reach %.3f of the typical bounds, want 0.05 to 1", typical.reach)
			}
		})
	}
}

func softmaxOf(s single, x []float32) (powers []float32, total float32) {
	top := slices.Max(x)
	for _, v := range x {
		powers = append(powers, float32(math.Exp(float64(v-top))))
	}
	return powers, s.sum(powers, manyOnes(len(x)))
}

// normOf is a row normalized, 1 added: by differences from the mean or, fused,
// with the mean taken into the offset.
func normOf(s single, x []float32) []float32 {
	n := float32(len(x))
	mean := s.sum(x, manyOnes(len(x))) / n
	d := make([]float32, len(x))
	for i, v := range x {
		d[i] = v - mean
	}
	r := float32(1 / math.Sqrt(float64(s.sum(d, d)/n+0.001)))
	for i, v := range x {
		if s.fused {
			d[i] = v*r + (1 - mean*r)
		} else {
			d[i] = d[i]*r + 1
		}
	}
	return d
}

func (c *roundingCase) run(t *testing.T, length int, shift float64, n, typical *ruleCount) {
	const rows = 8
	random := rand.New(rand.NewPCG(uint64(length), uint64(len(c.op))))
	x := normals(random, rows*length, 2, shift)
	inputs := c.inputs(rows, length, x)
	one := graphtest.Case{Op: c.op, Attrs: c.attrs}
	g, variable, err := one.Graph(inputs, 1, func(int) lockstep.DType { return lockstep.Float32 })
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(g, engine.Options{Variable: variable})
	if err != nil {
		t.Fatal(err)
	}
	feed := map[string]*lockstep.Tensor{}
	for i, in := range inputs {
		feed["x"+string(rune('0'+i))] = in
	}
	r, err := e.Run(t.Context(), feed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if why := r.Unknown["y0"]; why != nil {
		t.Fatal(why)
	}
	often, err := e.Typical(t.Context(), feed, 0)
	if err != nil || !slices.Equal(op.FloatsOf(often.Exact["y0"]), op.FloatsOf(r.Exact["y0"])) {
		t.Fatalf("%v, %v, want %v", err, often, r.Exact["y0"])
	}
	var before *lockstep.Tensor
	for trial := range 20 {
		s := single{random, trial%2 == 0}
		var out []float32
		for row := range rows {
			out = append(out, c.row(s, x[row*length:(row+1)*length])...)
		}
		got := fixture.NewTensor(t, out, r.Exact["y0"].Shape()...)
		if err := inBounds(got, r.Exact["y0"], r.Bound["y0"]); err != nil {
			t.Fatalf("%d numbers about %v: %v", length, shift, err)
		}
		n.use(got, r.Exact["y0"], r.Bound["y0"])
		wide, err := op.Widen(got)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil {
			typical.use(got, before, often.Bound["y0"])
		}
		before = wide.Tensor
	}
}
