package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

// doubleAnswer is a tensor that an engine computed twice: in the trace of its
// layers, and as its answer.
type doubleAnswer struct {
	name        string // in the report
	oracle      string // by the oracle's names
	shown, made []float64
	answer      *lockstep.Tensor // whose numbers made holds
}

// consistent looks at engines that computed their answers in another run than
// the layers that they show, possibly by kernels that round differently, and
// notes by how much outputs and final states differ for that reason: it is not
// the other engine's fault. More than rounding can do from the inputs on is not
// allowed.
func (b *between) consistent() error {
	b.again = map[string][]float64{}
	for k, trace := range []*lockstep.Trace{b.reference, b.candidate} {
		var said []doubled
		for _, c := range b.computed(k, trace) {
			if slices.Equal(c.shown, c.made) {
				continue
			}
			limits, err := b.check.limits()
			if err != nil {
				return err
			}
			if limits.bound[c.oracle] == nil {
				continue
			}
			limit, err := limits.bound[c.oracle].Float64s()
			if err != nil {
				return fmt.Errorf("compare: %s: %w", c.oracle, err)
			}
			limit = b.allowance(c, limit)
			if b.again[c.name] == nil {
				b.again[c.name] = make([]float64, len(c.made))
			}
			most := 0.0
			for i, made := range c.made {
				above := made - c.shown[i]
				if i >= len(limit) || i >= len(b.again[c.name]) || !(abs(above) <= limit[i]) {
					continue // both cannot be within the limit of one number
				}
				most = max(most, abs(above))
				if k == 0 {
					above = -above
				}
				b.again[c.name][i] += above
			}
			if most > 0 {
				said = append(said, doubled{c.name, most})
			}
		}
		if len(said) > 0 {
			b.notes = append(b.notes, fmt.Sprintf("%s shows its layers by other kernels than those of its answers; the two round differently, by at most: %s; the bounds allow for that", trace.Engine, largestOfDoubled(said)))
		}
	}
	return nil
}

// doubled is by how much at most a tensor that was computed twice differs.
type doubled struct {
	name string
	most float64
}

// manyDoubled is how many of them a note names.
const manyDoubled = 8

// largestOfDoubled names them, of many those that differ most.
func largestOfDoubled(all []doubled) string {
	others := ""
	if n := len(all) - manyDoubled; n > 0 {
		slices.SortStableFunc(all, func(a, b doubled) int { return cmp.Compare(b.most, a.most) })
		all, others = all[:manyDoubled], fmt.Sprintf(", and %s less", format.Plural(n, "other"))
	}
	var names []string
	for _, d := range all {
		names = append(names, d.name+" "+format.RoundUp(d.most, 2))
	}
	return strings.Join(names, ", ") + others
}

// allowance is how far two computations of one engine that round differently
// may be from each other: both are within the limit of one number. Where that
// limit proves nothing, it is what the fallback allows, or what rounding is
// seen to do to the model: a few times the difference of the two engines, whose
// single steps are judged separately.
func (b *between) allowance(c doubleAnswer, limit []float64) []float64 {
	const few = 4
	seen := 0.0
	reference, candidate := b.given[0][c.oracle].exact, b.given[1][c.oracle].exact
	for i := range min(len(reference), len(candidate)) {
		if d := abs(reference[i] - candidate[i]); finite(d) {
			seen = max(seen, few*d)
		}
	}
	for i := range limit {
		limit[i] *= 2
	}
	out := BoundTolerance{Each: limit}.against(c.answer, b.fallback).Each
	for i := range out {
		if i < len(limit) && limit[i] >= 0 {
			out[i] = min(max(out[i], seen), limit[i])
		}
	}
	return out
}

// computed lists an engine's outputs and final states with their values in its
// trace.
func (b *between) computed(k int, trace *lockstep.Trace) (all []doubleAnswer) {
	add := func(name, oracle string, shown, made *lockstep.Tensor, last bool) {
		if shown == nil || made == nil {
			return
		}
		c := doubleAnswer{name: name, oracle: oracle, answer: made}
		var wrong [2]error
		c.shown, wrong[0] = shown.Float64s()
		c.made, wrong[1] = made.Float64s()
		if wrong != [2]error{} {
			return // not floats: no rounding can change them
		}
		if shape := shown.Shape(); last && (len(shape) != 3 || shape[1] == 0) {
			return
		} else if last {
			c.shown = lastSteps(c.shown, shape)
		}
		if len(c.shown) == len(c.made) {
			all = append(all, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(trace.Traced)) {
		if _, judged := b.given[0][name]; judged {
			add(name, name, trace.Traced[name], trace.Outputs[name], false)
		}
	}
	for _, layer := range b.reference.Layers {
		other, ok := b.pairs.counterpart(layer)
		if !ok {
			continue
		}
		of := []string{layer, other}[k]
		for _, q := range []string{"h", "c"} {
			add(lockstep.StateName(layer, q), lockstep.StateName(other, q), trace.Layer(of).Step(q), trace.Layer(of).Final(q), true)
		}
	}
	return all
}
