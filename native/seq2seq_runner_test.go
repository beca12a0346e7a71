package native

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func floats(t testing.TB, x *lockstep.Tensor) []float32 {
	t.Helper()
	d, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func seq2seqOf(t testing.TB, m *Model) *Seq2Seq[float32] {
	t.Helper()
	s, err := m.Seq2Seq()
	ok(t, err)
	return s
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// One step at a time is the same as all at once, bit for bit, and a row's
// answer does not depend on the batch around it.
func TestStepIsDecode(t *testing.T) {
	for name := range seq2seqs {
		m := load1(t, name)
		s := seq2seqOf(t, m)
		encoderInput, decoderInput, err := m.Seq2SeqInputs()
		ok(t, err)
		in := fixture.Tensors(t, name, "inputs.npz")
		x, d := floats(t, in[encoderInput]), floats(t, in[decoderInput])
		batch, steps := in[decoderInput].Shape()[0], in[decoderInput].Shape()[1]
		all := make([]float32, batch*steps*s.OutputFeatures)
		r := s.NewRunner(batch)
		ok(t, r.Encode(x, batch))
		ok(t, r.Decode(all, d))
		wantH, wantC := r.State()

		one := s.NewRunner(1)
		for b := range batch {
			ok(t, one.Encode(x[b*len(x)/batch:(b+1)*len(x)/batch], 1))
			for step := range steps {
				y := make([]float32, s.OutputFeatures)
				f := s.DecoderFeatures
				ok(t, one.Step(y, d[(b*steps+step)*f:(b*steps+step+1)*f]))
				if want := all[(b*steps+step)*s.OutputFeatures:][:s.OutputFeatures]; !slices.Equal(y, want) {
					t.Fatalf("%s: row %d, step %d: %v one step at a time, %v at once", name, b, step, y, want)
				}
			}
			h, c := one.State()
			if !slices.Equal(h, wantH[b*s.Units:(b+1)*s.Units]) || !slices.Equal(c, wantC[b*s.Units:(b+1)*s.Units]) {
				t.Errorf("%s: row %d ends in other states one step at a time", name, b)
			}
		}
	}
}

func TestForecastIsKeras(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras", "seed_units1_keras3", "seed_units1_tfkeras", "reports/seed_keras313"} {
		m := load1(t, name)
		in := fixture.Tensors(t, name, "inputs_short.npz")
		want := fixture.Tensors(t, name, "forecast.npz")
		batch, steps := want["outputs"].Shape()[0], want["outputs"].Shape()[1]
		r := seq2seqOf(t, m).NewRunner(batch)
		ok(t, r.Encode(floats(t, in["encoder_input"]), batch))
		got := make([]float32, want["outputs"].Len())
		ok(t, r.Forecast(got, floats(t, want["first"]), steps))
		tensor, err := lockstep.New(got, want["outputs"].Shape()...)
		ok(t, err)
		if d := worst(t, name, tensor, want["outputs"]); d > 2e-5 {
			t.Errorf("%s: %d steps on its own outputs are off by %g, want at most 2e-5", name, steps, d)
		}
	}
}

// The float64 model is nearer to the truth than the float32 one is to it, so
// they differ by float32's rounding alone.
func TestFloat64(t *testing.T) {
	for name := range seq2seqs {
		m := load1(t, name)
		w, err := m.Weights()
		ok(t, err)
		encoderInput, decoderInput, err := m.Seq2SeqInputs()
		ok(t, err)
		wide, err := NewSeq2Seq64(w)
		ok(t, err)
		in := fixture.Tensors(t, name, "inputs.npz")
		batch, steps := in[decoderInput].Shape()[0], in[decoderInput].Shape()[1]
		x, err := in[encoderInput].Float64s()
		ok(t, err)
		d, err := in[decoderInput].Float64s()
		ok(t, err)
		r := wide.NewRunner(batch)
		ok(t, r.Encode(x, batch))
		y := make([]float64, batch*steps*wide.OutputFeatures)
		ok(t, r.Decode(y, d))
		got, err := lockstep.New(y, batch, steps, wide.OutputFeatures)
		ok(t, err)
		want := fixture.Tensors(t, name, "expected.npz")[m.source.Found.Seq2Seq.Output]
		if d := worst(t, name, got, want); d > 5e-6 || d == 0 {
			t.Errorf("%s: float64 is %g from Keras's float32, want a little, at most 5e-6", name, d)
		}
	}
}

func TestSetStateGoesOn(t *testing.T) {
	m := seq2seqOf(t, load1(t, "seed_keras3"))
	in := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	a, b := m.NewRunner(8), m.NewRunner(8)
	ok(t, a.Encode(floats(t, in["encoder_input"]), 8))
	h, c := a.State()
	ok(t, b.SetState(h, c, 8))
	ya, yb := make([]float32, 80), make([]float32, 80)
	ok(t, a.Decode(ya, floats(t, in["decoder_input"])))
	ok(t, b.Decode(yb, floats(t, in["decoder_input"])))
	if !slices.Equal(ya, yb) {
		t.Error("the same states, and other outputs")
	}
}

func TestRunnerAllocatesNothing(t *testing.T) {
	m := seq2seqOf(t, load1(t, "seed_keras3"))
	in := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	x, d := floats(t, in["encoder_input"]), floats(t, in["decoder_input"])
	r, y := m.NewRunner(8), make([]float32, 80)
	ok(t, r.Encode(x, 8))
	for name, call := range map[string]func() error{
		"Encode":   func() error { return r.Encode(x, 8) },
		"Decode":   func() error { return r.Decode(y, d) },
		"Step":     func() error { return r.Step(y[:8], d[:8]) },
		"Forecast": func() error { return r.Forecast(y, d[:8], 10) },
		"SetState": func() error { h, c := r.State(); return r.SetState(h, c, 8) },
	} {
		if n := testing.AllocsPerRun(10, func() { ok(t, call()) }); n != 0 {
			t.Errorf("%s allocates %v times a call, want 0", name, n)
		}
	}
}

func TestRunnerRefuses(t *testing.T) {
	m := seq2seqOf(t, load1(t, "misleading_keras3"))     // 4 features, 4 outputs
	wide := seq2seqOf(t, load1(t, "fixed_steps_keras3")) // 1 feature, 2 outputs
	r := m.NewRunner(2)
	ok(t, r.Encode(make([]float32, 2*3*4), 2))
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"batch":         {r.Encode(make([]float32, 12), 3), "0 to 2 rows"},
		"negative":      {r.Encode(nil, -1), "0 to 2 rows"},
		"input":         {r.Encode(make([]float32, 9), 2), "9 values, want batch × steps × features = 2 × steps × 4"},
		"decoder input": {r.Decode(make([]float32, 8), make([]float32, 9)), "9 values"},
		"outputs":       {r.Decode(make([]float32, 9), make([]float32, 8)), "outputs: 9 values, want 8"},
		"step input":    {r.Step(make([]float32, 8), make([]float32, 7)), "7 values, want 8"},
		"step outputs":  {r.Step(make([]float32, 7), make([]float32, 8)), "7 values, want 8"},
		"steps":         {r.Forecast(nil, make([]float32, 8), -1), "-1 steps"},
		"first":         {r.Forecast(make([]float32, 8), make([]float32, 7), 1), "7 values, want 8"},
		"forecast":      {wide.NewRunner(1).Forecast(make([]float32, 2), make([]float32, 1), 1), "no output can be the next input"},
		"state h":       {r.SetState(make([]float32, 7), make([]float32, 8), 2), "state h: 7 values, want 8"},
		"state c":       {r.SetState(make([]float32, 8), make([]float32, 7), 2), "state c: 7 values, want 8"},
		"state batch":   {r.SetState(nil, nil, 3), "0 to 2 rows"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, c.err, c.want)
		}
	}
}

func TestNewSeq2SeqChecksShapes(t *testing.T) {
	shapes := map[string][]int{
		"encoder/kernel": {2, 12}, "encoder/recurrent_kernel": {3, 12}, "encoder/bias": {12},
		"decoder/kernel": {1, 12}, "decoder/recurrent_kernel": {3, 12}, "decoder/bias": {12},
		"dense/kernel": {3, 5}, "dense/bias": {5},
	}
	make8 := func(changed string, to []int, dtype lockstep.DType) lockstep.Weights {
		var w lockstep.Weights
		for name, shape := range shapes {
			if name == changed {
				if shape = to; shape == nil {
					continue
				}
			}
			d := lockstep.Float32
			if name == changed {
				d = dtype
			}
			x, err := lockstep.Zeros(d, shape...)
			ok(t, err)
			w = append(w, lockstep.NamedTensor{Name: name, Tensor: x})
		}
		return w
	}
	m, err := NewSeq2Seq(make8("", nil, 0))
	ok(t, err)
	if m.EncoderFeatures != 2 || m.DecoderFeatures != 1 || m.Units != 3 || m.OutputFeatures != 5 {
		t.Errorf("sizes %+v", m)
	}
	for name, shape := range shapes {
		if !strings.HasSuffix(name, "/bias") {
			if _, err := NewSeq2Seq(make8(name, nil, 0)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("without %s: error %v", name, err)
			}
		} else if _, err := NewSeq2Seq(make8(name, nil, 0)); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		if _, err := NewSeq2Seq(make8(name, shape, lockstep.Float64)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s of float64: error %v", name, err)
		}
		for axis := range shape {
			if name == "encoder/kernel" && axis == 0 || name == "decoder/kernel" && axis == 0 {
				continue // any number of features will do
			}
			for _, d := range []int{-1, +1} {
				bad := slices.Clone(shape)
				bad[axis] += d
				if _, err := NewSeq2Seq(make8(name, bad, lockstep.Float32)); err == nil || !strings.Contains(err.Error(), "native: weight") {
					t.Errorf("%s %v: error %v", name, bad, err)
				}
			}
		}
		if _, err := NewSeq2Seq(make8(name, append(slices.Clone(shape), 1), lockstep.Float32)); err == nil {
			t.Errorf("%s of another rank was taken", name)
		}
		if _, err := NewSeq2Seq(make8(name, make([]int, len(shape)), lockstep.Float32)); err == nil {
			t.Errorf("an empty %s was taken", name)
		}
	}
	twice := make8("", nil, 0)
	if _, err := NewSeq2Seq(append(twice, twice[0])); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a weight twice: error %v", err)
	}
	if _, err := NewSeq2Seq(append(twice, lockstep.NamedTensor{Name: "decoder/gamma", Tensor: twice[0].Tensor})); err == nil || !strings.Contains(err.Error(), "decoder/gamma") {
		t.Errorf("a weight of no use: error %v", err)
	}
}

// Non-finite values pass through the cell as IEEE 754 has it, and saturate
// where the gates do.
func TestExtremes(t *testing.T) {
	m := seq2seqOf(t, load1(t, "seed_units1_keras3"))
	r := m.NewRunner(1)
	for _, v := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32} {
		ok(t, r.Encode([]float32{v}, 1))
		h, c := r.State()
		if h[0] != h[0] || c[0] != c[0] || h[0] < -1 || h[0] > 1 {
			t.Errorf("input %v: h %v, c %v, want finite values", v, h, c)
		}
	}
	ok(t, r.Encode([]float32{float32(math.NaN())}, 1))
	if h, _ := r.State(); h[0] == h[0] {
		t.Errorf("input NaN: h %v, want NaN", h)
	}
}
