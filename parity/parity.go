package parity

import (
	"context"
	"errors"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Model is the SavedModel that is checked.
type Model struct {
	Dir string
	// Signature is the one to run: serving_default if "", or else the only one.
	Signature string
	// Tags are those of the graph: serve if there are none.
	Tags []string
	// Candidate, if not "", is the directory that the native engine runs instead of
	// Dir, such as another export of the same model.
	Candidate string
	// Names are names of Candidate's inputs, outputs and layers by Dir's.
	// Others are paired by name, or as the only one.
	Names map[string]string
}

// Opener opens a model in an engine, and returns what closes it.
type Opener func(context.Context) (engine lockstep.Tracer, done func() error, err error)

// Reference is the engine that the candidate is compared with.
type Reference struct {
	// Name names the engine in reports where it could not be opened.
	Name string
	// Open opens the model; it is called once the candidate is loaded.
	Open Opener
	// Unoptimized, if not nil, opens the model again without the graph optimizer
	// that may change what it computes. It is called if the engines differ by more
	// than rounding explains.
	Unoptimized Opener
	// Trial, if not nil, finds out which inputs the engine takes.
	Trial Trial
}

// Trial runs a model in a separate engine: a run may leave states behind, and
// one that fails may end a process. It is closed once inputs are made.
type Trial interface {
	Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)
	Close() error
}

// Opened is a reference that is already open, and stays open.
func Opened(engine lockstep.Tracer) Reference {
	return Reference{Name: engine.Name(), Open: func(context.Context) (lockstep.Tracer, func() error, error) {
		return engine, func() error { return nil }, nil
	}}
}

// Options change how a model is checked. The zero Options suit any model.
type Options struct {
	// Inputs are those of the reference's signature; InputsFrom says where they are
	// from, for the report. Without Inputs they are made from Seed.
	Inputs     map[string]*lockstep.Tensor
	InputsFrom string
	Seed       uint64
	// Batch and Steps are the lengths of made inputs, which are then kept. If
	// 0, they are 3 and 10, unless the graph fixes others.
	Batch, Steps int

	// Expected, if not nil, is what a third party computed from Inputs, under the
	// names of outputs and states: ExpectedBy, or else Keras. With it, one
	// engine is compared even if the other one does not run.
	Expected   map[string]*lockstep.Tensor
	ExpectedBy string

	// Settings change how outputs, states and expected values are judged.
	Settings compare.Settings
	// NoDiagnosis leaves out the search for known faults that explain a divergence.
	NoDiagnosis bool
	// Reduce shrinks inputs with which the engines diverge.
	Reduce bool
}

// Result is the result of a check.
type Result struct {
	Report *compare.Report
	// Reference and Candidate are what the engines computed, by the reference's
	// names; nil of one that did not run.
	Reference, Candidate *lockstep.Trace
	// Reduced is nil unless Options.Reduce found smaller inputs, or none.
	Reduced *Reduced
}

// Reduced are the least inputs with which the engines still diverge.
type Reduced struct {
	Inputs map[string]*lockstep.Tensor
	// Comparison is the title of the comparison that still diverges.
	Comparison string
	// Runs counts the checks that were made, Done says what was removed.
	Runs int
	Done []string
}

// Check runs the model in the native engine and in the reference, and compares.
func Check(ctx context.Context, m Model, reference Reference, o Options) (*Result, error) {
	if err := o.valid(); err != nil {
		return nil, err
	}
	c := &check{model: m, reference: reference, options: o, check: o.check(m.Dir)}
	if err := c.load(); err != nil {
		return nil, err
	}
	done, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := c.pair(); err != nil {
		return nil, err
	}
	made, err := c.inputs(ctx)
	if err != nil {
		return nil, err
	}
	checked, err := c.check.Run(ctx)
	if err != nil {
		return nil, err
	}
	out := &Result{checked.Report, checked.Reference, checked.Candidate, nil}
	c.note(out, made)
	if checked.Unpaired() {
		out.Report.Notes = append(out.Report.Notes, c.loops()...)
	}
	if !checked.ByOptimizer() {
		c.explainExpected(ctx, out.Report)
	}
	if out.Reference == nil || out.Candidate == nil {
		return out, nil
	}
	if !checked.ByOptimizer() {
		c.diagnose(ctx, out)
	}
	return out, c.reduce(ctx, out)
}

// Engines compares two engines that are open: their weights, if both show them,
// outputs and final states, by the default tolerance and by Options.Settings. There
// is no diagnosis.
func Engines(ctx context.Context, reference, candidate lockstep.Tracer, o Options) (*Result, error) {
	if err := o.valid(); err != nil {
		return nil, err
	}
	c := &check{reference: Opened(reference), options: o, check: o.check("")}
	c.check.Reference, c.check.Candidate = reference, candidate
	made, err := c.inputs(ctx)
	if err != nil {
		return nil, err
	}
	checked, err := c.check.Run(ctx)
	if err != nil {
		return nil, err
	}
	out := &Result{checked.Report, checked.Reference, checked.Candidate, nil}
	c.note(out, made)
	if out.Reference == nil || out.Candidate == nil {
		return out, nil
	}
	return out, c.reduce(ctx, out)
}

func (o *Options) valid() error {
	switch {
	case o.Expected != nil && o.Inputs == nil:
		return &UsageError{errors.New("parity: there are expected values and no inputs: predictions can only be compared for the inputs that they were made from")}
	case o.Batch < 0 || o.Steps < 0:
		return &UsageError{errors.New("parity: batch and steps: want 1 or more, or 0 for what fits")}
	case o.Inputs != nil && (o.Batch != 0 || o.Steps != 0):
		return &UsageError{errors.New("parity: batch and steps are for made inputs, and there are Inputs")}
	}
	return nil
}

func (o *Options) check(title string) compare.Check {
	by := o.ExpectedBy
	if by == "" {
		by = "keras"
	}
	return compare.Check{Model: title, Settings: o.Settings, Expected: o.Expected, ExpectedBy: by}
}
