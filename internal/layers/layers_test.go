package layers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// load reads a fixture's default signature.
func load(t testing.TB, name string) (*savedmodel.MetaGraph, *savedmodel.Graph) {
	t.Helper()
	saved, err := savedmodel.OpenFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	return m, g
}

// wants are what there is in every fixture that has a signature: the layers,
// as name, input's features, units, activations and L for LastOnly; how many
// loops are none; the signature's tensors in a sequence-to-sequence model; or
// words of the reason why it is none.
var wants = map[string]struct {
	layers  []string
	rest    int
	tensors string
	words   []string
}{
	"seed_keras3":         {[]string{"encoder 1→64 tanh sigmoid L", "decoder 1→64 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"seed_tfkeras":        {[]string{"encoder 1→64 tanh sigmoid L", "decoder 1→64 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"seed_units1_keras3":  {[]string{"encoder 1→1 tanh sigmoid L", "decoder 1→1 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"seed_units1_tfkeras": {[]string{"encoder 1→1 tanh sigmoid L", "decoder 1→1 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"misleading_keras3":   {[]string{"encoder 4→4 tanh sigmoid L", "decoder 4→4 tanh sigmoid"}, 0, "z_source a_target output_0", nil},
	"misleading_tfkeras":  {[]string{"encoder 4→4 tanh sigmoid L", "decoder 4→4 tanh sigmoid"}, 0, "z_source a_target output", nil},
	"no_bias_keras3":      {[]string{"encoder 2→3 tanh sigmoid L", "decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"no_bias_tfkeras":     {[]string{"encoder 2→3 tanh sigmoid L", "decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"states_out_keras3":   {[]string{"encoder 3→5 tanh sigmoid L", "decoder 2→5 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"states_out_tfkeras":  {[]string{"encoder 3→5 tanh sigmoid L", "decoder 2→5 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"fixed_steps_keras3":  {[]string{"encoder 1→3 tanh sigmoid L", "decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},

	"not_tanh_head":       {[]string{"encoder_lstm 1→3 tanh sigmoid L", "decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{`no output is one dense layer of what the decoder "decoder_lstm" returns`}},
	"not_states_swapped":  {[]string{"encoder_lstm 1→3 tanh sigmoid L", "decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{`the final states of neither LSTM ("encoder_lstm", "decoder_lstm") are the other's initial states, h as h and c as c`}},
	"not_h_twice":         {[]string{"encoder_lstm 1→3 tanh sigmoid L", "decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{"h as h and c as c"}},
	"not_lstm_classifier": {[]string{"lstm 2→3 tanh sigmoid L"}, 0, "", []string{`found 1 recurrent layers: LSTM "lstm", want two LSTM layers`}},
	"not_three_lstms":     {[]string{"lstm 2→3 tanh sigmoid", "lstm_1 3→3 tanh sigmoid", "lstm_2 3→3 tanh sigmoid L"}, 0, "", []string{`found 3 recurrent layers: LSTM "lstm", LSTM "lstm_1", LSTM "lstm_2", want two`}},
	"not_gru":             {nil, 1, "", []string{"found 0 recurrent layers, and 1 loops that are no known layer", "gru_1/while", "no loop variable becomes gate∘activation(cell state)"}},
	"not_recurrent":       {nil, 0, "", []string{"found no recurrent layer, want two LSTM layers"}},
	// Its head loops over the batch, where it should over time.
	"seed_keras3_broken": {[]string{"encoder_lstm 1→4 tanh sigmoid L", "decoder_lstm 1→4 tanh sigmoid"}, 1, "", []string{"no output is one dense layer", "and there is a loop that is no known layer"}},
}

func TestFindInEveryFixture(t *testing.T) {
	for _, name := range fixture.Names(t) {
		want, listed := wants[name]
		if name == "not_callable" {
			continue // no signature: savedmodel refuses it
		}
		if !listed {
			t.Errorf("fixture %s is not in the list", name)
			continue
		}
		m, g := load(t, name)
		f, err := Find(m, g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, l := range f.Layers {
			s := fmt.Sprintf("%s %d→%d %s %s", l.Name, l.Features, l.Units, l.Activation, l.RecurrentActivation)
			if l.LastOnly {
				s += " L"
			}
			if l.Kind != LSTM || len(l.InitialState) != 2 || len(l.FinalState) != 2 || len(l.Bounds) == 0 {
				t.Errorf("%s: layer %+v is not whole", name, l)
			}
			got = append(got, s)
		}
		if !slices.Equal(got, want.layers) || len(f.Rest) != want.rest {
			t.Errorf("%s: layers %q and %d other loops, want %q and %d", name, got, len(f.Rest), want.layers, want.rest)
		}
		if want.words == nil {
			if f.Seq2Seq == nil || f.Not != nil {
				t.Errorf("%s: not the seq2seq: %v", name, f.Not)
			} else if got := f.Seq2Seq.EncoderInput + " " + f.Seq2Seq.DecoderInput + " " + f.Seq2Seq.Output; got != want.tensors {
				t.Errorf("%s: the tensors are %s, want %s", name, got, want.tensors)
			}
			continue
		}
		if f.Seq2Seq != nil || !errors.Is(f.Not, ErrNotSeq2Seq) {
			t.Errorf("%s: taken for the seq2seq, or refused without saying so: %v", name, f.Not)
			continue
		}
		for _, w := range append(want.words, "layers: not an LSTM sequence-to-sequence model: ") {
			if !strings.Contains(f.Not.Error(), w) {
				t.Errorf("%s: reason %q lacks %q", name, f.Not, w)
			}
		}
		if _, err := Weights(m, g); !errors.Is(err, ErrNotSeq2Seq) {
			t.Errorf("%s: Weights says %v", name, err)
		}
	}
}

func TestWeightsAreGetWeights(t *testing.T) {
	checked := 0
	for name, want := range wants {
		if want.words != nil {
			continue
		}
		m, g := load(t, name)
		got, err := Weights(m, g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		keras := fixture.Ordered(t, name, "weights.npz")
		if len(got) != len(keras) {
			t.Errorf("%s: %d weights, want %d", name, len(got), len(keras))
			continue
		}
		for i, w := range got {
			if keras[i].Name != w.Name {
				t.Errorf("%s: weight %d is %s, want %s", name, i, w.Name, keras[i].Name)
				continue
			}
			value, err := m.Value(w.Variable)
			if err != nil || !value.BitEqual(keras[i].Tensor) {
				t.Errorf("%s: %s is %s from %q (%v), want %s bit for bit", name, w.Name, value, w.Variable.Key, err, keras[i].Tensor)
			}
			checked++
		}
	}
	if checked < 70 {
		t.Errorf("%d weights were compared, want 70 or more", checked)
	}
}

// What is found must not depend on the order in which a map is walked.
func TestFindIsDeterministic(t *testing.T) {
	for _, name := range []string{"misleading_keras3", "states_out_tfkeras", "not_three_lstms"} {
		var first string
		for i := range 20 {
			m, g := load(t, name)
			f, err := Find(m, g)
			if err != nil {
				t.Fatal(err)
			}
			s := summary(f)
			if i == 0 {
				first = s
			} else if s != first {
				t.Fatalf("%s: %s, and then %s", name, first, s)
			}
		}
	}
}

// summary describes everything that was found.
func summary(f *Found) string {
	var b strings.Builder
	for _, l := range f.Layers {
		fmt.Fprintf(&b, "%s %s %d %d %v %v %v %s %s %v %v %v %v %v %v\n", l.Kind, l.Name, l.Units, l.Features, l.Kernel, l.RecurrentKernel, l.Bias,
			l.Activation, l.RecurrentActivation, l.Steps, l.InitialState, l.FinalState, l.Outputs, l.LastOnly, l.Bounds)
	}
	for _, r := range f.Rest {
		fmt.Fprintf(&b, "rest %s: %s\n", r.Loop.Name, r.Reason)
	}
	if s := f.Seq2Seq; s != nil {
		fmt.Fprintf(&b, "seq2seq %s %s %v %v %s %s %s\n", s.Encoder.Loop.Name, s.Decoder.Loop.Name, s.DenseKernel, s.DenseBias, s.EncoderInput, s.DecoderInput, s.Output)
	}
	return fmt.Sprintf("%s%v", b.String(), f.Not)
}

func TestLayerNames(t *testing.T) {
	for variable, want := range map[string]string{
		"decoder_lstm/lstm_cell/kernel_1": "decoder_lstm",
		"lstm/kernel":                     "lstm",
		"outer/lstm/lstm_cell_3/kernel":   "outer/lstm",
		"my_cell/kernel":                  "my_cell",
		"kernel":                          "kernel",
		"":                                "",
		"/":                               "",
	} {
		if got := layerOf(variable); got != want {
			t.Errorf("the layer of %q is %q, want %q", variable, got, want)
		}
	}
	if got := Kind(9).String() + LSTM.String() + Linear.String() + Relu.String(); got != "Kind(9)LSTMlinearrelu" {
		t.Error(got)
	}
	if got := fmt.Sprint(LSTM.StateNames(), Kind(9).StateNames()); got != "[state_h state_c] [state_h]" {
		t.Error(got)
	}
}
