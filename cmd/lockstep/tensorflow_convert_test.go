//go:build tensorflow

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Python's TensorFlow runs what convert writes, on a CPU, and computes what Keras does.
func TestConvertedModelsInPython(t *testing.T) {
	keras := os.Getenv("LOCKSTEP_KERAS")
	if keras == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("LOCKSTEP_KERAS names no Python with TensorFlow, and CI is set: run make test")
		}
		t.Skip("NOT RUN: LOCKSTEP_KERAS names no Python with TensorFlow")
	}
	names := fixture.Names(t)
	if os.Getenv("LOCKSTEP_MODELS") != "" {
		names = fixture.MadeNames(t)
	}
	args := []string{filepath.Join("..", "..", "models", "converted.py")}
	for _, name := range names {
		if !strings.Contains(name, "cudnn") {
			continue
		}
		to := filepath.Join(t.TempDir(), name)
		if code, _, stderr := call("convert", fixture.Dir(t, name), "-o", to); code != exitInStep {
			t.Errorf("%s: %s", name, stderr)
			continue
		}
		args = append(args, fixture.Path(name), to)
	}
	if len(args) < 8 {
		t.Fatalf("%d models of cuDNN", (len(args)-1)/2)
	}
	out, err := exec.Command(keras, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
}
