package recurrent

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
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
// as kind, name, input's features, units, activations, R for ResetAfter, M for
// a mask that repeats outputs and Z for one that makes zeros, and L for
// LastOnly, the cells of one loop joined by +; how many loops are not layers;
// the signature's tensors in a sequence-to-sequence model; or words of the
// reason why it is none.
var wants = map[string]struct {
	layers  []string
	rest    int
	tensors string
	words   []string
}{
	"seed_keras3":         {[]string{"LSTM encoder 1→64 tanh sigmoid L", "LSTM decoder 1→64 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"seed_tfkeras":        {[]string{"LSTM encoder 1→64 tanh sigmoid L", "LSTM decoder 1→64 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"seed_units1_keras3":  {[]string{"LSTM encoder 1→1 tanh sigmoid L", "LSTM decoder 1→1 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"seed_units1_tfkeras": {[]string{"LSTM encoder 1→1 tanh sigmoid L", "LSTM decoder 1→1 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"misleading_keras3":   {[]string{"LSTM encoder 4→4 tanh sigmoid L", "LSTM decoder 4→4 tanh sigmoid"}, 0, "z_source a_target output_0", nil},
	"misleading_tfkeras":  {[]string{"LSTM encoder 4→4 tanh sigmoid L", "LSTM decoder 4→4 tanh sigmoid"}, 0, "z_source a_target output", nil},
	"no_bias_keras3":      {[]string{"LSTM encoder 2→3 tanh sigmoid L", "LSTM decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"no_bias_tfkeras":     {[]string{"LSTM encoder 2→3 tanh sigmoid L", "LSTM decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"states_out_keras3":   {[]string{"LSTM encoder 3→5 tanh sigmoid L", "LSTM decoder 2→5 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},
	"states_out_tfkeras":  {[]string{"LSTM encoder 3→5 tanh sigmoid L", "LSTM decoder 2→5 tanh sigmoid"}, 0, "encoder_input decoder_input output", nil},
	"fixed_steps_keras3":  {[]string{"LSTM encoder 1→3 tanh sigmoid L", "LSTM decoder 1→3 tanh sigmoid"}, 0, "encoder_input decoder_input output_0", nil},

	"not_tanh_head":       {[]string{"LSTM encoder_lstm 1→3 tanh sigmoid L", "LSTM decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{`no output is one dense layer of what the decoder "decoder_lstm" returns`}},
	"not_states_swapped":  {[]string{"LSTM encoder_lstm 1→3 tanh sigmoid L", "LSTM decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{`the final states of neither LSTM ("encoder_lstm", "decoder_lstm") are the other's initial states, h as h and c as c`}},
	"not_h_twice":         {[]string{"LSTM encoder_lstm 1→3 tanh sigmoid L", "LSTM decoder_lstm 1→3 tanh sigmoid"}, 0, "", []string{"h as h and c as c"}},
	"not_lstm_classifier": {[]string{"LSTM lstm 2→3 tanh sigmoid L"}, 0, "", []string{`found 1 recurrent layers: LSTM "lstm", want two LSTM layers`}},
	"not_three_lstms":     {[]string{"LSTM lstm 2→3 tanh sigmoid", "LSTM lstm_1 3→3 tanh sigmoid", "LSTM lstm_2 3→3 tanh sigmoid L"}, 0, "", []string{`found 3 recurrent layers: LSTM "lstm", LSTM "lstm_1", LSTM "lstm_2", want two`}},
	"not_gru":             {[]string{"GRU gru 2→3 tanh sigmoid R L"}, 0, "", []string{`found 1 recurrent layers: GRU "gru", want two LSTM layers`}},
	"not_recurrent":       {nil, 0, "", []string{"found no recurrent layer, want two LSTM layers"}},
	// Its head loops over the batch, where it should over time.
	"seed_keras3_broken": {[]string{"LSTM encoder_lstm 1→4 tanh sigmoid L", "LSTM decoder_lstm 1→4 tanh sigmoid"}, 0, "", []string{"no output is one dense layer", "and there is a loop that splits a tensor"}},

	// Other kinds, stacks, masks, and what Keras does around them.
	"bidirectional_last_keras3":      {[]string{"LSTM bidirectional/forward_lstm 3→5 tanh sigmoid L", "LSTM bidirectional/backward_lstm 3→5 tanh sigmoid L"}, 0, "", []string{"the final states of neither LSTM"}},
	"cells_mixed_keras3":             {[]string{"LSTM rnn/stacked_rnn_cells/lstm_cell 3→4 tanh sigmoid + GRU rnn/stacked_rnn_cells/gru_cell 4→3 tanh sigmoid R + SimpleRNN rnn/stacked_rnn_cells/simple_rnn_cell 3→5 tanh linear"}, 0, "", []string{"found 3 recurrent layers"}},
	"embedding_mask_zero_keras3":     {[]string{"LSTM lstm 3→4 tanh sigmoid M L"}, 0, "", []string{"found 1 recurrent layers"}},
	"gru_before_masked_tfkeras":      {[]string{"GRU gru 2→4 tanh sigmoid M"}, 0, "", []string{`found 1 recurrent layers: GRU "gru"`}},
	"gru_masked_keras3":              {[]string{"GRU gru 2→4 tanh sigmoid R M L"}, 0, "", []string{`found 1 recurrent layers: GRU "gru"`}},
	"gru_masked_tfkeras":             {[]string{"GRU gru 2→4 tanh sigmoid R M L"}, 0, "", []string{`found 1 recurrent layers: GRU "gru"`}},
	"gru_states_keras3":              {[]string{"GRU gru 3→4 tanh sigmoid R"}, 0, "", []string{`found 1 recurrent layers: GRU "gru"`}},
	"guide_attention_seq2seq_keras3": {[]string{"LSTM lstm 3→5 tanh sigmoid", "LSTM lstm_1 2→5 tanh sigmoid"}, 0, "", []string{"no output is one dense layer of what the decoder \"lstm_1\" returns"}},
	"guide_series_conv_lstm_keras3":  {[]string{"LSTM lstm_1 5→6 tanh sigmoid", "LSTM lstm 6→4 tanh sigmoid"}, 0, "", []string{"the final states of neither LSTM"}},
	"lstm_hard_sigmoid_tfkeras":      {[]string{"LSTM lstm 2→4 tanh hard_sigmoid (Keras 2)"}, 0, "", []string{"found 1 recurrent layers"}},
	"lstm_masked_states_tfkeras":     {[]string{"LSTM lstm 2→5 tanh sigmoid M"}, 0, "", []string{"found 1 recurrent layers"}},
	"lstm_masked_unrolled_keras3":    {nil, 0, "", []string{"found no recurrent layer"}},
	"simplernn_last_tfkeras":         {[]string{"SimpleRNN simple_rnn 3→3 tanh linear L"}, 0, "", []string{`found 1 recurrent layers: SimpleRNN "simple_rnn"`}},
	"simplernn_masked_zero_keras3":   {[]string{"SimpleRNN simple_rnn 2→3 tanh linear Z"}, 0, "", []string{`found 1 recurrent layers: SimpleRNN "simple_rnn"`}},
	// Inside a loop and a branch of the user's own.
	"nested_map_gru_keras3":    {[]string{"GRU map_over/inner 2→4 tanh sigmoid R L", "GRU gru 4→3 tanh sigmoid R L"}, 1, "", []string{"found 2 recurrent layers"}},
	"nested_map_masked_keras3": {[]string{"LSTM masked/inner 2→4 tanh sigmoid M"}, 1, "", []string{"found 1 recurrent layers"}},
	"nested_decoder_keras3":    {[]string{"LSTM decoder/inner 5→4 tanh sigmoid"}, 1, "", []string{"found 1 recurrent layers"}},
	"nested_branch_keras3":     {[]string{"LSTM chosen/yes 2→4 tanh sigmoid", "GRU chosen/no 2→4 tanh sigmoid R"}, 0, "", []string{"found 2 recurrent layers"}},

	"cudnn_seq2seq_keras3":              {[]string{"LSTM encoder 2→4 tanh sigmoid", "LSTM decoder 2→4 tanh sigmoid"}, 0, "encoder decoder output_0", nil},
	"cudnn_gru_masked_sequences_keras3": {[]string{"GRU gru 3→4 tanh sigmoid R Z"}, 0, "", []string{`found 1 recurrent layers: GRU "gru"`}},
	"cudnn_layer_lstm_tfkeras":          {[]string{"LSTM cu_dnnlstm 3→4 tanh sigmoid"}, 0, "", []string{`found 1 recurrent layers: LSTM "cu_dnnlstm"`}},
	"module_cudnn_gru_bidirectional":    {[]string{"GRU cell 3→4 tanh sigmoid R Z", "GRU cell_1 3→4 tanh sigmoid R Z"}, 0, "", []string{"found 2 recurrent layers"}},
	"tf1_stacked":                       {[]string{"LSTM rnn/multi_rnn_cell/cell_0/basic_lstm_cell 3→4 tanh sigmoid + GRU rnn/multi_rnn_cell/cell_1/gru_cell 4→5 tanh sigmoid + SimpleRNN rnn/multi_rnn_cell/cell_2/basic_rnn_cell 5→3 tanh linear"}, 0, "", []string{"found 3 recurrent layers"}},
	"tf1_partitioned":                   {nil, 0, "", []string{"found no recurrent layer"}},
	"tf1_while_nested":                  {nil, 4, "", []string{"found 0 recurrent layers, and 4 loops that are no known layer"}},
	// A loop that AutoGraph wrote, whose cell has one kernel for x and h joined.
	"module_autograph_lstm": {nil, 1, "", []string{"found 0 recurrent layers, and 1 loops that are no known layer"}},
	"signature_two":         {[]string{"LSTM lstm 3→4 tanh sigmoid"}, 0, "", []string{"found 1 recurrent layers"}},
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
		if got := told(t, f); !slices.Equal(got, want.layers) || len(f.Rest) != want.rest || len(f.Slices) > 0 != (name == "seed_keras3_broken") {
			t.Errorf("%s: layers %q, %d slices and %d other loops, want %q and %d others", name, got, len(f.Slices), len(f.Rest), want.layers, want.rest)
		}
		if want.words == nil {
			if f.Seq2Seq == nil || f.NoSeq2Seq != nil {
				t.Errorf("%s: not the seq2seq: %v", name, f.NoSeq2Seq)
			} else if got := f.Seq2Seq.EncoderInput + " " + f.Seq2Seq.DecoderInput + " " + f.Seq2Seq.Output; got != want.tensors {
				t.Errorf("%s: the tensors are %s, want %s", name, got, want.tensors)
			}
			continue
		}
		if f.Seq2Seq != nil || !errors.Is(f.NoSeq2Seq, lockstep.ErrNotSeq2Seq) {
			t.Errorf("%s: recognised as the seq2seq, or refused without saying so: %v", name, f.NoSeq2Seq)
			continue
		}
		for _, w := range append(want.words, "not an LSTM sequence-to-sequence model: ") {
			if !strings.Contains(f.NoSeq2Seq.Error(), w) {
				t.Errorf("%s: reason %q lacks %q", name, f.NoSeq2Seq, w)
			}
		}
	}
}

// told is what the list of fixtures says of what was found. It wants each
// layer whole, and the list of all to be the cells of the loops.
func told(t *testing.T, f *Findings) []string {
	t.Helper()
	var out []string
	var all []*Layer
	for _, r := range f.Recurrences {
		var cells []string
		for _, l := range r.Cells {
			s := fmt.Sprintf("%s %s %d→%d %s %s", l.Kind, l.Name, l.Features, l.Units, l.Activation, l.RecurrentActivation)
			if l.ResetAfter {
				s += " R"
			}
			n := len(l.Kind.StateNames())
			if l.Loop != r.Loop || len(l.States) != n || len(l.InitialState) != n || len(l.FinalState) != n || len(l.Bounds) != len(r.Bounds) || len(r.Bounds) == 0 || l.Steps.Node == nil {
				t.Errorf("layer %+v is not whole", l)
			}
			cells = append(cells, s)
		}
		s := strings.Join(cells, " + ")
		if r.Mask != nil && r.Mask.Previous >= 0 {
			s += " M"
		} else if r.Mask != nil {
			s += " Z"
		}
		if r.LastOnly {
			s += " L"
		}
		if last := r.Cells[len(r.Cells)-1]; last.Outputs != (savedmodel.Ref{Node: r.Loop, Index: r.Outputs}) || last.LastOnly != r.LastOnly {
			t.Errorf("the last cell's outputs are %v, and the loop's are %d", last.Outputs, r.Outputs)
		}
		out, all = append(out, s), append(all, r.Cells...)
	}
	if !slices.Equal(all, f.Layers) {
		t.Errorf("the layers are %v, and the loops' cells %v", f.Layers, all)
	}
	return out
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
			if keras[i].Name != w.Name && keras[i].Name != strconv.Itoa(i) { // the zoo's are in order
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

// Of other models the weights are all that the signature reads, and so all that
// Keras has, the cells' by their roles.
func TestWeightsOfOtherModels(t *testing.T) {
	for name, want := range wants {
		if want.words == nil || strings.HasPrefix(name, "not_") {
			continue
		}
		m, g := load(t, name)
		got, err := Weights(m, g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		names := map[string]bool{}
		left := fixture.Ordered(t, name, "weights.npz")
		for _, w := range got {
			value, err := m.Value(w.Variable)
			at := slices.IndexFunc(left, func(k lockstep.NamedTensor) bool { return err == nil && value.BitEqual(k.Tensor) })
			if names[w.Name] || at < 0 {
				t.Errorf("%s: %s is there twice, or is none of Keras's weights: %v", name, w.Name, err)
				continue
			}
			names[w.Name] = true
			left = slices.Delete(left, at, at+1)
		}
		if len(left) > 0 {
			t.Errorf("%s: %d of Keras's weights are none of %v", name, len(left), got)
		}
		f, err := Find(m, g)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range f.Layers {
			if _, own, err := m.Variable(l.Kernel); err != nil || !own {
				continue // it is a part of a variable, or computed of some
			}
			if !names[l.Name+"/kernel"] || !names[l.Name+"/recurrent_kernel"] || names[l.Name+"/bias"] != (l.Bias.Node != nil) {
				t.Errorf("%s: the weights of %q are not among %v", name, l.Name, got)
			}
		}
	}
}

// What is found must not depend on the order in which a map is walked.
func TestFindIsDeterministic(t *testing.T) {
	for _, name := range []string{"misleading_keras3", "states_out_tfkeras", "not_three_lstms", "cells_mixed_keras3", "lstm_masked_states_tfkeras", "signature_two"} {
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
func summary(f *Findings) string {
	var b strings.Builder
	for _, l := range f.Layers {
		fmt.Fprintf(&b, "%s %s %d %d %v %v %v %s %s %v %v %v %v %v %v %v %v\n", l.Kind, l.Name, l.Units, l.Features, l.Kernel, l.RecurrentKernel, l.Bias,
			l.Activation, l.RecurrentActivation, l.Steps, l.InitialState, l.FinalState, l.Outputs, l.LastOnly, l.Bounds, l.States, l.ResetAfter)
	}
	for _, r := range f.Recurrences {
		fmt.Fprintf(&b, "loop %s %d %d %v %d %v %+v\n", r.Loop.Name, r.Steps, r.Counter, r.Counters, r.Outputs, r.LastOnly, r.Mask)
		for _, bound := range r.Bounds {
			fmt.Fprintf(&b, "bound %d %d %s\n", bound.Variable, bound.Const, bound.ref)
		}
	}
	for _, r := range f.Rest {
		fmt.Fprintf(&b, "rest %s: %s\n", r.Loop.Name, r.Reason)
	}
	if s := f.Seq2Seq; s != nil {
		fmt.Fprintf(&b, "seq2seq %s %s %v %v %s %s %s\n", s.Encoder.Loop.Name, s.Decoder.Loop.Name, s.DenseKernel, s.DenseBias, s.EncoderInput, s.DecoderInput, s.Output)
	}
	return fmt.Sprintf("%s%v", b.String(), f.NoSeq2Seq)
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
	if got := Kind(9).String() + LSTM.String() + Linear.String() + Relu.String() + Activation(99).String() + Squareplus.String(); got != "Kind(9)LSTMlinearreluActivation(99)squareplus" {
		t.Error(got)
	}
	if got := fmt.Sprint(LSTM.StateNames(), Kind(9).StateNames()); got != "[state_h state_c] [state_h]" {
		t.Error(got)
	}
}
