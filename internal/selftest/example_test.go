package selftest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/selftest"
	"github.com/lockstep-go/lockstep/native"
)

// Inputs that drive each gate low, linear and high are made, and every known
// fault is planted to see which of them a check with these inputs would find.
func Example() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "my_model") // that model.export wrote
	if err := fixture.Unpack(fixture.Path("seed_units1_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}

	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	made, err := selftest.Inputs(context.Background(), m, selftest.InputOptions{Seed: 1, Steps: 10, Rows: 32})
	if err != nil {
		log.Fatal(err)
	}
	r, err := selftest.Run(context.Background(), m, made.Inputs, selftest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("most faults are caught:", r.Count(selftest.Caught) > len(r.Planted)/2)
	// Output:
	// most faults are caught: true
}
