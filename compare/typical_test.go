package compare_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// What Keras computes is in step with the native engine by the typical bounds,
// for every model there is, and these are narrow: of almost all, less than a
// hundred thousandth of what the outputs reach.
func TestTypicalBoundsOfKeras(t *testing.T) {
	names := fixture.Names(t)
	if os.Getenv("LOCKSTEP_MODELS") != "" && !testing.Short() {
		names = append(names, fixture.MadeNames(t)...)
	}
	slices.Sort(names)
	var s typicalSurvey
	for _, name := range slices.Compact(names) {
		m, err := native.LoadFS(fixture.FS(t, name))
		if err != nil || fixture.ReadRecipe(t, name).ExportsWrong {
			continue
		}
		s.model(t, name, m)
	}
	t.Logf("%d tensors of %d models; margins up to %.2f (%s); %d wider than 1e-5 of their range, up to %.2g (%s); %d without", s.tensors, s.models, s.margin, s.at, s.wide, s.widest, s.widestAt, s.without)
	if s.tensors < 30 || s.wide > s.tensors/10 || s.without > s.tensors/20 {
		t.Error("that is too few, or too wide")
	}
}

type typicalSurvey struct {
	models, tensors, wide, without int
	margin, widest                 float64
	at, widestAt                   string
}

func (s *typicalSurvey) model(t *testing.T, name string, m *native.Model) {
	inputs, expected := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
	own, err := m.Run(t.Context(), inputs)
	if err != nil {
		t.Logf("%s: %v", name, err)
		return
	}
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for output := range expected {
		if own[output] == nil { // a state
			delete(expected, output)
		}
	}
	rules, err := compare.OracleRules(t.Context(), oracle, inputs, expected, compare.Uniform(compare.DefaultRule()))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	s.models++
	for _, r := range compare.Judge(compare.Measure(expected, own, compare.Options{}), rules) {
		if !r.DType().IsFloat() || r.Kind != compare.Measured {
			continue
		}
		if r.Verdict != compare.InStep {
			t.Errorf("%s: %s: off by %.3g, margin %.2f, by %s", name, r.Name, r.MaxAbs, r.Margin, r.Rule)
		}
		s.tensors++
		bounds, ok := r.Rule.Tolerance.(compare.BoundTolerance)
		if !ok || bounds.Weak != "" {
			s.without++
			t.Logf("%s: %s: %s", name, r.Name, r.Rule)
			continue
		}
		if r.Margin > s.margin {
			s.margin, s.at = r.Margin, fmt.Sprintf("%s: %s", name, r.Name)
		}
		if share := slices.Max(bounds.Each) / rangeOf(r.Reference); share > 1e-5 {
			s.wide++
			if share > s.widest {
				s.widest, s.widestAt = share, fmt.Sprintf("%s: %s", name, r.Name)
			}
		}
	}
}

// rangeOf is the largest number of a tensor less its smallest, or the largest
// magnitude where all are the same.
func rangeOf(t *lockstep.Tensor) float64 {
	d, err := t.Float64s()
	if err != nil || len(d) == 0 {
		return math.Inf(1)
	}
	least, most := slices.Min(d), slices.Max(d)
	if most > least {
		return most - least
	}
	return math.Abs(most)
}

// A relative change of 1e-5 of the outputs is found where there are only values, of a
// recurrent layer of 12 steps, of the seed model and of Transformers of one block and
// of two.
func TestSmallChangesOfValuesAreFound(t *testing.T) {
	names := []string{"seed_keras3", "seed_tfkeras", "gru_masked_keras3", "bidirectional_last_keras3", "reports/transformer", "reports/default", "reports/ln_stack"}
	if os.Getenv("LOCKSTEP_MODELS") != "" {
		names = append(names, "guide_weather_keras3", "guide_weather_tfkeras") // an LSTM of 12 steps
	}
	for _, name := range names {
		m := load(t, fixture.Dir(t, name))
		inputs := fixture.Tensors(t, name, "inputs.npz")
		oracle, err := m.Oracle()
		if err != nil {
			t.Fatal(err)
		}
		for output, y := range fixture.Tensors(t, name, "expected.npz") {
			if _, is := m.Signature().Output(output); !is {
				continue // a state
			}
			for by, want := range map[float32]compare.Verdict{0: compare.InStep, -1e-5: compare.Diverged} {
				d, err := lockstep.Data[float32](y)
				if err != nil {
					t.Fatal(err)
				}
				d = slices.Clone(d)
				for i := range d {
					d[i] *= 1 + by
				}
				expected := map[string]*lockstep.Tensor{output: fixture.NewTensor(t, d, y.Shape()...)}
				c := compare.Check{Model: name, Candidate: m, Inputs: inputs, Oracle: oracle, Expected: expected, ExpectedBy: "keras", NotRun: []compare.EngineFailure{{Engine: "tensorflow", Err: os.ErrNotExist}}}
				checked, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				k := comparison(t, checked.Report, "expected values")
				t.Logf("%s: %s times 1%+g: margin %.2f", name, output, by, k.Margin())
				if k.Verdict() != want {
					t.Errorf("%s: %s times 1%+g: %s, margin %g by %s", name, output, by, k.Verdict(), k.Margin(), k.Results[0].Rule)
				}
			}
		}
	}
}
