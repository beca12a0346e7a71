//go:build tensorflow

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/parity"
)

// tensorflowFails are the recipes that TensorFlow itself cannot run, and words
// of what it says: there is no verdict.
var tensorflowFails = map[string]string{
	// The SavedModel is right, but TensorFlow's optimizer fuses the graph into
	// a oneDNN kernel that takes one axis only. TF_ENABLE_ONEDNN_OPTS=0 helps.
	"layer_norm_two_axes_tfkeras": "scale must be 1D",
	// tf.saved_model.save leaves a Keras 3 model's variables out of those that
	// TensorFlow restores. The native engine refuses it.
	"signature_own_keras3": "Could not find variable",
}

// Every model of the zoo, called by every signature that has values of
// Keras's, is in step with TensorFlow and with Keras. It is `lockstep check
// MODEL --inputs --expected` but that a process of TensorFlow's, whose start
// takes longer than the rest, checks many models.
func TestCheckZoo(t *testing.T) {
	all := fixture.MadeNames(t)
	names := make(chan string)
	var counts struct {
		sync.Mutex
		models, checks int
		stepwise       int
		single         int
		margin         float64
		at             string
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var z zooChecker
			defer z.close()
			for name := range names {
				t.Run(name, func(t *testing.T) { z.checkRecipe(t, name) })
			}
			counts.Lock()
			defer counts.Unlock()
			counts.models += z.models
			counts.checks += z.checks
			counts.stepwise += z.stepwise
			counts.single += z.single
			if z.margin > counts.margin {
				counts.margin, counts.at = z.margin, z.at
			}
		})
	}
	for _, name := range all {
		names <- name
	}
	close(names)
	wg.Wait()
	t.Logf("%d models, %d checks, %d of them of single steps too, %d of single operations; the largest margin is %.3g (%s)", counts.models, counts.checks, counts.stepwise, counts.single, counts.margin, counts.at)
	if counts.stepwise*2 < counts.checks || counts.single*10 < counts.checks*9 {
		t.Errorf("%d of %d checks saw the steps of layers, want half, and %d single operations, want 9 of 10", counts.stepwise, counts.checks, counts.single)
	}
}

// zooChecker checks models in one process of TensorFlow's.
type zooChecker struct {
	engines        tensorflows
	models, checks int
	stepwise       int // of the checks, those that saw single steps
	single         int // those that saw single operations
	margin         float64
	at             string // where that is
}

func (z *zooChecker) close() { z.engines.close() }

// onlyCounts has what its text layer counted while it was adapted, and no weight that
// a signature reads.
const onlyCounts = "text_vectorization_adapted_tfkeras"

func (z *zooChecker) checkRecipe(t *testing.T, name string) {
	recipe, dir := fixture.ReadRecipe(t, name), fixture.Dir(t, name)
	z.models++
	done := map[string]bool{}
	for _, c := range fixture.Cases(t, name) {
		signature := recipe.SignatureOf(c)
		if done[signature] {
			continue // TestZoo of package native runs the other cases
		}
		done[signature] = true
		z.checks++
		checked, err := z.check(dir, name, signature, c)
		if words, fails := tensorflowFails[name]; fails {
			said := fmt.Sprint(err) // where native refuses as well
			if err == nil {
				said = fmt.Sprint(checked.Report.Verdict(), checked.Report.NotRun)
			}
			if !strings.Contains(said, words) || err == nil && checked.Report.Verdict() != compare.NoVerdict {
				t.Errorf("signature %q: %s, want an error of TensorFlow's that says %q", signature, said, words)
			}
			continue
		}
		if err != nil {
			t.Errorf("signature %q: could not check: %v", signature, err)
			continue
		}
		hasWeights := len(fixture.Tensors(t, name, "weights.npz")) > 0 && name != onlyCounts
		z.judge(t, checked.Report, hasWeights, recipe.ExportsWrong)
	}
}

// check is what the command does with one model.
func (z *zooChecker) check(dir, name, signature, c string) (*parity.Result, error) {
	f := checkFlags{
		modelFlags: modelFlags{signature: signature},
		inputFlags: inputFlags{inputs: fixture.Path(name, "inputs"+c+".npz")},
		expected:   fixture.Path(name, "expected"+c+".npz"),
	}
	return f.check(context.Background(), &z.engines, dir, nil)
}

// judge wants the two engines in step, weights too if there are any, and both
// with Keras unless the export is wrong: then with each other alone.
func (z *zooChecker) judge(t *testing.T, r *compare.Report, hasWeights, exportsWrong bool) {
	text := textOf(t, r)
	found := map[string]compare.Verdict{}
	for _, c := range r.Comparisons {
		found[fmt.Sprintf("%s of %s against %s", c.Title, c.Candidate, c.Reference)] = c.Verdict()
	}
	wantKeras := compare.InStep
	if exportsWrong {
		wantKeras = compare.Diverged
	}
	want := map[string]compare.Verdict{
		"outputs and states of native against tensorflow": compare.InStep,
		"expected values of tensorflow against keras":     wantKeras,
		"expected values of native against keras":         wantKeras,
	}
	if _, stepwise := found["single steps of native against tensorflow"]; stepwise {
		z.stepwise++
		want["single steps of native against tensorflow"] = compare.InStep
		want["free running of native against tensorflow"] = compare.InStep
		want["between the layers of native against tensorflow"] = compare.InStep
	}
	if _, single := found["single operations of native against tensorflow"]; single {
		z.single++
		want["single operations of native against tensorflow"] = compare.InStep
	}
	if hasWeights {
		want["weights of native against tensorflow"] = compare.InStep
	}
	if !maps.Equal(found, want) {
		t.Errorf("verdicts %v, want %v\n%s", found, want, text)
		return
	}
	if exportsWrong && !strings.Contains(text, "suspect the export") {
		t.Errorf("the report does not name the export\n%s", text)
	}
	for _, c := range r.Comparisons {
		for _, result := range c.Results {
			if c.Title != "expected values" && result.Margin > z.margin {
				z.margin, z.at = result.Margin, fmt.Sprintf("%s: %s: %s", r.Model, c.Title, result.Name)
			}
		}
	}
}
