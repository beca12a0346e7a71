// Package infer runs a Keras model in Apache Beam pipelines, by lockstep's native
// engine: in-process on Prism, and on every runner that Beam's Go SDK submits to.
//
// [Infer] is the transform: Blocks of rows in, Blocks of predictions and Failures out.
//
//	cfg := infer.Config{Model: "my_model", Hash: hash}
//	predictions, failures := infer.Infer(s, cfg, blocks)
//
// [Windows] makes Blocks of long series, and [Structs] of the elements of any
// pipeline whose type is a struct. Outside of a pipeline, [Open] makes a
// [Predictor], which is what the transform runs.
//
// # What holds
//
// A prediction has the bits that native's Model.Run computes for its row alone,
// whatever the runner, the bundles and the order: rows share a call only in a
// model that was seen to give them the same bits together and alone. That is
// tried on inputs made from a seed when the model is loaded. A model that carries
// states from call to call is refused.
//
// A row that cannot be run is a Failure with its reason; it is never lost, and
// ends neither its block nor the job. A model that does not load, or whose files
// differ from Config.Hash, ends the job.
//
// Metrics, in the namespace "lockstep": the counters rows, calls and failures, and
// the distribution microseconds, of calls.
package infer

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/lockstep-go/lockstep"
)

func init() {
	beam.RegisterType(reflect.TypeFor[Block]())
	beam.RegisterType(reflect.TypeFor[Failure]())
	register.DoFn4x1[context.Context, Block, func(Block), func(Failure), error](&inferFn{})
	register.Emitter1[Block]()
	register.Emitter1[Failure]()
}

// Namespace is that of the transforms' metrics.
const Namespace = "lockstep"

// Infer predicts every row of a PCollection of Blocks, whose columns are the
// signature's inputs by name. Predictions have the signature's outputs as columns.
func Infer(s beam.Scope, c Config, blocks beam.PCollection) (predictions, failures beam.PCollection) {
	s = s.Scope("lockstep.Infer")
	return beam.ParDo2(s, &inferFn{Config: c}, blocks)
}

// inferFn collects rows until there are enough for a call.
type inferFn struct {
	Config Config

	predictor             *Predictor
	waiting               *Block
	rows, calls, failures beam.Counter
	microseconds          beam.Distribution
}

// Setup loads the model, once a worker.
func (f *inferFn) Setup(ctx context.Context) (err error) {
	f.rows = beam.NewCounter(Namespace, "rows")
	f.calls = beam.NewCounter(Namespace, "calls")
	f.failures = beam.NewCounter(Namespace, "failures")
	f.microseconds = beam.NewDistribution(Namespace, "microseconds")
	f.predictor, err = Open(ctx, f.Config)
	return err
}

func (f *inferFn) StartBundle(_ func(Block), _ func(Failure)) { f.waiting = nil }

func (f *inferFn) ProcessElement(ctx context.Context, b Block, emit func(Block), fail func(Failure)) error {
	if err := b.check(); err != nil {
		f.reject(ctx, &b, err, fail)
		return nil
	}
	if f.waiting != nil && !f.waiting.like(&b) {
		if err := f.flush(ctx, emit, fail); err != nil {
			return err
		}
	}
	if f.waiting == nil {
		f.waiting = b.cut(0, b.Rows())
	} else {
		f.waiting.add(&b)
	}
	if f.Config.Each || f.waiting.Rows() >= f.predictor.Rows() {
		return f.flush(ctx, emit, fail)
	}
	return nil
}

func (f *inferFn) FinishBundle(ctx context.Context, emit func(Block), fail func(Failure)) error {
	return f.flush(ctx, emit, fail)
}

// flush runs the rows that wait, a Block of predictions for each call.
func (f *inferFn) flush(ctx context.Context, emit func(Block), fail func(Failure)) error {
	b := f.waiting
	f.waiting = nil
	if b == nil {
		return nil
	}
	for from := 0; from < b.Rows(); from += f.predictor.Rows() {
		if err := f.runBlock(ctx, b.cut(from, min(from+f.predictor.Rows(), b.Rows())), emit, fail); err != nil {
			return err
		}
	}
	return nil
}

func (f *inferFn) runBlock(ctx context.Context, b *Block, emit func(Block), fail func(Failure)) error {
	inputs := map[string]*lockstep.Tensor{}
	for _, c := range b.Columns {
		t, err := c.Tensor(b.Rows())
		if err != nil {
			return err // checked before
		}
		inputs[c.Name] = t
	}
	begin := time.Now()
	done, failed, err := f.predictor.Predict(ctx, b.Rows(), inputs)
	if err != nil {
		return err
	}
	f.microseconds.Update(ctx, time.Since(begin).Microseconds())
	f.rows.Inc(ctx, int64(b.Rows()))
	f.failures.Inc(ctx, int64(len(failed)))
	f.calls.Inc(ctx, 1)
	for _, p := range done {
		out := Block{}
		for _, row := range p.Rows {
			out.Keys, out.Times = append(out.Keys, b.Keys[row]), append(out.Times, b.Times[row])
		}
		for _, nt := range p.Outputs {
			c, err := NewColumn(nt.Name, nt.Tensor)
			if err != nil {
				return err
			}
			out.Columns = append(out.Columns, c)
		}
		emit(out)
	}
	for _, e := range failed {
		fail(Failure{Key: b.Keys[e.Row], Time: b.Times[e.Row], Reason: e.Err.Error()})
	}
	return nil
}

// reject fails a block that is damaged as a whole, row by row; one without keys too.
func (f *inferFn) reject(ctx context.Context, b *Block, err error, fail func(Failure)) {
	f.rows.Inc(ctx, int64(len(b.Keys)))
	f.failures.Inc(ctx, int64(max(1, len(b.Keys))))
	for i, key := range b.Keys {
		failure := Failure{Key: key, Reason: err.Error()}
		if i < len(b.Times) {
			failure.Time = b.Times[i]
		}
		fail(failure)
	}
	if len(b.Keys) == 0 {
		fail(Failure{Reason: fmt.Sprintf("a block without keys: %v", err)})
	}
}
