package fault_test

import (
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

// drawn is the source of a graph of one input x and one output y.
func drawn(t *testing.T, draw func(d *graphtest.Drawing, x string) string) *source.Source {
	t.Helper()
	d := graphtest.Draw(t)
	meta, _ := d.Flatten(map[string]string{"y": draw(d, d.Input("x", lockstep.Float32))})
	src, err := source.ReadMeta(meta, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// answer is what a source with faults makes of x.
func answer(t *testing.T, src *source.Source, x *lockstep.Tensor, faults ...fault.Fault) []float64 {
	t.Helper()
	src, err := src.Edit(func(src *source.Source) error {
		for _, f := range faults {
			if err := f.Plant(src); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := src.Compile(false)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": x}, false)
	if err != nil {
		t.Fatal(err)
	}
	d, err := out["y"].Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func agree(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Max(1, math.Abs(want[i]))) {
			t.Errorf("%s: number %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func clip(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }

// The activations of single operations are computed as their formulas say.
func TestActivationsAroundLayers(t *testing.T) {
	square := func(x float64) float64 { return x * x }
	hard2 := func(x float64) float64 { return clip(0.2*x+0.5, 0, 1) }
	hard3 := func(x float64) float64 { return clip(x/6+0.5, 0, 1) }
	rational := func(x float64) float64 {
		return clip(x, -3, 3) * (27 + square(clip(x, -3, 3))) / (27 + 9*square(clip(x, -3, 3)))
	}
	gelu := func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }
	geluTanh := func(x float64) float64 { return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) }
	one := func(op string) func(d *graphtest.Drawing, x string) string {
		return func(d *graphtest.Drawing, x string) string { return d.Op(op, nil, x) }
	}
	number := func(d *graphtest.Drawing, v float32) string { return d.Floats([]int{}, v) }
	for _, c := range []struct {
		name string
		draw func(d *graphtest.Drawing, x string) string
		want map[string]func(float64) float64 // by what it is computed as
	}{
		{"sigmoid", one("Sigmoid"), map[string]func(float64) float64{"hard_sigmoid (Keras 2)": hard2, "hard_sigmoid (Keras 3)": hard3}},
		{"tanh", one("Tanh"), map[string]func(float64) float64{"hard_tanh": func(x float64) float64 { return clip(x, -1, 1) }, "tanh (rational approximation)": rational}},
		{"gelu", func(d *graphtest.Drawing, x string) string {
			half := d.Op("Mul", nil, number(d, 0.5), x)
			return d.Op("Mul", nil, half, d.Op("AddV2", nil, number(d, 1), d.Op("Erf", nil, d.Op("RealDiv", nil, x, number(d, math.Sqrt2)))))
		}, map[string]func(float64) float64{"gelu (approximate)": geluTanh}},
		{"gelu by erfc", func(d *graphtest.Drawing, x string) string {
			half := d.Op("Mul", nil, number(d, 0.5), x)
			return d.Op("Mul", nil, half, d.Op("Erfc", nil, d.Op("Mul", nil, d.Op("Neg", nil, x), number(d, math.Sqrt2/2))))
		}, map[string]func(float64) float64{"gelu (approximate)": geluTanh}},
		{"gelu, approximate", func(d *graphtest.Drawing, x string) string {
			cube := d.Op("Mul", nil, number(d, 0.044715), d.Op("Pow", nil, x, number(d, 3)))
			inner := d.Op("Mul", nil, number(d, float32(math.Sqrt(2/math.Pi))), d.Op("AddV2", nil, x, cube))
			half := d.Op("Mul", nil, number(d, 0.5), x)
			return d.Op("Mul", nil, half, d.Op("AddV2", nil, number(d, 1), d.Op("Tanh", nil, inner)))
		}, map[string]func(float64) float64{"gelu": gelu}},
		{"erf of something else", func(d *graphtest.Drawing, x string) string {
			return d.Op("Erf", nil, d.Op("Mul", nil, x, number(d, 0.7)))
		}, map[string]func(float64) float64{}},
	} {
		src := drawn(t, c.draw)
		x := graphtest.Noise(t, lockstep.Float32, 3, 40)
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d {
			d[i] *= 4 // beyond where the approximations are clipped
		}
		var listed []string
		for _, f := range fault.List(src) {
			if f.Kind != fault.ActivationChanged {
				continue
			}
			listed = append(listed, f.To)
			var want []float64
			for _, v := range d {
				if c.want[f.To] == nil {
					t.Fatalf("%s: %s is listed", c.name, f)
				}
				want = append(want, c.want[f.To](float64(v)))
			}
			agree(t, c.name+": "+f.String(), answer(t, src, x, f), want, 2e-6)
		}
		if len(listed) != len(c.want) {
			t.Errorf("%s: computed as %q, want %d", c.name, listed, len(c.want))
		}
	}
}

// An edit that has an operation read what is computed from its own result is refused,
// and not computed from something else.
func TestEditInACircle(t *testing.T) {
	src := drawn(t, func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, d.Op("Sigmoid", nil, x)) })
	circle, err := src.Edit(func(src *source.Source) error {
		out := src.Graph.Outputs["y"]
		src.Instead[out.Node.Inputs[0]] = out
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := circle.Compile(false); err == nil || !strings.Contains(err.Error(), "an edit has it read") {
		t.Errorf("it compiles: %v", err)
	}
	o, err := circle.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Exact(t.Context(), map[string]*lockstep.Tensor{"x": graphtest.Noise(t, lockstep.Float32, 1, 3)}); err == nil {
		t.Error("the oracle evaluates it")
	}
}

// A normalization by the statistics of its input, in several operations and in one,
// gets the other epsilon, and nothing else that is only almost one.
func TestEpsilon(t *testing.T) {
	const rows, n = 3, 5
	composed := func(op string) func(d *graphtest.Drawing, x string) string {
		return func(d *graphtest.Drawing, x string) string {
			axis := d.Ints(-1)
			mean := d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, axis)
			variance := d.Op("Mean", graphtest.Attrs{"keep_dims": true}, d.Op("SquaredDifference", nil, x, mean), axis)
			inv := d.Op(op, nil, d.Op("AddV2", nil, d.Floats([]int{}, 1e-3), variance))
			return d.Op("Mul", nil, d.Op("Sub", nil, x, mean), inv)
		}
	}
	fused := func(d *graphtest.Drawing, x string) string {
		ones, zeros, none := d.Floats([]int{rows}, 1, 1, 1), d.Floats([]int{rows}, 0, 0, 0), d.Constant(fixture.NewTensor(t, []float32{}, 0))
		image := d.Op("Reshape", nil, x, d.Ints(1, rows, n, 1))
		norm := d.Op("FusedBatchNormV3", graphtest.Attrs{"U": lockstep.Float32, "data_format": "NCHW", "epsilon": &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_F{F: 1e-3}}, "is_training": true}, image, ones, zeros, none, none)
		return d.Op("Reshape", nil, norm, d.Ints(rows, n))
	}
	x := graphtest.Noise(t, lockstep.Float32, 5, rows, n)
	d, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing, x string) string
		want int
	}{"several operations": {composed("Rsqrt"), 3}, "one operation": {fused, 3}, "no root": {composed("Reciprocal"), 0}} {
		src := drawn(t, c.draw)
		listed := 0
		for _, f := range fault.List(src) {
			if f.Kind != fault.Epsilon {
				continue
			}
			listed++
			epsilon := map[string]float64{"1e-05": 1e-5, "1e-06": 1e-6, "1e-12": 1e-12}[f.To]
			if epsilon == 0 || f.From != "0.001" {
				t.Fatalf("%s: %s", name, f)
			}
			var want []float64
			for row := range rows {
				mean, variance := 0.0, 0.0
				for _, v := range d[row*n : (row+1)*n] {
					mean += v / n
				}
				for _, v := range d[row*n : (row+1)*n] {
					variance += (v - mean) * (v - mean) / n
				}
				for _, v := range d[row*n : (row+1)*n] {
					want = append(want, (v-mean)/math.Sqrt(variance+epsilon))
				}
			}
			agree(t, name+": "+f.String(), answer(t, src, x, f), want, 1e-5)
		}
		if listed != c.want {
			t.Errorf("%s: %d faults are listed, want %d", name, listed, c.want)
		}
	}
}

// What a causal convolution makes is what one without padding makes of the steps
// with zeros before them; one with zeros on both sides does so a step later.
func TestPadding(t *testing.T) {
	const name = "guide_series_conv_lstm_keras3"
	m := loadFixture(t, name)
	faults := map[string]fault.Fault{}
	for _, f := range fault.List(m.Source()) {
		if f.Kind == fault.Padding {
			faults[f.To] = f
		}
	}
	if len(faults) != 2 || faults["valid"].From != "causal" || faults["same"].From != "causal" {
		t.Fatalf("%v", faults)
	}
	in := fixture.Tensors(t, name, "inputs.npz")
	sound := runOf(t, m, in)
	for input, x := range in {
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		padded := func(before, after int) map[string]*lockstep.Tensor {
			s := x.Shape()
			out := make([]float32, s[0]*(s[1]+before+after)*s[2])
			for b := range s[0] {
				copy(out[(b*(s[1]+before+after)+before)*s[2]:], d[b*s[1]*s[2]:(b+1)*s[1]*s[2]])
			}
			return map[string]*lockstep.Tensor{input: fixture.NewTensor(t, out, s[0], s[1]+before+after, s[2])}
		}
		width := widthOf(t, m)
		for what, c := range map[string]struct{ got, want map[string]*lockstep.Tensor }{
			"valid": {runOf(t, withFault(t, m, faults["valid"]), padded(width-1, 0)), sound},
			"same":  {runOf(t, withFault(t, m, faults["same"]), in), runOf(t, withFault(t, m, faults["valid"]), padded((width-1)/2, width-1-(width-1)/2))},
		} {
			for out := range c.want {
				if d := far(t, c.got[out], c.want[out]); d > 1e-6 {
					t.Errorf("%s: %s is %g away", what, out, d)
				}
			}
		}
		for out, got := range runOf(t, withFault(t, m, faults["same"]), in) {
			if far(t, got, sound[out]) < 1e-4 {
				t.Errorf("padding on both sides changes nothing in %s", out)
			}
		}
	}
}

func widthOf(t *testing.T, m *native.Model) int {
	t.Helper()
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(weights, func(w lockstep.NamedTensor) bool { return w.Tensor.Rank() == 3 })
	return weights[at].Tensor.Shape()[0]
}

// A batch normalization with another epsilon is one whose variances are larger by
// the difference; one whose variance is read as a deviation has its square; and one
// that uses the batch's statistics has none of the moving ones.
func TestBatchNormalization(t *testing.T) {
	fixture.Made(t)
	for _, name := range []string{"batch_norm_keras3", "batch_norm_tfkeras"} {
		m := loadFixture(t, name)
		in := fixture.Tensors(t, name, "inputs.npz")
		sound := runOf(t, m, in)
		weights, err := m.Weights()
		if err != nil {
			t.Fatal(err)
		}
		// with is the model with the elements of one variance changed in its files.
		with := func(w lockstep.NamedTensor, change func(float64) float64) *native.Model {
			d, err := w.Tensor.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			changed := make([]float32, len(d))
			for i, v := range d {
				changed[i] = float32(change(v))
			}
			dir := fixture.Dir(t, name)
			if err := fixture.ReplaceWeights(dir, []*lockstep.Tensor{w.Tensor}, []*lockstep.Tensor{fixture.NewTensor(t, changed, len(d))}); err != nil {
				t.Fatal(err)
			}
			other, err := native.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			return other
		}
		distance := func(a, b map[string]*lockstep.Tensor) float64 {
			most := 0.0
			for out := range a {
				most = max(most, far(t, a[out], b[out]))
			}
			return most
		}
		seen := map[fault.Kind]int{}
		for _, f := range fault.List(m.Source()) {
			changes := map[fault.Kind]func(float64) float64{
				fault.Variance:        func(v float64) float64 { return v * v },
				fault.Epsilon:         func(v float64) float64 { return v + 1e-5 - 1e-3 },
				fault.BatchStatistics: func(v float64) float64 { return v * 3 },
			}
			change := changes[f.Kind]
			if change == nil {
				continue
			}
			got := runOf(t, withFault(t, m, f), in)
			effect, fitting := distance(got, sound), 0
			for _, w := range weights {
				if !strings.HasPrefix(path.Base(w.Name), "moving_variance") {
					continue
				}
				other := with(w, change)
				if f.Kind == fault.BatchStatistics { // the moving ones do not matter
					if distance(got, runOf(t, withFault(t, other, f), in)) == 0 && distance(sound, runOf(t, other, in)) > 1e-3 {
						fitting++
					}
				} else if distance(got, runOf(t, other, in)) < min(2e-6, effect/10) {
					fitting++
				}
			}
			if fitting != 1 || effect < 1e-5 {
				t.Errorf("%s: %s: it is that of %d of the variances, and changes the outputs by %g", name, f, fitting, effect)
			}
			seen[f.Kind]++
		}
		if seen[fault.Variance] != 2 || seen[fault.Epsilon] != 2 || seen[fault.BatchStatistics] != 2 {
			t.Errorf("%s: %v", name, seen)
		}
	}
}
