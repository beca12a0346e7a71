package parity_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

const seedModel = "seed_keras3"

// reference is the native engine by another name, which counts how often it was
// opened and closed.
type reference struct {
	*native.Model
	opened, closed int
}

func (r *reference) Name() string { return "reference" }

func (r *reference) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := r.Model.Trace(ctx, in, d)
	if err == nil {
		trace.Engine = r.Name()
	}
	return trace, err
}

func (r *reference) open(context.Context) (lockstep.Tracer, func() error, error) {
	r.opened++
	return r, func() error { r.closed++; return nil }, nil
}

func load(t *testing.T, dir string) *reference {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &reference{Model: m}
}

// changed is the seed model with one weight of its decoder a hundredth larger.
func changed(t *testing.T) string {
	t.Helper()
	dir := fixture.Dir(t, seedModel)
	weight := lockstep.ByName(fixture.Ordered(t, seedModel, "weights.npz"))["decoder/recurrent_kernel"]
	values, err := lockstep.Data[float32](weight)
	if err != nil {
		t.Fatal(err)
	}
	largest := 0
	for i, v := range values {
		if v*v > values[largest]*values[largest] {
			largest = i
		}
	}
	fixture.ChangeWeight(t, dir, weight, largest, func(v float32) float32 { return v * 1.01 })
	return dir
}

func TestCheckInStep(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	r := load(t, dir)
	unoptimized := func(context.Context) (lockstep.Tracer, func() error, error) {
		t.Error("the reference was opened without its optimizer, and nothing differs")
		return nil, nil, errors.New("no")
	}
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, parity.Reference{Name: "reference", Open: r.open, Unoptimized: unoptimized},
		parity.Options{Inputs: fixture.Tensors(t, seedModel, "inputs.npz"), InputsFrom: "in.npz", Reduce: true})
	if err != nil {
		t.Fatal(err)
	}
	if kind := parity.KindOf(got, err); kind != parity.InStep || r.opened != 1 || r.closed != 1 {
		t.Errorf("%s; opened %d times, closed %d times", kind, r.opened, r.closed)
	}
	if got.Report.Model != dir || got.Report.Notes[0] != "inputs: in.npz" || got.Report.Diagnosis != nil || got.Reduced != nil {
		t.Errorf("%+v", got.Report)
	}
	if got.Reference.Engine != "reference" || got.Candidate.Engine != "native" {
		t.Errorf("traces of %s and %s", got.Reference.Engine, got.Candidate.Engine)
	}
}

// A changed weight is found, named by the diagnosis, and one row of the inputs shows
// it.
func TestCheckDiverged(t *testing.T) {
	dir, other := fixture.Dir(t, seedModel), changed(t)
	inputs := fixture.Tensors(t, seedModel, "inputs.npz")
	m := parity.Model{Dir: dir, Candidate: other}
	got, err := parity.Check(context.Background(), m, parity.Opened(load(t, dir)), parity.Options{Inputs: inputs, Reduce: true})
	if kind := parity.KindOf(got, err); err != nil || kind != parity.Diverged {
		t.Fatalf("%s, %v", kind, err)
	}
	if d := got.Report.Diagnosis; d == nil || len(d.Causes) == 0 || d.Causes[0].Weight == nil || d.Causes[0].Weight.Layer != "decoder" {
		t.Errorf("%+v", d)
	}
	if !slices.Contains(got.Report.Notes, "native ran "+other) {
		t.Errorf("%q", got.Report.Notes)
	}
	if got.Reduced == nil || got.Reduced.Comparison != "single steps" || got.Reduced.Runs == 0 || len(got.Reduced.Done) == 0 {
		t.Fatalf("%+v", got.Reduced)
	}
	for name, x := range got.Reduced.Inputs {
		if x.Shape()[0] != 1 {
			t.Errorf("%s is %s, want one row", name, x)
		}
	}
	again, err := parity.Check(context.Background(), m, parity.Opened(load(t, dir)), parity.Options{Inputs: got.Reduced.Inputs, NoDiagnosis: true})
	if parity.KindOf(again, err) != parity.Diverged || again.Report.Diagnosis != nil || again.Reduced != nil {
		t.Errorf("%+v, %v", again, err)
	}
}

// Two exports of one model have other names for the same; what is paired and is not
// there is wrong usage.
func TestCheckNames(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	for _, c := range []struct {
		names map[string]string
		kind  parity.Kind
		said  string
	}{
		{nil, parity.InStep, ""},
		{map[string]string{"encoder": "encoder"}, parity.InStep, ""},
		{map[string]string{"encoden": "encoder"}, parity.WrongUsage, `no input, output or layer "encoden"`},
		{map[string]string{"encoder": "lstm_7"}, parity.WrongUsage, `the candidate has no input, output or layer "lstm_7"`},
	} {
		got, err := parity.Check(context.Background(), parity.Model{Dir: dir, Candidate: fixture.Dir(t, seedModel), Names: c.names}, parity.Opened(load(t, dir)), parity.Options{})
		if kind := parity.KindOf(got, err); kind != c.kind || c.said != "" && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%v: %s, %v, want %s, %q", c.names, kind, err, c.kind, c.said)
		}
	}
}

// Another export calls its output otherwise: it is known by the reference's name.
func TestCheckPairsTheOnlyOutput(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir, Candidate: fixture.Dir(t, "seed_tfkeras")}, parity.Opened(load(t, dir)), parity.Options{NoDiagnosis: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Candidate.Outputs["output_0"] == nil || got.Candidate.Outputs["output"] != nil {
		t.Errorf("outputs %v", got.Candidate.Outputs)
	}
}

// A loop that is no layer in both models is no news.
func TestLoopsOfBothAreNotNoted(t *testing.T) {
	const name = "module_autograph_lstm"
	dir := fixture.Dir(t, name)
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir, Candidate: fixture.Dir(t, name)}, parity.Opened(load(t, dir)), parity.Options{})
	if err != nil || parity.KindOf(got, err) != parity.InStep {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, n := range got.Report.Notes {
		if strings.Contains(n, "no known layer") {
			t.Error(n)
		}
	}
}

// Engines that agree are not diagnosed where a third party expects something else.
func TestExpectedValuesAreNotDiagnosed(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	inputs, expected := fixture.Tensors(t, seedModel, "inputs.npz"), fixture.Tensors(t, seedModel, "expected.npz")
	values, err := lockstep.Data[float32](expected["output_0"])
	if err != nil {
		t.Fatal(err)
	}
	values[3]++
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, parity.Opened(load(t, dir)), parity.Options{Inputs: inputs, Expected: expected, Reduce: true})
	if err != nil || parity.KindOf(got, err) != parity.Diverged || got.Report.Diagnosis != nil || got.Reduced != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := got.Report.Answers; d == nil || d.Party != "keras" || len(d.Causes) > 0 || d.Tried < 100 || d.Pairs == 0 {
		t.Errorf("the diagnosis of a changed number: %+v", d)
	}
	notes := strings.Join(got.Report.Notes, "\n")
	if !strings.Contains(notes, "none of ") || !strings.Contains(notes, "suspect the export") || !strings.Contains(notes, "nothing to reduce") || strings.Contains(notes, "no diagnosis") {
		t.Error(notes)
	}
	// Inputs that are fewer than those of the expected values are still reduced.
	got, err = parity.Check(context.Background(), parity.Model{Dir: dir, Candidate: changed(t)}, parity.Opened(load(t, dir)), parity.Options{Inputs: inputs, Expected: expected, Reduce: true, NoDiagnosis: true})
	if err != nil || got.Reduced == nil || got.Reduced.Inputs["encoder_input"].Shape()[0] != 1 {
		t.Errorf("%+v, %v", got.Reduced, err)
	}
}

// optimized is a reference whose optimizer changes its outputs.
type optimized struct{ *reference }

func (o optimized) Trace(ctx context.Context, in map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	trace, err := o.reference.Trace(ctx, in, d)
	if err != nil {
		return nil, err
	}
	return fixture.Shift(trace, map[string]float32{"output_0": 0.5})
}

// What the reference's optimizer did is no fault of an engine's.
func TestCheckNamesTheOptimizer(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	r, plain := load(t, dir), load(t, dir)
	reference := parity.Opened(optimized{r})
	reference.Unoptimized = plain.open
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, reference, parity.Options{})
	if err != nil || parity.KindOf(got, err) != parity.Diverged || got.Report.Diagnosis != nil || plain.opened != 1 || plain.closed != 1 {
		t.Fatalf("%+v, %v; opened %d times, closed %d times", got, err, plain.opened, plain.closed)
	}
	if notes := strings.Join(got.Report.Notes, "\n"); !strings.Contains(notes, "graph optimizer changes what this model computes") || strings.Contains(notes, "no diagnosis") {
		t.Error(notes)
	}
}

// With expected values, an engine that does not run leaves the other one, and no
// verdict; without them its error is the caller's.
func TestCheckWithOneEngine(t *testing.T) {
	dir, broken := fixture.Dir(t, seedModel), errors.New("broken")
	inputs, expected := fixture.Tensors(t, seedModel, "inputs.npz"), fixture.Tensors(t, seedModel, "expected.npz")
	closed := parity.Reference{Name: "tensorflow", Open: func(context.Context) (lockstep.Tracer, func() error, error) { return nil, nil, broken }}
	// No other fault is looked for once the reference is not there.
	misfit := map[string]*lockstep.Tensor{"encoder_input": inputs["encoder_input"]}
	if got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, closed, parity.Options{Inputs: misfit}); got != nil || !errors.Is(err, broken) || parity.KindOf(got, err) != parity.NotRun {
		t.Errorf("%+v, %v", got, err)
	}
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, closed, parity.Options{Inputs: inputs, Expected: expected})
	if err != nil || parity.KindOf(got, err) != parity.NotRun || len(got.Report.NotRun) != 1 || got.Report.NotRun[0].Engine != "tensorflow" || got.Reference != nil || got.Candidate == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if c := got.Report.Comparisons[0]; c.Verdict() != compare.InStep || c.Reference != "keras" || c.Candidate != "native" {
		t.Errorf("%+v", c)
	}

	missing := parity.Model{Dir: dir, Candidate: filepath.Join(dir, "none")}
	if got, err := parity.Check(context.Background(), missing, parity.Opened(load(t, dir)), parity.Options{}); got != nil || !errors.Is(err, fs.ErrNotExist) || parity.KindOf(got, err) != parity.NotRun {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = parity.Check(context.Background(), missing, parity.Opened(load(t, dir)), parity.Options{Inputs: inputs, Expected: expected, ExpectedBy: "somebody"})
	if err != nil || len(got.Report.NotRun) != 1 || got.Report.NotRun[0].Engine != "native" || got.Reference == nil || got.Report.Comparisons[0].Reference != "somebody" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parity.Check(context.Background(), missing, closed, parity.Options{Inputs: inputs, Expected: expected}); got != nil || !errors.Is(err, broken) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What does not fit the model is wrong usage, by an error that callers can
// distinguish.
func TestWrongUsage(t *testing.T) {
	dir, stateful := fixture.Dir(t, seedModel), fixture.Dir(t, "reports/stateful")
	inputs := fixture.Tensors(t, seedModel, "inputs.npz")
	lacking := map[string]*lockstep.Tensor{"encoder_input": inputs["encoder_input"]}
	for _, c := range []struct {
		name, dir string
		o         parity.Options
		as        any
		said      string
	}{
		{"an input is missing", dir, parity.Options{Inputs: lacking, InputsFrom: "in.npz"}, new(*lockstep.TensorError), "in.npz: "},
		{"a setting for nothing", dir, parity.Options{Settings: compare.Settings{{Tensors: "nothing", ULP: new(uint64(1))}}}, new(*compare.SettingError), "nothing"},
		{"another batch", stateful, parity.Options{Batch: 7}, new(*parity.UsageError), "--batch 7 does not fit"},
		{"no inputs", dir, parity.Options{Expected: inputs}, new(*parity.UsageError), "no inputs"},
		{"sizes of given inputs", dir, parity.Options{Inputs: inputs, Batch: 1}, new(*parity.UsageError), "for made inputs"},
		{"negative sizes", dir, parity.Options{Steps: -1}, new(*parity.UsageError), "1 or more"},
	} {
		got, err := parity.Check(context.Background(), parity.Model{Dir: c.dir}, parity.Opened(load(t, c.dir)), c.o)
		if got != nil || !errors.As(err, c.as) || !strings.Contains(err.Error(), c.said) || parity.KindOf(got, err) != parity.WrongUsage {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestKindOf(t *testing.T) {
	broken := errors.New("broken")
	in := &compare.Comparison{Results: compare.Judge(compare.Measure(pair(t, 1), pair(t, 1), compare.Options{}), nil)}
	out := &compare.Comparison{Results: compare.Judge(compare.Measure(pair(t, 1), pair(t, 2), compare.Options{}), nil)}
	result := func(c *compare.Comparison, notRun ...compare.EngineFailure) *parity.Result {
		return &parity.Result{Report: &compare.Report{Comparisons: []compare.Comparison{*c}, NotRun: notRun}}
	}
	for _, c := range []struct {
		result *parity.Result
		err    error
		want   parity.Kind
	}{
		{result(in), nil, parity.InStep},
		{result(in), broken, parity.NotRun},
		{result(in), &parity.UsageError{Err: broken}, parity.WrongUsage},
		{result(out), nil, parity.Diverged},
		{result(out), broken, parity.Diverged},
		{result(in, compare.EngineFailure{Engine: "x", Err: broken}), nil, parity.NotRun},
		{result(out, compare.EngineFailure{Engine: "x", Err: broken}), nil, parity.Diverged},
		{nil, broken, parity.NotRun},
		{nil, &lockstep.TensorError{Err: broken}, parity.WrongUsage},
	} {
		if got := parity.KindOf(c.result, c.err); got != c.want {
			t.Errorf("%+v, %v: %s, want %s", c.result, c.err, got, c.want)
		}
	}
}

func pair(t *testing.T, v float32) map[string]*lockstep.Tensor {
	t.Helper()
	x, err := lockstep.New([]float32{v}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*lockstep.Tensor{"y": x}
}

// trial is what a reference is asked which inputs it takes.
type trial struct {
	*native.Model
	runs, closed int
}

func (r *trial) Run(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	r.runs++
	return r.Model.Run(ctx, in)
}

func (r *trial) Close() error { r.closed++; return nil }

// Inputs are made such as the graph takes, and the report says so; who is tried for
// them is closed before the check runs.
func TestMadeInputs(t *testing.T) {
	dir := fixture.Dir(t, "reports/stateful")
	r, tried := load(t, dir), &trial{Model: load(t, dir).Model}
	got, err := parity.Check(context.Background(), parity.Model{Dir: dir}, parity.Reference{Open: r.open, Trial: tried}, parity.Options{Seed: 4})
	if err != nil || parity.KindOf(got, err) != parity.InStep || tried.closed != 1 {
		t.Fatalf("%+v, %v; closed %d times", got, err, tried.closed)
	}
	if note := got.Report.Notes[0]; !strings.HasPrefix(note, "inputs: random, --seed 4 --batch ") || !strings.Contains(note, "; fitted to the graph: the batch is ") {
		t.Error(note)
	}
	made, err := parity.Inputs(context.Background(), r.Model, parity.Options{Seed: 4})
	if err != nil || r.Signature().CheckInputs(made) != nil {
		t.Error(made, err)
	}
	if _, err := parity.Inputs(context.Background(), r.Model, parity.Options{Batch: 7}); !errors.As(err, new(*parity.UsageError)) {
		t.Error(err)
	}
}

// Engines that are open are compared by the default tolerance, and by settings.
func TestEngines(t *testing.T) {
	dir := fixture.Dir(t, seedModel)
	r, other := load(t, dir), load(t, changed(t)).Model
	same, err := parity.Engines(context.Background(), r, load(t, dir).Model, parity.Options{Seed: 1})
	if kind := parity.KindOf(same, err); kind != parity.InStep || len(same.Report.Comparisons) != 2 {
		t.Errorf("%s, %v", kind, err)
	}
	got, err := parity.Engines(context.Background(), r, other, parity.Options{Seed: 1, Settings: compare.Settings{{Atol: new(1.0)}}})
	if kind := parity.KindOf(got, err); kind != parity.Diverged || got.Report.Comparisons[0].Title != "weights" || got.Report.Comparisons[1].Verdict() != compare.InStep {
		t.Errorf("%s, %v", kind, err)
	}
	if _, err := parity.Engines(context.Background(), r, other, parity.Options{Steps: -1}); parity.KindOf(nil, err) != parity.WrongUsage {
		t.Error(err)
	}
}
