//go:build tensorflow

package tfbridge_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// A model is opened, run by the names of its signature, and closed.
func Example() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "my_model") // that model.export wrote
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}

	m, err := tfbridge.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	past, err := lockstep.Zeros(lockstep.Float32, 1, 10, 1)
	if err != nil {
		log.Fatal(err)
	}
	next, err := lockstep.Zeros(lockstep.Float32, 1, 3, 1)
	if err != nil {
		log.Fatal(err)
	}
	trace, err := m.Trace(context.Background(), map[string]*lockstep.Tensor{"encoder_input": past, "decoder_input": next}, lockstep.States)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trace.Engine, trace.Outputs["output_0"], trace.States["encoder/state_h"])
	// Output:
	// tensorflow float32 (1, 3, 1) float32 (1, 64)
}
