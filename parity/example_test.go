package parity_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

// A model is checked; here the reference is the native engine too, in a program with
// libtensorflow it is a model of package tfbridge.
func ExampleCheck() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "my_model") // that model.export wrote
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}

	reference, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	result, err := parity.Check(context.Background(), parity.Model{Dir: dir}, parity.Opened(reference), parity.Options{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(parity.KindOf(result, err))
	for i := range result.Report.Comparisons {
		c := &result.Report.Comparisons[i]
		fmt.Println("-", c.Title, c.Verdict())
	}
	fmt.Println(result.Report.Notes[0])
	// Output:
	// in step
	// - weights in step
	// - single steps in step
	// - single operations in step
	// - free running in step
	// - between the layers in step
	// - outputs and states in step
	// inputs: random, --seed 1 --batch 3 --steps 10
}
