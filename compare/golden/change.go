package golden

import "slices"

// Change is what happened to a model since its golden was recorded.
type Change int

// The changes, from the least to the most severe: a Result has the most severe
// one found.
const (
	// Same: the answers are the golden's, and so are the files that the golden
	// lists.
	Same Change = iota
	// FilesChanged: the files differ, and their content is the same: signature,
	// weights and answers. A second export does that.
	FilesChanged
	// Drifted: the answers agree with the golden's, but their error grew by
	// more than the budget.
	Drifted
	// AnswersChanged: different answers, from weights that are the same or not
	// in the golden.
	AnswersChanged
	// WeightsChanged: different weights of the same shapes, as after training.
	// The answers may still agree.
	WeightsChanged
	// LayoutChanged: the signature, or the layers and the shapes of their
	// weights, differ. A program that was written for the golden's model may
	// not work with this one.
	LayoutChanged
)

var changes = []struct {
	words string
	code  int
}{
	Same:           {"in step", 0},
	FilesChanged:   {"in step: files changed, answers the same", 0},
	Drifted:        {"error grew", 6},
	AnswersChanged: {"answers changed", 1},
	WeightsChanged: {"weights changed", 4},
	LayoutChanged:  {"layout or signature changed", 5},
}

// String returns the change in words.
func (c Change) String() string { return changes[c].words }

// ExitCode returns what lockstep golden verify ends with: 0 for a change that
// is no failure, 1 for AnswersChanged, 4 for WeightsChanged, 5 for LayoutChanged
// and 6 for Drifted.
func (c Change) ExitCode() int { return changes[c].code }

// Failed tells whether the change is a failure.
func (c Change) Failed() bool { return c > FilesChanged }

// Worst returns the most severe of changes, Same for none.
func Worst(all ...Change) Change { return slices.Max(append(all, Same)) }
