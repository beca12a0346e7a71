package engine

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// drawn compiles a drawn graph.
func drawn(t *testing.T, draw func(d *graphtest.Drawing) map[string]string) *Program {
	t.Helper()
	d := graphtest.Draw(t)
	_, g := d.Flatten(draw(d))
	p, err := Compile(g, Options{Variable: d.Value})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// chainCase is a graph, its inputs' shapes, and how many steps its plan joins with
// others.
type chainCase struct {
	draw   func(d *graphtest.Drawing) map[string]string
	shapes map[string][]int
	joined int
}

func chainCases() map[string]chainCase {
	f32 := lockstep.Float32
	attrs := graphtest.Attrs{"T": f32}
	strides := graphtest.Attrs{"T": f32, "strides": []int{1, 1, 1, 1}, "padding": "SAME"}
	weight := func(d *graphtest.Drawing, seed uint64, shape ...int) string {
		return d.Constant(graphtest.Noise(d.T, f32, seed, shape...))
	}
	one := func(y string) map[string]string { return map[string]string{"y": y} }
	// normalized is what follows a convolution of n channels.
	normalized := func(d *graphtest.Drawing, y string, n int) string {
		y = d.Op("BiasAdd", attrs, y, weight(d, 2, n))
		y = d.Op("Mul", attrs, y, weight(d, 3, 1, 1, 1, n))
		y = d.Op("AddV2", attrs, weight(d, 4, n), y)
		return d.Op("Relu6", attrs, y)
	}
	image := map[string][]int{"x": {2, 33, 31, 5}}
	return map[string]chainCase{
		"a convolution": {func(d *graphtest.Drawing) map[string]string {
			return one(normalized(d, d.Op("Conv2D", strides, d.Input("x", f32), weight(d, 1, 3, 3, 5, 37)), 37))
		}, image, 4},
		"one pixel": {func(d *graphtest.Drawing) map[string]string {
			return one(normalized(d, d.Op("Conv2D", strides, d.Input("x", f32), weight(d, 1, 1, 1, 5, 70)), 70))
		}, image, 4},
		"each channel": {func(d *graphtest.Drawing) map[string]string {
			return one(normalized(d, d.Op("DepthwiseConv2dNative", strides, d.Input("x", f32), weight(d, 1, 3, 3, 5, 2)), 10))
		}, image, 4},
		"channels first": {func(d *graphtest.Drawing) map[string]string {
			first := maps.Clone(strides)
			first["data_format"] = "NCHW"
			y := d.Op("Conv2D", first, d.Input("x", f32), weight(d, 1, 3, 3, 33, 7))
			return one(d.Op("Relu", attrs, d.Op("BiasAdd", graphtest.Attrs{"T": f32, "data_format": "NCHW"}, y, weight(d, 2, 7))))
		}, image, 1},
		// Both ends of the sum are chains; it belongs to one of them.
		"a sum of two": {func(d *graphtest.Drawing) map[string]string {
			x := d.Input("x", f32)
			a := normalized(d, d.Op("Conv2D", strides, x, weight(d, 1, 3, 3, 5, 5)), 5)
			b := normalized(d, d.Op("Conv2D", strides, x, weight(d, 5, 3, 3, 5, 5)), 5)
			y := d.Op("Relu", attrs, d.Op("AddV2", attrs, a, b))
			return one(d.Op("Sub", attrs, d.Op("Mul", attrs, y, x), x))
		}, image, 12},
		"an output amid": {func(d *graphtest.Drawing) map[string]string {
			y := d.Op("Tanh", attrs, d.Op("Neg", attrs, d.Input("x", f32)))
			return map[string]string{"y": d.Op("Exp", attrs, d.Op("Sigmoid", attrs, y)), "z": y}
		}, image, 2},
		"its own square": {func(d *graphtest.Drawing) map[string]string {
			y := d.Op("Neg", attrs, d.Input("x", f32))
			y = d.Op("Mul", attrs, y, y)
			return one(d.Op("Sqrt", attrs, d.Op("AddV2", attrs, y, d.Floats(nil, 0.5))))
		}, image, 2},
		"an input twice": {func(d *graphtest.Drawing) map[string]string {
			x := d.Input("x", f32)
			return one(d.Op("Neg", attrs, d.Op("Mul", attrs, x, x)))
		}, image, 1},
		"rows by their own numbers": {func(d *graphtest.Drawing) map[string]string {
			x := d.Input("x", f32)
			mean := d.Op("Mean", graphtest.Attrs{"T": f32, "Tidx": lockstep.Int32, "keep_dims": true}, x, d.Ints(2))
			y := d.Op("Sub", attrs, x, mean)
			y = d.Op("Mul", attrs, y, d.Op("Rsqrt", attrs, d.Op("AddV2", attrs, d.Op("Square", attrs, mean), d.Floats(nil, 0.1))))
			return one(d.Op("AddV2", attrs, d.Op("Mul", attrs, y, weight(d, 3, 65)), weight(d, 4, 1, 65)))
		}, map[string][]int{"x": {7, 30, 65}}, 5},
		"rows and rows of rows": {func(d *graphtest.Drawing) map[string]string {
			y := d.Op("Sub", attrs, d.Input("x", f32), weight(d, 1, 7, 1, 1))
			y = d.Op("Mul", attrs, weight(d, 2, 7, 30, 1), y)
			return one(d.Op("Maximum", attrs, d.Op("RealDiv", attrs, y, weight(d, 3, 30, 65)), weight(d, 4, 1, 30, 1)))
		}, map[string][]int{"x": {7, 30, 65}}, 2},
		"inputs beside it": {func(d *graphtest.Drawing) map[string]string {
			y := d.Op("MatMul", attrs, d.Input("x", f32), weight(d, 1, 20, 33))
			y = d.Op("BiasAdd", attrs, y, d.Input("b", f32))
			y = d.Op("Mul", attrs, d.Op("Erfc", attrs, y), d.Input("s", f32))
			return one(d.Op("SquaredDifference", attrs, y, d.Input("z", f32)))
		}, map[string][]int{"x": {90, 20}, "b": {33}, "s": {1, 1}, "z": {90, 33}}, 4},
		"a larger result": {func(d *graphtest.Drawing) map[string]string {
			y := d.Op("Neg", attrs, d.Input("x", f32))
			return one(d.Op("Tanh", attrs, d.Op("AddV2", attrs, y, weight(d, 1, 9, 1))))
		}, map[string][]int{"x": {40}}, 1},
		"no elements": {func(d *graphtest.Drawing) map[string]string {
			return one(d.Op("Neg", attrs, d.Op("Exp", attrs, d.Input("x", f32))))
		}, map[string][]int{"x": {0, 4}}, 0},
	}
}

// A chain has the bits of its operations one after the other, which a plan's first
// call runs so, whatever calls came before.
func TestChainsAreTheirOperations(t *testing.T) {
	for name, c := range chainCases() {
		for _, k := range kernel.Kernels() {
			t.Run(name+"/"+k, func(t *testing.T) {
				undo, err := kernel.Use(k)
				if err != nil {
					t.Fatal(err)
				}
				defer undo()
				p := drawn(t, c.draw)
				r := p.NewRunner()
				for seed := range uint64(4) {
					inputs := map[string]*lockstep.Tensor{}
					for i, name := range slices.Sorted(maps.Keys(c.shapes)) {
						inputs[name] = graphtest.Noise(t, lockstep.Float32, 10*seed+uint64(i), c.shapes[name]...)
					}
					want, _, err := drawn(t, c.draw).Run(t.Context(), inputs, false)
					if err != nil {
						t.Fatal(err)
					}
					got, _, err := r.Run(t.Context(), inputs)
					if err != nil {
						t.Fatal(err)
					}
					for name := range want {
						if !got[name].BitEqual(want[name]) {
							t.Fatalf("call %d: %q differs from what the operations give one by one", seed, name)
						}
					}
				}
				for _, pl := range *p.plans.Load() {
					if joined := len(pl.Steps) - len(pl.running()); joined != c.joined {
						t.Errorf("%d steps are joined with others, want %d", joined, c.joined)
					}
				}
			})
		}
	}
}

// Every stage is its operation, of numbers of every kind.
func TestStagesAreTheirOperations(t *testing.T) {
	x := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-40, 1, -1, 6, 6.5, 88.8, -104}
	for i := range 4000 {
		x = append(x, float32(math.Sin(float64(i))*math.Exp(float64(i%23)/4)))
	}
	y := slices.Concat(x[100:], x[:100])
	seen := 0
	for _, name := range slices.Sorted(maps.Keys(ops.Specs)) {
		spec := ops.Specs[name]
		if spec.Stage == nil {
			continue
		}
		seen++
		for _, k := range kernel.Kernels() {
			undo, err := kernel.Use(k)
			if err != nil {
				t.Fatal(err)
			}
			testStage(t, name+" by "+k, name, x, y)
			undo()
		}
	}
	if seen < 20 {
		t.Errorf("%d operations have a stage", seen)
	}
}

func testStage(t *testing.T, about, name string, x, y []float32) {
	t.Helper()
	attrs := graphtest.Attrs{"T": lockstep.Float32}
	inputs := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, x, 1, len(x)), "y": fixture.NewTensor(t, y, len(y))}
	two := ops.Specs[name].Stage(&savedmodel.Node{}).Two != nil
	p := drawn(t, func(d *graphtest.Drawing) map[string]string {
		in := []string{d.Input("x", lockstep.Float32), d.Input("y", lockstep.Float32)}
		if !two {
			in = in[:1]
		}
		return map[string]string{"z": d.Op(name, attrs, in...)}
	})
	for _, name := range p.Inputs() {
		if inputs[name] == nil {
			t.Fatalf("an input %q", name)
		}
	}
	got, _, err := p.Run(t.Context(), inputs, false)
	if err != nil {
		t.Fatalf("%s: %v", about, err)
	}
	want, err := lockstep.Data[float32](got["z"])
	if err != nil {
		t.Fatal(err)
	}
	for _, inPlace := range []bool{false, true} {
		z, s := make([]float32, len(x)), ops.Specs[name].Stage(&savedmodel.Node{})
		from := x
		if inPlace {
			copy(z, x)
			from = z
		}
		if two {
			s.Two(z, from, y)
		} else {
			s.One(z, from)
		}
		for i := range z {
			if math.Float32bits(z[i]) != math.Float32bits(want[i]) && !(z[i] != z[i] && want[i] != want[i]) {
				t.Fatalf("%s of %v and %v is %v, and the operation's %v", about, x[i], y[i], z[i], want[i])
			}
		}
	}
}
