// Package comparetest checks models in go test: against a golden, and against
// another engine.
//
//	func TestModel(t *testing.T) {
//		m, err := native.Load("model")
//		if err != nil {
//			t.Fatal(err)
//		}
//		comparetest.Golden(t, m, "testdata/model.golden")
//	}
//
// The test needs no TensorFlow. It fails if weights, signature or answers
// differ from the golden, and says which weight, and at which tensor, step and
// unit the answers first diverge, as go-cmp does: - is what was wanted, + what
// was got.
//
//	go test -update
//
// writes the goldens again, from the engines under test: from the native one,
// if Golden was called with it, and the file then says so. A golden of
// TensorFlow is what lockstep golden record writes.
//
// A test package with its own -update flag shares it by calling
// flag.Lookup("update") instead of defining it. This package imports testing,
// and only tests should import it.
package comparetest

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/parity"
)

func init() {
	// Another package may have defined the flag, with the same meaning.
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "write golden files again")
	}
}

func updating() bool {
	f := flag.Lookup("update")
	g, ok := f.Value.(flag.Getter)
	if !ok {
		return false
	}
	yes, _ := g.Get().(bool)
	return yes
}

type settings struct {
	inputs map[string]*lockstep.Tensor
	rules  compare.Settings
}

// Option changes how models are checked.
type Option func(*settings)

// WithInputs sets the inputs of Parity, and of a golden that -update makes,
// which are otherwise made from a seed. An existing golden has its own.
func WithInputs(inputs map[string]*lockstep.Tensor) Option {
	return func(s *settings) { s.inputs = inputs }
}

// WithSettings changes the golden's own rule, or the default one, as the
// settings say: only for the tensors that they name.
func WithSettings(all ...compare.Setting) Option {
	return func(s *settings) { s.rules = append(s.rules, all...) }
}

func chosen(options []Option) settings {
	var s settings
	for _, o := range options {
		o(&s)
	}
	return s
}

// Golden fails the test if the model does not reproduce the golden in the file.
// Files that changed without changing what they contain are logged.
func Golden(t testing.TB, model lockstep.Engine, file string, options ...Option) {
	t.Helper()
	s := chosen(options)
	if updating() {
		update(t, model, file, s)
		return
	}
	g, err := golden.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("comparetest: %v: lockstep golden record writes one from TensorFlow, go test -update from %s", err, model.Name())
	}
	if err != nil {
		t.Fatalf("comparetest: %v", err)
	}
	r, err := g.Verify(context.Background(), model, golden.Options{Settings: s.rules, Files: filesOf(model)})
	if err != nil {
		t.Fatalf("comparetest: %s: %v", file, err)
	}
	if r.Change == golden.AnswersChanged && r.Report != nil {
		parity.ExplainAnswers(context.Background(), model, parity.Party{Name: r.By(), Inputs: r.Inputs, Values: r.Answers}, r.Report)
	}
	switch report := r.FullReport(file); {
	case r.Change.Failed():
		t.Errorf("comparetest: %s does not reproduce %s: %s (-golden +%s):\n%s\n%s", model.Name(), file, r.Change, model.Name(), head(report), text(t, report))
	case r.Change != golden.Same:
		t.Logf("comparetest: %s: %s: %s", file, r.Change, strings.Join(r.Files, "; "))
	}
}

// Parity fails the test if the candidate does not agree with the reference: in
// the weights, bit for bit, if both show them, in outputs and in final states.
// Without inputs it makes the same ones in every run.
func Parity(t testing.TB, reference, candidate lockstep.Tracer, inputs map[string]*lockstep.Tensor, options ...Option) {
	t.Helper()
	s := chosen(options)
	if inputs == nil {
		inputs = s.inputs
	}
	result, err := parity.Engines(context.Background(), reference, candidate, parity.Options{Inputs: inputs, Seed: seed, Settings: s.rules})
	if err != nil {
		t.Fatalf("comparetest: %v", err)
	}
	if report := result.Report; report.Verdict() != compare.InStep {
		t.Errorf("comparetest: %s does not agree with %s (-%s +%s):\n%s\n%s", candidate.Name(), reference.Name(), reference.Name(), candidate.Name(), head(report), text(t, report))
	}
}

// seed is the seed of made inputs.
const seed = 1

// update writes the golden again, from the inputs of the existing one.
func update(t testing.TB, model lockstep.Engine, file string, s settings) {
	t.Helper()
	recording := golden.Recording{Model: file, Files: filesOf(model), InputsFrom: "go test -update"}
	old, err := golden.ReadFile(file)
	switch {
	case err == nil:
		recording.Model, recording.Tags, recording.Rule, recording.Trace = old.Header.Model, old.Header.Tags, old.Header.Rule, len(old.Steps) > 0
		if s.inputs == nil && model.Signature().CheckInputs(old.Inputs) == nil {
			s.inputs, recording.InputsFrom = old.Inputs, old.Header.InputsFrom
		}
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatalf("comparetest: %v: remove it to have it written again", err)
	}
	if recording.Inputs = s.inputs; recording.Inputs == nil {
		if recording.Inputs, err = parity.Inputs(context.Background(), model, parity.Options{Seed: seed}); err != nil {
			t.Fatalf("comparetest: %v", err)
		}
	}
	g, err := golden.Record(context.Background(), model, recording)
	if err != nil {
		t.Fatalf("comparetest: %v", err)
	}
	if err := g.WriteFile(file); err != nil {
		t.Fatalf("comparetest: %v", err)
	}
	t.Logf("comparetest: wrote %s, from %s", file, model.Name())
}

// filesOf returns the files that a model was loaded from, nil if it does not
// expose them.
func filesOf(model lockstep.Engine) fs.FS {
	if m, ok := model.(interface{ Files() fs.FS }); ok {
		return m.Files()
	}
	return nil
}

// head writes the two sides of the first mismatch below each other.
func head(r *compare.Report) string {
	var b strings.Builder
	for _, f := range r.Failures {
		b.WriteString("  " + f + "\n")
	}
	if _, first := r.FirstDivergence(); first != nil && first.First != nil {
		f := first.First
		b.WriteString("  " + render.Named(first) + ", " + f.Place.String() + ":\n")
		b.WriteString("- \t" + f.Reference.String() + "\n")
		b.WriteString("+ \t" + f.Candidate.String() + "\n")
	} else if first != nil {
		b.WriteString("  " + render.Named(first) + ": " + string(first.Causes[0]) + "\n")
	}
	return b.String()
}

func text(t testing.TB, r *compare.Report) string {
	t.Helper()
	var b strings.Builder
	if err := render.Text(&b, r, render.TextOptions{Details: 1}); err != nil {
		t.Fatalf("comparetest: %v", err)
	}
	return b.String()
}
