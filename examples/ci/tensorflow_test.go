//go:build tensorflow

package ci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare/golden"
)

// recorded wants a golden of TensorFlow.
func recorded(t *testing.T, path string) {
	t.Helper()
	if g, err := golden.ReadFile(path); err != nil || g.Header.Engine != "tensorflow" || len(g.Candidate) == 0 {
		t.Errorf("%s: %+v, %v", path, g, err)
	}
}

// With TensorFlow, the models are checked on both engines and recorded.
func TestGitHubChecks(t *testing.T) {
	w, dir := github(t), repository(t)
	out, err := w.run(t, "check", dir)
	if err != nil || strings.Count(out, "::notice title=lockstep%3A models/seed%3A in step") != 2 || !strings.Contains(out, "::notice title=lockstep%3A models/seed in tensorflow%3A in step") {
		t.Fatalf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 0)
	recorded(t, filepath.Join(dir, "recorded", "seed.golden"))
	recorded(t, filepath.Join(dir, "recorded", "keras2.golden"))
	spoil(t, dir)
	if out, err := w.run(t, "check", dir); err == nil || !strings.Contains(err.Error(), "Hold both engines") || !strings.Contains(out, "weights changed: encoder/kernel") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestGitLabChecks(t *testing.T) {
	var g gitlab
	readYAML(t, "gitlab.yml", &g)
	dir := repository(t)
	if out, err := g.run(t, g.Check, dir); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 0)
	recorded(t, filepath.Join(dir, "recorded", "seed.golden"))
}

func TestMakeChecks(t *testing.T) {
	dir := repository(t)
	if err := os.Remove(filepath.Join(dir, "goldens", "seed.golden")); err != nil {
		t.Fatal(err)
	}
	if out, err := shell(t, dir, "make -f lockstep.mk record-models check-models"); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	recorded(t, filepath.Join(dir, "goldens", "seed.golden"))
}
