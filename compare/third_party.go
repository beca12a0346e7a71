package compare

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// standing is how an engine compares with a third party's values.
type standing int

const (
	agrees standing = iota
	// sensitive: it differs by no more than rounding explains.
	sensitive
	differs
	// unproven: the divergence says nothing about the engine, as with expected
	// values that are not finite.
	unproven
)

// third compares each engine with the third party, and adds the conclusion.
func (c Check) third(out *CheckResult) error {
	rules, err := c.foreign(c.fallback(out))
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
		if err := c.sensitive(out, &k); err != nil {
			return err
		}
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
		case r.Outside > 0, r.Kind == ShapeMismatch: // of the computed tensors: a file that does not fit the signature is not compared
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

// suspectExport is the conclusion where engines compute the same, and not what
// was predicted.
const suspectExport = "the SavedModel does not compute what was predicted: suspect the export, or inputs and predictions that do not belong together"

// blame says whose fault a divergence is, as far as three parties can show. No
// engine is blamed for what rounding can do.
func (c Check) blame(out *CheckResult, standings map[*lockstep.Trace]standing) []string {
	if out.Reference == nil || out.Candidate == nil {
		return c.blameOne(out, standings)
	}
	expected, reference, candidate := c.ExpectedBy, out.Reference.Engine, out.Candidate.Engine
	byReference, byCandidate := standings[out.Reference], standings[out.Candidate]
	switch {
	case out.optimizer:
		return besideOptimizer(expected, reference, candidate, byReference, byCandidate)
	case byReference == agrees && byCandidate == differs:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", reference, expected, candidate, candidate)}
	case byReference == differs && byCandidate == agrees:
		return []string{fmt.Sprintf("%s agrees with %s, and %s with neither: the fault is in %s.", candidate, expected, reference, reference)}
	case byReference != differs || byCandidate != differs:
		return nil // nobody is blamed for rounding; the notes say so
	case !enginesAgree(out):
		return []string{fmt.Sprintf("%s, %s and %s all differ.", expected, reference, candidate)}
	}
	return []string{fmt.Sprintf("%s and %s agree, and differ from %s: %s.", reference, candidate, expected, suspectExport)}
}

// besideOptimizer says on which side a third party is where the reference's graph
// optimizer makes the engines differ: what causes that is said already.
func besideOptimizer(expected, reference, candidate string, byReference, byCandidate standing) []string {
	switch {
	case byReference == agrees && byCandidate == differs:
		return []string{fmt.Sprintf("%s agrees with %s: it computed what the optimizer made of the graph.", expected, reference)}
	case byReference == differs && byCandidate == agrees:
		return []string{fmt.Sprintf("%s agrees with %s: it computed the graph as the exporter wrote it.", expected, candidate)}
	case byReference == differs && byCandidate == differs:
		return []string{fmt.Sprintf("%s agrees neither with the graph as the exporter wrote it nor with what the optimizer made of it: %s.", expected, suspectExport)}
	}
	return nil
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

// enginesAgree tells whether the engines' answers agree: non-finite values in
// the reference prove nothing, but where both have the same ones they do not
// differ.
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
