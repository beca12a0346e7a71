package compare

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// The effect of rounding its inputs once shows how sensitive a model is, where
// no bound does: a loop that is no known layer may carry a rounding of its
// first step to its last.
const (
	probes       = 8  // runs of the candidate
	timesSpread  = 16 // times their difference: a run rounds many times, not its inputs alone
	spreadsWords = ", or 16 times what one rounding of each input does to it"
)

// sensitivity runs the candidate on inputs that are each moved to the next
// float, up or down, and returns the largest change of each element of its
// trace. It is nil where no input can be moved.
func (c Check) sensitivity(ctx context.Context, base *lockstep.Trace) map[string][]float64 {
	out := map[string][]float64{}
	for k := range uint64(probes) {
		moved, ok := neighbours(c.Inputs, rand.New(rand.NewPCG(k, 1)))
		if !ok {
			return nil
		}
		trace, err := c.Candidate.Trace(ctx, moved, lockstep.Steps)
		if err != nil {
			return nil // the verdict stays as it is
		}
		for i, set := range []map[string]*lockstep.Tensor{base.Outputs, base.States, base.Steps} {
			other := []map[string]*lockstep.Tensor{trace.Outputs, trace.States, trace.Steps}[i]
			for name, t := range set {
				out[name] = largestChanges(out[name], t, other[name])
			}
		}
	}
	return out
}

// largestChanges returns the elements' differences between two tensors, or
// most's where these are larger. It is nil for tensors that cannot be compared.
func largestChanges(most []float64, t, other *lockstep.Tensor) []float64 {
	if other == nil || !slices.Equal(t.Shape(), other.Shape()) {
		return nil
	}
	a, ok := floatsOf(t)
	b, also := floatsOf(other)
	if !ok || !also {
		return nil
	}
	if most == nil {
		most = make([]float64, t.Len())
	}
	for i := range most {
		if d := math.Abs(a.at(i) - b.at(i)); d > most[i] {
			most[i] = d
		}
	}
	return most
}

// neighbours moves every float32 and float64 among the inputs to an adjacent
// number. ok is false if there is none.
func neighbours(inputs map[string]*lockstep.Tensor, rng *rand.Rand) (out map[string]*lockstep.Tensor, ok bool) {
	out = map[string]*lockstep.Tensor{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		t := inputs[name]
		out[name] = t
		towards := func() float64 { return math.Inf(1 - 2*rng.IntN(2)) }
		var moved *lockstep.Tensor
		if d, err := lockstep.Data[float32](t); err == nil {
			moved, _ = filled(t, func(i int) float32 { return math.Nextafter32(d[i], float32(towards())) })
		} else if d, err := lockstep.Data[float64](t); err == nil {
			moved, _ = filled(t, func(i int) float64 { return math.Nextafter(d[i], towards()) })
		}
		if moved != nil {
			out[name], ok = moved, true
		}
	}
	return out, ok
}

// sensitive judges the diverged results of a comparison whose bounds prove
// nothing once more, by the observed effect of rounding on the model: those
// that pass are in step. The spreads, by the candidate's names, are computed
// only if there are such results.
func (out *CheckResult) sensitive(k *Comparison) {
	for i := range k.Results {
		r := &k.Results[i]
		b, ok := r.Rule.Tolerance.(BoundTolerance)
		if !ok || b.Weak == "" || r.Outside == 0 || out.spreads == nil {
			continue
		}
		spread := out.spreads()[out.candidateName(r.Name)]
		if len(spread) != len(b.Each) {
			continue
		}
		b.Each = slices.Clone(b.Each)
		most := tellingShare * spanOf(r.Reference) // a spread that proves nothing does not count either
		for j, s := range spread {
			b.Each[j] = max(b.Each[j], min(timesSpread*s, most, b.Rounding[j]))
		}
		b.Of, b.Instead = b.Of+spreadsWords, b.Instead+spreadsWords
		rule := r.Rule
		rule.Tolerance = b
		if again := Judge([]Difference{r.Difference}, Uniform(rule))[0]; again.Verdict == InStep {
			*r = again
		}
	}
}

// candidateName is the candidate's own name of a tensor that the report names
// by the reference's layer.
func (out *CheckResult) candidateName(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if other, ok := out.pairs.counterpart(name[:i]); ok {
			return other + name[i:]
		}
	}
	return name
}

// probe computes the spreads of a check that derives its tolerance, when they
// are first needed.
func (c Check) probe(ctx context.Context, out *CheckResult) {
	if c.derives() && out.Candidate != nil {
		out.spreads = sync.OnceValue(func() map[string][]float64 { return c.sensitivity(ctx, out.Candidate) })
	}
}
