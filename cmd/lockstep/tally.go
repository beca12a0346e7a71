package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-go/lockstep/compare"
)

// tally counts the results of the models of one command.
type tally struct {
	outcomes         []compare.Outcome
	diverged, failed int
	misused          int   // of those that failed, by wrong usage that only a run finds
	err              error // errors that change no verdict
}

// add counts a model that was compared, and prints which engine did not run.
func (t *tally) add(w io.Writer, title string, r *compare.Report) {
	t.outcomes = append(t.outcomes, compare.Outcome{Model: title, Report: r})
	switch r.Verdict() {
	case compare.Diverged:
		t.diverged++
	case compare.NoVerdict:
		t.failed++
		for _, n := range r.NotRun {
			complain(w, fmt.Errorf("%s: %s", title, n))
		}
	}
}

// fail counts a model without a verdict, and prints why. The others go on.
func (t *tally) fail(w io.Writer, j job, what string, err error) {
	err = j.entry.withPlace(err)
	if codeOf(err) == exitUsage {
		t.misused++
	}
	t.failed++
	t.outcomes = append(t.outcomes, compare.Outcome{Model: j.model, Err: err})
	complain(w, fmt.Errorf("%s: %s: %w", j.model, what, err))
}

// addError keeps an error that changes no verdict.
func (t *tally) addError(err error) { t.err = errors.Join(t.err, err) }

// code is the exit code of the models that have no verdict.
func (t *tally) code() int {
	switch {
	case t.misused > 0:
		return exitUsage
	case t.failed > 0:
		return exitNotRun
	}
	return exitInStep
}
