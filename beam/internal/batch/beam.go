package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
)

func init() {
	register.DoFn3x1[context.Context, string, func(string), error](&partFn{})
	register.DoFn2x0[context.Context, string](&doneFn{})
	register.Emitter1[string]()
}

// element is what a worker gets of a part.
type element struct {
	Part  int
	Input rows.Part
}

// pipeline runs parts: each is one element, so that the runner shares out parts and not rows.
func (j *Job) pipeline(parts []element) (*beam.Pipeline, error) {
	p, s := beam.NewPipelineWithRoot()
	var all []string
	for _, e := range parts {
		b, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		all = append(all, string(b))
	}
	s = s.Scope("lockstep.Batch")
	done := beam.ParDo(s, &partFn{Job: *j}, beam.Reshuffle(s, beam.CreateList(s, all)))
	// A stage without an output keeps a core of Prism busy while it runs (2.77.0).
	beam.ParDo0(s, &doneFn{}, beam.Reshuffle(s, done))
	return p, nil
}

// doneFn counts the parts that are done.
type doneFn struct{ parts beam.Counter }

// Setup makes the counter.
func (f *doneFn) Setup() { f.parts = beam.NewCounter(infer.Namespace, "parts") }

func (f *doneFn) ProcessElement(ctx context.Context, _ string) { f.parts.Inc(ctx, 1) }

// partFn runs a part.
type partFn struct {
	Job Job

	predictor             *infer.Predictor
	rows, calls, failures beam.Counter
	microseconds          beam.Distribution
}

// Setup loads the model, once a worker, and verifies that it is the job's.
func (f *partFn) Setup(ctx context.Context) (err error) {
	f.rows = beam.NewCounter(infer.Namespace, "rows")
	f.calls = beam.NewCounter(infer.Namespace, "calls")
	f.failures = beam.NewCounter(infer.Namespace, "failures")
	f.microseconds = beam.NewDistribution(infer.Namespace, "microseconds")
	f.predictor, err = infer.Open(ctx, f.Job.Model)
	return err
}

// ProcessElement runs one part. What is wrong with its input ends neither the bundle nor the job.
func (f *partFn) ProcessElement(ctx context.Context, text string, done func(string)) error {
	var e element
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return fmt.Errorf("batch: a part: %w", err)
	}
	if r, err := f.Job.record(ctx, e.Part); err == nil && r != nil {
		done(recordName(e.Part))
		return nil // the runner tries again what was done
	}
	begin := time.Now()
	r, err := f.Job.run(ctx, f.predictor, e.Part, e.Input, func(*call) { f.calls.Inc(ctx, 1) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return f.Job.reportError(ctx, e.Part, err)
	}
	f.microseconds.Update(ctx, time.Since(begin).Microseconds())
	f.rows.Inc(ctx, r.Rows+r.Failed)
	f.failures.Inc(ctx, r.Failed)
	done(recordName(e.Part))
	return nil
}

// clearErrors removes what an earlier run could not do.
func (j *Job) clearErrors(ctx context.Context, parts []element) {
	for _, e := range parts {
		_ = files.Remove(ctx, j.state(errorName(e.Part))) // most have none
	}
}
