package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

var long = flag.Bool("long", false, "the whole suite, and write its table into RESULTS.md")

// structuresFolder names the folder that models.py made.
const structuresFolder = "LOCKSTEP_STRUCTURES"

// structure is a model whose weights are to be drawn, as models.py describes it.
type structure struct {
	Name, Family string
	Layers       []string
	Inputs       map[string]struct {
		High   int  // tokens are below it
		Masked bool // some steps are zero
	}
	Steps  [2]int // the least and the most, where they are free
	Gain   float64
	Half   bool // computes in 16 bits, and its layers show no steps
	OneDNN bool // has no other kernel on a CPU

	Loop    bool // that is no known layer
	Decided bool // by rounding, which way a loop goes: its outputs have no bounds then
}

// readStructures reads what models.py made.
func readStructures(t *testing.T) []structure {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(os.Getenv(structuresFolder), "structures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []structure
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// directories are those of some structures.
func directories(t *testing.T, wanted func(*structure) bool) (dirs []string) {
	t.Helper()
	for _, s := range readStructures(t) {
		if wanted(&s) {
			dirs = append(dirs, filepath.Join(os.Getenv(structuresFolder), s.Name))
		}
	}
	if len(dirs) == 0 {
		t.Fatalf("there are no such structures in %s", os.Getenv(structuresFolder))
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
	case is("embeddings"):
		scale = 1
	case is("gamma"), is("moving_variance"), is("scale"):
		x := normal(t, rng, w.Tensor.DType(), 0.2, shape...)
		return each(t, x, func(v float64) float64 { return max(0.1, 1+v) })
	}
	return normal(t, rng, w.Tensor.DType(), scale, shape...)
}

func normal(t *testing.T, rng *rand.Rand, dtype lockstep.DType, scale float64, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return each(t, x, func(float64) float64 { return scale * rng.NormFloat64() })
}

// each changes every number of a tensor of float32 or float64.
func each(t *testing.T, x *lockstep.Tensor, to func(float64) float64) *lockstep.Tensor {
	t.Helper()
	if d, err := lockstep.Data[float64](x); err == nil {
		for i, v := range d {
			d[i] = to(v)
		}
		return x
	}
	d, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range d {
		d[i] = float32(to(float64(v)))
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
