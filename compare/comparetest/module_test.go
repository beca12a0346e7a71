package comparetest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A directory with nothing but a SavedModel, its golden and a test passes go
// test without TensorFlow, and fails, naming layer and step, when one weight is
// changed in the model's file.
func TestInAModuleOfItsOwn(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("model_test.go", `package model

import (
	"testing"

	"github.com/lockstep-go/lockstep/compare/comparetest"
	"github.com/lockstep-go/lockstep/native"
)

func TestModel(t *testing.T) {
	m, err := native.Load("model")
	if err != nil {
		t.Fatal(err)
	}
	comparetest.Golden(t, m, "model.golden")
}
`)
	b, err := os.ReadFile(seedGolden)
	if err != nil {
		t.Fatal(err)
	}
	write("model.golden", string(b))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sums))
	write("go.mod", "module example.com/model\n\ngo 1.26.0\n\nrequire github.com/lockstep-go/lockstep v0.0.0\n\nreplace github.com/lockstep-go/lockstep => "+root+"\n")
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), filepath.Join(dir, "model")); err != nil {
		t.Fatal(err)
	}
	test := func() (string, error) {
		cmd := exec.Command("go", "test", "-count=1", "-mod=mod", "./...")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := test(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	imports := exec.Command("go", "list", "-deps", "-test", "-mod=mod", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./...")
	imports.Dir = dir
	imports.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := imports.Output(); err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("cgo in %s, %v", out, err)
	}
	weights, err := load(t, filepath.Join(dir, "model")).Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, filepath.Join(dir, "model"), weights.Get("encoder/kernel"), 7, func(v float32) float32 { return v + 0.5 })
	out, err := test()
	want := regexp.MustCompile(`(?s)--- FAIL: TestModel.*weights changed: encoder/kernel float32 \(1, 256\).*output_0, step 0, batch row \d+, unit 0:\n\s*- \t`)
	if err == nil || !want.MatchString(out) {
		t.Errorf("%v:\n%s\nwant %s", err, out, want)
	}
}
