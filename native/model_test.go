package native

import (
	"context"
	"math"
	"math/rand/v2"
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

	"reports/seed_keras313": {"", "_ones", "_short"},
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

// Every fixture of testdata is the eight-tensor model, or another one that says
// so, or one of the zoo, which TestZooInTestdata runs; a new one must be put in
// a list.
func TestEveryFixtureIsListed(t *testing.T) {
	for _, name := range fixture.Names(t) {
		_, seq2seq := seq2seqs[name]
		_, another := others[name]
		n := 0
		for _, listed := range []bool{seq2seq, another, fixture.ReadRecipe(t, name).OfZoo()} {
			if listed {
				n++
			}
		}
		if n != 1 {
			t.Errorf("fixture %s is in %d lists, want one", name, n)
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

// others are the fixtures that are not the eight-tensor model, and what Seq2Seq
// says of each.
var others = map[string]struct {
	words string
	// refused says that Load refuses it, wrong that TensorFlow computes from it
	// something else than Keras predicted.
	refused, wrong bool
}{
	"not_callable":        {words: "no signature that can be called", refused: true},
	"not_gru":             {words: `found 1 recurrent layers: GRU "gru"`},
	"not_h_twice":         {words: "initial states, h as h and c as c"},
	"not_lstm_classifier": {words: `found 1 recurrent layers: LSTM "lstm", want two LSTM layers`},
	"not_recurrent":       {words: "found no recurrent layer"},
	"not_states_swapped":  {words: "initial states, h as h and c as c"},
	"not_tanh_head":       {words: "no output is one dense layer"},
	"not_three_lstms":     {words: "found 3 recurrent layers"},
	"seed_keras3_broken":  {words: "no output is one dense layer", wrong: true},
}

// A model that is not the eight-tensor one runs as any other does, and only what
// is for that one refuses it.
func TestOtherModelsRunAndAreNoSeq2Seq(t *testing.T) {
	for name, other := range others {
		m, err := LoadFS(fixture.FS(t, name))
		if other.refused {
			if err == nil || !strings.Contains(err.Error(), other.words) {
				t.Errorf("%s: error %v, want one that says %q", name, err, other.words)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = m.Seq2Seq()
		_, _, errInputs := m.Seq2SeqInputs()
		for _, err := range []error{err, errInputs} {
			if err == nil || !strings.Contains(err.Error(), other.words) || !strings.Contains(err.Error(), `signature "serving_default"`) {
				t.Errorf("%s: error %v, want one that says %q", name, err, other.words)
			}
		}
		if other.wrong {
			continue
		}
		inputs, want := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
		got, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		compared := 0
		for out, g := range got {
			if w := want[out]; w != nil {
				compared++
				if d := worst(t, name+": "+out, g, w); d > 5e-6 {
					t.Errorf("%s: %s is off by %g, want at most 5e-6", name, out, d)
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s: nothing compared of %d outputs", name, len(got))
		}
	}
}

// A model that Keras 3 exported wrong, in a loop over the batch that should be
// one over time, runs as TensorFlow runs it: there are as many steps in its
// answer as rows in the batch.
func TestWrongExportRunsAsItIs(t *testing.T) {
	m := load1(t, "seed_keras3_broken")
	for _, shape := range [][2]int{{1, 10}, {3, 10}} { // batch, steps
		encoder, decoder := random(t, shape[0], 10, 1), random(t, shape[0], shape[1], 1)
		out, err := m.Run(t.Context(), map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder})
		ok(t, err)
		if got, want := out["output_0"].Shape(), []int{shape[0], shape[0], 1}; !slices.Equal(got, want) {
			t.Errorf("%d rows of %d steps: the answer has the shape %v, want %v", shape[0], shape[1], got, want)
		}
	}
	// With more rows than steps, it looks for steps that are not there.
	_, err := m.Run(t.Context(), map[string]*lockstep.Tensor{"encoder_input": random(t, 5, 10, 1), "decoder_input": random(t, 5, 4, 1)})
	if err == nil || !strings.Contains(err.Error(), "row 4 of 4") {
		t.Errorf("5 rows of 4 steps: error %v, want one of the row that is not there", err)
	}
}

// random makes a tensor of numbers that are the same in each run of a test.
func random(t testing.TB, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.Zeros(lockstep.Float32, shape...)
	ok(t, err)
	r := rand.New(rand.NewPCG(3, uint64(x.Len())))
	d := floats(t, x)
	for i := range d {
		d[i] = float32(r.NormFloat64())
	}
	return x
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

// An empty batch gives an empty answer. No steps at all are refused as TensorFlow
// refuses them: the list of outputs is empty, and what shape its elements would
// have is not known, since their batch is not.
func TestEmptyBatchAndNoSteps(t *testing.T) {
	for name, output := range map[string]string{"seed_keras3": "output_0", "seed_tfkeras": "output"} {
		m := load1(t, name)
		run := func(batch, steps int) (map[string]*lockstep.Tensor, error) {
			return m.Run(t.Context(), map[string]*lockstep.Tensor{"encoder_input": random(t, batch, 10, 1), "decoder_input": random(t, batch, steps, 1)})
		}
		for range 2 {
			out, err := run(0, 10)
			if err != nil || !slices.Equal(out[output].Shape(), []int{0, 10, 1}) {
				t.Errorf("%s: an empty batch: %v, %v", name, out, err)
			}
			for _, batch := range []int{2, 0} {
				if out, err := run(batch, 0); err == nil || !strings.Contains(err.Error(), "TensorListStack") {
					t.Errorf("%s: %d rows of no steps: %v, error %v, want one of the empty list", name, batch, out, err)
				}
			}
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
