package golden_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What TensorFlow computed at every step is what the native engine computes, up
// to the rounding of a step; also where the layers have other names.
func TestTrace(t *testing.T) {
	g := read(t, "testdata/trace.golden")
	if len(g.Steps) != 28 || len(g.Bounds) != 20 {
		t.Fatalf("%d quantities, %d bounds", len(g.Steps), len(g.Bounds))
	}
	r := verify(t, g, unpack(t, "keras2"), golden.Options{})
	var titles []string
	for _, c := range r.Report.Comparisons {
		titles = append(titles, c.Title)
	}
	if want := []string{"single steps", "free running", "outputs and states"}; r.Change != golden.Same || !reflect.DeepEqual(titles, want) {
		t.Errorf("%s: %q, want %q", r.Summary(), titles, want)
	}
	if n := len(r.Report.Comparisons[0].Results); n != 20 {
		t.Errorf("%d quantities were compared with the golden's", n)
	}
	// A tolerance of the user's judges answers alone.
	if r := verify(t, g, unpack(t, "keras2"), golden.Options{Settings: compare.Settings{compare.DefaultSetting()}}); r.Change != golden.Same || len(r.Report.Comparisons) != 1 {
		t.Errorf("%s: %d comparisons", r.Summary(), len(r.Report.Comparisons))
	}
	renamed := map[string]string{"output": "output_0"}
	if r := verify(t, g, unpack(t, "renamed_layers"), golden.Options{Rename: renamed}); r.Change != golden.FilesChanged || len(r.Report.Comparisons) != 3 {
		t.Errorf("%s: %d comparisons", r.Summary(), len(r.Report.Comparisons))
	}
	if r := verify(t, g, unpack(t, "more_units"), golden.Options{Rename: renamed}); r.Change != golden.LayoutChanged {
		t.Error(r.Summary())
	}
}

// Layers of other names are known by their turn.
func TestTraceOfRenamedLayers(t *testing.T) {
	dir := unpack(t, "other_head")
	m := load(t, dir)
	g, err := golden.Record(t.Context(), m, golden.Recording{Files: os.DirFS(dir), Inputs: read(t, "testdata/tensorflow.golden").Inputs, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, g, unpack(t, "other_head_renamed_layers"), golden.Options{})
	if r.Change != golden.FilesChanged || len(r.Report.Comparisons) != 3 || r.Report.Comparisons[0].Margin() >= 1 || len(r.Report.Comparisons[0].Results) != 20 {
		t.Errorf("%s: %+v", r.Summary(), r.Report.Comparisons)
	}
}

// Names that moved from one layer to the next mislead nobody, and layers in
// another order are found by their names.
func TestTraceOfOtherNames(t *testing.T) {
	sound := read(t, "testdata/trace.golden")
	dir := unpack(t, "keras2")
	g := *sound
	g.Header.Weights = nil
	g.Header.Layers = []string{"decoder", "encoder"}
	if r := verify(t, &g, dir, golden.Options{}); r.Change != golden.Same || len(r.Report.Comparisons[0].Results) != 20 || len(r.Notes) > 0 {
		t.Errorf("in another order: %s, %q", r.Summary(), r.Notes)
	}
	moved := func(in map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
		out := map[string]*lockstep.Tensor{}
		for name, x := range in {
			if rest, is := strings.CutPrefix(name, "encoder/"); is {
				out["decoder/"+rest] = x
			} else {
				out["last/"+strings.TrimPrefix(name, "decoder/")] = x
			}
		}
		return out
	}
	g.Header.Layers = []string{"decoder", "last"}
	g.States, g.Steps, g.Bounds = moved(sound.States), moved(sound.Steps), moved(sound.Bounds)
	if r := verify(t, &g, dir, golden.Options{}); r.Change != golden.Same || len(r.Report.Comparisons[0].Results) != 20 {
		t.Errorf("under other names: %s, %q", r.Summary(), r.Notes)
	}
}

// One weight that is changed in the file is found at the layer, the gate, the
// step and the unit that it belongs to, although the change is far too small for
// the answers to tell.
func TestOneChangedWeightInATrace(t *testing.T) {
	g := read(t, "testdata/trace.golden")
	const units = 4
	for _, c := range []struct {
		weight string
		index  int
		by     float32
		want   string
	}{
		{"encoder/kernel", 2*units + 3, 1e-6, "at encoder/sum_g, step 0, batch row 0, unit 3: "},
		{"encoder/bias", 0, 2e-5, "at encoder/sum_i, step 0, batch row 0, unit 0: "},
		{"encoder/recurrent_kernel", 1*4*units + 1*units + 2, 2e-5, "at encoder/sum_f, step 1, batch row 0, unit 2: "}, // the first state is 0
		{"decoder/recurrent_kernel", 2*4*units + 3*units + 1, 2e-5, "at decoder/sum_o, step 0, batch row 0, unit 1: "},
	} {
		dir := unpack(t, "keras2")
		weights, err := load(t, dir).Weights()
		if err != nil {
			t.Fatal(err)
		}
		fixture.ChangeWeight(t, dir, weights.Get(c.weight), c.index, func(v float32) float32 { return v + c.by })
		r := verify(t, g, dir, golden.Options{})
		if r.Change != golden.WeightsChanged || !strings.Contains(r.Summary(), c.want) {
			t.Errorf("%s: %s\nwant %s", c.weight, r.Summary(), c.want)
		}
		if last := r.Report.Comparisons[2]; last.Verdict() != compare.InStep {
			t.Errorf("%s: the change is not too small for the answers", c.weight)
		}
		// Where a golden has no weights, only the steps show it.
		blind := *g
		blind.Header.Weights = nil
		if r := verify(t, &blind, dir, golden.Options{}); r.Change != golden.AnswersChanged || !strings.Contains(r.Summary(), c.want) {
			t.Errorf("%s: %s", c.weight, r.Summary())
		}
	}
}

// A trace comes back as it was written; its bounds are those of the verdict,
// never lower.
func TestTraceRoundTrip(t *testing.T) {
	dir := fixture.Dir(t, "seed_units1_keras3")
	m := load(t, dir)
	g, err := golden.Record(t.Context(), m, golden.Recording{Model: "seed", Files: os.DirFS(dir), Inputs: fixture.Tensors(t, "seed_units1_keras3", "inputs.npz"), Trace: true, Candidate: m})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.golden")
	if err := g.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	back := read(t, path)
	if !reflect.DeepEqual(back, g) {
		t.Errorf("it came back as another:\n%+v\nwant\n%+v", back, g)
	}
	r := verify(t, back, dir, golden.Options{})
	for _, result := range r.Report.Comparisons[0].Results {
		stored, err := lockstep.Data[float32](back.Bounds[result.Name])
		if err != nil {
			t.Fatalf("%s: %v", result.Name, err)
		}
		for i, b := range stored {
			now := result.Rule.Tolerance.Bound(i, 0)
			if float64(b) < now || float64(b) > now*(1+1e-6)+1e-44 {
				t.Fatalf("%s: the bound %d is %v, want %v", result.Name, i, b, now)
			}
		}
	}
}

// silent shows no steps, and knows no bounds.
type silent struct{ lockstep.Tracer }

// stepless shows no steps though it knows their bounds.
type stepless struct{ lockstep.Tracer }

func (s stepless) Trace(ctx context.Context, in map[string]*lockstep.Tensor, _ lockstep.Detail) (*lockstep.Trace, error) {
	return s.Tracer.Trace(ctx, in, lockstep.States)
}

// shifted shows steps that differ from the layer's.
type shifted struct {
	lockstep.Tracer
	lockstep.Stepper
	oracle lockstep.Oracle
}

func (s shifted) Name() string                     { return "shifted" }
func (s shifted) Signature() lockstep.Signature    { return s.Tracer.Signature() }
func (s shifted) Oracle() (lockstep.Oracle, error) { return s.oracle, nil }
func (s shifted) Run(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return s.Tracer.Run(ctx, in)
}

func (s shifted) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := s.Tracer.Trace(ctx, in, d)
	if err != nil || trace.Steps == nil {
		return trace, err
	}
	h, err := lockstep.Data[float32](trace.Steps["decoder/h"])
	if err != nil {
		return nil, err
	}
	h[len(h)-1] += 1e-4
	return trace, nil
}

// What cannot be judged is not recorded as if it had been, and what was recorded
// and cannot be judged is said.
func TestTraceRefuses(t *testing.T) {
	m := load(t, fixture.Dir(t, "seed_units1_keras3"))
	inputs := fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for what, e := range map[string]lockstep.Engine{
		"shows no steps: ":                  silent{m},
		"shows no steps of a recurrent lay": stepless{m},
		"differs from shifted, first at decoder/h, step 9, batch row 7, unit 0": shifted{m, m, oracle},
	} {
		_, err := golden.Record(t.Context(), e, golden.Recording{Inputs: inputs, Trace: true})
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
		if d := (*golden.Disagreement)(nil); strings.HasPrefix(what, "differs") != errors.As(err, &d) {
			t.Errorf("%v", err)
		}
	}
	g := read(t, "testdata/trace.golden")
	r, err := g.Verify(t.Context(), silent{load(t, unpack(t, "keras2"))}, golden.Options{})
	if err != nil || r.Change != golden.Same || !strings.Contains(strings.Join(r.Notes, "\n"), "those of the golden were not verified") {
		t.Errorf("%+v, %v", r, err)
	}
	// With an oracle of somebody's, free running is judged, and single steps,
	// which the engine does not take, are not.
	o, err := load(t, unpack(t, "keras2")).Oracle()
	if err != nil {
		t.Fatal(err)
	}
	r, err = g.Verify(t.Context(), silent{load(t, unpack(t, "keras2"))}, golden.Options{Oracle: o})
	if err != nil || r.Change != golden.Same || len(r.Report.Comparisons) != 2 || r.Report.Comparisons[0].Title != "free running" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Steps and bounds that do not belong together are refused.
func TestBadTraces(t *testing.T) {
	sound := read(t, "testdata/trace.golden")
	shape := sound.Steps["encoder/h"].Shape()
	n := sound.Steps["encoder/h"].Len()
	nan := make([]float32, n)
	nan[3] = float32(math.NaN())
	for want, spoil := range map[string]func(g *golden.Golden){
		"others of that layer have a batch of": func(g *golden.Golden) {
			g.Steps["encoder/h"] = fixture.NewTensor(t, make([]float32, n), shape[1], shape[0], shape[2])
		},
		"want 2 axes":                            func(g *golden.Golden) { g.Steps["encoder/initial_h"] = g.Steps["encoder/h"] },
		"want float32 in the shape of its steps": func(g *golden.Golden) { g.Bounds["encoder/h"] = fixture.NewTensor(t, make([]float32, n), n) },
		"not a number of 0 or more":              func(g *golden.Golden) { g.Bounds["encoder/h"] = fixture.NewTensor(t, nan, shape...) },
		"belongs to no layer":                    func(g *golden.Golden) { g.Header.Layers = g.Header.Layers[:1] },
	} {
		g := *sound
		g.Steps, g.Bounds = maps.Clone(sound.Steps), maps.Clone(sound.Bounds)
		spoil(&g)
		if err := g.Write(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	var b bytes.Buffer
	if err := sound.Write(&b); err != nil {
		t.Error(err)
	}
}
