package inputs_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

// sizes are those that the commands begin with.
var sizes = random.Sizes{Batch: 3, Steps: 10}

// reports lists the fixtures of testdata/reports.
func reports(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(fixture.Path("reports", "*", "recipe.json"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no reports: %v", err)
	}
	var out []string
	for _, path := range all {
		out = append(out, "reports/"+filepath.Base(filepath.Dir(path)))
	}
	return out
}

// Of every model that the native engine runs, each signature takes the inputs that
// are made for it. Those of the zoo are tried where they are there.
func TestEveryModelTakesMadeInputs(t *testing.T) {
	names := append(fixture.Names(t), reports(t)...)
	if os.Getenv("LOCKSTEP_MODELS") != "" || os.Getenv("CI") != "" {
		names = append(names, fixture.MadeNames(t)...)
	}
	tried := 0
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := fixture.Dir(t, name)
			d, err := native.Inspect(dir)
			if err != nil {
				return // it has no signature, or is damaged on purpose
			}
			for _, sig := range d.Signatures {
				m, err := native.Load(dir, native.WithSignature(sig.Name))
				if err != nil {
					continue
				}
				tried++
				takes(t, m)
			}
		})
	}
	if tried < 100 {
		t.Errorf("%d signatures were tried, want 100 or more", tried)
	}
}

// takes makes inputs for a model and runs them.
func takes(t *testing.T, m *native.Model) {
	t.Helper()
	for _, s := range m.Signature().Inputs {
		if s.UnknownRank {
			return
		}
	}
	made, err := inputs.Make(context.Background(), inputs.Request{Signature: m.Signature(), Trial: inputs.NewTrial(m), Seed: 1, Sizes: sizes})
	if err != nil {
		t.Errorf("%s: %v", m.Signature().Name, err)
		return
	}
	if _, err := m.Run(context.Background(), made.Inputs); err != nil {
		t.Errorf("%s: %v", m.Signature().Name, err)
	}
	if made.Sizes != sizes || len(made.Fitted) > 0 {
		t.Logf("%s: %+v, %q", m.Signature().Name, made.Sizes, made.Fitted)
	}
}

// Images of bytes, which no operation reads as indices, are of all bytes.
func TestBytesAreOfTheWholeRange(t *testing.T) {
	if os.Getenv("LOCKSTEP_MODELS") == "" {
		t.Skip("the zoo is not made: set LOCKSTEP_MODELS")
	}
	for name, ends := range map[string]map[string][2]float64{
		"inputs_uint8_images_keras3": {"x": {10, 245}},
		"inputs_int8_int16_keras3":   {"a": {-64, 64}, "b": {-1 << 14, 1 << 14}, "c": {1 << 13, 3 << 14}},
	} {
		r := request(load(t, name))
		r.Sizes.Batch = 20
		made, err := inputs.Make(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		for input, want := range ends {
			v, err := made.Inputs[input].Float64s()
			if err != nil || slices.Min(v) > want[0] || slices.Max(v) < want[1] {
				t.Errorf("%s: %s is from %v to %v, %v", name, input, slices.Min(v), slices.Max(v), err)
			}
		}
	}
}
