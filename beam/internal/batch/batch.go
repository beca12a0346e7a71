package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
	"github.com/lockstep-go/lockstep/beam/internal/tables"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/native"
)

// Request is what a user asks for.
type Request struct {
	Model    infer.Config // Files and Hash are filled in
	Golden   string       // a golden that the model must reproduce before the first row
	Inputs   []string     // patterns
	Output   string
	Format   string // "": that of the first input
	Key      string
	Time     string
	Series   []string          // columns that are the features of a series; none: every row has all inputs
	Columns  map[string]string // the column of an input, if it is not the input's name
	Span     infer.Span
	PartRows int64
	Threads  int

	Verify  Verification
	Execute func(context.Context, *beam.Pipeline) error
	// Progress is told how many parts are done; it may be nil.
	Progress func(done, all int)
}

// Result is what a job did.
type Result struct {
	Rows, Failed int64
	Parts        int
	Skipped      int // parts that were done before
	Manifest     string
	Verified     *Verified
}

// mostFiles is the size of a packed model that travels with the job; runners refuse messages above 4 MB.
const mostFiles = 2 << 20

// Run does a job, or what is left of it.
func Run(ctx context.Context, q Request) (*Result, error) {
	m, j, err := q.job(ctx)
	if err != nil {
		return nil, err
	}
	p, err := infer.NewPredictor(ctx, m, j.Model)
	if err != nil {
		return nil, &UsageError{err}
	}
	if err := q.shape(ctx, j, p); err != nil {
		return nil, &UsageError{err}
	}
	inputs, parts, err := q.plan(ctx, j, p)
	if err != nil {
		return nil, err
	}
	if err := q.Verify.check(j, p); err != nil {
		return nil, &UsageError{err}
	}
	id, err := j.identity(inputs, parts)
	if err != nil {
		return nil, err
	}
	if err := j.prepare(ctx, id); err != nil {
		return nil, err
	}
	records, skipped, err := q.execute(ctx, j, parts)
	if err != nil {
		return nil, err
	}
	result := &Result{Parts: len(parts), Skipped: skipped, Manifest: files.Join(j.Output, "manifest.json")}
	for _, r := range records {
		result.Rows, result.Failed = result.Rows+r.Rows, result.Failed+r.Failed
	}
	if q.Verify.N > 0 {
		if result.Verified, err = q.Verify.run(ctx, j, p, records); err != nil {
			return nil, err
		}
	}
	return result, j.writeManifest(ctx, m, inputs, records, result)
}

// job loads the model, and verifies it by the golden.
func (q *Request) job(ctx context.Context) (*native.Model, *Job, error) {
	j := &Job{Model: q.Model, Output: q.Output, Format: q.Format, Threads: q.Threads}
	var options []native.Option
	if q.Golden != "" {
		options = append(options, native.WithVerify(golden.Verifier(q.Golden)))
	}
	m, err := j.Model.Load(options...)
	if err != nil {
		return nil, nil, err
	}
	if j.Model.Hash, err = infer.Hash(m.Files()); err != nil {
		return nil, nil, err
	}
	if j.Model.Files, err = infer.Pack(m.Files()); err != nil {
		return nil, nil, err
	}
	if len(j.Model.Files) > mostFiles {
		j.Model.Files = nil // workers read it where it lies
	}
	if j.Model.Model, err = filepath.Abs(j.Model.Model); err != nil {
		return nil, nil, err
	}
	if files.Local(j.Output) {
		if j.Output, err = filepath.Abs(j.Output); err != nil {
			return nil, nil, err
		}
	}
	return m, j, ctx.Err()
}

// shape decides how rows become inputs.
func (q *Request) shape(ctx context.Context, j *Job, p *infer.Predictor) error {
	j.Columns = rows.Columns{Key: q.Key, Time: q.Time, Values: q.Series}
	if len(q.Series) > 0 {
		if len(q.Columns) > 0 {
			return fmt.Errorf("columns of inputs and a series: windows of the series are the inputs, so give one of the two")
		}
		w, err := p.Windowing(ctx, q.Span, len(q.Series))
		j.Window = &w
		return err
	}
	if q.Span != (infer.Span{}) && q.Model.Forecast == nil {
		return fmt.Errorf("windows of a series without its columns: name them with --series")
	}
	sig := p.Signature()
	for input := range q.Columns {
		if _, ok := sig.Input(input); !ok {
			return fmt.Errorf("the model has no input %q", input)
		}
	}
	for _, spec := range sig.Inputs {
		name := spec.Name
		if other := q.Columns[spec.Name]; other != "" {
			name = other
		}
		j.Columns.Values = append(j.Columns.Values, name)
	}
	_, err := infer.NewBuilder(sig.Inputs)
	return err
}

// plan reads the inputs, and finds all that is wrong with them.
func (q *Request) plan(ctx context.Context, j *Job, p *infer.Predictor) ([]rows.Input, []rows.Part, error) {
	names, err := files.List(ctx, q.Inputs)
	if err != nil {
		return nil, nil, &UsageError{err}
	}
	if j.Format == "" {
		if j.Format, err = rows.Format(names[0]); err != nil {
			return nil, nil, &UsageError{err}
		}
	}
	if err := tables.Check(j.Format, j.tableColumns(), q.outputs(p)); err != nil {
		return nil, nil, &UsageError{err}
	}
	perPart := q.PartRows
	if j.Window != nil && j.Columns.Key == "" {
		perPart = 1 << 62 // a file is one series
	}
	var inputs []rows.Input
	var parts []rows.Part
	var wrong []error
	for _, name := range names {
		if files.Local(name) {
			if name, err = filepath.Abs(name); err != nil {
				return nil, nil, err
			}
		}
		in, cut, err := rows.Plan(ctx, name, j.columns(p.Signature()), perPart)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		inputs, parts = append(inputs, in), append(parts, cut...)
	}
	if len(wrong) > 0 {
		return nil, nil, &UsageError{errors.Join(wrong...)}
	}
	return inputs, parts, ctx.Err()
}

func (q *Request) outputs(p *infer.Predictor) []lockstep.TensorSpec {
	sig := p.Signature()
	if _, output := p.Roles(); output != "" {
		spec, _ := sig.Output(output)
		return []lockstep.TensorSpec{spec}
	}
	return sig.Outputs
}

// execute runs the parts that have no record, and returns all records.
func (q *Request) execute(ctx context.Context, j *Job, parts []rows.Part) (records []*Record, skipped int, err error) {
	var left []element
	for i, part := range parts {
		r, err := j.finished(ctx, i)
		if err != nil {
			return nil, 0, err
		}
		if r == nil {
			_ = files.Remove(ctx, j.state(recordName(i))) // of files that have gone
			left = append(left, element{i, part})
		}
	}
	if len(left) > 0 {
		j.clearErrors(ctx, left)
		stop := q.watch(j, len(parts), left)
		pipeline, err := j.pipeline(left)
		if err == nil {
			err = q.Execute(ctx, pipeline)
		}
		stop()
		if err != nil {
			return nil, 0, fmt.Errorf("%w\nwhat is done is in %s; the same command goes on from there", err, j.Output)
		}
	}
	var wrong []error
	for i := range parts {
		r, err := j.record(ctx, i)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case r == nil:
			wrong = append(wrong, j.reason(ctx, i))
		default:
			records = append(records, r)
		}
	}
	if len(wrong) > 0 {
		return nil, 0, fmt.Errorf("%w\n%d of %d parts could not be done; the others are in %s, and the same command does what is left", errors.Join(wrong...), len(wrong), len(parts), j.Output)
	}
	return records, len(parts) - len(left), nil
}

// reason is why a part has no record.
func (j *Job) reason(ctx context.Context, part int) error {
	b, err := files.Read(ctx, j.state(errorName(part)))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("part %d was not run", part)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("part %d: %s", part, b)
}

// manifest tells what was done. Its bytes follow from the job alone.
type manifest struct {
	Schema  int          `json:"schema"`
	Model   manifestOf   `json:"model"`
	Job     *Job         `json:"job"`
	Inputs  []rows.Input `json:"inputs"`
	Parts   []*Record    `json:"parts"`
	Rows    int64        `json:"rows"`
	Failed  int64        `json:"failed"`
	Checked *Verified    `json:"verified,omitempty"`
}

type manifestOf struct {
	Hash  string            `json:"hash"`
	Files map[string]string `json:"files"`
}

func (j *Job) writeManifest(ctx context.Context, m *native.Model, inputs []rows.Input, records []*Record, r *Result) error {
	hashes, err := golden.HashFiles(m.Files())
	if err != nil {
		return err
	}
	job := *j
	job.Model.Files, job.Threads = nil, 0
	b, err := json.MarshalIndent(manifest{1, manifestOf{j.Model.Hash, hashes}, &job, inputs, records, r.Rows, r.Failed, r.Verified}, "", "  ")
	if err != nil {
		return err
	}
	_, err = files.WriteFile(ctx, r.Manifest, append(b, '\n'))
	return err
}
