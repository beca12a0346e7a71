package inputs_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

func load(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.Load(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func request(m *native.Model) inputs.Request {
	return inputs.Request{Signature: m.Signature(), Trial: inputs.NewTrial(m), Seed: 1, Sizes: sizes}
}

// What the graph of each report fixes is what its inputs are made by.
func TestMadeInputsFitTheGraph(t *testing.T) {
	for _, c := range []struct {
		name   string
		sizes  random.Sizes
		fitted []string
	}{
		{"stateful", random.Sizes{Batch: 2, Steps: 10}, nil},
		{"mask_constant", random.Sizes{Batch: 2, Steps: 10}, nil},
		{"flat_length", random.Sizes{Batch: 3, Steps: 7}, nil},
		{"open_feature", sizes, []string{"axis 2 of x is 5"}},
		{"other_length", sizes, []string{"axis 1 of a is 12"}},
		{"two_features", sizes, []string{"axis 1 of a is 9", "axis 2 of a is 5", "axis 2 of b is 7"}},
		{"same_length", sizes, nil},
		{"float_tokens", sizes, []string{"x has integers from 0 to 10"}},
		{"float_feature", sizes, []string{"x has in feature 0 integers from 0 to 4"}},
		{"table", sizes, []string{"x has integers from 0 to 5"}},
		{"table_clip", sizes, []string{"x has integers from 0 to 5"}},
		{"table_shifted", sizes, []string{"x has integers from 1 to 6"}},
		{"one_hot", sizes, nil},
		{"one_hot_floats", sizes, []string{"x has integers from 0 to 4"}},
		{"lengths", sizes, []string{"lengths has lengths from 1 to 10"}},
		{"last_nd", sizes, []string{"lengths has lengths from 1 to 10"}},
		{"max_length", sizes, []string{"lengths has lengths from 1 to 10"}},
		{"mean_length", sizes, []string{"lengths has lengths from 1 to 10"}},
		{"gaps", sizes, []string{"gap has numbers above 0"}},
		{"gap_buckets", sizes, []string{"gap has numbers from 0 to 253.2"}},
	} {
		m := load(t, "reports/"+c.name)
		made, err := inputs.Make(context.Background(), request(m))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if made.Sizes != c.sizes || !slices.Equal(made.Fitted, c.fitted) {
			t.Errorf("%s: %+v and %q, want %+v and %q", c.name, made.Sizes, made.Fitted, c.sizes, c.fitted)
		}
		out, err := m.Run(context.Background(), made.Inputs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for name, x := range out {
			if x.Shape()[0] != c.sizes.Batch {
				t.Errorf("%s: %s is %s, want a batch of %d", c.name, name, x, c.sizes.Batch)
			}
		}
	}
}

// Where the graph fixes nothing, inputs are those of random.Inputs, to the bit, and
// the same in every run.
func TestOthersAreAsBefore(t *testing.T) {
	for _, name := range []string{"seed_keras3", "embedding_mask_zero_keras3", "states_out_keras3", "guide_attention_seq2seq_keras3", "reports/same_length"} {
		m := load(t, name)
		for _, n := range []random.Sizes{sizes, {Batch: 1, Steps: 1}, {Batch: 5, Steps: 23}} {
			r := request(m)
			r.Sizes = n
			made, err := inputs.Make(context.Background(), r)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want, err := random.Inputs(m.Signature(), 1, n)
			if err != nil {
				t.Fatal(err)
			}
			for input, x := range want {
				if !made.Inputs[input].BitEqual(x) {
					t.Errorf("%s, %+v: %s is not as random.Inputs makes it: %q", name, n, input, made.Fitted)
				}
			}
		}
	}
}

func TestMadeInputsAreTheSameForTheSameSeed(t *testing.T) {
	m := load(t, "reports/float_feature")
	make := func(seed uint64) *lockstep.Tensor {
		r := request(m)
		r.Seed = seed
		made, err := inputs.Make(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		return made.Inputs["x"]
	}
	if !make(3).BitEqual(make(3)) || make(3).BitEqual(make(4)) {
		t.Error("the seed does not decide what is made")
	}
}

// A batch or steps that the graph does not take are refused, and what it takes is
// named.
func TestFixedSizesThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name         string
		batch, steps bool
		asked        random.Sizes
		want         string
	}{
		{"stateful", true, false, random.Sizes{Batch: 3, Steps: 10}, "--batch 3 does not fit the model's graph, and --batch 2 does"},
		{"flat_length", false, true, random.Sizes{Batch: 3, Steps: 10}, "--steps 10 does not fit the model's graph, and --steps 7 does"},
		{"flat_length", true, true, random.Sizes{Batch: 5, Steps: 10}, "--steps 10 does not fit the model's graph, and --steps 7 does"},
	} {
		r := request(load(t, "reports/"+c.name))
		r.Sizes, r.FixedBatch, r.FixedSteps = c.asked, c.batch, c.steps
		_, err := inputs.Make(context.Background(), r)
		if wrong := (*inputs.SizeError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// What fits is taken.
	r := request(load(t, "reports/stateful"))
	r.Sizes, r.FixedBatch = random.Sizes{Batch: 2, Steps: 10}, true
	if _, err := inputs.Make(context.Background(), r); err != nil {
		t.Error(err)
	}
}

// What the native engine refuses and the engine that is to run takes is not evaded.
func TestTheEngineThatRunsHasTheLastWord(t *testing.T) {
	r := request(load(t, "reports/stateful"))
	asked := 0
	r.Engine = func(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		asked++
		return nil, nil
	}
	made, err := inputs.Make(context.Background(), r)
	if err != nil || asked != 1 || made.Sizes != sizes {
		t.Errorf("asked %d times, then %+v, %v: want the sizes that the engine takes", asked, made, err)
	}
	r.Engine = func(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		return nil, errors.New("no")
	}
	if made, err = inputs.Make(context.Background(), r); err != nil || made.Sizes.Batch != 2 {
		t.Errorf("%+v, %v: want a batch of 2", made, err)
	}
}

// Without a native engine that reads the model, the engine that runs is tried.
func TestTheEngineAlone(t *testing.T) {
	m := load(t, "reports/stateful")
	r := request(m)
	r.Trial, r.Engine = nil, m.Run
	made, err := inputs.Make(context.Background(), r)
	if err != nil || made.Sizes.Batch != 2 {
		t.Errorf("%+v, %v: want a batch of 2", made, err)
	}
	r.Engine = func(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		return nil, errors.New("no inputs will do")
	}
	_, err = inputs.Make(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "give --inputs, or another --batch or --steps: no inputs will do") {
		t.Errorf("%v, want the flags named", err)
	}
}

// Where the native engine lacks an operation, what it has still shows what the graph
// fixes, and the engine that is to run decides.
func TestModelsThatTheNativeEngineRefuses(t *testing.T) {
	dir := fixture.Dir(t, "reports/mask_constant")
	path := filepath.Join(dir, "saved_model.pb")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte("While"), []byte("Whyle")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := native.Load(dir); err == nil {
		t.Fatal("the engine runs an operation that there is not")
	}
	trial, err := inputs.OpenTrial(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole := load(t, "reports/mask_constant")
	asked := 0
	made, err := inputs.Make(context.Background(), inputs.Request{
		Signature: trial.Signature(), Trial: trial, Seed: 1, Sizes: sizes,
		Engine: func(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
			asked++
			return whole.Run(ctx, in)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Sizes != (random.Sizes{Batch: 2, Steps: 10}) || asked > 2 {
		t.Errorf("%+v after asking %d times, want a batch of 2, and the engine asked of what was wanted and of what was found", made.Sizes, asked)
	}
}
