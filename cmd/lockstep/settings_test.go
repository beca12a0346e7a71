package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
)

// offGolden records a golden of the seed model with one unit, by these flags, and
// moves its outputs by 5e-5.
func offGolden(t *testing.T, model string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.golden")
	if code, _, stderr := call(append([]string{"golden", "record", model, "--engine", "native", "-o", path}, flags...)...); code != exitInStep {
		t.Fatal(stderr)
	}
	g, err := golden.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range g.Outputs {
		values, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] += 5e-5
		}
	}
	if err := g.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Against answers 5e-5 off the recorded rule holds, whatever is said of something
// else; and what one says of a tensor is what it is judged by.
func TestVerifySettings(t *testing.T) {
	model := good(t)
	tight := []string{"--atol", "1e-12", "--rtol", "0"}
	for _, c := range []struct {
		record, verify []string
		yaml           string // of the model's entry
		code           int
		stdout         string
	}{
		{tight, nil, "", 1, "atol 1e-12, rtol 0"},
		{tight, []string{"--allow-nonfinite"}, "", 1, "atol 1e-12, rtol 0"},
		{tight, nil, "tensors: [{name: encoder/*, atol: 1}]", 1, "judged by 2 rules"},
		{tight, nil, "tensors: [{name: output_0, allow_nonfinite: true}]", 1, "atol 1e-12, rtol 0"},
		{tight, nil, "tolerance: {allow_nonfinite: true}", 1, "atol 1e-12, rtol 0"},
		{tight, nil, "tensors: [{name: output_0, atol: 1e-3}]", 0, "judged by 2 rules"},
		{tight, []string{"--rtol", "0"}, "", 1, "atol 1e-12, rtol 0"},
		{tight, []string{"--atol", "1e-3"}, "", 0, "atol 0.001, rtol 0"},
		{tight, []string{"--allow-nonfinite"}, "tolerance: {atol: 1e-3}", 0, "atol 0.001, rtol 0"},
		{nil, []string{"--atol", "1e-12"}, "", 1, "atol 1e-12, rtol 0"},
		{nil, nil, "tolerance: {ulp: 0}", 1, "judged by equality"},
		{nil, []string{"--ulp", "0"}, "", 1, "judged by equality"},
		{[]string{"--ulp", "0"}, nil, "", 1, "judged by equality"},
		{[]string{"--allow-nonfinite"}, nil, "", 1, "the rounding|what rounding"},
		{[]string{"--trace", "--atol", "1e-3"}, nil, "tensors: [{name: encoder/*, atol: 1}]", 0, "single steps: native agrees"},
		{[]string{"--trace", "--atol", "1e-3"}, []string{"--allow-nonfinite"}, "", 0, "single steps: native agrees"},
		{[]string{"--trace"}, []string{"--atol", "1e-3"}, "", 0, "atol 0.001, rtol 0"},
	} {
		path := offGolden(t, model, c.record...)
		args := append([]string{"golden", "verify", "--verbose", "--diagnose=false", model, path, "--engine", "native"}, c.verify...)
		if c.yaml != "" {
			name := writeConfig(t, fmt.Sprintf("models:\n  - model: %s\n    golden: %s\n    %s\n", model, path, c.yaml))
			args = append([]string{"golden", "verify", "--verbose", "--diagnose=false", "--config", name, "--engine", "native"}, c.verify...)
		}
		code, stdout, stderr := call(args...)
		said := false
		for _, want := range strings.Split(c.stdout, "|") {
			said = said || strings.Contains(stdout, want)
		}
		if code != c.code || !said {
			t.Errorf("recorded by %q, verified by %q and %q: exit code %d, want %d, and %q in\n%s%s", c.record, c.verify, c.yaml, code, c.code, c.stdout, stdout, stderr)
		}
	}
}

// A setting for nothing is wrong usage that names it, where it stands, and what
// there is; the other models are verified all the same.
func TestSettingForNothing(t *testing.T) {
	model := good(t)
	path := filepath.Join(t.TempDir(), "m.golden")
	if code, _, stderr := call("golden", "record", model, "--engine", "native", "-o", path); code != exitInStep {
		t.Fatal(stderr)
	}
	name := writeConfig(t, fmt.Sprintf("models:\n  - model: %s\n    golden: %[2]s\n    tensors:\n      - {name: encoder/*, ulp: 9}\n      - {name: encodr/*, ulp: 9}\n  - model: %[1]s\n    golden: %[2]s\n", model, path))
	code, stdout, stderr := call("golden", "verify", "--config", name, "--engine", "native", "--format", "text", "--format", "json="+filepath.Join(filepath.Dir(name), "x.json"))
	want := name + `:6: models[0].tensors[1].name: compare: the setting for "encodr/*": it matches no tensor: there are "decoder/state_c", "decoder/state_h", "encoder/state_c", "encoder/state_h", "output_0"; the nearest is "encoder/state_`
	if code != exitUsage || !strings.Contains(stderr, want) || !strings.Contains(stdout, "in step: ") {
		t.Errorf("exit code %d\n%s%s\nwant %q", code, stdout, stderr, want)
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(name), "x.json"))
	if err != nil || !strings.Contains(string(b), `"not_run": [`) || !strings.Contains(string(b), `"verdict": "no_verdict"`) {
		t.Errorf("%v: %s", err, b)
	}
}

// Numbers that readers disagree about are refused on the command line too.
func TestPlainNumbers(t *testing.T) {
	for _, args := range [][]string{
		{"--ulp", "010"}, {"--ulp", "0x10"}, {"--ulp", "0o10"}, {"--ulp", "0b11"}, {"--ulp", "1_000"},
		{"--atol", "1_0"}, {"--atol", "0x1p-3"}, {"--atol", "00.5"}, {"--atol", "1e-400"}, {"--atol", "1e400"}, {"--rtol", "010"},
	} {
		code, _, stderr := call(append([]string{"diff", "a.npz", "b.npz"}, args...)...)
		if code != exitUsage || !strings.Contains(stderr, args[1]) {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
	}
	for _, args := range [][]string{{"--batch", "010"}, {"--steps", "0x8"}, {"--seed", "1_0"}, {"--threads", "02"}} {
		if code, _, stderr := call(append([]string{"check", "m"}, args...)...); code != exitUsage || !strings.Contains(stderr, args[1]) {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
	}
	for _, s := range []string{"0", "12", "0.5", ".5", "5.", "1e-5", "1E+05", "+1", "0.0e-999"} {
		if _, err := parseDecimal(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", ".", "-", "e5", ".e5", " 1", "1 ", "1e", "١"} {
		if v, err := parseDecimal(s); err == nil {
			t.Errorf("%q is %v", s, v)
		}
	}
}

// A golden on the command line that is missing, or is not a golden, is named,
// and no model is looked for under its name.
func TestVerifyNamesTheGolden(t *testing.T) {
	model := good(t)
	dir := t.TempDir()
	other := filepath.Join(dir, "m.golden")
	if code, _, stderr := call("golden", "record", model, "--engine", "native", "-o", other); code != exitInStep {
		t.Fatal(stderr)
	}
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("no golden"), 0o644); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "misspelt")
	for _, c := range []struct {
		args   []string
		code   int
		stderr string
		never  string
		stdout string
	}{
		{[]string{model, gone}, exitNotRun, gone + ": no such file or directory: it is neither the golden of " + model + " nor another model's directory", gone + ".golden", ""},
		{[]string{model, gone, model, other}, exitNotRun, gone + ": no such file or directory", gone + ".golden", "in step: "},
		{[]string{model, gone + ".golden"}, exitNotRun, gone + ".golden: no such file or directory", gone + ".golden.golden", ""},
		{[]string{model, other, gone}, exitNotRun, gone, "neither the golden of " + model, "in step: "},
		{[]string{gone, other}, exitNotRun, gone, "neither", ""},
		{[]string{model, text}, exitNotRun, text, "saved_model.pb", ""},
		{[]string{model, dir}, exitNotRun, model + ".golden: no such file", "neither", ""},
		{[]string{model, other}, exitInStep, "", "neither", "in step: "},
	} {
		code, stdout, stderr := call(append([]string{"golden", "verify", "--engine", "native"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.stderr) || strings.Contains(stderr, c.never) || !strings.Contains(stdout, c.stdout) {
			t.Errorf("%q: exit code %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
}
