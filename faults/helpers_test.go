package faults_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

var long = flag.Bool("long", false, "the whole suite, and write its table into RESULTS.md")

// structuresFolder names the folder that models.py made.
const structuresFolder = "LOCKSTEP_STRUCTURES"

func structures(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(os.Getenv(structuresFolder), "*", "saved_model.pb"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no models in %s: %v", os.Getenv(structuresFolder), err)
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

// randomWeight draws a weight as large as keeps what it makes moderate.
func randomWeight(t *testing.T, rng *rand.Rand, w lockstep.NamedTensor, gain float64) *lockstep.Tensor {
	t.Helper()
	shape, is := w.Tensor.Shape(), func(role string) bool { return strings.HasPrefix(path.Base(w.Name), role) } // kernel_1 is a kernel
	scale := 1 / math.Sqrt(float64(w.Tensor.Len())/float64(shape[len(shape)-1]))                                // by what is added up
	switch {
	case is("recurrent_kernel"):
		scale *= gain
	case is("bias"), is("beta"):
		scale = 0.5
	case is("gamma"), is("moving_variance"):
		x := normal(t, rng, 0.2, shape...)
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range d {
			d[i] = max(0.1, 1+v)
		}
		return x
	}
	return normal(t, rng, scale, shape...)
}

func normal(t *testing.T, rng *rand.Rand, scale float64, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]float32, n)
	for i := range d {
		d[i] = float32(scale * rng.NormFloat64())
	}
	x, err := lockstep.New(d, slices.Clone(shape)...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func percent(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

// results is the file that shows what was found.
const results = "RESULTS.md"

// write writes a section of it between its marks.
func write(t *testing.T, section, text string) {
	t.Helper()
	b, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	from, to := fmt.Sprintf("<!-- written by make %s -->\n", section), "<!-- end -->"
	before, rest, ok := strings.Cut(string(b), from)
	_, after, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("%s has no section %q", results, from)
	}
	if err := os.WriteFile(results, []byte(before+from+text+to+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
