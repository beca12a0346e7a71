package golden_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A golden of a layer inside a loop has each of its runs, and finds a changed weight
// in the first; one that was recorded without the runs verifies what it has.
func TestTraceOfALayerInALoop(t *testing.T) {
	const name = "nested_map_gru_keras3"
	dir := fixture.Dir(t, name)
	m := load(t, dir)
	g, err := golden.Record(t.Context(), m, golden.Recording{Files: os.DirFS(dir), Inputs: fixture.Tensors(t, name, "inputs.npz"), Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"map_over/inner/iteration0", "map_over/inner/iteration1", "map_over/inner/iteration2", "map_over/inner/iteration3", "gru"}; !slices.Equal(g.Header.Layers, want) {
		t.Errorf("the golden has the layers %q, want %q", g.Header.Layers, want)
	}
	r := verify(t, g, dir, golden.Options{})
	if r.Change != golden.Same || len(r.Notes) > 0 {
		t.Errorf("%s, %q", r.Summary(), r.Notes)
	}

	// Without the runs, as a version recorded it that did not know the layer.
	isRun := func(name string) bool { return strings.HasPrefix(name, "map_over/inner/iteration") }
	old := *g
	old.Header.Layers = []string{"gru"}
	for _, tensors := range []*map[string]*lockstep.Tensor{&old.States, &old.Steps, &old.Bounds} {
		*tensors = maps.Clone(*tensors)
		maps.DeleteFunc(*tensors, func(name string, _ *lockstep.Tensor) bool { return isRun(name) })
	}
	r = verify(t, &old, dir, golden.Options{})
	if r.Change != golden.Same || len(r.Layout) > 0 {
		t.Errorf("without the runs: %s, %q", r.Summary(), r.Layout)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "the states of the layer map_over/inner were not verified") || !strings.Contains(notes, "the steps of the layer map_over/inner were not compared") {
		t.Errorf("without the runs: %q", r.Notes)
	}

	// One weight, found in both ways.
	other := fixture.Dir(t, name)
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, other, weights.Get("map_over/inner/bias"), 0, func(v float32) float32 { return v + 2e-4 })
	g.Header.Weights, old.Header.Weights = nil, nil
	g.Header.Files, old.Header.Files = nil, nil
	if r := verify(t, g, other, golden.Options{}); r.Change != golden.AnswersChanged || !strings.Contains(r.Summary(), "at map_over/inner/iteration0/sum_z, step 0") {
		t.Errorf("with a changed weight: %s", r.Summary())
	}
	if r := verify(t, &old, other, golden.Options{}); r.Change == golden.Same {
		t.Errorf("with a changed weight, without the runs: %s", r.Summary())
	}
}
