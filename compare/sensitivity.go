package compare

import (
	"slices"
	"strings"
)

// typicalWords say what is allowed where a bound at worst proves nothing.
const typicalWords = ", or what rounding typically does from the inputs on"

// sensitive judges the diverged results of a comparison whose bounds prove
// nothing once more, by what rounding typically does to them: those that pass are in
// step. A loop that is no known layer may carry a rounding of its first step to its
// last.
func (c Check) sensitive(out *CheckResult, k *Comparison) error {
	for i := range k.Results {
		r := &k.Results[i]
		b, ok := r.Rule.Tolerance.(BoundTolerance)
		if !ok || b.Weak == "" || r.Outside == 0 {
			continue
		}
		typical, err := c.typical()
		if err != nil {
			return err
		}
		t := typical.bound[out.candidateName(r.Name)]
		if t == nil || t.Len() != len(b.Each) {
			continue
		}
		response, err := t.Float64s()
		if err != nil {
			return err
		}
		b.Each = slices.Clone(b.Each)
		most := c.fallback(out).telling() * spanOf(r.Reference) // a bound that proves nothing does not count either
		for j, s := range response {
			if s >= 0 {
				b.Each[j] = max(b.Each[j], min(s, most, b.Rounding[j]))
			}
		}
		b.Of, b.Instead = b.Of+typicalWords, b.Instead+typicalWords
		rule := r.Rule
		rule.Tolerance = b
		if again := Judge([]Difference{r.Difference}, Uniform(rule))[0]; again.Verdict == InStep {
			*r = again
		}
	}
	return nil
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
