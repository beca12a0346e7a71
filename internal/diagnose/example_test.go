package diagnose_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

// Two engines' traces of the same inputs are given, and the model that both
// should run; what the candidate does in its place is named. Here the candidate
// is the native engine with a fault that was planted.
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

	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	other, err := m.Edit(fault.Fault{Kind: fault.GateOrder, Layer: "encoder", Order: "iofg"}.Plant)
	if err != nil {
		log.Fatal(err)
	}
	inputs, err := random.Inputs(m.Signature(), 1, random.Sizes{Batch: 2, Steps: 5})
	if err != nil {
		log.Fatal(err)
	}
	c := diagnose.Problem{Inputs: inputs, ReferenceModel: m, CandidateModel: m, Stepper: other}
	if c.Reference, err = m.Trace(context.Background(), inputs, lockstep.Steps); err != nil {
		log.Fatal(err)
	}
	if c.Candidate, err = other.Trace(context.Background(), inputs, lockstep.Steps); err != nil {
		log.Fatal(err)
	}
	found, err := c.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("first divergence in layer", found.First.Layer)
	fmt.Println(found.Causes[0])
	// Output:
	// first divergence in layer encoder
	// gates read in the order i,o,f,g (ONNX) instead of i,f,g,o in layer encoder
}
