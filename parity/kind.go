package parity

import (
	"errors"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Kind is the result of a check. The numbers are the exit codes of lockstep
// check.
type Kind int

// The kinds.
const (
	InStep Kind = iota
	Diverged
	// WrongUsage: tensors, settings or sizes do not fit the model.
	WrongUsage
	// NotRun: an engine that was asked for did not run, or nothing could be judged.
	NotRun
)

// String says the kind in a word or two.
func (k Kind) String() string {
	return [...]string{"in step", "diverged", "wrong usage", "not run"}[k]
}

// KindOf is the kind of a result of Check or Engines. A divergence counts
// before everything else, an error before a report that is in step.
func KindOf(r *Result, err error) Kind {
	verdict := compare.NoVerdict
	if r != nil {
		verdict = r.Report.Verdict()
	}
	switch {
	case verdict == compare.Diverged:
		return Diverged
	case errors.As(err, new(*lockstep.TensorError)), errors.As(err, new(*compare.SettingError)), errors.As(err, new(*UsageError)):
		return WrongUsage
	case err != nil, verdict != compare.InStep:
		return NotRun
	}
	return InStep
}

// UsageError is an option that cannot be combined with the model or with other
// options.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *UsageError) Unwrap() error { return e.Err }
