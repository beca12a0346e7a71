package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	for tensor, want := range map[string]string{
		"output_0": "atol 0.001, rtol 0.0001", "encoder/state_h": "4 ulp", "encoder/state_c": "4 ulp", "decoder/state_c": "atol 0, rtol 0.01", "decoder/state_h": "atol 0.001, rtol 0.0001",
	} {
		if got := j.rules(tensor).String(); got != want {
			t.Errorf("%s is judged by %s, want %s", tensor, got, want)
		}
	}
	if !j.rules("decoder/state_c").AllowNonFinite || j.rules("output_0").AllowNonFinite {
		t.Error("allow_nonfinite is another's")
	}
	if jobs[2].model != "/absolute/model" || jobs[2].rules != nil || jobs[2].golden != "" {
		t.Errorf("%+v", jobs[2])
	}
	for text, want := range map[string]string{
		"models:\n  - {model: none/*}\n":                    "no directory matches",
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
