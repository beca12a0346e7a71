package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/bench"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// The program answers what Keras predicted, by each of its engines, and is timed.
func TestContender(t *testing.T) {
	program := filepath.Join(t.TempDir(), "contender")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const model = "seed_keras3"
	dir := fixture.Dir(t, model)
	want, err := fixture.Tensors(t, model, "expected.npz")["output_0"].Float64s()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"seq2seq", "runner", "run"} {
		p, err := bench.Start(exec.Command(program, "bench-contender", dir, "--engine", engine, "--inputs", fixture.Path(model, "inputs.npz")))
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		if len(p.Answer) != len(want) {
			t.Fatalf("%s: %d values, want %d", engine, len(p.Answer), len(want))
		}
		for i, v := range p.Answer {
			if !(math.Abs(v-want[i]) <= 1e-5*(1+math.Abs(want[i]))) {
				t.Errorf("%s: value %d is %v, want %v", engine, i, v, want[i])
			}
		}
		if took, err := p.Run(2, 3); err != nil || took.Median <= 0 {
			t.Errorf("%s: took %+v, %v", engine, took, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", engine, err)
		}
	}
	for _, args := range [][]string{{}, {"bench"}, {"bench-contender", dir, "--engine", "tensorflow"}, {"bench-contender", dir, "--engine", "run", "--batch", "x"}} {
		if err := run(args); err == nil {
			t.Errorf("%s: no error", strings.Join(args, " "))
		}
	}
}
