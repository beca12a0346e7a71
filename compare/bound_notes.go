package compare

import (
	"fmt"
	"math"
	"strings"

	"github.com/lockstep-go/lockstep/internal/format"
)

// BoundNotes say for which tensors the bound of rounding could not decide, and
// what that means for those that diverged.
func BoundNotes(results []Result) []string {
	type reason struct{ weak, instead string }
	var reasons []reason
	names := map[reason][]string{}
	var sensitive []string
	for i := range results {
		r := &results[i]
		bounds, ok := r.Rule.Tolerance.(BoundTolerance)
		if !ok {
			continue
		}
		if why := (reason{bounds.Weak, bounds.Instead}); bounds.Weak != "" {
			if names[why] == nil {
				reasons = append(reasons, why)
			}
			names[why] = append(names[why], r.Name)
		}
		if r.withinRounding() {
			sensitive = append(sensitive, fmt.Sprintf("%s differs by no more than rounding can do to it at these inputs (%s, where it may do %s): the model is that sensitive there, and the difference shows no fault of either side",
				r.Name, format.RoundUp(r.First.Abs, 2), format.RoundDown(bounds.Rounding[r.First.Flat], 2)))
		}
	}
	var out []string
	for _, why := range reasons {
		out = append(out, fmt.Sprintf("%s: %s; judged by %s instead, where that is less", some(names[why]), why.weak, why.instead))
	}
	return append(out, sensitive...)
}

// some lists names, only the first few of many.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// withinRounding tells whether a tensor diverged by differences that are all
// within what rounding can do to it: the rule allows less only because a bound
// that wide would prove nothing.
func (r *Result) withinRounding() bool {
	bounds, ok := r.Rule.Tolerance.(BoundTolerance)
	if !ok || bounds.Rounding == nil || r.Outside == 0 || len(r.Causes) != 1 {
		return false
	}
	for i, f := range r.Each() {
		if f.Margin <= 1 {
			continue
		}
		left := math.Abs(r.difference(i) - bounds.offset(i))
		if i >= len(bounds.Rounding) || !finite(bounds.Rounding[i]) || !(left <= bounds.Rounding[i]) {
			return false
		}
	}
	return true
}

// ShowsFault tells whether a tensor diverged in a way that shows a fault of one
// side: not by differences that rounding explains, nor only because the
// reference is not finite, which says nothing about the candidate.
func (r *Result) ShowsFault() bool {
	return r.Verdict == Diverged && !r.onlyNonFinite() && !r.withinRounding()
}

// onlyNonFinite tells whether both sides have the same, and the reference is not
// finite.
func (r *Result) onlyNonFinite() bool { return r.Kind == Measured && r.Outside == 0 }

// difference is candidate-reference at a place, NaN where that is not defined.
func (r *Result) difference(flat int) float64 {
	reference, ok := floatsOf(r.Reference)
	if !ok {
		return math.NaN()
	}
	candidate, _ := floatsOf(r.Candidate)
	return candidate.at(flat) - reference.at(flat)
}
