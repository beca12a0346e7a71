//go:build tensorflow

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// Of 199 rows one is left, and the Go test that is written compiles; with the
// inputs that are left the check still diverges.
func TestCheckReduces(t *testing.T) {
	const name = "seed_keras3"
	dir, other := fixture.Dir(t, name), fixture.Dir(t, name)
	recurrent := lockstep.ByName(fixture.Ordered(t, name, "weights.npz"))["decoder/recurrent_kernel"]
	fixture.ChangeWeight(t, other, recurrent, largest(t, recurrent), func(v float32) float32 { return v * 1.01 })
	least := filepath.Join(t.TempDir(), "least.npz")
	code, stdout, stderr := call("check", dir, "--candidate-model", other, "--inputs", fixture.Path(name, "inputs.npz"), "--allow-nonfinite", "--reduce", least)
	if code != exitDiverged || stderr != "" || !strings.Contains(stdout, "reduced inputs:") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	left, err := npz.ReadFile(least)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range left {
		if x.Tensor.Shape()[0] != 1 {
			t.Errorf("%s is %s, want one row", x.Name, x.Tensor)
		}
	}
	code, stdout, _ = call("check", dir, "--candidate-model", other, "--inputs", least, "--diagnose=false")
	if code != exitDiverged || !strings.Contains(stdout, "single steps: native and tensorflow") && !strings.Contains(stdout, "diverged: single steps") {
		t.Errorf("with what is left: exit code %d\n%s", code, stdout)
	}
	// A test of this module, in a separate folder.
	folder, err := os.MkdirTemp(".", "reduced")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	written, err := os.ReadFile(goTest(least))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(written), "options.Settings = compare.Settings{{AllowNonFinite: new(true)}}") {
		t.Errorf("the settings are lost: %s", written)
	}
	if err := os.WriteFile(filepath.Join(folder, "reduced_test.go"), written, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", "-tags", "tensorflow", "./"+folder).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if code, _, _ := call("check", dir, "--reduce", "least.txt"); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
}
