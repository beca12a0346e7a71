package golden_test

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Every kind of change to a seed model is told from the others. The goldens are
// what TensorFlow and Keras computed from the Keras 2 model, and what the native
// engine computes from the Keras 3 one.
func TestChanges(t *testing.T) {
	tensorflow, keras := read(t, "testdata/tensorflow.golden"), read(t, "testdata/keras.golden")
	keras3 := record(t, unpack(t, "keras3"), tensorflow.Inputs)
	otherHead := record(t, unpack(t, "other_head"), tensorflow.Inputs)
	renamed := map[string]string{"output": "output_0"}
	for _, c := range []struct {
		name   string
		golden *golden.Golden
		model  string
		rename map[string]string
		change golden.Change
		code   int
		words  string // of the summary
		notes  string // of the report
	}{
		{"nothing", tensorflow, "keras2", nil, golden.Same, 0, "in step", ""},
		{"nothing, by hand", keras, "keras2", nil, golden.Same, 0, "in step", ""},
		{"nothing, Keras 3", keras3, "keras3", nil, golden.Same, 0, "in step", ""},
		{"re-exported by Keras 3", tensorflow, "keras3_same_names", nil, golden.FilesChanged, 0, "in step: files changed, answers the same", "keras_metadata.pb is gone"},
		{"re-exported, by hand", keras, "keras3_same_names", nil, golden.FilesChanged, 0, "in step: files changed, answers the same", "saved_model.pb differs"},
		{"re-exported, output named", tensorflow, "keras3", renamed, golden.FilesChanged, 0, "in step: files changed, answers the same", ""},
		{"re-exported, by hand, output named", keras, "keras3", renamed, golden.FilesChanged, 0, "in step: files changed, answers the same", ""},
		{"re-exported under another name", tensorflow, "keras3", nil, golden.LayoutChanged, 5,
			`layout or signature changed: the output "output" is called "output_0" now: answers the same within the tolerance`, ""},
		{"re-exported under another name, by hand", keras, "keras3", nil, golden.LayoutChanged, 5, `the model has no output "output"; it has ["output_0"]`, ""},
		{"renamed layers", keras3, "renamed_layers", nil, golden.FilesChanged, 0, "in step: files changed, answers the same", ""},
		{"renamed layers of a model without roles", otherHead, "other_head_renamed_layers", nil, golden.FilesChanged, 0, "in step: files changed, answers the same",
			`recurrent layers have other names: ["past" "future"]`},
		{"renamed input", keras3, "renamed_inputs", nil, golden.LayoutChanged, 5,
			`layout or signature changed: the input "encoder_input" is called "past" now: answers the same within the tolerance`, ""},
		{"renamed input, named", keras3, "renamed_inputs", map[string]string{"encoder_input": "past"}, golden.FilesChanged, 0, "in step: files changed, answers the same", ""},
		{"retrained", keras3, "retrained", nil, golden.WeightsChanged, 4, "weights changed: encoder/kernel float32 (1, 16) and 7 more: native differs from", "weights changed: encoder/kernel"},
		{"retrained, Keras 2 before", tensorflow, "retrained", renamed, golden.WeightsChanged, 4, "weights changed: encoder/kernel float32 (1, 16) and 7 more", ""},
		{"retrained, weights unknown", keras, "retrained", renamed, golden.AnswersChanged, 1, "answers changed: native differs from the golden of keras 2.21.0, first at output, step 0", "variables/variables.index differs"},
		{"same weights, other head", keras3, "other_head", nil, golden.AnswersChanged, 1, "answers changed: native differs from the golden of native, first at output_0, step 0", "the weights are the golden's"},
		{"same weights, states swapped", keras3, "states_swapped", nil, golden.AnswersChanged, 1, "answers changed: native differs", "the same weights under other names"},
		{"more units", keras3, "more_units", nil, golden.LayoutChanged, 5, "layout or signature changed: encoder/kernel float32 (1, 20), in the golden encoder/kernel float32 (1, 16)", ""},
		{"more features", keras3, "more_features", nil, golden.LayoutChanged, 5, "the input encoder_input float32 (?, 10, 2), in the golden encoder_input float32 (?, 10, 1)", "the golden's inputs do not fit"},
		{"an axis of any length", keras3, "longer_window", nil, golden.LayoutChanged, 5, "the input encoder_input float32 (?, ?, 1), in the golden encoder_input float32 (?, 10, 1): answers the same", ""},
	} {
		r := verify(t, c.golden, unpack(t, c.model), golden.Options{Rename: c.rename})
		if r.Change != c.change || r.Change.ExitCode() != c.code || !strings.Contains(r.Summary(), c.words) {
			t.Errorf("%s: %s (code %d): %s\nwant %s, code %d: %s", c.name, r.Change, r.Change.ExitCode(), r.Summary(), c.change, c.code, c.words)
		}
		report := r.FullReport(c.model)
		if all := strings.Join(append(report.Failures, report.Notes...), "\n"); !strings.Contains(all, c.notes) {
			t.Errorf("%s: the report lacks %q:\n%s", c.name, c.notes, all)
		}
		if failed := report.Verdict() != compare.InStep; failed != (c.code != 0) {
			t.Errorf("%s: the report's verdict is %s", c.name, report.Verdict())
		}
	}
}

// One weight that is changed in the file is found, with its layer, and so is the
// first step that it changes.
func TestOneChangedWeight(t *testing.T) {
	g := read(t, "testdata/tensorflow.golden")
	weights, err := load(t, unpack(t, "keras2")).Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range weights {
		dir := unpack(t, "keras2")
		fixture.ChangeWeight(t, dir, w.Tensor, 0, func(v float32) float32 { return v + 0.5 })
		r := verify(t, g, dir, golden.Options{})
		if r.Change != golden.WeightsChanged || len(r.Weights) != 1 || !strings.HasPrefix(r.Weights[0], w.Name+" ") {
			t.Errorf("%s: %s: %q", w.Name, r.Change, r.Weights)
		}
		if s := r.Summary(); !strings.Contains(s, w.Name) || !strings.Contains(s, "at output, step ") {
			t.Errorf("%s: %s", w.Name, s)
		}
		// The least change there is cannot be told by the answers.
		dir = unpack(t, "keras2")
		fixture.ChangeWeight(t, dir, w.Tensor, 0, func(v float32) float32 { return v * (1 + 1e-7) })
		r = verify(t, g, dir, golden.Options{})
		if r.Change != golden.WeightsChanged || !strings.Contains(r.Summary(), "answers the same within the tolerance") {
			t.Errorf("%s, by one ulp: %s", w.Name, r.Summary())
		}
	}
}

// Two swapped weights count as changed weights.
func TestSwappedWeights(t *testing.T) {
	dir := unpack(t, "keras3")
	g := record(t, dir, read(t, "testdata/tensorflow.golden").Inputs)
	w := g.Header.Weights
	w[0].SHA256, w[3].SHA256 = w[3].SHA256, w[0].SHA256
	if r := verify(t, g, dir, golden.Options{}); r.Change != golden.WeightsChanged || len(r.Weights) != 2 {
		t.Errorf("%s: %q", r.Change, r.Weights)
	}
}

// A changed weight is found even if all have other names.
func TestRenamedAndRetrained(t *testing.T) {
	g := record(t, unpack(t, "other_head"), read(t, "testdata/tensorflow.golden").Inputs)
	dir := unpack(t, "other_head_renamed_layers")
	weights, err := load(t, dir).Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, weights.Get("future/bias"), 1, func(v float32) float32 { return v + 1e-6 })
	if r := verify(t, g, dir, golden.Options{}); r.Change != golden.WeightsChanged || len(r.Weights) != 1 || !strings.HasPrefix(r.Weights[0], "future/bias ") {
		t.Errorf("%s: %q", r.Change, r.Weights)
	}
}
