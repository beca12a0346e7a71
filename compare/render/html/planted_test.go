package html

import (
	"context"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

// The planted fault: one weight of the encoder's forget gate, by which h of the
// step before moves unit 5. At step 0 h is 0 and nothing is wrong yet.
const (
	faultLayer = "encoder"
	faultGate  = "f"
	faultUnit  = 5
	faultStep  = 1
)

// planted checks the seed model against a copy of it with the fault, both in
// the native engine, for the place of the fault is the same in any.
func planted(t testing.TB, steps int) *compare.Report {
	t.Helper()
	const name = "seed_keras3"
	w := fixture.Tensors(t, name, "weights.npz")[faultLayer+"/recurrent_kernel"]
	units := w.Shape()[0]
	changed := fixture.Dir(t, name)
	// A row with a large weight of that gate, so that the model itself hides nothing.
	fixture.ChangeWeight(t, changed, w, 3*4*units+units+faultUnit, func(v float32) float32 { return v + 0.05 })
	reference, candidate := load(t, fixture.Dir(t, name)), load(t, changed)
	inputs, err := random.Inputs(reference.Signature(), 1, random.Sizes{Batch: 3, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := candidate.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	checked, err := compare.Check{
		Model: "seed_keras3", Reference: renamed{reference}, Candidate: candidate, Inputs: inputs, Oracle: oracle,
	}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	checked.Report.Notes = append(checked.Report.Notes, "one weight of the copy was changed by 0.05")
	return checked.Report
}

func load(t testing.TB, dir string) *native.Model {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// renamed gives the reference its own name.
type renamed struct{ *native.Model }

func (renamed) Name() string { return "unchanged" }

func (r renamed) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, d lockstep.Detail) (*lockstep.Trace, error) {
	t, err := r.Model.Trace(ctx, inputs, d)
	if err == nil {
		t.Engine = "unchanged"
	}
	return t, err
}
