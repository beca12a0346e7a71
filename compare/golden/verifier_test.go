package golden_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// seedGolden is what TensorFlow computed from the seed model.
var seedGolden = filepath.Join("..", "comparetest", "testdata", "seed_keras3.golden")

// A model that reproduces its golden is loaded, any other is refused, and the
// error says what differs.
func TestVerifier(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	m, err := native.Load(dir, native.WithVerify(golden.Verifier(seedGolden)))
	if err != nil {
		t.Fatal(err)
	}
	fsys := os.DirFS(filepath.Dir(seedGolden))
	if _, err := native.LoadFS(fixture.FS(t, "seed_keras3"), native.WithVerify(golden.VerifierFS(fsys, filepath.Base(seedGolden)))); err != nil {
		t.Error(err)
	}
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, weights.Get("encoder/bias"), 3, func(v float32) float32 { return v + 0.25 })
	for _, c := range []struct {
		dir, file string
		change    golden.Change
		words     string
	}{
		{dir, seedGolden, golden.WeightsChanged, "native: golden: the model does not reproduce " + seedGolden + ": weights changed: encoder/bias float32 (256,): native differs from the golden of tensorflow"},
		{fixture.Dir(t, "seed_tfkeras"), seedGolden, golden.LayoutChanged, `layout or signature changed: the output "output_0" is called "output" now`},
	} {
		_, err := native.Load(c.dir, native.WithVerify(golden.Verifier(c.file)))
		e := (*golden.Error)(nil)
		if !errors.As(err, &e) || e.Result.Change != c.change || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%v, want %q", err, c.words)
		}
	}
	if _, err := native.Load(dir, native.WithVerify(golden.Verifier("nowhere.golden"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	// Two goldens are both wanted.
	if _, err := native.Load(fixture.Dir(t, "seed_keras3"), native.WithVerify(golden.Verifier(seedGolden)), native.WithVerify(golden.Verifier("nowhere.golden"))); err == nil {
		t.Error("the second golden was not read")
	}
}
