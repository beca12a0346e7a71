//go:build tensorflow

package tfbridge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A model in a zip computes what its directory does, closes, and leaves nothing
// behind, also where it cannot be loaded: then the error names the zip.
func TestZip(t *testing.T) {
	temporary := t.TempDir()
	dir, broken := fixture.Dir(t, "seed_units1_keras3"), filepath.Join(t.TempDir(), "broken.zip")
	t.Setenv("TMPDIR", temporary)
	inputs := fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	var answers []map[string]*lockstep.Tensor
	for _, path := range []string{dir, fixture.Zip("seed_units1_keras3")} {
		m, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, out)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, want := range answers[0] {
		if !answers[1][name].BitEqual(want) {
			t.Errorf("%s: from the zip it is %s", name, answers[1][name])
		}
	}
	b, err := os.ReadFile(fixture.Zip("seed_units1_keras3"))
	if err != nil {
		t.Fatal(err)
	}
	copy(b[len(b)/3:], "damaged") // in the middle of an entry
	if err := os.WriteFile(broken, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := Open(broken); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("a damaged zip: %v, %v", m, err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left behind", left, err)
	}
}
