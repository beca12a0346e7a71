package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// unpack unpacks a model of testdata, which testdata/make.py made, and returns
// its directory.
func unpack(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := fixture.Unpack(filepath.Join("testdata", name+".zip"), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t testing.TB, dir string) *native.Model {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t testing.TB, path string) *golden.Golden {
	t.Helper()
	g, err := golden.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// record makes a golden of what the native engine answers.
func record(t testing.TB, dir string, inputs map[string]*lockstep.Tensor) *golden.Golden {
	t.Helper()
	g, err := golden.Record(t.Context(), load(t, dir), golden.Recording{Model: filepath.Base(dir), Files: os.DirFS(dir), Inputs: inputs, Tags: []string{"serve"}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func verify(t testing.TB, g *golden.Golden, dir string, o golden.Options) *golden.Result {
	t.Helper()
	o.Files = os.DirFS(dir)
	r, err := g.Verify(t.Context(), load(t, dir), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
