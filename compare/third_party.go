package compare

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// standing is how an engine fares against what a third party computed.
type standing int

const (
	agrees standing = iota
	// sensitive: it differs by no more than rounding can do.
	sensitive
	differs
	// unproven: what diverges says nothing of the values, such as expected values
	// that are not finite themselves.
	unproven
)

// third adds what the third party says of each engine, and what follows.
func (c Check) third(out *CheckResult) error {
	rules, err := c.foreign(out.fallback())
	if err != nil {
		return err
	}
	standings := map[*lockstep.Trace]standing{}
	for _, trace := range []*lockstep.Trace{out.Reference, out.Candidate} {
		if trace == nil {
			continue
		}
		all, err := tensorsOf(trace)
		if err != nil {
			return err
		}
		results, err := JudgeExpected(c.Expected, all, Options{Order: orderOf(trace), Layout: KerasLayout}, c.over(rules))
		if err != nil {
			return err
		}
		k := Comparison{Title: expectedTitle, Reference: c.ExpectedBy, Candidate: trace.Engine, Results: results}
		out.sensitive(&k)
		k.Notes = slices.DeleteFunc(BoundNotes(k.Results), out.Report.says)
		standings[trace] = standingOf(&k)
		out.Report.Comparisons = append(out.Report.Comparisons, k)
	}
	out.Report.Explain(c.blame(out, standings)...)
	out.Report.Notes = append(out.Report.Notes, c.uncompared(out)...)
	return nil
}

func standingOf(k *Comparison) standing {
	if k.Verdict() == InStep {
		return agrees
	}
	outside, within := 0, 0
	for i := range k.Results {
		switch r := &k.Results[i]; {
		case r.withinRounding():
			within++
		case r.Outside > 0, r.Kind == ShapeMismatch: // of what was computed: a file that does not fit the signature is not compared
			outside++
		}
	}
	switch {
	case outside > 0:
		return differs
	case within > 0:
		return sensitive
	}
	return unproven
}

// suspectExport is what follows where engines compute the same, and it is not
// what was predicted.
const suspectExport = "the SavedModel does not compute what was predicted: suspect the export, or inputs and predictions that do not belong together"

// blame says whose fault a divergence is, as far as three parties tell. Nobody is
// blamed for what rounding can do.
func (c Check) blame(out *CheckResult, standings map[*lockstep.Trace]standing) []string {
	if out.Reference == nil || out.Candidate == nil {
		return c.blameOne(out, standings)
	}
	expected, reference, candidate := c.ExpectedBy, out.Reference.Engine, out.Candidate.Engine
	byReference, byCandidate := standings[out.Reference], standings[out.Candidate]
	switch {
	case out.optimizer:
		return nil // whose doing it is stands in the notes
	case byReference == agrees && byCandidate == differs:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", reference, expected, candidate, candidate)}
	case byReference == differs && byCandidate == agrees:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", candidate, expected, reference, reference)}
	case byReference != differs || byCandidate != differs:
		return nil // what rounding explains blames nobody, and its notes say so
	case !enginesAgree(out):
		return []string{fmt.Sprintf("%s, %s and %s all differ.", expected, reference, candidate)}
	}
	return []string{fmt.Sprintf("%s and %s agree, and differ from %s: %s.", reference, candidate, expected, suspectExport)}
}

// blameOne is blame where one engine alone ran.
func (c Check) blameOne(out *CheckResult, standings map[*lockstep.Trace]standing) []string {
	trace := out.Reference
	if trace == nil {
		trace = out.Candidate
	}
	if standings[trace] != differs {
		return nil
	}
	return []string{fmt.Sprintf("%s and %s differ: %s.", trace.Engine, c.ExpectedBy, suspectExport)}
}

// enginesAgree tells whether the engines' answers agree: values that are not
// finite in the reference prove nothing, but where both have the same ones they
// do not differ.
func enginesAgree(out *CheckResult) bool {
	for i := range out.Report.Comparisons {
		k := &out.Report.Comparisons[i]
		if k.Reference != out.Reference.Engine || k.Candidate != out.Candidate.Engine {
			continue
		}
		for j := range k.Results {
			if r := &k.Results[j]; r.Verdict == Diverged && !r.onlyNonFinite() {
				return false
			}
		}
	}
	return true
}
