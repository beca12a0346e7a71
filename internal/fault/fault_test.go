package fault_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

func loadFixture(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func withFault(t *testing.T, m *native.Model, f fault.Fault) *native.Model {
	t.Helper()
	bad, err := m.Edit(f.Plant)
	if err != nil {
		t.Fatal(err)
	}
	return bad
}

func runOf(t *testing.T, m *native.Model, in map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	t.Helper()
	out, err := m.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func far(t *testing.T, a, b *lockstep.Tensor) float64 {
	t.Helper()
	x, err := a.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Float64s()
	if err != nil || len(x) != len(y) {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	most := 0.0
	for i := range x {
		most = max(most, math.Abs(x[i]-y[i]))
	}
	return most
}

// changed returns the weights of the eight-tensor model with some replaced.
func changed(t *testing.T, m *native.Model, change func(name string, d []float32) []float32) lockstep.Weights {
	t.Helper()
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range weights {
		d, err := lockstep.Data[float32](w.Tensor)
		if err != nil {
			t.Fatal(err)
		}
		if d = change(w.Name, slices.Clone(d)); d == nil {
			weights[i].Tensor = nil
			continue
		}
		if weights[i].Tensor, err = lockstep.New(d, w.Tensor.Shape()...); err != nil {
			t.Fatal(err)
		}
	}
	return slices.DeleteFunc(weights, func(w lockstep.NamedTensor) bool { return w.Tensor == nil })
}

// The eight-tensor model made of weights that this test changed computes what
// the fault makes in the SavedModel.
func TestWeightFaultsOfTheSeedModel(t *testing.T) {
	m := loadFixture(t, "seed_keras3")
	in := fixture.Tensors(t, "seed_keras3", "inputs_short.npz")
	const units = 64
	only := func(name string, change func(d []float32) []float32) func(string, []float32) []float32 {
		return func(n string, d []float32) []float32 {
			if strings.HasPrefix(n, name) {
				return change(d)
			}
			return d
		}
	}
	for _, c := range []struct {
		fault  fault.Fault
		change func(string, []float32) []float32
	}{
		{fault.Fault{Kind: fault.GateOrder, Layer: "encoder", Order: "iofg"}, only("encoder/", func(d []float32) []float32 {
			out := slices.Clone(d)
			for row := 0; row < len(d); row += 4 * units {
				block := func(i int) []float32 { return d[row+i*units : row+(i+1)*units] }
				copy(out[row+units:], block(2))   // f is taken from the third block
				copy(out[row+2*units:], block(3)) // g from the fourth
				copy(out[row+3*units:], block(1)) // o from the second
			}
			return out
		})},
		{fault.Fault{Kind: fault.BiasMissing, Layer: "decoder"}, only("decoder/bias", func([]float32) []float32 { return nil })},
		{fault.Fault{Kind: fault.BiasTwice, Layer: "decoder"}, only("decoder/bias", func(d []float32) []float32 {
			for i := range d {
				d[i] += d[i]
			}
			return d
		})},
		{fault.Fault{Kind: fault.ForgetBias, Layer: "encoder"}, only("encoder/bias", func(d []float32) []float32 {
			for i := units; i < 2*units; i++ {
				d[i]++
			}
			return d
		})},
		{one(t, m, func(f fault.Fault) bool { return f.Kind == fault.BiasMissing && f.Variable != "" }), only("dense/bias", func([]float32) []float32 { return nil })},
		{one(t, m, func(f fault.Fault) bool { return f.Kind == fault.HalfWeights && f.Variable != "" }), only("dense/", func(d []float32) []float32 {
			for i, v := range d {
				unit := math.Ldexp(1, math.Ilogb(float64(v))-10) // all are normal float16
				d[i] = float32(math.RoundToEven(float64(v)/unit) * unit)
			}
			return d
		})},
		{fault.Fault{Kind: fault.Int8Weights, Layer: "decoder", Role: fault.PerTensor}, only("decoder/", func(d []float32) []float32 {
			if len(d) == 4*units && !slices.Equal(d, kernelOf(t, m, "decoder")) {
				return d // the bias keeps its digits
			}
			most := 0.0
			for _, v := range d {
				most = math.Max(most, math.Abs(float64(v)))
			}
			for i, v := range d {
				d[i] = float32(math.Round(float64(v)/most*127) * most / 127)
			}
			return d
		})},
		{fault.Fault{Kind: fault.KernelsSwapped, Layer: "encoder", Other: "decoder"}, func(name string, d []float32) []float32 {
			switch name {
			case "encoder/kernel":
				return kernelOf(t, m, "decoder")
			case "decoder/kernel":
				return kernelOf(t, m, "encoder")
			}
			return d
		}},
		{fault.Fault{Kind: fault.RecurrentTransposed, Layer: "decoder"}, only("decoder/recurrent_kernel", func(d []float32) []float32 {
			out := make([]float32, len(d))
			for i := range out {
				out[i] = d[i%(4*units)*units+i/(4*units)]
			}
			return out
		})},
		{fault.Fault{Kind: fault.OneWeight, Layer: "encoder", Tensor: "recurrent_kernel", Index: 777, ULP: 1 << 25}, only("encoder/recurrent_kernel", func(d []float32) []float32 {
			for range 1 << 25 {
				d[777] = math.Nextafter32(d[777], float32(math.Inf(1)))
			}
			return d
		})},
		{fault.Fault{Kind: fault.OneWeight, Layer: "encoder", Tensor: "bias", Index: 3, Factor: 5}, only("encoder/bias", func(d []float32) []float32 {
			d[3] *= 5
			return d
		})},
	} {
		want, err := native.NewSeq2Seq(changed(t, m, c.change))
		if err != nil {
			t.Fatal(err)
		}
		checkSeq2Seq(t, c.fault, m, in, func(y []float32, encoder, decoder []float32, batch int) error {
			r := want.NewRunner(batch)
			if err := r.Encode(encoder, batch); err != nil {
				return err
			}
			return r.Decode(y, decoder)
		})
	}
}

// one returns the only fault of a model that fits.
func one(t *testing.T, m *native.Model, fits func(fault.Fault) bool) fault.Fault {
	t.Helper()
	all := slices.DeleteFunc(fault.List(m.Source()), func(f fault.Fault) bool { return !fits(f) })
	if len(all) != 1 {
		t.Fatalf("the faults are %v, want one", all)
	}
	return all[0]
}

func kernelOf(t *testing.T, m *native.Model, layer string) []float32 {
	t.Helper()
	w, err := m.Source().LayerWeight(layer, "kernel")
	if err != nil {
		t.Fatal(err)
	}
	d, err := lockstep.Data[float32](w)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(d)
}

// checkSeq2Seq compares a fault of the seed model with another way to compute
// it.
func checkSeq2Seq(t *testing.T, f fault.Fault, m *native.Model, in map[string]*lockstep.Tensor, run func(y, encoder, decoder []float32, batch int) error) {
	t.Helper()
	encoder, err := lockstep.Data[float32](in["encoder_input"])
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := lockstep.Data[float32](in["decoder_input"])
	if err != nil {
		t.Fatal(err)
	}
	sound := runOf(t, m, in)
	for name, got := range runOf(t, withFault(t, m, f), in) {
		y := make([]float32, got.Len())
		if err := run(y, encoder, decoder, got.Shape()[0]); err != nil {
			t.Fatal(err)
		}
		want, err := lockstep.New(y, got.Shape()...)
		if err != nil {
			t.Fatal(err)
		}
		if d, s := far(t, got, want), far(t, got, sound[name]); d > 1e-6 || s < 5*d {
			t.Errorf("%s: %g away from what it should be, and %g from the sound model", f, d, s)
		}
	}
}

// The runner of the eight-tensor model is led through the same mistakes.
func TestStateFaultsOfTheSeedModel(t *testing.T) {
	m := loadFixture(t, "seed_keras3")
	in := fixture.Tensors(t, "seed_keras3", "inputs_short.npz")
	q, err := m.Seq2Seq()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault fault.Fault
		run   func(r *native.Seq2SeqRunner[float32], y, decoder []float32, batch int) error
	}{
		{fault.Fault{Kind: fault.StatesSwapped, Layer: "decoder"}, func(r *native.Seq2SeqRunner[float32], y, decoder []float32, batch int) error {
			h, c := r.State()
			if err := r.SetState(slices.Clone(c), slices.Clone(h), batch); err != nil {
				return err
			}
			return r.Decode(y, decoder)
		}},
		{fault.Fault{Kind: fault.StatesIgnored, Layer: "decoder"}, func(r *native.Seq2SeqRunner[float32], y, decoder []float32, batch int) error {
			zero := make([]float32, batch*64)
			if err := r.SetState(zero, slices.Clone(zero), batch); err != nil {
				return err
			}
			return r.Decode(y, decoder)
		}},
		{fault.Fault{Kind: fault.OwnOutput}, func(r *native.Seq2SeqRunner[float32], y, decoder []float32, batch int) error {
			steps := len(decoder) / batch
			var first []float32
			for i := range batch {
				first = append(first, decoder[i*steps])
			}
			return r.Forecast(y, first, steps)
		}},
		{fault.Fault{Kind: fault.InputShifted, Input: "decoder_input", Steps: 1}, func(r *native.Seq2SeqRunner[float32], y, decoder []float32, batch int) error {
			steps := len(decoder) / batch
			late := make([]float32, len(decoder))
			for i := range decoder {
				if i%steps > 0 {
					late[i] = decoder[i-1]
				}
			}
			return r.Decode(y, late)
		}},
	} {
		checkSeq2Seq(t, c.fault, m, in, func(y, encoder, decoder []float32, batch int) error {
			r := q.NewRunner(batch)
			if err := r.Encode(encoder, batch); err != nil {
				return err
			}
			return c.run(r, y, decoder, batch)
		})
	}
}

// Every fault that a model says it can have can be planted, in the native
// engine and in the oracle alike: a step of one is a step of the other.
func TestEveryFaultCanBePlanted(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"seed_units1_tfkeras", "gru_masked_keras3", "gru_before_masked_tfkeras", "simplernn_masked_zero_keras3", "cells_mixed_keras3", "bidirectional_last_keras3", "lstm_masked_states_tfkeras"} {
		m := loadFixture(t, name)
		oracle, err := m.Source().Oracle()
		if err != nil {
			t.Fatal(err)
		}
		in := fixture.Tensors(t, name, "inputs.npz")
		faults := fault.List(m.Source())
		if len(faults) < 8 {
			t.Errorf("%s: only the faults %v", name, faults)
		}
		for _, f := range faults {
			bad := withFault(t, m, f)
			trace, err := bad.Trace(ctx, in, lockstep.Steps)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, f, err)
			}
			faulty, err := oracle.Edit(f.Plant)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, f, err)
			}
			exact, bound, unknown, err := faulty.Run(ctx, in, nil)
			if err != nil || len(unknown) > 0 {
				t.Fatalf("%s: %s: the oracle: %v, %v", name, f, err, unknown)
			}
			for _, tensors := range []map[string]*lockstep.Tensor{trace.Outputs, trace.States, trace.Steps} {
				for q, got := range tensors {
					if exact[q] == nil {
						continue // a gate
					}
					if bound[q] != nil && !inside(t, got, exact[q], bound[q]) {
						t.Errorf("%s: %s: %q is outside of the oracle's bounds", name, f, q)
					}
				}
			}
			for _, l := range trace.Layers {
				x := trace.Layer(l).X()
				if x == nil {
					t.Fatalf("%s: %s: no steps of %s", name, f, l)
				}
				from := map[string]*lockstep.Tensor{"x": x, "h": trace.Layer(l).Step("h")} // any states will do
				if c := trace.Layer(l).Step("c"); c != nil {
					from["c"] = c
				}
				got, err := bad.Step(l, from)
				if err != nil {
					t.Fatalf("%s: %s: %v", name, f, err)
				}
				want, _, err := faulty.Step(l, from)
				if err != nil {
					t.Fatalf("%s: %s: %v", name, f, err)
				}
				for q := range got {
					if d := far(t, got[q], want[q]); d > 1e-5 {
						t.Errorf("%s: %s: a step of %s makes %s that is %g away from the oracle's", name, f, l, q, d)
					}
				}
			}
		}
	}
}

func inside(t *testing.T, got, exact, bound *lockstep.Tensor) bool {
	t.Helper()
	var d [3][]float64
	for i, tensor := range []*lockstep.Tensor{got, exact, bound} {
		var err error
		if d[i], err = tensor.Float64s(); err != nil {
			t.Fatal(err)
		}
	}
	if len(d[0]) != len(d[1]) {
		return false
	}
	for i, v := range d[0] {
		if !(math.Abs(v-d[1][i]) <= d[2][i]) {
			return false
		}
	}
	return true
}
