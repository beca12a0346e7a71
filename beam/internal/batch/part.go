package batch

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
	"github.com/lockstep-go/lockstep/beam/internal/tables"
	"github.com/lockstep-go/lockstep/native"
)

// columns are those that are read, with the inputs that they are.
func (j *Job) columns(sig lockstep.Signature) rows.Columns {
	c := j.Columns
	if j.Window == nil {
		c.Specs = sig.Inputs
	}
	return c
}

// What waits between reading, running and writing: many small calls, or a few large ones.
const (
	mostCalls = 64
	mostHeld  = 64 << 20
)

// bytes is about what the inputs of a call take, at most all that may be held.
func (c *call) bytes() int64 {
	n := int64(1)
	for _, t := range c.inputs {
		n += int64(t.Len()) * int64(max(t.DType().Size(), 4))
	}
	return min(n, mostHeld)
}

// run reads, runs and writes a part. seen, if not nil, is told of every call.
func (j *Job) run(ctx context.Context, p *infer.Predictor, part int, in rows.Part, seen func(*call)) (Record, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	threads := j.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	work, ordered := make(chan *call, mostCalls), make(chan *call, mostCalls)
	held := semaphore.NewWeighted(mostHeld)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop() // before the wait
	var readError error
	group.Go(func() {
		defer close(ordered)
		defer close(work)
		readError = j.read(ctx, p, in, func(c *call) error {
			c.size = c.bytes()
			if err := held.Acquire(ctx, c.size); err != nil {
				return err
			}
			for _, to := range []chan *call{work, ordered} {
				select {
				case to <- c:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range threads {
		group.Go(func() {
			for c := range work {
				if c.inputs != nil {
					c.predictions, c.failed, c.err = p.Predict(ctx, len(c.labels.Rows), c.inputs)
					c.inputs = nil
				}
				close(c.done)
			}
		})
	}
	w := partWriter{ctx: ctx, job: j, part: part}
	defer w.abort()
	for c := range ordered {
		select {
		case <-c.done:
		case <-ctx.Done():
			return Record{}, ctx.Err()
		}
		if seen != nil {
			seen(c)
		}
		if err := w.write(c); err != nil {
			return Record{}, err
		}
		held.Release(c.size)
	}
	if readError != nil {
		return Record{}, readError
	}
	return w.finish(in)
}

// read makes calls of a part's rows.
func (j *Job) read(ctx context.Context, p *infer.Predictor, in rows.Part, emit func(*call) error) error {
	r, err := rows.Open(ctx, in, j.columns(p.Signature()))
	if err != nil {
		return err
	}
	defer r.Close()
	g, err := newGatherer(j, p.Signature().Inputs, rowsOfCall, emit)
	if err != nil {
		return err
	}
	if err := g.read(ctx, r, in); err != nil {
		return err
	}
	return g.flush()
}

// partWriter writes a part's predictions and failures. Files are begun when there is something for them.
type partWriter struct {
	ctx      context.Context
	job      *Job
	part     int
	output   *files.Output
	table    tables.Writer
	failures *files.Output
	list     *csv.Writer
	record   Record
}

func (w *partWriter) write(c *call) error {
	if c.err != nil {
		return c.err
	}
	failures := c.failures
	for _, f := range c.failed {
		failures = append(failures, failure{c.labels.Keys[f.Row], c.labels.Times[f.Row], c.labels.Rows[f.Row], f.Err.Error()})
	}
	for _, p := range c.predictions {
		refused, err := w.predictions(c, p)
		if err != nil {
			return err
		}
		failures = append(failures, refused...)
	}
	slices.SortStableFunc(failures, func(a, b failure) int { return int(max(-1, min(1, a.row-b.row))) })
	for _, f := range failures {
		if err := w.failure(f); err != nil {
			return err
		}
	}
	return nil
}

// predictions writes outputs; those that do not fit the file are failures.
func (w *partWriter) predictions(c *call, p infer.Prediction) (refused []failure, err error) {
	if w.table == nil {
		if w.output, err = files.Create(w.ctx, files.Join(w.job.Output, w.job.outputName(w.part))); err != nil {
			return nil, err
		}
		if w.table, err = tables.New(w.output, w.job.Format, w.job.tableColumns()); err != nil {
			return nil, err
		}
	}
	var l tables.Labels
	for _, i := range p.Rows {
		l.Keys, l.Times, l.Rows = append(l.Keys, c.labels.Keys[i]), append(l.Times, c.labels.Times[i]), append(l.Rows, c.labels.Rows[i])
	}
	if err := w.table.Fits(p.Outputs); err != nil {
		for i, row := range l.Rows {
			refused = append(refused, failure{l.Keys[i], l.Times[i], row, err.Error()})
		}
		return refused, nil
	}
	w.record.Rows += int64(len(p.Rows))
	return nil, w.table.Write(l, p.Outputs)
}

func (w *partWriter) failure(f failure) (err error) {
	if w.list == nil {
		if w.failures, err = files.Create(w.ctx, files.Join(w.job.Output, failuresName(w.part))); err != nil {
			return err
		}
		w.list = csv.NewWriter(w.failures)
		if err := w.list.Write([]string{"key", "time", "row", "reason"}); err != nil {
			return err
		}
	}
	w.record.Failed++
	return w.list.Write([]string{f.key, f.time, strconv.FormatInt(f.row, 10), f.reason})
}

// finish makes the files appear, and then the record.
func (w *partWriter) finish(in rows.Part) (Record, error) {
	w.record.Part, w.record.Input = w.part, &in
	w.record.Kernel, _ = native.Kernels()
	if w.list != nil {
		w.list.Flush()
		if err := w.list.Error(); err != nil {
			return Record{}, err
		}
		sum, err := w.failures.Commit()
		if err != nil {
			return Record{}, err
		}
		w.record.Failures = &Artifact{failuresName(w.part), sum}
	}
	if w.table != nil {
		if err := w.table.Close(); err != nil {
			return Record{}, err
		}
		sum, err := w.output.Commit()
		if err != nil {
			return Record{}, err
		}
		w.record.Output = &Artifact{w.job.outputName(w.part), sum}
	}
	b, err := json.Marshal(w.record)
	if err != nil {
		return Record{}, err
	}
	_, err = files.WriteFile(w.ctx, w.job.state(recordName(w.part)), append(b, '\n'))
	return w.record, err
}

func (w *partWriter) abort() {
	for _, o := range []*files.Output{w.output, w.failures} {
		if o != nil {
			_ = o.Abort() // of a part that failed already, or a file that is done
		}
	}
}

// reportError leaves the reason why a part could not be done for the process that started the job.
func (j *Job) reportError(ctx context.Context, part int, err error) error {
	_, write := files.WriteFile(ctx, j.state(errorName(part)), []byte(err.Error()))
	if write != nil {
		return errors.Join(fmt.Errorf("part %d: %w", part, err), write)
	}
	return nil
}
