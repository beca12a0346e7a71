package compare_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// nested are the fixtures with layers inside loops and branches.
var nested = []string{"nested_map_gru_keras3", "nested_map_masked_keras3", "nested_decoder_keras3", "nested_branch_keras3"}

// shownAs is an engine whose trace hides the runs of some layers, as one does that
// cannot show them.
type shownAs struct {
	*native.Model
	hidden string
}

func (s shownAs) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	t, err := s.Model.Trace(ctx, inputs, detail)
	if err != nil || s.hidden == "" {
		return t, err
	}
	t.Unshown = map[string]string{s.hidden: "for the test"}
	t.Layers = slices.DeleteFunc(t.Layers, func(l string) bool { return lockstep.LayerOf(l) == s.hidden })
	return t, nil
}

func checkNested(t *testing.T, reference, candidate lockstep.Tracer, m *native.Model, inputs map[string]*lockstep.Tensor) *compare.CheckResult {
	t.Helper()
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	out, err := compare.Check{Reference: reference, Candidate: candidate, Inputs: inputs, Oracle: oracle}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A weight of a layer inside a loop that is changed by 64 units in the last place or
// more is found in the layer, and in nothing that is before it: at the first
// iteration and step at which its products change.
func TestFaultsInNestedLayersAreFoundAtTheirStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 3))
	found, planted := 0, 0
	for _, name := range nested {
		m, err := native.LoadFS(fixture.FS(t, name))
		if err != nil {
			t.Fatal(err)
		}
		inputs := fixture.Tensors(t, name, "inputs.npz")
		sound := checkNested(t, m, m, m, inputs)
		if sound.Report.Verdict() != compare.InStep {
			t.Fatalf("%s differs from itself", name)
		}
		runs := map[string]int{}
		for _, l := range sound.Reference.Layers {
			runs[lockstep.LayerOf(l)]++
		}
		for _, l := range m.Layers() {
			if l.Within == "" || runs[l.Name] == 0 {
				continue // its branch is not taken
			}
			for _, tensor := range []string{"kernel", "recurrent_kernel", "bias"} {
				w, err := m.Source().LayerWeight(l.Name, tensor)
				if err != nil {
					t.Fatal(err)
				}
				for range 4 {
					f := fault.Fault{Kind: fault.OneWeight, Layer: l.Name, Tensor: tensor, Index: rng.IntN(w.Len()), Factor: 1 + 0.5*rng.Float64()}
					bad, err := m.Edit(f.Plant)
					if err != nil {
						t.Fatal(err)
					}
					planted++
					out := checkNested(t, m, bad, m, inputs)
					i := slices.IndexFunc(out.Report.Comparisons, func(c compare.Comparison) bool { return c.Title == "single steps" })
					if i < 0 {
						t.Fatalf("%s: there are no single steps", name)
					}
					first := out.Report.Comparisons[i].First()
					if first == nil {
						t.Errorf("%s: %s is not found", name, f)
						continue
					}
					layer, _ := lockstep.CutStepName(first.Name)
					// A recurrent weight does nothing while the state is zeros.
					step := 0
					if _, at, isRun := lockstep.CutRun(layer); tensor == "recurrent_kernel" && strings.HasPrefix(fmt.Sprint(at), "[0") && isRun {
						step = 1
					}
					if lockstep.LayerOf(layer) != l.Name || first.First.Step > 1 || first.First.Step < step {
						t.Errorf("%s: %s is found in %s at %s", name, f, first.Name, &first.First.Place)
						continue
					}
					found++
				}
			}
		}
	}
	if found != planted || planted < 40 {
		t.Errorf("%d of %d are found at their place", found, planted)
	}
}

// Where one engine shows nothing of a layer inside a loop, the report says so and
// why, and the rest is judged: nothing is taken to agree that was not compared.
func TestNestedLayersThatAreNotShown(t *testing.T) {
	const layer = "map_over/inner"
	m, err := native.LoadFS(fixture.FS(t, nested[0]))
	if err != nil {
		t.Fatal(err)
	}
	bad, err := m.Edit(fault.Fault{Kind: fault.BiasMissing, Layer: layer}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	inputs := fixture.Tensors(t, nested[0], "inputs.npz")
	for _, side := range []struct{ reference, candidate string }{{layer, ""}, {"", layer}, {layer, layer}} {
		for _, c := range []*native.Model{m, bad} {
			out := checkNested(t, shownAs{m, side.reference}, shownAs{c, side.candidate}, m, inputs)
			if want := c == m; (out.Report.Verdict() == compare.InStep) != want {
				t.Errorf("%+v: %s, want in step: %v", side, out.Report.Verdict(), want)
			}
			if !slices.ContainsFunc(out.Report.Notes, func(n string) bool {
				return strings.Contains(n, "the steps of the layer "+layer+" were not compared") && strings.Contains(n, "for the test")
			}) {
				t.Errorf("%+v: no note of the layer in %q", side, out.Report.Notes)
			}
			for _, k := range out.Report.Comparisons {
				for _, r := range k.Results {
					if strings.HasPrefix(r.Name, layer+"/iteration") {
						t.Errorf("%+v: %s is among %s", side, r.Name, k.Title)
					}
				}
			}
		}
	}
}

// A loop around layers is compared with what the reference has for the layers: a
// fault in a layer is the layer's, and one in the rest of the loop the loop's.
func TestOperationsAroundNestedLayers(t *testing.T) {
	const name = "nested_decoder_keras3"
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	inLayer, err := m.Edit(fault.Fault{Kind: fault.BiasTwice, Layer: "decoder/inner"}.Plant)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	dir := fixture.Dir(t, name)
	fixture.ChangeWeight(t, dir, weights.Get("decoder/out/kernel_1"), 0, func(v float32) float32 { return v * 1.001 })
	around, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		candidate *native.Model
		diverges  string
	}{"sound": {m, ""}, "in the layer": {inLayer, "single steps"}, "around it": {around, "single operations"}} {
		out, err := compare.Check{Reference: m, Candidate: c.candidate, Inputs: fixture.Tensors(t, name, "inputs.npz"), Oracle: oracle, SameGraph: true}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, title := range []string{"single steps", "single operations"} {
			i := slices.IndexFunc(out.Report.Comparisons, func(k compare.Comparison) bool { return k.Title == title })
			if i < 0 {
				t.Fatalf("%s: no %s", what, title)
			}
			if v := out.Report.Comparisons[i].Verdict(); (v != compare.InStep) != (title == c.diverges) {
				t.Errorf("a fault %s: %s: %s", what, title, v)
			}
		}
	}
}
