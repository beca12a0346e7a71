package compare

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/format"
)

// Iteration says which iterations of a loop a result is of: those of an operation that
// is run again and again are one result.
type Iteration struct {
	Loop string // the loop's operation
	// Number is that of the iteration that the result shows, from 0: the first that
	// diverged, or if none did that of the largest margin.
	Number    int
	Condition bool // it is of the loop's condition, not of its body
	// Compared and Diverged count the iterations.
	Compared, Diverged int
}

// Within says what the result is in: a loop, or its condition.
func (i *Iteration) Within() string {
	if i.Condition {
		return "the condition of the loop " + i.Loop
	}
	return "the loop " + i.Loop
}

// Which says which iterations diverged, or how many were compared if none did.
func (i *Iteration) Which() string {
	switch {
	case i.Diverged == 0 && i.Compared != 1:
		return format.Plural(i.Compared, "iteration")
	case i.Diverged > 1:
		return fmt.Sprintf("iteration %d and %d more", i.Number, i.Diverged-1)
	}
	return fmt.Sprintf("iteration %d", i.Number)
}

// String says both, as in "in the loop rnn/while, iteration 3 and 4 more".
func (i *Iteration) String() string { return "in " + i.Within() + ", " + i.Which() }

// before tells whether an iteration's result was computed before another's.
func (i *Iteration) before(other *Iteration) bool {
	if i.Number != other.Number {
		return i.Number < other.Number
	}
	return i.Condition && !other.Condition
}

// ofIteration adds a result of an iteration to what is known of its operation.
func (o *operations) ofIteration(r Result, at Iteration) {
	key := fmt.Sprint(at.Condition, " ", at.Loop, " ", r.Name)
	if at.Compared = 1; r.Verdict != InStep {
		at.Diverged = 1
	}
	r.Iteration = &at
	if place, ok := o.iterated[key]; ok {
		o.out.Results[place].join(r)
		return
	}
	o.iterated[key] = len(o.out.Results)
	o.out.Results = append(o.out.Results, r)
}

// join adds the result of another iteration of the same operation. Counts are sums,
// and maxima those of all iterations; all else, with the places, is of the iteration
// that Iteration says.
func (r *Result) join(other Result) {
	shown, hidden := *r, other
	if r.Verdict == InStep && (other.Verdict != InStep || other.Margin > r.Margin) {
		shown, hidden = other, *r
	}
	at := *shown.Iteration
	at.Compared, at.Diverged = at.Compared+hidden.Iteration.Compared, at.Diverged+hidden.Iteration.Diverged
	shown.Iteration = &at
	if n := shown.Finite + hidden.Finite; n > 0 {
		shown.MeanAbs += (hidden.MeanAbs - shown.MeanAbs) * float64(hidden.Finite) / float64(n)
	}
	shown.Elements += hidden.Elements
	shown.Differ += hidden.Differ
	shown.BitsDiffer += hidden.BitsDiffer
	shown.Finite += hidden.Finite
	shown.Outside += hidden.Outside
	shown.ZeroReference += hidden.ZeroReference
	if other.Verdict != InStep && shown.Smallest != nil && hidden.Smallest != nil {
		both := shown.Smallest.join(*hidden.Smallest)
		shown.Smallest = &both
	}
	larger(&shown.Margin, hidden.Margin, &shown.MarginAt)
	larger(&shown.MaxAbs, hidden.MaxAbs, &shown.Worst)
	larger(&shown.MaxAbsInt, hidden.MaxAbsInt, &shown.Worst)
	larger(&shown.MaxRel, hidden.MaxRel, &shown.WorstRel)
	larger(&shown.MaxULP, hidden.MaxULP, &shown.WorstULP)
	*r = shown
}

// larger keeps the larger of two maxima, whose place is in the iteration shown or not
// known.
func larger[N float64 | uint64](most *N, other N, at **Place) {
	if other > *most {
		*most, *at = other, nil
	}
}
