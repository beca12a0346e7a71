package native

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

var _ interface {
	lockstep.Tracer
	lockstep.Weigher
} = (*Model)(nil)

// seq2seqs are the fixtures that are the supported model, with the inputs that
// Keras computed expected values of.
var seq2seqs = map[string][]string{
	"seed_keras3":         {"", "_ones", "_short"},
	"seed_tfkeras":        {"", "_ones", "_short"},
	"seed_units1_keras3":  {"", "_ones", "_short"},
	"seed_units1_tfkeras": {"", "_ones", "_short"},
	"misleading_keras3":   {""},
	"misleading_tfkeras":  {""},
	"no_bias_keras3":      {""},
	"no_bias_tfkeras":     {""},
	"states_out_keras3":   {""},
	"states_out_tfkeras":  {""},
	"fixed_steps_keras3":  {""},
}

func load1(t testing.TB, name string) *Model {
	t.Helper()
	m, err := LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// worst returns the largest absolute difference between two tensors.
func worst(t testing.TB, name string, got, want *lockstep.Tensor) float64 {
	t.Helper()
	if got == nil || !slices.Equal(got.Shape(), want.Shape()) {
		t.Fatalf("%s is %s, want %s", name, got, want)
	}
	a, err := got.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	b, err := want.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	most := 0.0
	for i := range a {
		d := math.Abs(a[i] - b[i])
		if math.IsNaN(d) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, a[i], b[i])
		}
		most = max(most, d)
	}
	return most
}

// Every fixture of testdata is either the supported model, with Keras's own
// values, or refused by name below; a new one must be put in a list.
func TestEveryFixtureIsListed(t *testing.T) {
	for _, name := range fixture.Names(t) {
		_, supported := seq2seqs[name]
		_, refused := refusals[name]
		if supported == refused {
			t.Errorf("fixture %s: supported %v, refused %v", name, supported, refused)
		}
	}
}

// The issue that began this package asks for 5e-6 on the seed model.
func TestOutputsAndStatesAreKeras(t *testing.T) {
	for name, cases := range seq2seqs {
		m := load1(t, name)
		for _, c := range cases {
			trace, err := m.Trace(context.Background(), fixture.Tensors(t, name, "inputs"+c+".npz"), lockstep.States)
			if err != nil {
				t.Errorf("%s%s: %v", name, c, err)
				continue
			}
			most, compared := 0.0, 0
			for what, want := range fixture.Tensors(t, name, "expected"+c+".npz") {
				got := trace.States[what]
				if got == nil {
					got = trace.Outputs[what]
				}
				d := worst(t, name+c+": "+what, got, want)
				most = max(most, d)
				compared++
				if d > 5e-6 {
					t.Errorf("%s%s: %s is off by %g, want at most 5e-6", name, c, what, d)
				}
			}
			if compared < 5 {
				t.Errorf("%s%s: %d tensors compared, want the outputs and four states", name, c, compared)
			}
			t.Logf("%s%s: %d tensors within %.3g of Keras", name, c, compared, most)
		}
	}
}

func TestWeightsAreGetWeights(t *testing.T) {
	for name := range seq2seqs {
		got, err := load1(t, name).Weights()
		if err != nil {
			t.Fatal(err)
		}
		want := fixture.Ordered(t, name, "weights.npz")
		if len(got) != len(want) {
			t.Errorf("%s: %d weights, want %d", name, len(got), len(want))
			continue
		}
		for i, w := range want {
			if got[i].Name != w.Name || !got[i].Tensor.BitEqual(w.Tensor) {
				t.Errorf("%s: weight %d is %q %s, want %q %s bit for bit", name, i, got[i].Name, got[i].Tensor, w.Name, w.Tensor)
			}
		}
	}
}

// refusals are the fixtures that are something else, and what the refusal says.
var refusals = map[string][]string{
	"not_callable":        {"no signature that can be called"},
	"not_gru":             {"not an LSTM sequence-to-sequence model", "1 loops that are no known layer"},
	"not_h_twice":         {"initial states, h as h and c as c"},
	"not_lstm_classifier": {`found 1 recurrent layers: LSTM "lstm", want two LSTM layers`},
	"not_recurrent":       {"found no recurrent layer"},
	"not_states_swapped":  {"initial states, h as h and c as c"},
	"not_tanh_head":       {"no output is one dense layer"},
	"not_three_lstms":     {"found 3 recurrent layers"},
	"seed_keras3_broken":  {"no output is one dense layer"},
}

func TestOtherModelsAreRefused(t *testing.T) {
	for name, words := range refusals {
		m, err := LoadFS(fixture.FS(t, name))
		if err == nil {
			t.Errorf("%s: taken for %v", name, m.seq2seq)
			continue
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", name, err, w)
			}
		}
	}
}

func TestRunRefusesBadInputs(t *testing.T) {
	m := load1(t, "seed_keras3")
	zeros := func(d lockstep.DType, shape ...int) *lockstep.Tensor {
		x, err := lockstep.Zeros(d, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	good := zeros(lockstep.Float32, 2, 10, 1)
	for name, c := range map[string]struct {
		inputs map[string]*lockstep.Tensor
		want   string
	}{
		"missing":    {map[string]*lockstep.Tensor{"encoder_input": good}, "no input decoder_input"},
		"type":       {map[string]*lockstep.Tensor{"encoder_input": good, "decoder_input": zeros(lockstep.Float64, 2, 10, 1)}, "float64"},
		"features":   {map[string]*lockstep.Tensor{"encoder_input": good, "decoder_input": zeros(lockstep.Float32, 2, 10, 3)}, "axis 2 is 3"},
		"11 into 10": {map[string]*lockstep.Tensor{"encoder_input": zeros(lockstep.Float32, 2, 11, 1), "decoder_input": good}, "axis 1 is 11"},
		"batches":    {map[string]*lockstep.Tensor{"encoder_input": good, "decoder_input": zeros(lockstep.Float32, 3, 10, 1)}, "a batch of 2"},
	} {
		if _, err := m.Run(context.Background(), c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Run(ctx, map[string]*lockstep.Tensor{"encoder_input": good, "decoder_input": good}); err == nil {
		t.Error("a cancelled context ran")
	}
}

func TestEmptyBatchAndNoSteps(t *testing.T) {
	m := load1(t, "seed_keras3")
	for _, shape := range [][]int{{0, 10}, {2, 0}} {
		e, _ := lockstep.Zeros(lockstep.Float32, shape[0], 10, 1)
		d, _ := lockstep.Zeros(lockstep.Float32, shape[0], shape[1], 1)
		out, err := m.Run(context.Background(), map[string]*lockstep.Tensor{"encoder_input": e, "decoder_input": d})
		if err != nil {
			t.Errorf("%v: %v", shape, err)
			continue
		}
		if got := out["output_0"].Shape(); !slices.Equal(got, []int{shape[0], shape[1], 1}) {
			t.Errorf("%v: output shape %v", shape, got)
		}
	}
}

func TestModelIsSharedByGoroutines(t *testing.T) {
	m := load1(t, "seed_keras3")
	inputs := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	want, err := m.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				got, err := m.Run(context.Background(), inputs)
				if err != nil || !got["output_0"].BitEqual(want["output_0"]) {
					t.Errorf("another goroutine got another answer, %v", err)
				}
			}
		})
	}
	wg.Wait()
}
