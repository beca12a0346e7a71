package native

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// fixedInputs are the names of inputs that belong to the whole sequence where
// the shapes in the signature do not tell them from those that are fed by steps:
// what an encoder reads, and what attention looks at.
var fixedInputs = []string{"encoder", "source", "z_source", "v"}

// streamOf makes a Stream of a model for the inputs of one of its cases, and
// returns those that belong to the whole sequence.
func streamOf(t testing.TB, name string, m *Model, inputs tensors) (*Stream, tensors, error) {
	t.Helper()
	fixed := tensors{}
	var fed *lockstep.Tensor
	for _, spec := range m.Signature().Inputs {
		switch {
		case spec.UnknownRank, len(spec.Shape) < 2, spec.Shape[1] >= 0, slices.Contains(fixedInputs, spec.Name):
			fixed[spec.Name] = inputs[spec.Name]
		default:
			fed = inputs[spec.Name]
		}
	}
	if fed == nil {
		return nil, nil, fmt.Errorf("no input has an open axis 1")
	}
	axis := 0
	if strings.Contains(name, "time_major") {
		axis = 1
	}
	s, err := m.NewStream(t.Context(), fed.Shape()[axis], fixed)
	return s, fixed, err
}

// follow feeds a Stream the steps of a whole sequence and sets what it returns
// against what Run returns for the whole.
func follow(t testing.TB, what string, s *Stream, axis int, fixed, inputs, want tensors) {
	t.Helper()
	n := 0
	for k, x := range inputs {
		if fixed[k] == nil {
			n = x.Shape()[axis]
		}
	}
	for i := range n {
		step := tensors{}
		for k, x := range inputs {
			if fixed[k] == nil {
				step[k] = part(t, x, axis, i, 1)
			}
		}
		before := copiesOf(t, step)
		got, err := s.Step(t.Context(), step)
		if err != nil {
			t.Errorf("%s: step %d: %v", what, i, err)
			return
		}
		if err := same(step, before); err != nil {
			t.Errorf("%s: step %d: an input was changed: %v", what, i, err)
			return
		}
		spoil(step)
		if len(got) != len(want) {
			t.Errorf("%s: %d outputs, want %d", what, len(got), len(want))
			return
		}
		for k, w := range want {
			g := got[k]
			switch {
			case g.Rank() == w.Rank() && g.Rank() > axis && w.Shape()[axis] == n && g.Shape()[axis] == 1:
				w = part(t, w, axis, i, 1)
			case i < n-1:
				continue
			}
			if err := nearly(g, w, 1e-6); err != nil {
				t.Errorf("%s: step %d of %d: output %q: %v", what, i, n, k, err)
				return
			}
		}
	}
}

// sameSteps cuts what is fed down to as many steps as all have.
func sameSteps(t testing.TB, inputs, fixed tensors, axis int) tensors {
	t.Helper()
	n := 1 << 30
	for k, x := range inputs {
		if fixed[k] == nil {
			n = min(n, x.Shape()[axis])
		}
	}
	out := tensors{}
	for k, x := range inputs {
		if out[k] = x; fixed[k] == nil {
			out[k] = part(t, x, axis, 0, n)
		}
	}
	return out
}

// nearly tells whether |a−b| ≤ tolerance·max(1, |b|) everywhere.
func nearly(got, want *lockstep.Tensor, tolerance float64) error {
	if got.DType() != want.DType() || !slices.Equal(got.Shape(), want.Shape()) {
		return fmt.Errorf("%s, want %s", got, want)
	}
	if got.BitEqual(want) {
		return nil
	}
	a, err := got.Float64s()
	if err != nil {
		return err
	}
	b, err := want.Float64s()
	if err != nil {
		return err
	}
	for i := range a {
		d, most := a[i]-b[i], tolerance*max(1, b[i], -b[i])
		if !(d <= most && -d <= most) && a[i] != b[i] {
			return fmt.Errorf("element %d is %v, want %v", i, a[i], b[i])
		}
	}
	return nil
}

// noStreams are the models that cannot be fed by steps, by their names, and
// words of the reason.
var noStreams = []struct{ names, words string }{
	{`^(batch_norm_volumes|conv3d|conv_lstm_3d|fake_quant_there|fourier_ops|image_ops|inputs_(int8|integers|uint8)|matrix_ops|mel_spectrogram|net_|pool3d|producer_(module_tree|stateful_initial)|quantized_.*_(conv|dense|einsum)_|resizing|stft_spectrogram|upsampling)`, "no input has an open axis 1"},
	{`^text_(bins|classifier|crossing|encoding|module|vectorization)|^text_(hashing|integers|lookup)_one_hot`, "no input has an open axis 1"},
	{`^quantized_.*_(embedding|lstm|transformer)_|^text_hashing_(count|mask|multi_hot)|^text_integers_(count|mask|multi_hot|tf_idf)|^text_labels|^text_lookup_(count|file_count|multi_hot|padded|tf_idf)`, "it cannot be fed one time step at a time"},
	{`^text_lookup_oov0`, "with 7 steps"}, // the words that are tried are none of the vocabulary
	{`^cudnn_.*masked|^module_cudnn_.*_(lengths|batch_major|bidirectional|float16)$|^module_cudnn_lstm_open`, "asserts something of its inputs"}, // that they are padded on the right
	{`^cudnn_(bidirectional|gru_backwards|lstm_backwards)_keras3`, "a ReverseSequence may mix time steps"},
	{`^cudnn_layer_.*_last|^module_cudnn_.*_bidirectional_v2`, "a ReverseV2 may mix time steps"},
	{`^cudnn_gru_initial_state`, "it joins values of single steps with others"},
	{`^module_cudnn_gru_open`, "a loop that is no known layer may mix time steps"},
	{`^tf1_(partitioned|while|dense|frozen|tags|signatures|fed|cond|case|arrays|static)`, "no input has an open axis 1"},
	{`^tf1_bidirectional_lengths`, "with 1 steps"},
	{`^tf1_`, "it cannot be fed one time step at a time"},
	{`^bidirectional_.*unrolled|^(gru|gru_before|lstm|simplernn)(_masked)?_unrolled|^guide_(autoencoder|addition|text_generation)_|^guide_weather_(keras3|tfkeras)|^guide_seq2seq_decoder|^not_(gru|lstm_classifier|recurrent|three_lstms)|^(batch|group|layer)_norm_(axes|two_axes)|^group_norm|^activation_layers|^dense_activations|^conv_(channels|transpose)|^fixed_steps|^merge_(concatenate|dot|three)|^shape_(flatten|permute|reshape)|^module_until|^signature_names|^time_distributed_(conv|fixed|lstm)`, "no input has an open axis 1"},
	{`backwards|^bidirectional_|^cells_bidirectional|^embedding_mask_zero_bidirectional|^guide_(tagger|text_bidirectional|text_masked)`, "a ReverseV2 may mix time steps"},
	{`_stateful_`, "the model keeps its states itself"},
	{`^guide_feedback|^conv_(causal|groups|same|separable|strides)|^guide_series_(conv_lstm|wavenet)`, "may mix time steps"},
	{`^conv_(dilation|valid)|^guide_text_cnn_lstm|^pool_(average|max)_keras3|^pool_average_tfkeras`, "with 1 steps"},
	{`^pool_max_tfkeras`, "with 1 steps"},
	{`^pool_global|^masked_pooling|^guide_series_gru_pools_keras3|^guide_attention_pool|^softmax_layer`, "it mixes time steps"},
	{`^attention_causal_keras3|^attention_causal_tfkeras`, "it reads a value that depends on the number of steps"},
	{`^attention_scale`, "with 7 steps"}, // its keys, which are fed, are as many as the values, which are not
	{`^attention_masked`, "depends on the values of steps"},
	{`^mha_|^grouped_query|^guide_transformer`, "a Einsum may mix time steps"},
	{`^layer_norm_tfkeras|^guide_(series_gru_pools|attention_additive)_tfkeras`, "a FusedBatchNormV3 may mix time steps"},
	{`^module_(autograph_lstm|while_gru)|^simplernn_rare_activations_keras3|^nested_decoder`, "a loop that is no known layer may mix time steps"},
	{`^nested_(map|embedding)`, "leaves axis"},
	{`^nested_switch`, "a Case may mix time steps"},
	{`^module_branch|^nested_branch|^operators_|^shape_crop_pad`, "it mixes time steps"},
	{`^several_inputs_outputs`, "it joins values of single steps with others"},
	{`^shape_repeat`, "a Tile may mix time steps"},
	{`^(seed_keras3_broken|time_distributed_free_keras3)`, "with "}, // exported wrong
}

func whyNoStream(name string) string {
	for _, no := range noStreams {
		if regexp.MustCompile(no.names).MatchString(name) {
			return no.words
		}
	}
	return ""
}

// Every model that can be fed by steps gives, step by step, what Run gives for
// the whole sequence; of every other, NewStream says why it cannot.
func TestStreams(t *testing.T) {
	streams := 0
	for _, name := range anyNames(t) {
		recipe := fixture.ReadRecipe(t, name)
		m, err := LoadFS(fixture.FS(t, name), WithSignature(recipe.SignatureOf("")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		inputs := fixture.Tensors(t, name, "inputs.npz")
		s, fixed, err := streamOf(t, name, m, inputs)
		why := whyNoStream(name)
		if err != nil {
			if why == "" || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: error %v, want one that says %q", name, err, why)
			}
			continue
		}
		if why != "" {
			t.Errorf("%s: it can be fed by steps, want an error that says %q", name, why)
			continue
		}
		streams++
		if timeFirst := strings.Contains(name, "time_major"); timeFirst != (s.stream.Axis == 0) {
			t.Errorf("%s: its steps are found along axis %d", name, s.stream.Axis)
		}
		inputs = sameSteps(t, inputs, fixed, s.stream.Axis)
		want, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for range 2 {
			follow(t, name, s, s.stream.Axis, fixed, inputs, want)
			s.Reset()
		}
	}
	t.Logf("%d streams", streams)
	if streams < 15 {
		t.Errorf("%d streams, want 15 or more", streams)
	}
}

// The eight-tensor model is fed a decoder's steps after the whole of what the
// encoder reads. The caller may write over that, and run other streams beside.
func TestStreamOfADecoder(t *testing.T) {
	for name, output := range map[string]string{"seed_keras3": "output_0", "seed_tfkeras": "output"} {
		m := load1(t, name)
		type sequence struct {
			inputs, want tensors
			stream       *Stream
		}
		var all []*sequence
		for i := range 3 {
			q := &sequence{inputs: copiesOf(t, seedInputs(t, 1+i, 6))}
			var err error
			q.want, err = m.Run(t.Context(), q.inputs)
			ok(t, err)
			encoder := copyOf(t, q.inputs["encoder_input"])
			q.stream, err = m.NewStream(t.Context(), 1+i, tensors{"encoder_input": encoder})
			ok(t, err)
			spoil(tensors{"": encoder})
			all = append(all, q)
		}
		for round := range 2 {
			for step := range 6 {
				for i, q := range all {
					got, err := q.stream.Step(t.Context(), tensors{"decoder_input": part(t, q.inputs["decoder_input"], 1, step, 1)})
					ok(t, err)
					if err := nearly(got[output], part(t, q.want[output], 1, step, 1), 0); err != nil {
						t.Errorf("%s: round %d, stream %d, step %d: %v", name, round, i, step, err)
					}
				}
			}
			for _, q := range all {
				q.stream.Reset()
			}
		}
	}
}

// A long stream is a long sequence: nothing in it is for as many steps as the
// stream was tried with.
func TestLongStreams(t *testing.T) {
	for _, name := range []string{"gru_masked_keras3", "gru_masked_tfkeras", "cells_mixed_keras3", "lstm_masked_states_tfkeras", "simplernn_masked_zero_keras3", "embedding_mask_zero_keras3"} {
		m := load1(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		s, fixed, err := streamOf(t, name, m, inputs)
		ok(t, err)
		long := tensors{}
		for k, x := range inputs { // the sequence 15 times over
			long[k] = repeat(t, x, 1, 15)
		}
		want, err := m.Run(t.Context(), long)
		ok(t, err)
		follow(t, name, s, 1, fixed, long, want)
	}
}

// repeat repeats a tensor along an axis.
func repeat(t testing.TB, x *lockstep.Tensor, axis, times int) *lockstep.Tensor {
	t.Helper()
	shape := slices.Clone(x.Shape())
	before, row := 1, 1
	for i, d := range shape {
		if i < axis {
			before *= d
		} else {
			row *= d
		}
	}
	shape[axis] *= times
	out, err := lockstep.Zeros(x.DType(), shape...)
	ok(t, err)
	for b := range before {
		for i := range times {
			put(out, x, (b*times+i)*row, b*row, row)
		}
	}
	return out
}

func TestStepAllocatesNothing(t *testing.T) {
	m := load1(t, "seed_tfkeras")
	s, err := m.NewStream(t.Context(), 2, tensors{"encoder_input": random(t, 2, 10, 1)})
	ok(t, err)
	in := tensors{"decoder_input": random(t, 2, 1, 1)}
	ctx := t.Context()
	step := func() {
		if _, err := s.Step(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		step()
	}
	if n := testing.AllocsPerRun(50, step); n != 0 {
		t.Errorf("a step allocates %v times, want 0", n)
	}
}

// Streams of one Model run in as many goroutines.
func TestStreamsInGoroutines(t *testing.T) {
	m := load1(t, "gru_masked_keras3")
	inputs := fixture.Tensors(t, "gru_masked_keras3", "inputs.npz")
	want, err := m.Run(t.Context(), inputs)
	ok(t, err)
	var group sync.WaitGroup
	for range 6 {
		s, fixed, err := streamOf(t, "gru_masked_keras3", m, inputs)
		ok(t, err)
		group.Go(func() {
			for range 3 {
				follow(t, "gru_masked_keras3", s, 1, fixed, inputs, want)
				s.Reset()
			}
		})
	}
	group.Wait()
}
