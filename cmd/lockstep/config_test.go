package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), configName)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every fault is named with its line and its key.
func TestConfigFaults(t *testing.T) {
	for _, c := range []struct{ text, line, want string }{
		{"", "1", "models: want a list of models"},
		{"# nothing\n", "1", "models: want a list of models"},
		{"models: []\n", "1", "models: want a list of models"},
		{"model: a\n", "1", `model: unknown field "model"`},
		{"models:\n  - golden: a\n", "2", "models[0].model: it is missing"},
		{"models:\n  - model: a\n    golden: [b]\n", "3", "models[0].golden: "},
		{"models:\n  - model: a\n  - model: b\n    sinature: c\n", "4", `models[1].sinature: unknown field "sinature"`},
		{"models:\n  - model: a\n    tolerance:\n      atol: small\n", "4", "models[0].tolerance.atol: "},
		{"models:\n  - model: a\n    tolerance:\n      atol: 1\n      rtol: -0.5\n", "5", "models[0].tolerance.rtol: -0.5, want a number of 0 or more"},
		{"models:\n  - model: a\n    tolerance: {ulp: -1}\n", "3", "models[0].tolerance.ulp: "},
		{"models:\n  - model: a\n    tolerance: {atol: .nan}\n", "3", "models[0].tolerance.atol: NaN, want"},
		{"models:\n  - model: a\n    tensors:\n      - atol: 1\n", "4", "models[0].tensors[0].name: it is missing"},
		{"models:\n  - model: a\n    tensors:\n      - name: '['\n", "4", "models[0].tensors[0].name: \"[\" is no pattern"},
		{"models:\n  - model: a\n    tensors:\n      - name: b\n        rtol: .inf\n", "5", "models[0].tensors[0].rtol: +Inf, want"},
		{"models:\n  - model: '[a'\n", "2", "models[0].model: \"[a\" is no pattern"},
		{"models:\n  - model: a\n    expected: b.npz\n", "3", "models[0].expected: "},
		{"models:\n  - model: a\n    drift: -1\n", "3", "models[0].drift: -1, want"},
		{"models:\n  - model: a\n    earlier: b\n", "3", "models[0].earlier: it is for drift"},
		{"models:\n  - model: a\n    model: b\n", "3", "model"},
		{"models:\n  - model: a\n   golden: b\n", "3", ""},
		{"models: {model: a}\n", "1", "models: "},
		{"- model: a\n", "1", "want keys and values, such as models"},
		{"models:\n  - &a {model: a}\n  - *a\n", "3", "models[1]: an alias, *a"},
		{"models:\n  - model: a\n---\nmodels: []\n", "3", "a second document"},
		{"models:\n  - model: a\n\tgolden: b\n", "3", ""},
		{"models:\n  - model: a\n    ulp: 3\n", "3", `models[0].ulp: unknown field "ulp": want model, golden, signature`},
		{"models:\n !\x9e2ur -\xad", "1", ""},
		{"models:\n", "1", "models: it has no value"},
		{"models:\n  - model: ~\n", "2", "models[0].model: it has no value"},
		{"models:\n  - model: ''\n", "2", "models[0].model: it is empty"},
		{"models:\n  - model: a\n    signature:\n", "3", "models[0].signature: it has no value"},
		{"models:\n  - model: a\n    tags: [serve, null]\n", "3", "models[0].tags[1]: it has no value"},
		{"models:\n  - model: a\n    tags: serve\n", "3", "models[0].tags: want a list"},
		{"models:\n  - model: a\n    rename: {b: }\n", "3", "models[0].rename.b: it has no value"},
		{"models:\n  - model: a\n    rename: {~: b}\n", "3", "models[0].rename.~: it has no value"},
		{"models:\n  - model: a\n    rename: [b]\n", "3", "models[0].rename: want names"},
		{"models:\n  - model: a\n    rename:\n      b: c\n      b: d\n", "5", "models[0].rename.b: it is given twice"},
		{"models:\n  - model: a\n    drift:\n", "3", "models[0].drift: it has no value"},
		{"models:\n  - model: a\n    tensors:\n", "3", "models[0].tensors: it has no value"},
		{"models:\n  - model: a\n    tolerance:\n", "3", "models[0].tolerance: it has no value"},
		{"models:\n  - model: a\n    tolerance: {}\n", "3", "models[0].tolerance: it has no rule"},
		{"models:\n  - model: a\n    tolerance: {atol: }\n", "3", "models[0].tolerance.atol: it has no value"},
		{"models:\n  - model: a\n    tolerance: {ulp: NULL}\n", "3", "models[0].tolerance.ulp: it has no value"},
		{"models:\n  - model: a\n    tolerance: {allow_nonfinite: ~}\n", "3", "models[0].tolerance.allow_nonfinite: it has no value"},
		{"models:\n  - model: a\n    tolerance: {allow_nonfinite: yes}\n", "3", `"yes": want true or false`},
		{"models:\n  - model: a\n    tolerance: {allow_nonfinite: on}\n", "3", `"on": want true or false`},
		{"models:\n  - model: a\n    tolerance: {allow_nonfinite: 1}\n", "3", `"1": want true or false`},
		{"models:\n  - model: a\n    tolerance: {allow_nonfinite: 'true'}\n", "3", `"true" is a text`},
		{"models:\n  - model: a\n    tolerance: {ulp: 010}\n", "3", `models[0].tolerance.ulp: "010": want a plain decimal number`},
		{"models:\n  - model: a\n    tolerance: {atol: 010}\n", "3", `"010": want a plain decimal number`},
		{"models:\n  - model: a\n    tolerance: {atol: 00.5}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {ulp: 0o10}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {ulp: 0x10}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {ulp: 1_000}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: 0x1p-3}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: 1:30}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: .}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: Infinity}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: true}\n", "3", "want a plain decimal number"},
		{"models:\n  - model: a\n    tolerance: {atol: '1'}\n", "3", `"1" is a text`},
		{"models:\n  - model: a\n    tolerance: {atol: !!float 1}\n", "3", "without quotes or a tag"},
		{"models:\n  - model: a\n    tolerance: {atol: [1]}\n", "3", "want one value"},
		{"models:\n  - model: a\n    tolerance: {atol: 1e400}\n", "3", "too large for float64"},
		{"models:\n  - model: a\n    tolerance: {atol: 1e-400}\n", "3", "too small"},
		{"models:\n  - model: a\n    tolerance: {ulp: 1.5}\n", "3", "want a whole number"},
		{"models:\n  - model: a\n    tolerance: {ulp: 1e3}\n", "3", "want a whole number"},
		{"models:\n  - model: a\n    tolerance: {ulp: 18446744073709551616}\n", "3", "want a whole number"},
		{"models:\n  - model: a\n    tensors:\n      - name: b\n", "4", "models[0].tensors[0]: it has no rule"},
		{"models:\n  - model: a\n    tensors: [{name: b, ulp: 1}, {name: b, atol: 1}]\n", "3", `"b" is listed twice`},
		{"models:\n  - model: a\n    tensors: [{name: b, at: x, ulp: 1}]\n", "3", `unknown field "at": want name, atol, rtol, ulp, allow_nonfinite`},
		{"models:\n  - {model: a, '': b}\n", "2", `unknown field ""`},
		{"models:\n  - {model: a, <<: {golden: b}}\n", "2", "models[0].<<: "},
		{"models:\n  - model: a\n    ? [b]\n    : c\n", "3", "want one value"},
		{"models:\n  - model: a\n    rename: {'': b}\n", "3", "models[0].rename: a name is empty"},
		{"models:\n  - model: a\n    rename: {b: [c]}\n", "3", "models[0].rename.b: want one value"},
		{"models:\n  - model: a\n    tensors: [b]\n", "3", "models[0].tensors[0]: want keys and values, such as name, atol, rtol"},
		{"models:\n  - model: a\n    tolerance: 1\n", "3", "models[0].tolerance: want keys and values, such as atol"},
		{"models:\n  - model: a\n    golden: b\n    tags: 1\n    tolerance: 1\n", "4", "models[0].tags: want a list"},
	} {
		name := writeConfig(t, c.text)
		_, err := readConfig(name)
		if err == nil || !strings.HasPrefix(err.Error(), name+":"+c.line+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want line %s and %q", c.text, err, c.line, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v takes more than a line", c.text, err)
		}
	}
	if _, err := readConfig(writeConfig(t, strings.Repeat("#", maxConfigBytes+1))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// What the file says of a tensor is the rule that it is judged by, and paths are
// relative to the file.
func TestConfig(t *testing.T) {
	name := writeConfig(t, `
models:
  - model: some/*
    golden: goldens
    signature: serve
    tags: [serve, gpu]
    tolerance: {atol: 1e-3}
    tensors:
      - {name: encoder/*, ulp: 4}
      - {name: "*/state_c", atol: 0, rtol: 1e-2, allow_nonfinite: true}
    rename: {dense: output_0}
    drift: 0.25
    earlier: old.golden
  - model: /absolute/model
`)
	dir := filepath.Dir(name)
	for _, d := range []string{"some/a", "some/b", "goldens"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "some", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(name)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := c.jobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 3 {
		t.Fatalf("%d jobs: %+v", len(jobs), jobs)
	}
	j := jobs[1]
	if j.model != filepath.Join(dir, "some/b") || j.golden != filepath.Join(dir, "goldens/b.golden") || j.signature != "serve" || len(j.tags) != 2 ||
		*j.drift != 0.25 || j.earlier != filepath.Join(dir, "old.golden") || j.rename["dense"] != "output_0" {
		t.Errorf("%+v", j)
	}
	rules := j.settings.Over(compare.Uniform(compare.DefaultRule()))
	for tensor, want := range map[string]string{
		"output_0": "atol 0.001, rtol 0", "encoder/state_h": "4 ulp", "encoder/state_c": "4 ulp", "decoder/state_c": "atol 0, rtol 0.01", "decoder/state_h": "atol 0.001, rtol 0",
	} {
		if got := rules(tensor).String(); got != want {
			t.Errorf("%s is judged by %s, want %s", tensor, got, want)
		}
	}
	if !rules("decoder/state_c").AllowNonFinite || !rules("encoder/state_c").AllowNonFinite || rules("output_0").AllowNonFinite {
		t.Error("allow_nonfinite belongs to another tensor")
	}
	if jobs[2].model != "/absolute/model" || jobs[2].settings != nil || jobs[2].golden != "" {
		t.Errorf("%+v", jobs[2])
	}
	for text, want := range map[string]string{
		"models:\n  - {model: none/*}\n":                    "no directory or zip of a model matches",
		"models:\n  - {model: some/*, golden: some/file}\n": "give a directory",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.jobs(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
