//go:build tensorflow

package tfbridge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// libtensorflow takes some characters of a path for a pattern: it must load the
// model of that name, and not another one that the pattern matches.
func TestPathsThatArePatterns(t *testing.T) {
	const name = "seed_units1_keras3"
	inputs, want := fixture.Tensors(t, name, "inputs.npz"), fixture.Tensors(t, name, "expected.npz")
	weights := fixture.Ordered(t, name, "weights.npz")
	base := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(base, "tmp"))
	if err := os.Mkdir(filepath.Join(base, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	// What each pattern matches is the same model with another weight.
	other := filepath.Join(base, "aXb")
	if err := os.CopyFS(other, fixture.FS(t, name)); err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, other, weights[0].Tensor, 0, func(v float32) float32 { return v + 1 })
	for _, place := range []string{"a*b", "a?b", "a[X]b", "a[", `a\Xb`, `\`, "aXb/in[side]", "*/a?b"} {
		dir := filepath.Join(base, place)
		if err := os.CopyFS(dir, fixture.FS(t, name)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a second model in the same place
			m, err := Open(dir)
			if err != nil {
				t.Errorf("%s: %v", place, err)
				continue
			}
			got, err := m.Run(t.Context(), inputs)
			if err != nil {
				t.Errorf("%s: %v", place, err)
			} else if d, err := difference(got["output_0"], want["output_0"]); err != nil || d > 1e-4 {
				t.Errorf("%s: the output is %g off, %v", place, d, err)
			}
			if err := m.Close(); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		}
	}
	if left, err := os.ReadDir(filepath.Join(base, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left behind", left, err)
	}
	// What libtensorflow says of such a model names its folder.
	dir := filepath.Join(base, "a*b")
	if err := os.WriteFile(filepath.Join(dir, dataFile), bytes.Repeat([]byte{0xff}, 2404), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), dir+"/variables") {
		t.Errorf("a damaged one: error %v, want one that names %s", err, dir)
	}
}

// What is not a regular file is refused before libtensorflow opens it: it would
// wait for ever.
func TestPipesAreRefused(t *testing.T) {
	for _, name := range []string{
		graphFile, indexFile, dataFile, "fingerprint.pb", "saved_model.pbtxt", "saved_model.cpb",
		"variables/another", "assets/words.txt", "assets/deep/words.txt",
	} {
		for _, linked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s linked %v", name, linked), func(t *testing.T) {
				dir := fixture.Dir(t, "seed_units1_keras3")
				path := filepath.Join(dir, name)
				os.Remove(path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				pipe := path
				if linked {
					pipe = filepath.Join(t.TempDir(), "pipe")
					if err := os.Symlink(pipe, path); err != nil {
						t.Fatal(err)
					}
				}
				if err := syscall.Mkfifo(pipe, 0o644); err != nil {
					t.Fatal(err)
				}
				m, err := Open(dir)
				if err == nil {
					m.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "is a named pipe: not a regular file") || !strings.Contains(err.Error(), filepath.Base(name)) {
					t.Errorf("error %v, want one that names it", err)
				}
			})
		}
	}
	// What libtensorflow does not open is not looked at.
	dir := fixture.Dir(t, "seed_units1_keras3")
	if err := syscall.Mkfifo(filepath.Join(dir, "notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	openDir(t, dir)
}

// libtensorflow itself refuses the checkpoints that our reader refuses for their
// data files' length, and takes the others.
func TestDamagedCheckpoints(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"seed_units1_keras3", "seed_units1_tfkeras", "no_bias_keras3", "gru_masked_keras3", "not_recurrent"} {
		dir := fixture.Dir(t, name)
		path := filepath.Join(dir, dataFile)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, len(whole) - 1, len(whole), len(whole) + 1, r.IntN(len(whole)), r.IntN(len(whole)), r.IntN(len(whole))} {
			if err := os.WriteFile(path, append(whole, 0)[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			saved, err := savedmodel.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			meta, err := saved.MetaGraph()
			if err != nil {
				t.Fatal(err)
			}
			ours := meta.CheckData()
			model, theirs := tf.LoadSavedModel(dir, []string{"serve"}, nil)
			if theirs == nil {
				model.Session.Close()
			}
			if (ours == nil) != (theirs == nil) || (ours == nil) != (n >= len(whole)) {
				t.Errorf("%s: %d of %d bytes: ours says %v, libtensorflow %v", name, n, len(whole), ours, theirs)
			}
		}
	}
}
