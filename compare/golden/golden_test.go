package golden_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

// A golden comes back as it was written, from a file and from any file system,
// and its bytes depend on what is in it alone.
func TestRoundTrip(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	inputs := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	g, err := golden.Record(t.Context(), load(t, dir), golden.Recording{
		Model: "seed", Tags: []string{"serve"}, Inputs: inputs, InputsFrom: "inputs.npz", Files: os.DirFS(dir), Candidate: load(t, dir),
		Expected: fixture.Tensors(t, "seed_keras3", "expected.npz"), Versions: map[string]string{"keras": "3"}, Rule: &compare.Setting{Atol: new(1e-4), Rtol: new(1e-3), ULP: new(uint64(3))},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b [2]bytes.Buffer
	for i := range b {
		if err := g.Write(&b[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b[0].Bytes(), b[1].Bytes()) {
		t.Error("two goldens of one run have other bytes")
	}
	if b[0].Len() > 200_000 {
		t.Errorf("the seed model's golden has %d bytes", b[0].Len())
	}
	t.Logf("the seed model's golden has %d bytes", b[0].Len())
	path := filepath.Join(t.TempDir(), "x.golden")
	if err := g.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	fromFS, err := golden.ReadFS(fstest.MapFS{"a/x": {Data: b[0].Bytes()}}, "a/x")
	if err != nil {
		t.Fatal(err)
	}
	for _, back := range []*golden.Golden{read(t, path), fromFS} {
		if !reflect.DeepEqual(back, g) {
			t.Errorf("it came back as another:\n%+v\nwant\n%+v", back.Header, g.Header)
		}
		if r := verify(t, back, dir, golden.Options{}); r.Change != golden.Same || len(r.Report.Comparisons) != 2 {
			t.Errorf("%s: %v", r.Change, r.Report.Comparisons)
		}
	}
	if sig := g.Header.Signature; sig.Name != "serving_default" || len(g.Header.Files) != 4 || len(g.Header.Weights) != 8 || g.Header.Versions["keras"] != "3" || g.Header.Machine.Platform == "" {
		t.Errorf("its header: %+v", g.Header)
	}
}

// What numpy alone writes is verified as far as it goes.
func TestByHand(t *testing.T) {
	dir := fixture.Dir(t, "states_out_keras3")
	m := load(t, dir)
	inputs := fixture.Tensors(t, "states_out_keras3", "inputs.npz")
	out, err := m.Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	arrays := []lockstep.NamedTensor{{Name: "outputs/output_0", Tensor: out["output_0"]}}
	for name, x := range inputs {
		arrays = append(arrays, lockstep.NamedTensor{Name: "inputs/" + name, Tensor: x})
	}
	path := filepath.Join(t.TempDir(), "hand.npz")
	if err := npz.WriteFile(path, arrays); err != nil {
		t.Fatal(err)
	}
	r := verify(t, read(t, path), dir, golden.Options{})
	if r.Change != golden.Same || len(r.Report.Comparisons[0].Results) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), `the golden has no output "output_1"`) {
		t.Errorf("%s: %+v %q", r.Change, r.Report, r.Notes)
	}
	data, _ := lockstep.Data[float32](out["output_0"])
	data[7] += 0.5
	if err := npz.WriteFile(path, arrays); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, read(t, path), dir, golden.Options{}); r.Change != golden.AnswersChanged {
		t.Error(r.Change)
	}
}

// The error of now is compared with that of then, which lies inside the
// tolerance both times.
func TestDrift(t *testing.T) {
	dir := unpack(t, "keras2")
	g := read(t, "testdata/tensorflow.golden")
	budget := func(x float64) *float64 { return &x }
	if r := verify(t, g, dir, golden.Options{Drift: budget(0)}); r.Change != golden.Same && r.Change != golden.Drifted {
		t.Error(r.Change) // other kernels may be nearer or farther by a bit
	}
	// Then, the native engine answered exactly what TensorFlow did; now it is off
	// by some part of the tolerance.
	then := *g
	then.Candidate = map[string]*lockstep.Tensor{}
	for name, x := range g.Outputs {
		then.Candidate[name] = x
	}
	shifted := *g
	shifted.Outputs = map[string]*lockstep.Tensor{}
	for name, x := range g.Outputs {
		values, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		other := make([]float32, len(values))
		for i, v := range values {
			other[i] = v + float32(0.5*(compare.DefaultAtol+compare.DefaultRtol*math.Abs(float64(v))))
		}
		shifted.Outputs[name] = fixture.NewTensor(t, other, x.Shape()...)
	}
	for _, c := range []struct {
		budget float64
		want   golden.Change
	}{{0.1, golden.Drifted}, {0.4, golden.Drifted}, {0.6, golden.Same}} {
		r := verify(t, &shifted, dir, golden.Options{Drift: budget(c.budget), Earlier: &then})
		if r.Change != c.want {
			t.Errorf("budget %v: %s, want %s", c.budget, r.Summary(), c.want)
		}
		if c.want == golden.Drifted && (r.Change.ExitCode() != 6 || !strings.Contains(r.Summary(), "error grew: output has a margin of 0.5")) {
			t.Errorf("code %d: %s", r.Change.ExitCode(), r.Summary())
		}
	}
	// It was as large before: it did not grow.
	before := shifted
	before.Candidate = g.Outputs
	if r := verify(t, &shifted, dir, golden.Options{Drift: budget(0.1), Earlier: &before}); r.Change != golden.Same {
		t.Errorf("as large as before: %s", r.Summary())
	}
	for what, o := range map[string]golden.Options{
		"the earlier golden does not hold what native answered": {Drift: budget(0), Earlier: read(t, "testdata/keras.golden")},
		"none of the tensors":              {Drift: budget(0), Earlier: &golden.Golden{Outputs: map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{1}, 1)}, Candidate: map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, []float32{1}, 1)}}},
		"a drift budget of NaN":            {Drift: budget(math.NaN())},
		"a drift budget of -1":             {Drift: budget(-1)},
		`no input and no output "nothing"`: {Rename: map[string]string{"nothing": "x"}},
	} {
		if _, err := g.Verify(t.Context(), load(t, dir), o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}

// off is an engine whose answers are a bit off.
type off struct{ lockstep.Tracer }

func (o off) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := o.Tracer.Trace(ctx, in, d)
	if err != nil {
		return nil, err
	}
	for _, x := range trace.Outputs {
		values, err := lockstep.Data[float32](x)
		if err != nil {
			return nil, err
		}
		values[len(values)/2] += 0.1
	}
	return trace, nil
}

// Nothing is recorded of parties that disagree, and nothing that is not finite.
func TestRecordRefuses(t *testing.T) {
	dir := fixture.Dir(t, "seed_units1_keras3")
	m := load(t, dir)
	inputs := fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	expected := fixture.Tensors(t, "seed_units1_keras3", "expected.npz")
	expected["output_0"] = fixture.NewTensor(t, make([]float32, expected["output_0"].Len()), expected["output_0"].Shape()...)
	for what, r := range map[string]golden.Recording{
		"native differs from native, first at output_0, step ": {Inputs: inputs, Candidate: off{m}},
		"native differs from keras, first at output_0, step ":  {Inputs: inputs, Expected: expected},
	} {
		_, err := golden.Record(t.Context(), m, r)
		if d := (*golden.Disagreement)(nil); !errors.As(err, &d) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	nan := map[string]*lockstep.Tensor{}
	for name, x := range inputs {
		nan[name] = fixture.NewTensor(t, append([]float32{float32(math.NaN())}, make([]float32, x.Len()-1)...), x.Shape()...)
	}
	if _, err := golden.Record(t.Context(), m, golden.Recording{Inputs: nan}); err == nil {
		t.Error("NaNs were recorded")
	}
	if _, err := golden.Record(t.Context(), m, golden.Recording{Inputs: nan, Rule: &compare.Setting{AllowNonFinite: new(true)}}); err != nil {
		t.Error(err)
	}
	if _, err := golden.Record(t.Context(), m, golden.Recording{Inputs: map[string]*lockstep.Tensor{}}); err == nil {
		t.Error("no inputs were recorded")
	}
}

// Where no tolerance was chosen it is derived, by whatever names the model has
// now: what the default one would let pass is found.
func TestDerivedTolerance(t *testing.T) {
	dir := unpack(t, "keras3")
	for _, now := range []string{"keras3", "renamed_layers"} {
		g := record(t, dir, fixtureInputs(t, dir))
		to := unpack(t, now)
		if r := verify(t, g, to, golden.Options{}); r.Report.Verdict() != compare.InStep {
			t.Errorf("%s: a sound engine diverged: %v", now, r.Report)
		}
		layer := g.Header.Layers[0]
		h, err := lockstep.Data[float32](g.States[lockstep.StateName(layer, "h")])
		if err != nil {
			t.Fatal(err)
		}
		h[0] += 5e-6
		r := verify(t, g, to, golden.Options{})
		k := &r.Report.Comparisons[0]
		if first := k.First(); k.Verdict() == compare.InStep || first.Name != lockstep.StateName(layer, "h") || !strings.Contains(first.Rule.String(), "from inputs to outputs") {
			t.Errorf("%s: 5e-6 are let pass: %+v", now, first)
		}
		if r := verify(t, g, to, golden.Options{Settings: compare.Settings{compare.DefaultSetting()}}); r.Report.Verdict() != compare.InStep {
			t.Errorf("%s: the default tolerance is not what was asked for", now)
		}
	}
}

// An error that is as large as it was has not grown, whatever it is judged by.
func TestNoDriftWithoutRule(t *testing.T) {
	dir := unpack(t, "keras3")
	inputs := fixtureInputs(t, dir)
	off := nudged{load(t, dir)}
	g, err := golden.Record(t.Context(), load(t, dir), golden.Recording{Model: "m", Files: os.DirFS(dir), Inputs: inputs, Candidate: off})
	if err != nil {
		t.Fatal(err)
	}
	budget := 0.0
	r, err := g.Verify(t.Context(), off, golden.Options{Drift: &budget})
	if err != nil {
		t.Fatal(err)
	}
	if first := r.Report.Comparisons[0].Results; r.Change != golden.Same || first[0].Margin == 0 {
		t.Errorf("%s: %v; the margin is %g", r.Change, r.Drift, first[0].Margin)
	}
}

// nudged answers a little beside the truth.
type nudged struct{ *native.Model }

func (n nudged) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := n.Model.Trace(ctx, inputs, detail)
	if err != nil {
		return nil, err
	}
	for _, out := range trace.Outputs {
		d, err := lockstep.Data[float32](out)
		if err != nil {
			return nil, err
		}
		d[0] += 1e-7
	}
	return trace, nil
}

// fixtureInputs makes inputs of a model.
func fixtureInputs(t *testing.T, dir string) map[string]*lockstep.Tensor {
	t.Helper()
	out := map[string]*lockstep.Tensor{}
	for i, s := range load(t, dir).Signature().Inputs {
		x := make([]float32, 2*10*s.Shape[2])
		for j := range x {
			x[j] = float32(math.Sin(float64(j + 3*i)))
		}
		out[s.Name] = fixture.NewTensor(t, x, 2, 10, s.Shape[2])
	}
	return out
}
