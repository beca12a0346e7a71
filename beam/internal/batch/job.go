// Package batch runs a model on the rows of many files: it plans parts, which
// are what Beam shares out to workers, runs each, and tells what was done.
//
// A part is read, run and written in one place, so that no row travels through
// the runner. Its files appear whole, its record last: a job that is started
// again skips the parts that have one.
package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
	"github.com/lockstep-go/lockstep/beam/internal/tables"
)

// Job is what workers need to know. It travels to them as JSON.
type Job struct {
	Model   infer.Config
	Columns rows.Columns
	Window  *infer.Windowing // nil: every row has all inputs
	Format  string           // of the output
	Output  string           // the folder
	Threads int              // of a worker; 0: one a core
}

// identity is what must be the same for a job to go on where it stopped.
type identity struct {
	Schema  int              `json:"schema"`
	Model   string           `json:"model"` // its hash
	Config  json.RawMessage  `json:"config"`
	Columns rows.Columns     `json:"columns"`
	Window  *infer.Windowing `json:"window,omitempty"`
	Format  string           `json:"format"`
	Inputs  []rows.Input     `json:"inputs"`
	Parts   []rows.Part      `json:"parts"`
}

func (j *Job) identity(inputs []rows.Input, parts []rows.Part) ([]byte, error) {
	c := j.Model
	c.Files, c.Model, c.Hash, c.Rows = nil, "", "", 0 // what changes no result, or stands beside
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(identity{1, j.Model.Hash, config, j.Columns, j.Window, j.Format, inputs, parts}, "", " ")
	return append(b, '\n'), err
}

// Record says what became of a part.
type Record struct {
	Part     int        `json:"part"`
	Rows     int64      `json:"rows"`   // of predictions
	Failed   int64      `json:"failed"` // rows or windows without one
	Output   *Artifact  `json:"output,omitempty"`
	Failures *Artifact  `json:"failures,omitempty"`
	Kernel   string     `json:"kernel"`
	Input    *rows.Part `json:"input"`
}

// Artifact is a file in the output folder.
type Artifact struct {
	File string `json:"file"`
	files.Sum
}

// The folder of what is kept for a restart, in the output folder.
const stateFolder = ".lockstep"

func (j *Job) state(name string) string { return files.Join(files.Join(j.Output, stateFolder), name) }

func recordName(part int) string { return fmt.Sprintf("part-%05d.json", part) }
func errorName(part int) string  { return fmt.Sprintf("part-%05d.error", part) }

func (j *Job) outputName(part int) string { return fmt.Sprintf("part-%05d.%s", part, j.Format) }
func failuresName(part int) string        { return fmt.Sprintf("failed-%05d.csv", part) }

// record reads a part's record; nil if it has none that can be read.
func (j *Job) record(ctx context.Context, part int) (*Record, error) {
	b, err := files.Read(ctx, j.state(recordName(part)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil || r.Part != part || r.Input == nil {
		return nil, nil // what a crash of the machine left: the part is run again
	}
	return &r, nil
}

// finished tells whether a part has a record, and the files that it names.
func (j *Job) finished(ctx context.Context, part int) (*Record, error) {
	r, err := j.record(ctx, part)
	if r == nil || err != nil {
		return nil, err
	}
	for _, a := range []*Artifact{r.Output, r.Failures} {
		if a == nil {
			continue
		}
		f, err := files.Open(ctx, files.Join(j.Output, a.File))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		sum, err := files.SumOf(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if sum != a.Sum {
			return nil, nil // changed since: it is made again
		}
	}
	return r, nil
}

// prepare makes the output folder, or finds that of the same job. It refuses the results of another.
func (j *Job) prepare(ctx context.Context, id []byte) error {
	local := files.Local(j.Output)
	if local {
		if err := os.MkdirAll(filepath.Join(j.Output, stateFolder), 0o755); err != nil {
			return err
		}
		for _, dir := range []string{j.Output, filepath.Join(j.Output, stateFolder)} {
			if err := files.Sweep(dir); err != nil {
				return err
			}
		}
	}
	before, err := files.Read(ctx, j.state("job.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := j.refuseOthers(); err != nil {
			return err
		}
		_, err := files.WriteFile(ctx, j.state("job.json"), id)
		return err
	case err != nil:
		return err
	case !bytes.Equal(before, id):
		return &UsageError{fmt.Errorf("%s has the results of another job: %s; give another --output, or remove it", j.Output, difference(before, id))}
	}
	return nil
}

// refuseOthers refuses a folder with files that no job of ours wrote.
func (j *Job) refuseOthers() error {
	if !files.Local(j.Output) {
		return nil
	}
	entries, err := os.ReadDir(j.Output)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != stateFolder {
			return &UsageError{fmt.Errorf("%s has a file %q, and no job that could go on: give an empty or a new folder", j.Output, e.Name())}
		}
	}
	return nil
}

// difference names what two jobs do not have in common.
func difference(a, b []byte) string {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "its description cannot be read"
	}
	var names []string
	for name := range y {
		if !bytes.Equal(x[name], y[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return "they differ in " + strings.Join(names, ", ")
}

// UsageError is a request that cannot be met as it stands.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *UsageError) Unwrap() error { return e.Err }

// tableColumns are the names of what stands beside predictions.
func (j *Job) tableColumns() tables.Columns {
	return tables.Columns{Key: j.Columns.Key, Time: j.Columns.Time}
}
