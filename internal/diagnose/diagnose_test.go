package diagnose_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

func load(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func trace(t *testing.T, m *native.Model, in map[string]*lockstep.Tensor) *lockstep.Trace {
	t.Helper()
	tr, err := m.Trace(context.Background(), in, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// fewRows are the first rows of a batch: a whole run of all 199 takes long.
func fewRows(t *testing.T, in map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	t.Helper()
	out := map[string]*lockstep.Tensor{}
	for name, x := range in {
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		shape := slices.Clone(x.Shape())
		n := min(shape[0], 16)
		d = d[:len(d)/shape[0]*n]
		shape[0] = n
		out[name] = fixture.NewTensor(t, d, shape...)
	}
	return out
}

// A fault that is planted in the candidate, or in the reference, is named.
func TestNamesWhatWasPlanted(t *testing.T) {
	for _, c := range []struct {
		model string
		fault fault.Fault
		words string
	}{
		{"seed_keras3", fault.Fault{Kind: fault.GateOrder, Layer: "encoder", Order: "iofg"}, "i,o,f,g (ONNX) instead of i,f,g,o in layer encoder"},
		{"seed_keras3", fault.Fault{Kind: fault.RecurrentTransposed, Layer: "decoder"}, "recurrent kernel transposed"},
		{"seed_keras3", fault.Fault{Kind: fault.BiasMissing, Layer: "decoder"}, "bias missing in layer decoder"},
		{"seed_keras3", fault.Fault{Kind: fault.ForgetBias, Layer: "encoder"}, "forget gate"},
		{"seed_keras3", fault.Fault{Kind: fault.WeightsSwapped, Layer: "encoder", Other: "decoder"}, "the weights of layers encoder and decoder swapped"},
		{"seed_keras3", fault.Fault{Kind: fault.StatesSwapped, Layer: "decoder"}, "h and c swapped"},
		{"seed_keras3", fault.Fault{Kind: fault.StatesIgnored, Layer: "decoder"}, "initial state ignored in layer decoder"},
		{"seed_keras3", fault.Fault{Kind: fault.OwnOutput}, "own outputs"},
		{"seed_keras3", fault.Fault{Kind: fault.InputShifted, Input: "decoder_input", Steps: 1}, "decoder_input off by one step"},
		{"seed_keras3", fault.Fault{Kind: fault.InputsSwapped, Input: "decoder_input", Other: "encoder_input"}, "swapped"},
		{"seed_keras3", fault.Fault{Kind: fault.HalfWeights}, "float16"},
		{"seed_keras3", fault.Fault{Kind: fault.ActivationChanged, Layer: "encoder", Role: "recurrent_activation", To: "hard_sigmoid (Keras 3)"}, "hard_sigmoid (Keras 3) instead of sigmoid"},
		{"seed_keras3", fault.Fault{Kind: fault.OneWeight, Layer: "encoder", Tensor: "recurrent_kernel", Index: 3*256 + 70, Factor: 1.01}, "recurrent_kernel[3, 70] (gate f, unit 6)"},
		{"seed_keras3", fault.Fault{Kind: fault.OneWeight, Layer: "decoder", Tensor: "bias", Index: 255, Factor: 1.01}, "bias[0, 255] (gate o, unit 63)"},
		{"gru_masked_keras3", fault.Fault{Kind: fault.MaskIgnored, Layer: "gru"}, "mask ignored"},
		{"gru_masked_keras3", fault.Fault{Kind: fault.ResetAfter, Layer: "gru"}, "reset_after=False instead of True"},
		{"gru_masked_keras3", fault.Fault{Kind: fault.BiasRowsSwapped, Layer: "gru"}, "swapped"},
		{"simplernn_last_tfkeras", fault.Fault{Kind: fault.Backwards, Layer: "simple_rnn"}, "backwards"},
	} {
		m := load(t, c.model)
		in := fewRows(t, fixture.Tensors(t, c.model, "inputs.npz"))
		bad, err := m.Edit(c.fault.Plant)
		if err != nil {
			if layer := trace(t, m, in).Layers; c.fault.Layer != "" && len(layer) > 0 {
				c.fault.Layer = layer[0]
				bad, err = m.Edit(c.fault.Plant)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, side := range []diagnose.Side{diagnose.InCandidate, diagnose.InReference} {
			d := diagnose.Problem{Inputs: in, Reference: trace(t, m, in), Candidate: trace(t, bad, in), ReferenceModel: m, CandidateModel: bad}
			if side == diagnose.InReference {
				d.Reference, d.Candidate, d.ReferenceModel, d.CandidateModel = d.Candidate, d.Reference, bad, m
			}
			found, err := d.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			words := strings.Join(found.Words("tensorflow", "native"), "\n")
			if len(found.Causes) == 0 || !found.Causes[0].Vanishes() {
				t.Errorf("%s, %s in the %s: no cause\n%s", c.model, c.fault, side, words)
				continue
			}
			if first := found.Causes[0]; side == diagnose.InCandidate && (first.Side != side || !strings.Contains(first.String(), c.words)) {
				t.Errorf("%s, %s in the %s:\n%s", c.model, c.fault, side, words)
			} else if !strings.Contains(words, c.words) && side == diagnose.InReference {
				t.Logf("%s, %s in the %s:\n%s", c.model, c.fault, side, words)
			}
			if found.First == nil {
				t.Errorf("%s, %s: no first place", c.model, c.fault)
			}
		}
	}
}

// A fault in the engine alone shows in states, and not in the gates, which the
// trace works out from the weights that the engine should have used.
func TestNamesWhatTheEngineAloneHas(t *testing.T) {
	for _, c := range []struct {
		model string
		fault fault.Fault
		words string
	}{
		{"seed_keras3", fault.Fault{Kind: fault.GateOrder, Layer: "decoder", Order: "igfo"}, "i,g,f,o"},
		{"seed_keras3", fault.Fault{Kind: fault.OneWeight, Layer: "encoder", Tensor: "recurrent_kernel", Index: 3*256 + 70, Factor: 1.1}, "recurrent_kernel[3, 70] (gate f, unit 6)"},
		{"gru_states_keras3", fault.Fault{Kind: fault.ResetAfter, Layer: "gru"}, "reset_after=False instead of True"},
		{"gru_before_masked_tfkeras", fault.Fault{Kind: fault.OneWeight, Layer: "gru", Tensor: "kernel", Index: 5, Factor: 2}, "kernel[0, 5] (gate r, unit 1)"},
	} {
		m := load(t, c.model)
		in := fixture.Tensors(t, c.model, "inputs.npz")
		bad, err := m.Edit(c.fault.Plant)
		if err != nil {
			t.Fatal(err)
		}
		found, err := diagnose.Problem{Inputs: in, Reference: trace(t, m, in), Candidate: trace(t, bad, in), ReferenceModel: m, CandidateModel: m, Stepper: bad}.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Join(found.Words("tensorflow", "native"), "\n")
		if len(found.Causes) == 0 || !found.Causes[0].Vanishes() || !strings.Contains(found.Causes[0].String(), c.words) {
			t.Errorf("%s, %s:\n%s", c.model, c.fault, words)
		}
		if p := found.First; p == nil || p.Quantity != "h" && p.Quantity != "c" {
			t.Errorf("%s, %s: first in %v", c.model, c.fault, p)
		}
	}
}

// A fault that is not a known one is reported as such, and the nearest is named
// as such.
func TestSaysThatItIsNone(t *testing.T) {
	m := load(t, "seed_keras3")
	in := fixture.Tensors(t, "seed_keras3", "inputs_short.npz")
	bad := m
	for _, f := range []fault.Fault{
		{Kind: fault.GateOrder, Layer: "encoder", Order: "igfo"},
		{Kind: fault.BiasMissing, Layer: "encoder"},
		{Kind: fault.RecurrentBlocksTransposed, Layer: "decoder"},
	} {
		var err error
		if bad, err = bad.Edit(f.Plant); err != nil {
			t.Fatal(err)
		}
	}
	found, err := diagnose.Problem{Inputs: in, Reference: trace(t, m, in), Candidate: trace(t, bad, in), ReferenceModel: m, CandidateModel: bad}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(found.Words("tensorflow", "native"), "\n")
	if len(found.Causes) > 1 || len(found.Causes) == 1 && found.Causes[0].Vanishes() || !strings.Contains(words, "none of ") {
		t.Error(words)
	}
	// And two engines that agree have no cause.
	found, err = diagnose.Problem{Inputs: in, Reference: trace(t, m, in), Candidate: trace(t, m, in), ReferenceModel: m, CandidateModel: m}.Run(context.Background())
	if err != nil || !found.Agree || len(found.Causes) > 0 || found.First != nil {
		t.Errorf("%+v, %v", found, err)
	}
}

// A fault after the last layer that changes the outputs by less than the default
// tolerance is named by the outputs' own bounds.
func TestNamesASmallFaultInTheOutputs(t *testing.T) {
	const name = "guide_series_conv_lstm_keras3"
	m := load(t, name)
	in := fixture.Tensors(t, name, "inputs.npz")
	sound := trace(t, m, in)
	tried := 0
	for _, f := range fault.List(m.Source()) {
		if f.Kind != fault.HalfWeights || f.Variable == "" {
			continue
		}
		bad, err := m.Edit(f.Plant)
		if err != nil {
			t.Fatal(err)
		}
		found, err := diagnose.Problem{Inputs: in, Reference: sound, Candidate: trace(t, bad, in), ReferenceModel: m, CandidateModel: m, Stepper: bad}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Causes) == 0 || found.Agree || !slices.Equal(found.Causes[0].Faults, []fault.Fault{f}) || found.Causes[0].Side != diagnose.InCandidate {
			t.Errorf("%s: %s", f, strings.Join(found.Words("tensorflow", "native"), "\n"))
		} else if found.Causes[0].ByOutputs {
			tried++
			if words := strings.Join(found.Words("tensorflow", "native"), "\n"); !strings.Contains(words, "over the outputs the largest") {
				t.Error(words)
			}
		}
	}
	if tried == 0 {
		t.Error("no fault is small enough")
	}
}
