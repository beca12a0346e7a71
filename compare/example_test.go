package compare_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

// Two sets of tensors are measured, judged and written down.
func Example() {
	set := func(values ...float32) map[string]*lockstep.Tensor {
		t, err := lockstep.New(values, 1, len(values), 1) // batch, steps, features
		if err != nil {
			log.Fatal(err)
		}
		return map[string]*lockstep.Tensor{"y": t}
	}
	measured := compare.Measure(set(1, 2, 3), set(1, 2.5, 3), compare.Options{Layout: compare.KerasLayout})
	results := compare.Judge(measured, compare.Uniform(compare.Rule{Tolerance: compare.FixedTolerance{Atol: 0.1, Rtol: 0.01}}))

	y := results[0]
	fmt.Println(y.Name, "is", y.Verdict, "at", &y.First.Place)
	fmt.Printf("%v, want %v; the largest difference is %v of what is allowed\n", y.First.Candidate, y.First.Reference, fmt.Sprintf("%.3g", y.Margin))
	// Output:
	// y is diverged at step 1, batch row 0, unit 0
	// 2.5, want 2; the largest difference is 4.17 of what is allowed
}

// Check runs two engines; here both are native, in a program with libtensorflow
// the reference is a model of package tfbridge. The tolerance of the steps is
// derived by the oracle.
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
	candidate, err := reference.Edit(fault.Fault{Kind: fault.ForgetBias, Layer: "decoder"}.Plant)
	if err != nil {
		log.Fatal(err)
	}
	oracle, err := candidate.Oracle()
	if err != nil {
		log.Fatal(err)
	}
	inputs, err := parity.Inputs(context.Background(), reference, parity.Options{Seed: 1, Batch: 2, Steps: 5})
	if err != nil {
		log.Fatal(err)
	}
	checked, err := compare.Check{Model: dir, Reference: reference, Candidate: candidate, Inputs: inputs, Oracle: oracle}.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	c, first := checked.Report.FirstDivergence()
	fmt.Printf("%s: %s: %s, %s\n", checked.Report.Verdict(), c.Title, first.Name, &first.First.Place)
	// Output:
	// diverged: single steps: decoder/sum_f, step 0, batch row 0, unit 0
}
