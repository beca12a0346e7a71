package comparetest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/comparetest"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	failed, fatal bool
	said          strings.Builder
}

func (r *recorder) Helper()                      {}
func (r *recorder) Logf(f string, args ...any)   { fmt.Fprintf(&r.said, f+"\n", args...) }
func (r *recorder) Errorf(f string, args ...any) { r.failed = true; r.Logf(f, args...) }
func (r *recorder) Fatalf(f string, args ...any) { r.fatal = true; r.Errorf(f, args...); panic(r) }

// held runs what would be a test.
func held(t *testing.T, test func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		test(r)
	}()
	return r
}

const seedGolden = "testdata/seed_keras3.golden" // of TensorFlow

func load(t *testing.T, dir string) *native.Model {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The seed model reproduces what TensorFlow computed, and one weight changed in
// its file is found: the layer, and the step at which the answers part.
func TestGolden(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	m := load(t, dir)
	comparetest.Golden(t, m, seedGolden)
	if r := held(t, func(t testing.TB) { comparetest.Golden(t, m, seedGolden) }); r.failed || r.said.Len() > 0 {
		t.Errorf("failed: %v: %s", r.failed, &r.said)
	}
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, weights.Get("decoder/recurrent_kernel"), 5000, func(v float32) float32 { return v + 1 })
	r := held(t, func(t testing.TB) { comparetest.Golden(t, load2(t, dir), seedGolden) })
	want := regexp.MustCompile(`(?s)native does not reproduce testdata/seed_keras3.golden: weights changed \(-golden \+native\):.*` +
		`weights changed: decoder/recurrent_kernel float32 \(64, 256\).*` +
		`output_0, step 0, batch row 0, unit 0:\n- \t-?[\d.e-]+\n\+ \t-?[\d.e-]+\n`)
	if !r.failed || r.fatal || !want.MatchString(r.said.String()) {
		t.Errorf("failed: %v: %s\nwant %s", r.failed, &r.said, want)
	}
}

// A golden with a trace names the gate and the step at which the layer of the
// changed weight parts, and keeps its trace when it is written again.
func TestGoldenWithATrace(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	m := load(t, dir)
	file := filepath.Join(t.TempDir(), "trace.golden")
	g, err := golden.Record(t.Context(), m, golden.Recording{Inputs: fixture.Tensors(t, "seed_keras3", "inputs.npz"), Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	comparetest.Golden(t, m, file)
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, weights.Get("decoder/recurrent_kernel"), 3*256+64+9, func(v float32) float32 { return v + 0.01 })
	r := held(t, func(t testing.TB) { comparetest.Golden(t, load2(t, dir), file) })
	want := regexp.MustCompile(`(?s)weights changed: decoder/recurrent_kernel.*  decoder/sum_f, step \d, batch row \d, unit 9:\n- \t-?[\d.e-]+\n\+ \t`)
	if !r.failed || !want.MatchString(r.said.String()) {
		t.Errorf("failed: %v: %s\nwant %s", r.failed, &r.said, want)
	}
	defer flag.Set("update", flag.Lookup("update").Value.String())
	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	comparetest.Golden(t, load(t, dir), file)
	if g, err := golden.ReadFile(file); err != nil || len(g.Steps) != 28 || len(g.Bounds) != 20 {
		t.Errorf("the trace is gone: %v", err)
	}
}

func load2(t testing.TB, dir string) *native.Model {
	m, err := native.Load(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return m
}

// For a file that is missing, or is not a golden, the error says how to make
// one.
func TestGoldenThatIsNotThere(t *testing.T) {
	m := load(t, fixture.Dir(t, "seed_units1_keras3"))
	for file, want := range map[string]string{
		filepath.Join(t.TempDir(), "x.golden"):     "lockstep golden record writes one from TensorFlow, go test -update from native",
		fixture.Path("seed_keras3", "recipe.json"): "it is not an .npz",
		seedGolden: "layout or signature changed",
	} {
		if r := held(t, func(t testing.TB) { comparetest.Golden(t, m, file) }); !r.failed || !strings.Contains(r.said.String(), want) {
			t.Errorf("%s: failed: %v: %s, want %q", file, r.failed, &r.said, want)
		}
	}
}

// -update writes what the engine answers, from the inputs of the golden before;
// what it wrote passes without it.
func TestUpdate(t *testing.T) {
	set := func(v string) {
		if err := flag.Set("update", v); err != nil {
			t.Fatal(err)
		}
	}
	defer set(flag.Lookup("update").Value.String())
	file := filepath.Join(t.TempDir(), "model.golden")
	b, err := os.ReadFile(seedGolden)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	other := load(t, fixture.Dir(t, "seed_units1_keras3"))
	set("true")
	if r := held(t, func(t testing.TB) { comparetest.Golden(t, other, file) }); r.failed || !strings.Contains(r.said.String(), "from native") {
		t.Fatalf("%s", &r.said)
	}
	set("false")
	if r := held(t, func(t testing.TB) { comparetest.Golden(t, other, file) }); r.failed {
		t.Errorf("%s", &r.said)
	}
	old, err := golden.ReadFile(seedGolden)
	if err != nil {
		t.Fatal(err)
	}
	now, err := golden.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if now.Header.Engine != "native" || len(now.Header.Files) != 4 || now.Header.InputsFrom != old.Header.InputsFrom {
		t.Errorf("%+v", now.Header)
	}
	for name, x := range old.Inputs {
		if !x.BitEqual(now.Inputs[name]) {
			t.Errorf("%s: other inputs", name)
		}
	}
	// And from nothing.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	set("true")
	inputs := fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	comparetest.Golden(t, other, file, comparetest.WithInputs(inputs))
	set("false")
	comparetest.Golden(t, other, file)
	if g, err := golden.ReadFile(file); err != nil || !g.Inputs["encoder_input"].BitEqual(inputs["encoder_input"]) {
		t.Error("the inputs are not those that were given", err)
	}
}

// engine is a second engine, with given answers.
type engine struct {
	lockstep.Tracer
	change func(float32) float32
	err    error
}

func (e engine) Name() string { return "other" }

func (e engine) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	if e.err != nil {
		return nil, e.err
	}
	trace, err := e.Tracer.Trace(ctx, in, d)
	if err != nil {
		return nil, err
	}
	trace.Engine = e.Name()
	values, err := lockstep.Data[float32](trace.Outputs["output_0"])
	if err != nil {
		return nil, err
	}
	values[2] = e.change(values[2])
	return trace, nil
}

func TestParity(t *testing.T) {
	m := load(t, fixture.Dir(t, "seed_keras3"))
	same := func(v float32) float32 { return v }
	off := func(v float32) float32 { return v + 0.01 }
	comparetest.Parity(t, m, engine{m, same, nil}, nil)
	comparetest.Parity(t, m, engine{m, off, nil}, fixture.Tensors(t, "seed_keras3", "inputs.npz"),
		comparetest.WithSettings(compare.Setting{Atol: new(0.02)}))
	r := held(t, func(t testing.TB) { comparetest.Parity(t, m, engine{m, off, nil}, nil) })
	want := regexp.MustCompile(`(?s)other does not agree with native \(-native \+other\):\n  output_0, step 2, batch row 0, unit 0:\n- \t-?[\d.]+\n\+ \t-?[\d.]+\n`)
	if !r.failed || !want.MatchString(r.said.String()) {
		t.Errorf("failed: %v: %s\nwant %s", r.failed, &r.said, want)
	}
	broken := errors.New("broken")
	if r := held(t, func(t testing.TB) { comparetest.Parity(t, m, engine{m, same, broken}, nil) }); !r.fatal || !strings.Contains(r.said.String(), "broken") {
		t.Errorf("fatal: %v: %s", r.fatal, &r.said)
	}
}

// Inputs that Parity makes are such as the model's graph takes.
func TestParityOfAFixedBatch(t *testing.T) {
	m, err := native.Load(fixture.Dir(t, "reports/stateful"))
	if err != nil {
		t.Fatal(err)
	}
	comparetest.Parity(t, m, m, nil)
}
