//go:build tensorflow

package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Two directories, one of them edited, are all that a diagnosis needs: the
// weight is named with both values, and a converter's mistake by what it is.
func TestCheckDiagnosesAnotherDirectory(t *testing.T) {
	const name, rows, columns = "seed_keras3", 64, 256
	dir := fixture.Dir(t, name)
	weights := fixture.Ordered(t, name, "weights.npz")
	recurrent := lockstep.ByName(weights)["encoder/recurrent_kernel"]
	at := largest(t, recurrent)

	one := fixture.Dir(t, name)
	fixture.ChangeWeight(t, one, recurrent, at, func(v float32) float32 { return v * 1.01 })
	ulps := fixture.Dir(t, name)
	fixture.ChangeWeight(t, ulps, recurrent, at, func(v float32) float32 { return math.Float32frombits(math.Float32bits(v) + 16) })

	// As ONNX has it: the blocks i, f, g, o of every weight as i, o, f, g.
	order := fixture.Dir(t, name)
	var old, changed []*lockstep.Tensor
	for _, w := range weights {
		d, err := lockstep.Data[float32](w.Tensor)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(w.Name, "encoder/") && !strings.HasPrefix(w.Name, "decoder/") {
			continue
		}
		out := make([]float32, 0, len(d))
		for row := 0; row < len(d); row += columns {
			for _, block := range []int{0, 3, 1, 2} {
				out = append(out, d[row+block*rows:row+(block+1)*rows]...)
			}
		}
		x, err := lockstep.New(out, w.Tensor.Shape()...)
		if err != nil {
			t.Fatal(err)
		}
		old, changed = append(old, w.Tensor), append(changed, x)
	}
	if err := fixture.ReplaceWeights(order, old, changed); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		candidate string
		want      []string
	}{
		{one, []string{"why: native computes what tensorflow would with this fault: one weight of layer encoder: recurrent_kernel[", "instead of", "first differ in layer encoder, step"}},
		{ulps, []string{"a weight differs in the files of the two models: encoder/recurrent_kernel["}},
		{order, []string{"gates read in the order", "in layers encoder, decoder", "falls from"}},
	} {
		json := filepath.Join(t.TempDir(), "report.json")
		code, stdout, stderr := call("check", dir, "--candidate-model", c.candidate, "--inputs", fixture.Path(name, "inputs.npz"), "--format", "text", "--format", "json="+json)
		if code != exitDiverged || stderr != "" {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
		text := strings.Join(strings.Fields(stdout), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("the report lacks %q\n%s", want, stdout)
			}
		}
		b, err := os.ReadFile(json)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), `"suspects": [`) {
			t.Error("the report as JSON has no diagnosis")
		}
		if code, stdout, _ := call("check", dir, "--candidate-model", c.candidate, "--diagnose=false"); code != exitDiverged || strings.Contains(stdout, "diagnosis:") || strings.Contains(stdout, "why:") {
			t.Errorf("without a diagnosis: exit code %d\n%s", code, stdout)
		}
	}
}

// Two exports of one model, by two Kerases: the names of outputs are paired.
func TestCheckPairsNames(t *testing.T) {
	code, stdout, stderr := call("check", fixture.Dir(t, "seed_units1_keras3"), "--candidate-model", fixture.Dir(t, "seed_units1_tfkeras"), "--map", "output=output_0")
	if code != exitDiverged || stderr != "" || strings.Contains(stdout, "missing") { // the weights differ
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, args := range [][]string{{"--map", "a=b"}, {"--candidate-model", "x", "--map", "a"}, {"--candidate-model", "x", "--map", "a=b,a=c"}} {
		if code, _, _ := call(append([]string{"check", fixture.Dir(t, "seed_units1_keras3")}, args...)...); code != exitUsage {
			t.Errorf("%q: exit code %d, want %d", args, code, exitUsage)
		}
	}
}
