// Package selftest says what a passed check means: it plants every known fault
// (fault.Fault) in a model and counts those that a check with the given inputs
// and tolerance would have caught, and it makes inputs that catch more.
//
// It compares the native engine with itself, so that it needs no TensorFlow.
package selftest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/native"
)

// Outcome is the result of planting a fault.
type Outcome string

// The outcomes.
const (
	// Caught: the check diverges.
	Caught Outcome = "caught"
	// Missed: something differs, and the check is in step.
	Missed Outcome = "missed"
	// Nothing: with these inputs the fault changes nothing at all, so that no
	// tolerance would catch it.
	Nothing Outcome = "changes nothing"
)

// FaultResult is a fault that was planted.
type FaultResult struct {
	Fault   fault.Fault
	Outcome Outcome
	// Margin is the largest |difference|/bound of the check: over 1 is caught.
	Margin float64
}

// Result is a self-test of one set of inputs.
type Result struct {
	Planted []FaultResult
	// Impossible are faults that these inputs cannot have, such as two inputs
	// of different lengths swapped.
	Impossible []fault.Fault
	Coverage   *Coverage
	// LeftOut says where no fault was planted, and why.
	LeftOut []string
}

// Count counts the faults of an outcome.
func (r *Result) Count(o Outcome) int {
	n := 0
	for _, p := range r.Planted {
		if p.Outcome == o {
			n++
		}
	}
	return n
}

// Options say how a self-test is made.
type Options struct {
	// Settings are those of the check.
	Settings compare.Settings
	// Seed chooses the weights that are changed.
	Seed uint64
}

// Run plants every fault.
func Run(ctx context.Context, m *native.Model, inputs map[string]*lockstep.Tensor, o Options) (*Result, error) {
	sound, err := m.Trace(ctx, inputs, lockstep.Steps)
	if err != nil {
		return nil, err
	}
	out := &Result{Coverage: Cover(sound), LeftOut: leftOut(m, sound)}
	weights, err := oneWeights(m, o.Seed)
	if err != nil {
		return nil, fmt.Errorf("selftest: %w", err)
	}
	planted, thinner := thinned(fault.List(m.Source()))
	out.LeftOut = append(out.LeftOut, thinner...)
	for _, f := range append(planted, weights...) {
		bad, err := m.Edit(f.Plant)
		if err != nil {
			return nil, fmt.Errorf("selftest: %w", err)
		}
		trace, err := bad.Trace(ctx, inputs, lockstep.Steps)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			out.Impossible = append(out.Impossible, f)
			continue
		}
		p := FaultResult{Fault: f, Outcome: Nothing}
		if !same(sound, trace) {
			if p.Outcome, p.Margin, err = check(ctx, m, bad, sound, trace, inputs, o.Settings); err != nil {
				return nil, fmt.Errorf("selftest: %s: %w", f, err)
			}
		}
		out.Planted = append(out.Planted, p)
	}
	return out, nil
}

// mostOfAKind bounds the faults of one kind around the recurrent layers: a deep
// network has hundreds, and each is a check.
const mostOfAKind = 12

// leftOut says which loops and layers get no fault, or one that cannot show.
func leftOut(m *native.Model, sound *lockstep.Trace) []string {
	var out []string
	for _, l := range m.Loops() {
		out = append(out, fmt.Sprintf("loop %s: it runs operation by operation (%s), and faults are those of known layers", l.Node, l.Reason))
	}
	for _, l := range m.Layers() {
		if why := sound.Unshown[l.Name]; why != "" {
			out = append(out, fmt.Sprintf("layer %s: its steps are not compared: %s", l.Name, why))
		} else if !slices.ContainsFunc(sound.Layers, func(run string) bool { return lockstep.LayerOf(run) == l.Name }) {
			out = append(out, fmt.Sprintf("layer %s: it did not run with these inputs, in %s", l.Name, l.Within))
		}
	}
	return out
}

// thinned leaves out some of those faults, evenly along the network, and says of
// which.
func thinned(all []fault.Fault) (kept []fault.Fault, words []string) {
	around := func(f fault.Fault) bool { return f.Node != "" || f.Variable != "" }
	count, seen := map[fault.Kind]int{}, map[fault.Kind]int{}
	for _, f := range all {
		if around(f) {
			count[f.Kind]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		if n := count[kind]; n > mostOfAKind {
			words = append(words, fmt.Sprintf("%s in %d of %d places, evenly along the network", kind, n-mostOfAKind, n))
		}
	}
	return slices.DeleteFunc(all, func(f fault.Fault) bool {
		n := count[f.Kind]
		if !around(f) || n <= mostOfAKind {
			return false
		}
		at := seen[f.Kind]
		seen[f.Kind]++
		return at*mostOfAKind/n == (at-1)*mostOfAKind/n && at > 0
	}), words
}

// tracedModel is an engine whose trace is known.
type tracedModel struct {
	*native.Model
	trace *lockstep.Trace
}

// Trace returns it.
func (t tracedModel) Trace(context.Context, map[string]*lockstep.Tensor, lockstep.Detail) (*lockstep.Trace, error) {
	return t.trace, nil
}

func check(ctx context.Context, m, bad *native.Model, sound, trace *lockstep.Trace, inputs map[string]*lockstep.Tensor, settings compare.Settings) (Outcome, float64, error) {
	oracle, err := m.Oracle() // the copy is judged by the model's oracle
	if err != nil {
		return "", 0, err
	}
	checked, err := compare.Check{Reference: tracedModel{m, sound}, Candidate: tracedModel{bad, trace}, Inputs: inputs, Settings: settings, Oracle: oracle}.Run(ctx)
	if err != nil {
		return "", 0, err
	}
	margin := 0.0
	for i := range checked.Report.Comparisons {
		if c := &checked.Report.Comparisons[i]; len(c.Results) > 0 {
			margin = max(margin, c.Margin())
		}
	}
	if checked.Report.Verdict() == compare.InStep {
		return Missed, margin, nil
	}
	return Caught, margin, nil
}

// same tells whether two traces are the same bits.
func same(a, b *lockstep.Trace) bool {
	equal := func(a, b map[string]*lockstep.Tensor) bool {
		return maps.EqualFunc(a, b, func(x, y *lockstep.Tensor) bool { return x.BitEqual(y) })
	}
	return equal(a.Outputs, b.Outputs) && equal(a.States, b.States) && equal(a.Steps, b.Steps)
}

// oneWeights are changes of single weights of each tensor, small and large.
func oneWeights(m *native.Model, seed uint64) ([]fault.Fault, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []fault.Fault
	for _, l := range m.Layers() {
		for _, tensor := range []string{"kernel", "recurrent_kernel", "bias"} {
			w, err := m.Source().LayerWeight(l.Name, tensor)
			if err != nil {
				return nil, err
			}
			if w == nil || w.Len() == 0 || !slices.Contains([]lockstep.DType{lockstep.Float32, lockstep.Float64}, w.DType()) {
				continue
			}
			f := fault.Fault{Kind: fault.OneWeight, Layer: l.Name, Tensor: tensor}
			for _, ulp := range []int{16, 4096} {
				f.Index, f.ULP = rng.IntN(w.Len()), ulp
				out = append(out, f)
			}
			f.ULP = 0
			for _, factor := range []float64{1.01, 2} {
				f.Index, f.Factor = rng.IntN(w.Len()), factor
				out = append(out, f)
			}
		}
	}
	return out, nil
}
