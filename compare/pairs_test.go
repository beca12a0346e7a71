package compare_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

// Whatever model is compared with whatever other one that takes its inputs and
// returns tensors of the same types, there is a verdict: layers that are of another
// kind or size, more or fewer of them, and loops that are no layer at all are no
// reason to have none. A model compared with itself is in step.
func TestAnyTwoModelsHaveAVerdict(t *testing.T) {
	names := fixture.Names(t)
	if os.Getenv("LOCKSTEP_MODELS") != "" && !testing.Short() {
		names = append(names, fixture.MadeNames(t)...)
	}
	groups := map[string][]string{} // models by what they take and return
	seen := map[string]bool{}
	for _, name := range names {
		m, err := native.LoadFS(fixture.FS(t, name))
		if err != nil || seen[name] {
			continue
		}
		seen[name] = true
		form := formOf(m.Signature())
		groups[form] = append(groups[form], name)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	pairs, unpaired, verdicts := 0, 0, map[compare.Verdict]int{}
	for _, form := range slices.Sorted(maps.Keys(groups)) {
		group := groups[form]
		for range min(2*len(group), 60) {
			a, b := group[rng.IntN(len(group))], group[rng.IntN(len(group))]
			checked, runs, err := checkPair(t, a, b)
			if !runs {
				continue // on these inputs, such as tokens that its table has not
			}
			if err != nil {
				t.Errorf("%s and %s: %v", a, b, err)
				continue
			}
			v := checked.Report.Verdict()
			pairs++
			verdicts[v]++
			if checked.Unpaired() {
				unpaired++
			}
			if a == b && v != compare.InStep {
				t.Errorf("%s differs from itself", a)
			}
			if v == compare.InStep {
				same(t, a+" and "+b, checked)
			}
		}
	}
	t.Logf("%d pairs, %d of them with layers that belong to none of the other's: %v", pairs, unpaired, verdicts)
	if pairs < 40 || unpaired < 10 || verdicts[compare.InStep] < 5 {
		t.Error("that is too few to show anything")
	}
}

// formOf is what a signature takes and returns, names of outputs aside.
func formOf(sig lockstep.Signature) string {
	form := ""
	for _, in := range sig.Inputs {
		form += fmt.Sprint(in, "; ")
	}
	for _, out := range sig.Outputs {
		form += fmt.Sprint("; ", out.DType, len(out.Shape))
	}
	return form
}

// same wants outputs that are in step to be the same to three digits.
func same(t *testing.T, what string, checked *compare.CheckResult) {
	t.Helper()
	loose := compare.Uniform(compare.Rule{Tolerance: compare.FixedTolerance{Atol: 1e-3, Rtol: 1e-3}})
	for name, x := range checked.Reference.Outputs {
		other := map[string]*lockstep.Tensor{name: checked.Candidate.Outputs[name]}
		if r := compare.Judge(compare.Measure(map[string]*lockstep.Tensor{name: x}, other, compare.Options{}), loose)[0]; r.Verdict != compare.InStep {
			t.Errorf("%s are in step, and %s is off by %v", what, name, r.MaxAbs)
		}
	}
}

// checkPair checks b against a. runs is false if b cannot be run on a's inputs.
func checkPair(t *testing.T, a, b string) (checked *compare.CheckResult, runs bool, err error) {
	t.Helper()
	reference, err := native.LoadFS(fixture.FS(t, a))
	if err != nil {
		t.Fatal(err)
	}
	candidate, err := native.LoadFS(fixture.FS(t, b))
	if err != nil {
		t.Fatal(err)
	}
	inputs := fixture.Tensors(t, a, "inputs.npz")
	if _, err := candidate.Run(context.Background(), inputs); err != nil {
		return nil, false, nil
	}
	oracle, err := candidate.Oracle()
	if err != nil {
		return nil, true, err
	}
	names := rename.Names{Outputs: map[string]string{}}
	theirs := candidate.Signature().Outputs
	for i, out := range reference.Signature().Outputs {
		names.Outputs[out.Name] = theirs[i].Name
	}
	c := compare.Check{
		Model: a, Reference: reference, Inputs: inputs,
		Candidate: rename.Engine{Of: candidate, Names: names}, Oracle: rename.Oracle{Of: oracle, Names: names},
	}
	checked, err = c.Run(context.Background())
	return checked, true, err
}
