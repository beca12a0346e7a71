//go:build tensorflow

package tfbridge

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What TensorFlow computes does not depend on functions that nothing calls. Where
// there is no room for the smaller file, the whole one is loaded.
func TestTrimmedModelsComputeTheSame(t *testing.T) {
	for _, name := range []string{"seed_tfkeras", "gru_masked_tfkeras", "lstm_masked_states_tfkeras", "lstm_hard_sigmoid_tfkeras", "misleading_tfkeras"} {
		t.Run(name, func(t *testing.T) {
			dir, inputs := fixture.Dir(t, name), fixture.Tensors(t, name, "inputs.npz")
			path, release, err := trimmed(dir, nil)
			if err != nil {
				t.Fatalf("it is not trimmed: %v", err)
			}
			if size(t, path) > size(t, dir)/2 {
				t.Errorf("%d bytes are left of %d", size(t, path), size(t, dir))
			}
			release()
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is left behind", path)
			}
			got := traceOf(t, dir, inputs)
			t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
			if _, _, err := trimmed(dir, nil); err == nil {
				t.Fatal("it is trimmed without a folder for temporary files")
			}
			want := traceOf(t, dir, inputs)
			if !same(got.Outputs, want.Outputs) || !same(got.States, want.States) || !same(got.Steps, want.Steps) {
				t.Error("the whole file computes other values")
			}
		})
	}
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, graphFile))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func traceOf(t *testing.T, dir string, inputs map[string]*lockstep.Tensor) *lockstep.Trace {
	t.Helper()
	trace, err := openDir(t, dir).Trace(context.Background(), inputs, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func same(a, b map[string]*lockstep.Tensor) bool {
	return len(a) > 0 && maps.EqualFunc(a, b, (*lockstep.Tensor).BitEqual)
}
