package fault_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A layer that reads backwards reads forwards what was turned around.
func TestBackwardsFault(t *testing.T) {
	for _, name := range []string{"simplernn_last_tfkeras"} {
		m := loadFixture(t, name)
		in := fixture.Tensors(t, name, "inputs.npz")
		turned := map[string]*lockstep.Tensor{}
		for k, x := range in {
			d, err := lockstep.Data[float32](x)
			if err != nil {
				t.Fatal(err)
			}
			s := x.Shape()
			out := make([]float32, 0, len(d))
			for b := range s[0] {
				for step := s[1] - 1; step >= 0; step-- {
					out = append(out, d[(b*s[1]+step)*s[2]:][:s[2]]...)
				}
			}
			if turned[k], err = lockstep.New(out, s...); err != nil {
				t.Fatal(err)
			}
		}
		trace, err := m.Trace(context.Background(), in, lockstep.States)
		if err != nil {
			t.Fatal(err)
		}
		got := runOf(t, withFault(t, m, fault.Fault{Kind: fault.Backwards, Layer: trace.Layers[0]}), in)
		want := runOf(t, m, turned)
		for k := range want {
			if !got[k].BitEqual(want[k]) {
				t.Errorf("%s: %s is not the model's result for the reversed steps", name, k)
			}
		}
	}
}

// A mask that is ignored is one that masks nothing; what is masked has an input of
// zeros only where a fault says so, since the embedding of 0 is not zeros.
func TestMaskAndHalfFaults(t *testing.T) {
	m := loadFixture(t, "embedding_mask_zero_keras3")
	in := fixture.Tensors(t, "embedding_mask_zero_keras3", "inputs.npz")
	sound, err := m.Trace(context.Background(), in, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	layer := sound.Layers[0]
	for _, kind := range []fault.Kind{fault.MaskIgnored, fault.MaskZeroInputs} {
		bad, err := withFault(t, m, fault.Fault{Kind: kind, Layer: layer}).Trace(context.Background(), in, lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		was, err := lockstep.Data[bool](sound.Layer(layer).Mask())
		if err != nil {
			t.Fatal(err)
		}
		is, err := lockstep.Data[bool](bad.Layer(layer).Mask())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(was, false) || slices.Contains(is, false) {
			t.Errorf("%s: the mask was %v and is %v", kind, was, is)
		}
		x, err := bad.Layer(layer).X().Float64s()
		if err != nil {
			t.Fatal(err)
		}
		width := len(x) / len(is)
		for i, there := range was {
			zeros := !slices.ContainsFunc(x[i*width:(i+1)*width], func(v float64) bool { return v != 0 })
			if want := kind == fault.MaskZeroInputs; !there && zeros != want {
				t.Errorf("%s: the input of a masked step is zeros: %v, want %v", kind, zeros, want)
			}
		}
	}
	bad := withFault(t, m, fault.Fault{Kind: fault.HalfWeights})
	out := runOf(t, bad, in)
	for name := range out {
		if d := far(t, out[name], sound.Outputs[name]); d == 0 || d > 0.01 {
			t.Errorf("float16 weights make %s %g away", name, d)
		}
	}
}

// A fault is planted beside those that are there: the steps in the other order,
// twice, are the model's, and a state that is ignored stays ignored.
func TestTwoFaultsInOneLoop(t *testing.T) {
	m := loadFixture(t, "seed_keras3")
	in := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	const layer = "decoder"
	backwards, ignored, swapped := fault.Fault{Kind: fault.Backwards, Layer: layer}, fault.Fault{Kind: fault.StatesIgnored, Layer: layer}, fault.Fault{Kind: fault.StatesSwapped, Layer: layer}
	run := func(faults ...fault.Fault) map[string]*lockstep.Tensor {
		t.Helper()
		bad := m
		for _, f := range faults {
			bad = withFault(t, bad, f)
		}
		return runOf(t, bad, in)
	}
	same := func(a, b map[string]*lockstep.Tensor) bool {
		return maps.EqualFunc(a, b, func(x, y *lockstep.Tensor) bool { return x.BitEqual(y) })
	}
	if !same(run(backwards, backwards), run()) || same(run(backwards), run()) {
		t.Error("the steps in the other order, twice, are not the model's")
	}
	if !same(run(backwards, backwards, ignored), run(ignored)) || !same(run(ignored, swapped, swapped), run(ignored)) || same(run(ignored), run()) {
		t.Error("a second fault takes the first one out")
	}
	late, early := fault.Fault{Kind: fault.InputShifted, Input: "encoder_input", Steps: 1}, fault.Fault{Kind: fault.InputShifted, Input: "decoder_input", Steps: -1}
	if !same(run(late, early), run(early, late)) || same(run(late, early), run(early)) || same(run(late, early), run(late)) {
		t.Error("a second fault of the inputs takes the first one out")
	}
}

func TestPlantRefuses(t *testing.T) {
	m := loadFixture(t, "seed_keras3")
	for _, f := range []fault.Fault{
		{},
		{Kind: fault.BiasMissing, Layer: "nobody"},
		{Kind: fault.GateOrder, Layer: "encoder", Order: "ifgg"},
		{Kind: fault.GateOrder, Layer: "encoder", Order: "zrg"},
		{Kind: fault.ResetAfter, Layer: "encoder"},
		{Kind: fault.BiasRowsAdded, Layer: "encoder"},
		{Kind: fault.MaskIgnored, Layer: "encoder"},
		{Kind: fault.OneWeight, Layer: "encoder", Tensor: "kernel", Index: 256, ULP: 1},
		{Kind: fault.OneWeight, Layer: "encoder", Tensor: "dense", ULP: 1},
		{Kind: fault.InputShifted, Input: "nothing", Steps: 1},
		{Kind: fault.ActivationChanged, Layer: "encoder", Role: "activation", To: "cosine"},
	} {
		if bad, err := m.Edit(f.Plant); err == nil {
			t.Errorf("%+v was planted: %v", f, bad)
		}
	}
	bad := withFault(t, m, fault.Fault{Kind: fault.BiasMissing, Layer: "encoder"})
	if _, err := bad.Seq2Seq(); err == nil {
		t.Error("a model with a fault gives a Seq2Seq without it")
	}
	encoder, err := lockstep.Zeros(lockstep.Float32, 1, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	fixed := map[string]*lockstep.Tensor{"encoder_input": encoder}
	if _, err := m.NewStream(context.Background(), 1, fixed); err != nil {
		t.Error(err)
	}
	if _, err := bad.NewStream(context.Background(), 1, fixed); err == nil {
		t.Error("a model with a fault gives a Stream without it")
	}
}
